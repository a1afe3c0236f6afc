//! Who may do what, made of the settings and of the file of users, and made again when that file changes.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use smol::Timer;
use wharfinger_core::access::{Access, Lives, Plan, Problem};
use wharfinger_core::upload::Secret;

use crate::config::{self, Settings};
use crate::registry::Registry;

/// What says who may do what.
#[derive(Clone, Debug)]
pub struct Doors {
    plan: Plan,
    htpasswd: Option<PathBuf>,
    public_url: Option<String>,
    lives: Lives,
}

impl Doors {
    /// As the settings say.
    pub fn of(settings: &Settings) -> Self {
        Self {
            plan: settings.access.clone(),
            htpasswd: settings.locks.htpasswd.clone(),
            public_url: settings.public_url.clone(),
            lives: settings.locks.lives(),
        }
    }

    /// Who may do what, as everything stands.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub fn open(&self, secret: &Secret) -> Result<Access, AccessError> {
        self.access(self.read()?.as_deref(), secret)
    }

    /// Looks at the file of users again and again, and takes it when it has changed and is sound. Never ends, unless there is
    /// no such file.
    pub async fn keep_fresh(mut self, registry: Arc<Registry>) {
        if self.htpasswd.is_none() {
            return;
        }
        self.plan.let_users_go();
        let mut tried = None;
        loop {
            let doors = self.clone();
            let read = smol::unblock(move || doors.read().map_err(|error| error.to_string())).await;
            if tried.as_ref() != Some(&read) {
                let access = match &read {
                    Ok(text) => {
                        let access = self.access(text.as_deref(), &registry.config().secret);
                        access.map_err(|error| error.to_string())
                    }
                    Err(error) => Err(error.clone()),
                };
                match access {
                    Ok(access) if access == registry.config().access => {}
                    Ok(access) => {
                        registry.change_access(access);
                        tracing::info!("the file of users has changed and was read again");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the file of users has changed and does not do; the users from before stay");
                    }
                }
                tried = Some(read);
            }
            Timer::after(LOOK_TIME).await;
        }
    }

    fn read(&self) -> Result<Option<String>, AccessError> {
        let Some(path) = &self.htpasswd else { return Ok(None) };
        let unreadable = |error| AccessError::Unreadable(path.clone(), error);
        config::read_htpasswd(path).map(Some).map_err(unreadable)
    }

    fn access(&self, htpasswd: Option<&str>, secret: &Secret) -> Result<Access, AccessError> {
        let mut plan = self.plan.clone();
        let problems = htpasswd.map(|text| plan.read_htpasswd(text)).unwrap_or_default();
        let path = self.htpasswd.clone();
        if !problems.is_empty() {
            return Err(AccessError::Invalid(path, problems));
        }
        let access = plan.finish(secret, self.public_url.as_deref(), self.lives);
        access.map_err(|problems| AccessError::Invalid(path, problems))
    }
}

/// Why nobody can tell who may do what.
#[derive(Debug)]
pub enum AccessError {
    /// The file of users cannot be read.
    Unreadable(PathBuf, io::Error),
    /// What it says, or what it says together with the configuration, does not do.
    Invalid(Option<PathBuf>, Vec<Problem>),
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => {
                write!(f, "{}: cannot read the users: {error}; check registry.htpasswd", path.display())
            }
            Self::Invalid(path, problems) => {
                if let Some(path) = path {
                    write!(f, "{}: ", path.display())?;
                }
                for (number, problem) in problems.iter().take(SHOWN_MAX).enumerate() {
                    let between = if number == 0 { "" } else { "; " };
                    write!(f, "{between}{problem}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for AccessError {}

/// Time between two looks at the file of users.
const LOOK_TIME: Duration = Duration::from_secs(2);

/// So many problems are told at once.
const SHOWN_MAX: usize = 5;
