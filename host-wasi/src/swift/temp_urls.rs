use std::cell::Cell;
use std::fmt::{self, Display};

use wharfinger_core::oci::Digest;
use wharfinger_core::store::Fault;
use wharfinger_core::swift::{
    Endpoint, Info, KeyError, RedirectError, Redirects, SecretText, StandingKeys, TempUrlKeys,
};

use super::now;
use crate::drive::timers::{Moment, after_some, is_past};
use crate::environment::Secret;

/// How clients are sent to Swift.
#[derive(Clone)]
pub struct Redirect {
    /// What the keys are made of; all that share the container have the same.
    pub secret: Secret,
    /// `http://` or `https://` and authority by which clients reach Swift; `None` if it is that of this component.
    pub url: Option<String>,
    /// How long a URL is good for, in seconds.
    pub life_seconds: u64,
    /// How long one key signs, in seconds.
    pub period_seconds: u64,
}

/// What signs the URLs by which clients read from Swift.
#[derive(Debug)]
pub struct TempUrls {
    redirects: Redirects,
    /// `None` if no key is known to stand.
    standing: Cell<Option<StandingKeys>>,
    /// When the keys are to be looked at.
    look_at: Cell<Moment>,
}

/// Why a look at the keys came to nothing.
#[derive(Debug)]
pub enum LookError {
    /// Swift does not answer.
    Unreachable(Fault),
    /// What it answers is no key that can be used.
    Keys(KeyError),
}

impl TempUrls {
    /// Knows of no key yet, and is due for a look.
    ///
    /// # Errors
    /// [`RedirectError`].
    pub fn new(redirect: &Redirect, endpoint: &Endpoint, info: &Info) -> Result<Self, RedirectError> {
        let Redirect { secret, url, life_seconds, period_seconds } = redirect;
        let redirects = Redirects::new(
            secret.as_bytes(),
            url.as_deref(),
            *life_seconds,
            *period_seconds,
            endpoint,
            info,
        )?;
        Ok(Self { redirects, standing: Cell::new(None), look_at: Cell::new(0) })
    }

    /// The keys that sign.
    pub fn keys(&self) -> &TempUrlKeys {
        self.redirects.keys()
    }

    /// A URL by which a client can read a blob, if there is one at the moment.
    pub fn location(&self, digest: Digest) -> Option<SecretText> {
        self.redirects.location(digest, &self.standing.get()?, now())
    }

    /// Whether the keys are to be looked at.
    pub fn look_is_due(&self) -> bool {
        is_past(self.look_at.get())
    }

    /// Takes what came of a look.
    ///
    /// # Errors
    /// There is no new key. One from before may stand still.
    pub fn settle(&self, outcome: Result<StandingKeys, LookError>) -> Result<(), LookError> {
        self.look_at.set(after_some(&self.redirects.rest(now(), outcome.is_err())));
        match outcome {
            Ok(standing) => {
                self.standing.set(Some(standing));
                Ok(())
            }
            Err(error) => {
                if matches!(&error, LookError::Keys(error) if error.ends_keys()) {
                    self.standing.set(None);
                }
                Err(error)
            }
        }
    }
}

impl LookError {
    /// Whether it may go away by itself.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Keys(error) => error.is_transient(),
        }
    }
}

impl Display for LookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(fault) => {
                write!(
                    f,
                    "the keys of temporary URLs cannot be asked for: Swift does not answer ({fault:?}); check that it runs \
                     and can be reached from here"
                )
            }
            Self::Keys(error) => error.fmt(f),
        }
    }
}
