use std::time::Duration;

use super::KeySet;

/// The keys of one issuer, and when they have to be fetched. The host holds one for each issuer and does what
/// [`Self::look`] says; many requests may ask at once. All times are by a clock of the host that only goes forward.
///
/// ```text
/// loop:
///   look(kid, now) -> Keys(keys)          verify with them, whatever comes of it
///                     Fetch(ticket)       run one KeyFetch; tell fetched or failed; look again
///                     Wait                wait until the one that fetches has told, or WAIT_MAX; look again
///                     Unavailable(after)  answer 503 with that Retry-After
/// ```
///
/// `kid` is what [`peek`](super::peek) finds. Where nobody else can be waited for, as in a component that serves one request,
/// a `Wait` is an `Unavailable`. A request looks at most [`Self::LOOKS_MAX`] times.
///
/// Keys are used for as long as the issuer says, at least a minute and at most a day, otherwise for ten minutes. While an
/// issuer cannot be reached they stay good until a day after they were fetched. A key that the set does not have makes for
/// another fetch, but not for one in 30 seconds: anybody can make up names of keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyCache {
    held: Option<Held>,
    /// The last fetch that was begun.
    begun: Option<Begun>,
    /// So many fetches failed since one went well, and when the last one did.
    failures: u32,
    failed_at: Duration,
}

/// What to do for the keys of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeysAt {
    /// Verify with these.
    Keys(KeySet),
    /// Fetch them, and tell how it went with this ticket: nobody else does.
    Fetch(KeyTicket),
    /// Somebody fetches them: look again when that is over, or after [`KeyCache::WAIT_MAX`].
    Wait,
    /// There are none, and none to be had for so long.
    Unavailable(Duration),
}

/// Tells one fetch from another. One that is dropped without a word is given up after [`KeyCache::WAIT_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct KeyTicket(u64);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    keys: KeySet,
    fetched_at: Duration,
    max_age: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Begun {
    ticket: KeyTicket,
    at: Duration,
    is_over: bool,
}

impl KeyCache {
    /// A fetch takes no longer: the host gives it up before.
    pub const WAIT_MAX: Duration = Duration::from_secs(20);

    /// A request looks at most so many times: at what there is, after a fetch, and after one for a key that was missing.
    pub const LOOKS_MAX: u32 = 3;

    /// Without keys.
    #[must_use]
    pub fn new() -> Self {
        Self { held: None, begun: None, failures: 0, failed_at: Duration::ZERO }
    }

    /// What to do for a token that names this key, or none.
    pub fn look(&mut self, kid: Option<&str>, now: Duration) -> KeysAt {
        let is_fetching = self.is_fetching(now);
        let rest = self.rest(now);
        let can_fetch = !is_fetching && rest.is_zero();
        let Some(held) = self.held.as_ref().filter(|held| held.age(now) < STALE_MAX) else {
            return match (can_fetch, is_fetching) {
                (true, _) => self.begin(now),
                (false, true) => KeysAt::Wait,
                (false, false) => KeysAt::Unavailable(rest),
            };
        };
        let is_known = held.keys.knows(kid);
        let is_due = held.age(now) >= held.max_age;
        if can_fetch && (is_due || (!is_known && self.may_search(now))) {
            return self.begin(now);
        }
        // What is fetched may have the key.
        if is_fetching && !is_known {
            return KeysAt::Wait;
        }
        KeysAt::Keys(held.keys.clone())
    }

    /// Takes keys that were fetched, and how long the issuer said that they may be used. Keys that come late are good too.
    pub fn fetched(&mut self, ticket: KeyTicket, keys: KeySet, max_age: Option<Duration>, now: Duration) {
        let max_age = max_age.map_or(AGE_DEFAULT, |age| age.clamp(AGE_MIN, AGE_MAX));
        self.held = Some(Held { keys, fetched_at: now, max_age });
        self.failures = 0;
        self.end(ticket);
    }

    /// Takes note of a fetch that failed.
    pub fn failed(&mut self, ticket: KeyTicket, now: Duration) {
        if self.end(ticket) {
            self.failures = self.failures.saturating_add(1);
            self.failed_at = now;
        }
    }

    fn begin(&mut self, now: Duration) -> KeysAt {
        let ticket = KeyTicket(self.begun.map_or(0, |begun| begun.ticket.0.wrapping_add(1)));
        self.begun = Some(Begun { ticket, at: now, is_over: false });
        KeysAt::Fetch(ticket)
    }

    /// Whether this was the fetch that all wait for.
    fn end(&mut self, ticket: KeyTicket) -> bool {
        let Some(begun) = self.begun.as_mut().filter(|begun| begun.ticket == ticket) else { return false };
        !std::mem::replace(&mut begun.is_over, true)
    }

    fn is_fetching(&self, now: Duration) -> bool {
        self.begun.is_some_and(|begun| !begun.is_over && now.saturating_sub(begun.at) < Self::WAIT_MAX)
    }

    /// Whether a key that is missing may be searched for.
    fn may_search(&self, now: Duration) -> bool {
        self.begun.is_none_or(|begun| now.saturating_sub(begun.at) >= SEARCH_TIME)
    }

    /// For so long nothing is fetched after failures: a second, twice as long each time, at most a minute.
    fn rest(&self, now: Duration) -> Duration {
        let Some(doublings) = self.failures.checked_sub(1) else { return Duration::ZERO };
        let rest = Duration::from_secs(1 << doublings.min(6)).min(REST_MAX);
        (self.failed_at + rest).saturating_sub(now)
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new()
    }
}

impl Held {
    fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.fetched_at)
    }
}

const AGE_DEFAULT: Duration = Duration::from_secs(600);

const AGE_MIN: Duration = Duration::from_secs(60);

const AGE_MAX: Duration = Duration::from_secs(86400);

/// Keys that were fetched so long ago are good no more.
const STALE_MAX: Duration = Duration::from_secs(86400);

const SEARCH_TIME: Duration = Duration::from_secs(30);

const REST_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
