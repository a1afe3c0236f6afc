//! Temporary URLs, by which clients read blobs from Swift itself, and the keys that sign them.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use smol::Timer;
use wharfinger_core::oci::Digest;
use wharfinger_core::store::{Key, Reply};
use wharfinger_core::swift::{
    Endpoint, HttpHead, Info, KeyPlace, KeyPlan, Rendered, SecretText, StandingKeys, TempUrlKeys, Token,
    Verdict, classify_keys,
};

use super::start::ask_within;
use super::tokens::now;
use super::{StartError, Swift};
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
    /// Swift cannot tell or take keys at the moment.
    Unavailable {
        /// What it answered.
        status: StatusCode,
    },
    /// Swift does not let us set keys.
    Refused {
        /// What they belong to.
        place: KeyPlace,
        /// What it answered.
        status: StatusCode,
    },
    /// Swift took the key, but does not show it.
    Hidden {
        /// What it belongs to.
        place: KeyPlace,
    },
    /// The account has a key of somebody else.
    Foreign {
        /// The field that holds it.
        field: &'static str,
    },
    /// There is a key of the future.
    Ahead,
}

/// What signs the URLs.
pub(super) struct TempUrls {
    keys: TempUrlKeys,
    /// As clients reach it.
    endpoint: Endpoint,
    life_seconds: u64,
    /// `None` if no key is known to stand.
    standing: Mutex<Option<StandingKeys>>,
}

impl TempUrls {
    pub fn new(redirect: &Redirect, endpoint: &Endpoint, info: &Info) -> Result<Self, StartError> {
        if !info.temp_urls.as_ref().is_some_and(|known| known.get && known.sha256) {
            return Err(StartError::NoTempUrls);
        }
        let keys = TempUrlKeys::new(redirect.secret.as_bytes(), endpoint, whole_seconds(redirect.key_period));
        let endpoint = match &redirect.url {
            Some(url) => endpoint.reached_at(url).map_err(StartError::Endpoint)?,
            None => endpoint.clone(),
        };
        let life_seconds = whole_seconds(redirect.life);
        Ok(Self { keys, endpoint, life_seconds, standing: Mutex::new(None) })
    }

    fn standing(&self) -> MutexGuard<'_, Option<StandingKeys>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long to wait before the next look, which comes soon after the begin of each period. Not all servers come at once.
    fn rest(&self, now: u64, failed: bool) -> Duration {
        let until = Duration::from_secs(self.keys.next_period(now).saturating_sub(now));
        let rest = if failed { RETRY_TIME } else { CHECK_TIME }.min(until);
        rest + JITTER_MAX.min(self.period() / 8).mul_f64(chance())
    }

    fn period(&self) -> Duration {
        Duration::from_secs(self.keys.next_period(0))
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
        let url = urls.keys.sign(&urls.endpoint, &Key::Blob(digest), &standing, now(), urls.life_seconds)?;
        Some(SecretText::new(url.to_string()))
    }

