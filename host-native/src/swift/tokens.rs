use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use smol::Timer;
use wharfinger_core::swift::{Session, Token};

use super::login::Login;
use crate::client::Client;

/// The token that all requests share. Whoever finds it old logs in; the others go on with it as long as it is good, and
/// wait when it is not, so that there is never more than one login at a time.
pub(super) struct Tokens {
    client: Client,
    login: Login,
    login_time: Duration,
    flight: smol::lock::Mutex<()>,
    current: Mutex<Current>,
}

/// A token to send a request with.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub token: Token,
    /// Tells it from those before and after.
    pub number: u64,
}

#[derive(Clone)]
struct Current {
    session: Session,
    number: u64,
    /// Swift did not take it.
    rejected: bool,
    /// The last login handed out the same token again: there is no other before it ends.
    kept: bool,
    /// After a login that failed nobody tries again before, in seconds since 1970.
    rests_until: u64,
}

impl Tokens {
    pub fn new(client: Client, login: Login, login_time: Duration, session: Session) -> Self {
        let current =
            Mutex::new(Current { session, number: 0, rejected: false, kept: false, rests_until: 0 });
        Self { client, login, login_time, flight: smol::lock::Mutex::new(()), current }
    }

    /// The token to send with. For a write it has to last a while.
    pub async fn get(&self, writes: bool) -> Held {
        let current = self.current().clone();
        if !current.is_due(now(), writes) {
            return current.held();
        }
        let flight = if current.is_over(now(), writes) {
            Some(self.flight.lock().await)
        } else {
            self.flight.try_lock()
        };
        if flight.is_some() && self.current().is_due(now(), writes) {
            self.log_in().await;
            if writes {
                self.outlive(&current.session).await;
            }
        }
        self.current().held()
    }

    /// Swift's own login hands out the same token until it ends. A write must not begin in its last moments: what is fed
    /// from a client cannot be sent again.
    async fn outlive(&self, before: &Session) {
        let session = self.current().session.clone();
        let Some(end) = session.expires_at.filter(|_| session.token == before.token) else { return };
        if self.current().is_over(now(), true) {
            Timer::after(Duration::from_secs((end + MOMENT_SECONDS).saturating_sub(now()))).await;
            self.log_in().await;
        }
    }

    /// Says that the token of that number was not taken: whoever needs one next logs in.
    pub fn reject(&self, stale: u64) {
        let mut current = self.current();
        current.rejected |= current.number == stale;
    }

    /// To be called by who holds the flight.
    async fn log_in(&self) {
        let outcome = self.login.log_in(&self.client, self.login_time).await;
        let mut current = self.current();
        match outcome {
            Ok(session) => {
                tracing::debug!("logged in again");
                current.kept = session.token == current.session.token;
                current.session = session;
                current.rejected = false;
                current.number += 1;
            }
            Err(error) => {
                tracing::warn!(%error, "there is no new token");
                current.rests_until = now() + REST_SECONDS;
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn held(&self) -> Held {
        Held { token: self.session.token.clone(), number: self.number }
    }

    fn is_due(&self, now: u64, writes: bool) -> bool {
        if now < self.rests_until {
            return false;
        }
        if self.kept || self.is_over(now, writes) {
            return self.is_over(now, writes);
        }
        let Some(expires_at) = self.session.expires_at else { return false };
        let half = expires_at.saturating_sub(self.session.granted_at) / 2;
        let short = expires_at.saturating_sub(now) < WRITE_SECONDS_MIN.min(half);
        self.session.renew_at().is_some_and(|at| now >= at) || (writes && short)
    }

    /// Whether nothing can be sent with it any more.
    fn is_over(&self, now: u64, writes: bool) -> bool {
        let moment = if writes { MOMENT_SECONDS } else { 0 };
        self.rejected || self.session.expires_at.is_some_and(|at| now + moment >= at)
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// So long a token is good when a write begins; half of its life, if that is shorter.
const WRITE_SECONDS_MIN: u64 = 600;

/// The last moments of a token: clocks that count in whole seconds, and the cache that Swift keeps tokens in, differ by less.
const MOMENT_SECONDS: u64 = 3;

/// After a login that failed nobody tries again for so long.
const REST_SECONDS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn current(life: Option<u64>) -> Current {
        let session = Session {
            token: Token::new("t").unwrap(),
            granted_at: 1000,
            expires_at: life.map(|life| 1000 + life),
            storage_url: "http://swift/v1/a".into(),
        };
        Current { session, number: 0, rejected: false, kept: false, rests_until: 0 }
    }

    #[test]
    fn a_token_is_renewed_at_four_fifths_of_its_life() {
        let hour = current(Some(3600));
        assert!(!hour.is_due(1000 + 2879, false));
        assert!(hour.is_due(1000 + 2880, false));
        assert!(hour.is_due(1000 + 2880, true));
        assert!(!current(None).is_due(u64::MAX, true));
    }

    #[test]
    fn a_write_wants_ten_minutes_or_half_a_life() {
        let short = current(Some(1800));
        assert!(!short.is_due(1000 + 1200, true));
        assert!(short.is_due(1000 + 1201, true));
        assert!(!short.is_due(1000 + 1201, false));
        let brief = current(Some(10));
        assert!(!brief.is_due(1005, true));
        assert!(brief.is_due(1006, true));
    }

    #[test]
    fn a_token_that_is_handed_out_again_is_used_to_its_last_moments() {
        let mut kept = current(Some(100));
        assert!(kept.is_due(1080, false));
        kept.kept = true;
        assert!(!kept.is_due(1096, true) && kept.is_due(1097, true));
        assert!(!kept.is_due(1099, false) && kept.is_due(1100, false));
    }

    #[test]
    fn a_rejected_token_is_over_for_all() {
        let mut fresh = current(Some(3600));
        assert!(!fresh.is_due(1000, false) && !fresh.is_over(1000, false));
        fresh.rejected = true;
        assert!(fresh.is_due(1000, false) && fresh.is_over(1000, false));
        fresh.rests_until = 1001;
        assert!(!fresh.is_due(1000, false));
    }

    #[test]
    fn after_a_failed_login_there_is_a_rest() {
        let mut over = current(Some(10));
        assert!(over.is_over(1010, false) && over.is_due(1010, false));
        assert!(over.is_over(1007, true) && !over.is_over(1006, true) && !over.is_over(1009, false));
        over.rests_until = 1011;
        assert!(!over.is_due(1010, false));
        assert!(over.is_due(1011, false));
    }
}
