//! Temporary URLs, by which clients read blobs from Swift itself, and the keys that sign them.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smol::Timer;
use wharfinger_core::oci::Digest;
use wharfinger_core::swift::{
    self, Endpoint, Info, KeyCheck, KeyStep, RedirectError, Redirects, SecretText, StandingKeys,
};

use super::Swift;
use super::start::ask_within;
use super::tokens::now;
use crate::client::ClientError;
use crate::registry::whole_seconds;
use crate::secret::Secret;

/// How clients are sent to Swift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// What the keys are made of; every server of the registry has the same.
    pub secret: Secret,
    /// `http://` or `https://` and authority by which clients reach Swift; `None` if it is that of this server.
    pub url: Option<String>,
    /// How long a URL is good for.
    pub life: Duration,
    /// How long one key signs.
    pub key_period: Duration,
}

/// Why no URL can be signed.
#[derive(Debug)]
pub enum KeyError {
    /// Swift does not answer.
    Unreachable(ClientError),
    /// What it answers is no key that can be used.
    Keys(swift::KeyError),
}

/// What signs the URLs.
pub(super) struct TempUrls {
    redirects: Redirects,
    /// `None` if no key is known to stand.
    standing: Mutex<Option<StandingKeys>>,
}

impl TempUrls {
    pub fn new(redirect: &Redirect, endpoint: &Endpoint, info: &Info) -> Result<Self, RedirectError> {
        let (life, period) = (whole_seconds(redirect.life), whole_seconds(redirect.key_period));
        let secret = redirect.secret.as_bytes();
        let redirects = Redirects::new(secret, redirect.url.as_deref(), life, period, endpoint, info)?;
        Ok(Self { redirects, standing: Mutex::new(None) })
    }

    fn standing(&self) -> MutexGuard<'_, Option<StandingKeys>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Swift {
    /// Whether clients are sent to Swift.
    pub fn redirects(&self) -> bool {
        self.0.temp_urls.is_some()
    }

    /// A URL by which a client can read a blob, if there is one at the moment.
    pub fn location(&self, digest: Digest) -> Option<SecretText> {
        let urls = self.0.temp_urls.as_ref()?;
        let standing = (*urls.standing())?;
        urls.redirects.location(digest, &standing, now())
    }

    /// Sets each key when its period begins, and looks now and then whether it still stands. Ends only if clients are not
    /// sent to Swift.
    pub async fn keep_keys(self) {
        let Some(urls) = &self.0.temp_urls else { return };
        let mut failed = false;
        loop {
            let rest = urls.redirects.rest(now(), failed);
            let span = rest.end().saturating_sub(*rest.start());
            Timer::after(*rest.start() + span.mul_f64(chance())).await;
            let outcome = self.check_keys().await;
            failed = outcome.is_err();
            if let Err(error) = outcome {
                tracing::warn!("{error}; clients are sent to Swift as long as a key stands");
            }
        }
    }

    /// Looks at the keys and sets what differs. Without temporary URLs there is nothing to look at.
    pub(super) async fn check_keys(&self) -> Result<(), KeyError> {
        let Some(urls) = &self.0.temp_urls else { return Ok(()) };
        let keys = urls.redirects.keys();
        let mut check = KeyCheck::new();
        loop {
            let held = self.0.tokens.get(false).await;
            let sets = check.sets();
            let request = check.render(keys, &self.0.endpoint, &held.token);
            let asked = ask_within(&self.0.client, request, self.0.call_time);
            let (response, _) = asked.await.map_err(KeyError::Unreachable)?;
            match check.answered(keys, response.status, &response.headers, now()) {
                KeyStep::Ask if sets => {
                    tracing::info!(place = ?keys.place(), "a new key for temporary URLs is set");
                }
                KeyStep::Ask => {}
                KeyStep::Renew => self.0.tokens.reject(held.number),
                KeyStep::Over(Ok(standing)) => {
                    *urls.standing() = Some(standing);
                    return Ok(());
                }
                KeyStep::Over(Err(error)) => {
                    if error.ends_keys() {
                        *urls.standing() = None;
                    }
                    return Err(KeyError::Keys(error));
                }
            }
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => {
                write!(f, "the keys of temporary URLs cannot be asked for: Swift does not answer: {error}")
            }
            Self::Keys(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {}

/// A number from 0 to 1; without random bytes, 0.
fn chance() -> f64 {
    let mut byte = [0];
    let drawn = getrandom::fill(&mut byte).is_ok();
    if drawn { f64::from(byte[0]) / 255.0 } else { 0.0 }
}