    /// Sets each key when its period begins, and looks now and then whether it still stands. Ends only if clients are not
    /// sent to Swift.
    pub async fn keep_keys(self) {
        let Some(urls) = &self.0.temp_urls else { return };
        let mut failed = false;
        loop {
            Timer::after(urls.rest(now(), failed)).await;
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
        let place = urls.keys.place();
        let mut is_set = false;
        loop {
            let fields =
                self.ask_keys(place, |endpoint, token| urls.keys.render_look(endpoint, token)).await?;
            let now = now();
            let error = match urls.keys.plan(&urls.keys.read(&fields), now) {
                KeyPlan::Keep(standing) => {
                    *urls.standing() = Some(standing);
                    return Ok(());
                }
                KeyPlan::Set if !is_set => {
                    is_set = true;
                    self.ask_keys(place, |endpoint, token| urls.keys.render_set(now, endpoint, token))
                        .await?;
                    tracing::info!(?place, "a new key for temporary URLs is set");
                    continue;
                }
                KeyPlan::Set => KeyError::Hidden { place },
                KeyPlan::Foreign { field } => KeyError::Foreign { field },
                KeyPlan::Ahead => KeyError::Ahead,
            };
            *urls.standing() = None;
            return Err(error);
        }
    }

    /// The fields of a good answer. A token that is not taken is renewed once.
    async fn ask_keys(
        &self,
        place: KeyPlace,
        render: impl Fn(&Endpoint, &Token) -> Rendered,
    ) -> Result<HeaderMap, KeyError> {
        let mut renewed = false;
        loop {
            let held = self.0.tokens.get(false).await;
            let asked = ask_within(&self.0.client, render(&self.0.endpoint, &held.token), self.0.call_time);
            let (response, _) = asked.await.map_err(KeyError::Unreachable)?;
            let status = response.status;
            match classify_keys(&HttpHead::new(status, &response.headers)) {
                Verdict::Reply(Reply::Done) => return Ok(response.headers),
                Verdict::TokenRejected if !renewed => {
                    renewed = true;
                    self.0.tokens.reject(held.number);
                }
                Verdict::Reply(Reply::Unavailable { .. }) => return Err(KeyError::Unavailable { status }),
                Verdict::TokenRejected | Verdict::Reply(_) | Verdict::Body { .. } => {
                    return Err(KeyError::Refused { place, status });
                }
            }
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |place| match place {
            KeyPlace::Account => "account",
            KeyPlace::Container => "container",
        };
        match self {
            Self::Unreachable(error) => {
                write!(f, "the keys of temporary URLs cannot be asked for: Swift does not answer: {error}")
            }
            Self::Unavailable { status } => write!(
                f,
                "Swift cannot tell or take the keys of temporary URLs ({status}); wait until it is well again"
            ),
            Self::Refused { place, status } => write!(
                f,
                "Swift does not let us set keys of temporary URLs for the {} ({status}); make the user an owner of the account, or turn off `redirect`",
                of(*place)
            ),
            Self::Hidden { place } => write!(
                f,
                "Swift took a key of temporary URLs for the {} but does not show it; make the user an owner of the account, or turn off `redirect`",
                of(*place)
            ),
            Self::Foreign { field } => write!(
                f,
                "the account has a key in {field} that was not made of this registry's secret, and somebody may rely on it; remove it if nobody does, or turn off `redirect`"
            ),
            Self::Ahead => f.write_str(
                "Swift has a key of temporary URLs of a period to come; set the clocks of all servers of the registry, or remove that key",
            ),
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

/// So often it is looked at whether the keys still stand.
const CHECK_TIME: Duration = Duration::from_secs(3600);

/// After a failure it is tried again after so long.
const RETRY_TIME: Duration = Duration::from_secs(30);

const JITTER_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(key_period: Duration) -> TempUrls {
        let endpoint = Endpoint::new("http://swift/v1/AUTH_a", "w", "w").expect("an endpoint");
        let temp_urls = Some(wharfinger_core::swift::TempUrls { get: true, sha256: true });
        let info = Info { temp_urls, ..Info::default() };
        let secret = Secret::from_phrase("a secret of tests");
        let redirect = Redirect { secret, url: None, life: key_period, key_period };
        TempUrls::new(&redirect, &endpoint, &info).expect("Swift can")
    }

    #[test]
    fn the_next_look_comes_soon_after_a_period_begins_or_within_an_hour() {
        let day = urls(Duration::from_secs(86400));
        let within = |rest: Duration, least: u64| {
            (Duration::from_secs(least)..=Duration::from_secs(least) + JITTER_MAX).contains(&rest)
        };
        assert!(within(day.rest(0, false), 3600));
        assert!(within(day.rest(86400 - 10, false), 10));
        assert!(within(day.rest(0, true), 30));
        assert!(within(day.rest(86400 - 10, true), 10));
        let brief = urls(Duration::from_secs(8));
        assert!(brief.rest(0, false) <= Duration::from_secs(9));
    }

    #[test]
    fn a_swift_that_does_not_sign_is_refused() {
        let endpoint = Endpoint::new("http://swift/v1/AUTH_a", "w", "w").expect("an endpoint");
        let day = Duration::from_secs(86400);
        let secret = Secret::from_phrase("a secret of tests");
        let redirect = Redirect { secret, url: None, life: day, key_period: day };
        for (get, sha256) in [(false, true), (true, false)] {
            let temp_urls = Some(wharfinger_core::swift::TempUrls { get, sha256 });
            let info = Info { temp_urls, ..Info::default() };
            let refused = TempUrls::new(&redirect, &endpoint, &info);
            assert!(matches!(refused, Err(StartError::NoTempUrls)));
        }
        let refused = TempUrls::new(&redirect, &endpoint, &Info::default());
        assert!(matches!(refused, Err(StartError::NoTempUrls)));
    }
}
