use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Endpoint, EndpointError, Info, SecretText, StandingKeys, TempUrlKeys};
use crate::oci::Digest;
use crate::store::Key;

/// How clients are sent to Swift: with what URLs are signed, and as what they lead there. Which keys stand is for the host
/// to remember.
#[derive(Clone, Debug)]
pub struct Redirects {
    keys: TempUrlKeys,
    /// As clients reach it.
    endpoint: Endpoint,
    life_seconds: u64,
}

/// Why clients cannot be sent to Swift.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RedirectError {
    /// This Swift signs no URLs for them.
    NoTempUrls,
    /// The URL by which they are to reach it is none.
    Endpoint(EndpointError),
}

impl Redirects {
    /// URLs that are good for `life_seconds`, signed with keys that are made of `secret` and sign for `period_seconds`
    /// each. `url` is the scheme and authority by which clients reach Swift; `None` if it is that of `endpoint`.
    ///
    /// # Errors
    /// [`RedirectError`].
    pub fn new(
        secret: &[u8],
        url: Option<&str>,
        life_seconds: u64,
        period_seconds: u64,
        endpoint: &Endpoint,
        info: &Info,
    ) -> Result<Self, RedirectError> {
        if !info.temp_urls.as_ref().is_some_and(|known| known.get && known.sha256) {
            return Err(RedirectError::NoTempUrls);
        }
        let keys = TempUrlKeys::new(secret, endpoint, period_seconds);
        let endpoint = match url {
            Some(url) => endpoint.reached_at(url).map_err(RedirectError::Endpoint)?,
            None => endpoint.clone(),
        };
        Ok(Self { keys, endpoint, life_seconds })
    }

    /// The keys that sign.
    pub fn keys(&self) -> &TempUrlKeys {
        &self.keys
    }

    /// A URL by which a client can read a blob, if these keys are sure to stand so long. `now` is the time in seconds since
    /// 1970.
    pub fn location(&self, digest: Digest, standing: &StandingKeys, now: u64) -> Option<SecretText> {
        let url = self.keys.sign(&self.endpoint, &Key::Blob(digest), standing, now, self.life_seconds)?;
        Some(SecretText::new(url.to_string()))
    }

    /// How long after `now` the next look at the keys is, which comes soon after the begin of each period; sooner if the
    /// last one failed. The host picks within it, by chance, so that not all servers come at once.
    pub fn rest(&self, now: u64, failed: bool) -> RangeInclusive<Duration> {
        let until = Duration::from_secs(self.keys.next_period(now).saturating_sub(now));
        let least = if failed { RETRY_TIME } else { CHECK_TIME }.min(until);
        let period = Duration::from_secs(self.keys.next_period(0));
        least..=least + JITTER_MAX.min(period / 8)
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTempUrls => f.write_str(
                "this Swift does not say under /info that it takes temporary URLs for GET signed with sha256, which `redirect` needs; put tempurl into the pipeline of its proxy and set expose_info there, or turn off `redirect`",
            ),
            Self::Endpoint(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RedirectError {}

/// So often it is looked at whether the keys still stand.
const CHECK_TIME: Duration = Duration::from_secs(3600);

/// After a failure it is tried again after so long.
const RETRY_TIME: Duration = Duration::from_secs(30);

const JITTER_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swift::TempUrls;

    fn redirects(period_seconds: u64, temp_urls: Option<TempUrls>) -> Result<Redirects, RedirectError> {
        let endpoint = Endpoint::new("http://swift/v1/AUTH_a", "w", "w").expect("an endpoint");
        let info = Info { temp_urls, ..Info::default() };
        Redirects::new(b"a secret of tests", None, period_seconds, period_seconds, &endpoint, &info)
    }

    #[test]
    fn the_next_look_comes_soon_after_a_period_begins_or_within_an_hour() {
        let able = TempUrls { get: true, sha256: true };
        let day = redirects(86400, Some(able.clone())).expect("Swift can");
        let from =
            |seconds| Duration::from_secs(seconds)..=Duration::from_secs(seconds) + Duration::from_secs(30);
        assert_eq!(day.rest(0, false), from(3600));
        assert_eq!(day.rest(86400 - 10, false), from(10));
        assert_eq!(day.rest(0, true), from(30));
        assert_eq!(day.rest(86400 - 10, true), from(10));
        let brief = redirects(8, Some(able)).expect("Swift can");
        assert_eq!(brief.rest(0, false), Duration::from_secs(8)..=Duration::from_secs(9));
    }

    #[test]
    fn a_swift_that_does_not_sign_is_refused() {
        for temp_urls in
            [None, Some(TempUrls { get: false, sha256: true }), Some(TempUrls { get: true, sha256: false })]
        {
            assert_eq!(redirects(86400, temp_urls).err(), Some(RedirectError::NoTempUrls));
        }
    }
}
