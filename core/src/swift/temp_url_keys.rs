use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, Method, Uri};
use sha2::Sha256;

use super::draft::{Draft, Rendered};
use super::head::field;
use super::text::{hex, parse_number, unescape};
use super::verdict::trouble;
use super::{Endpoint, HttpHead, SecretText, Token, Verdict, temp_url};
use crate::store::{Key, Reply};

/// The keys that the temporary URLs of a registry are signed with: one for every period, made of the registry's secret,
/// so that all its servers have the same without talking to each other.
///
/// Swift has two slots. Even periods have the first, odd ones the second: the key of a period stands until the end of
/// the next one, and so do the URLs that it signed. A key tells when its period began and can be recognised by whoever
/// has the secret, even after a long time or with another length of periods.
#[derive(Clone)]
pub struct TempUrlKeys {
    root: [u8; 32],
    place: KeyPlace,
    period_seconds: u64,
}

/// What the keys belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyPlace {
    /// The account. Only such a key opens a large object whose segments stand in another container.
    Account,
    /// The container, which is the registry's own.
    Container,
}

/// What stands in the two slots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeySlots([Option<SecretText>; 2]);

/// What is to be done about the slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyPlan {
    /// Nothing.
    Keep(StandingKeys),
    /// The key of the period is to be set.
    Set,
    /// Nothing can be done: the account has a key that was not made of this secret, and somebody may rely on it.
    Foreign {
        /// The field that holds it.
        field: &'static str,
    },
    /// Nothing can be done: a key of a period that begins later stands there, so one of two clocks is wrong.
    Ahead,
}

/// Keys that were seen to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StandingKeys {
    period: u64,
    /// That of the period before, too.
    previous: bool,
}

impl TempUrlKeys {
    /// The keys of a registry with this secret at this endpoint, for periods of so many seconds.
    pub fn new(secret: &[u8], endpoint: &Endpoint, period_seconds: u64) -> Self {
        let place = match endpoint.container() == endpoint.segments_container() {
            true => KeyPlace::Container,
            false => KeyPlace::Account,
        };
        let container = match place {
            KeyPlace::Account => "",
            KeyPlace::Container => endpoint.container(),
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
        mac.update(b"wharfinger temporary URLs 1\0");
        mac.update(&unescape(endpoint.account()));
        mac.update(b"/");
        mac.update(container.as_bytes());
        let root = mac.finalize().into_bytes().into();
        Self { root, place, period_seconds: period_seconds.max(1) }
    }

    /// What they belong to.
    pub fn place(&self) -> KeyPlace {
        self.place
    }

    /// When the next period begins, in seconds since 1970.
    pub fn next_period(&self, now: u64) -> u64 {
        (now / self.period_seconds).saturating_add(1).saturating_mul(self.period_seconds)
    }

    /// Asks for what stands in the slots; the answer is for [`classify_keys`], its fields for [`Self::read`].
    pub fn render_look(&self, endpoint: &Endpoint, token: &Token) -> Rendered {
        Draft::new(Method::HEAD, self.uri(endpoint)).with_token(token).newest(true).bare()
    }

    /// Sets the key of the period of `now`, and leaves all else; the answer is for [`classify_keys`].
    pub fn render_set(&self, now: u64, endpoint: &Endpoint, token: &Token) -> Rendered {
        let period = now / self.period_seconds;
        let name = HeaderName::from_static(self.fields()[slot(period)]);
        let draft = Draft::new(Method::POST, self.uri(endpoint)).with_token(token);
        draft.with_secret(name, self.key(period * self.period_seconds).expose()).bare()
    }

    /// Reads the slots off the fields of a good answer.
    pub fn read(&self, fields: &HeaderMap) -> KeySlots {
        let text = |name| field(fields, HeaderName::from_static(name)).filter(|text| !text.is_empty());
        KeySlots(self.fields().map(|name| text(name).map(SecretText::new)))
    }

    /// What is to be done about the slots at `now`.
    pub fn plan(&self, slots: &KeySlots, now: u64) -> KeyPlan {
        let begun = slots.0.each_ref().map(|text| text.as_ref().map(|text| self.begin_of(text.expose())));
        if self.place == KeyPlace::Account
            && let Some(at) = begun.iter().position(|begin| *begin == Some(None))
        {
            return KeyPlan::Foreign { field: self.fields()[at] };
        }
        let period = now / self.period_seconds;
        let begin = period * self.period_seconds;
        match begun[slot(period)].flatten() {
            Some(standing) if standing == begin => {
                let before = begin.checked_sub(self.period_seconds);
                let previous = before.is_some() && begun[1 - slot(period)].flatten() == before;
                KeyPlan::Keep(StandingKeys { period, previous })
            }
            Some(standing) if standing > now => KeyPlan::Ahead,
            Some(_) | None => KeyPlan::Set,
        }
    }

    /// A URL by which anybody can GET an object for `life_seconds` from now; `None` if none of the keys that stand is sure
    /// to stand so long.
    pub fn sign(
        &self,
        endpoint: &Endpoint,
        key: &Key,
        standing: &StandingKeys,
        now: u64,
        life_seconds: u64,
    ) -> Option<Uri> {
        let expires = now.saturating_add(life_seconds);
        let begun = now.saturating_sub(standing.period * self.period_seconds);
        let settling = begun < SETTLE_SECONDS.min(self.period_seconds / 4);
        let period = if standing.previous && settling { standing.period - 1 } else { standing.period };
        let secret = self.key(period * self.period_seconds);
        (expires / self.period_seconds <= period + 1).then(|| temp_url(endpoint, key, &secret, expires))
    }

    /// The key of the period that begins then.
    fn key(&self, begin: u64) -> SecretText {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.root).expect("HMAC takes a key of any length");
        mac.update(&begin.to_be_bytes());
        SecretText::new(format!("{MARK}{begin}-{}", hex(&mac.finalize().into_bytes())))
    }

    /// When the period of a key begins; `None` if the key is not one of these.
    fn begin_of(&self, text: &str) -> Option<u64> {
        let (begin, _) = text.strip_prefix(MARK)?.split_once('-')?;
        let begin = parse_number(begin)?;
        (self.key(begin).expose() == text).then_some(begin)
    }

    fn fields(&self) -> [&'static str; 2] {
        match self.place {
            KeyPlace::Account => ["x-account-meta-temp-url-key", "x-account-meta-temp-url-key-2"],
            KeyPlace::Container => ["x-container-meta-temp-url-key", "x-container-meta-temp-url-key-2"],
        }
    }

    fn uri(&self, endpoint: &Endpoint) -> Uri {
        match self.place {
            KeyPlace::Account => endpoint.account_uri(),
            KeyPlace::Container => endpoint.container_uri(endpoint.container(), ""),
        }
    }
}

impl fmt::Debug for TempUrlKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TempUrlKeys({:?}, {} s)", self.place, self.period_seconds)
    }
}

/// What Swift's answer to a look at the keys, or to setting one, means: [`Reply::Done`], or trouble.
pub fn classify_keys(head: &HttpHead) -> Verdict {
    match head.status.as_u16() {
        200..=204 => Verdict::Reply(Reply::Done),
        _ => trouble(head, false),
    }
}

/// Which of the two slots the key of a period has.
fn slot(period: u64) -> usize {
    usize::from(!period.is_multiple_of(2))
}

/// What keys of this registry begin with.
const MARK: &str = "wharfinger-";

/// Proxies of Swift remember the keys of a container for so long: a new key is not signed with before, as long as the
/// one before it stands.
const SETTLE_SECONDS: u64 = 60;
