use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use smol::Timer;
use smol::channel::Receiver;
use wharfinger_core::swift::{Session, Token};

use super::login::Login;
use crate::client::Client;

/// The token that all requests share. Whoever finds it old has another one got, by a task of the process that all wait for
/// who cannot go on without: there is never more than one login at a time, and none is lost with who asked for it.
pub(super) struct Tokens(Arc<Shared>);

struct Shared {
    client: Client,
    login: Login,
    login_time: Duration,
    current: Mutex<Current>,
    /// Closed when the login that is under way, if one is, has come to something.
    flight: Mutex<Option<Receiver<Infallible>>>,
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
        Self(Arc::new(Shared { client, login, login_time, current, flight: Mutex::new(None) }))
    }

    /// The token to send with. For a body that is streamed it has to last a while.
    pub async fn get(&self, streams: bool) -> Held {
        let current = self.0.current().clone();
        if current.is_due(now(), streams) {
            let landed = self.0.take_off(streams);
            if current.has_to_wait(now(), streams) {
                // Nothing is ever sent: it is closed.
                let _ = landed.recv().await;
            }
        }
        self.0.current().held()
    }

    /// Says that the token of that number was not taken: whoever needs one next waits for another.
    pub fn reject(&self, stale: u64) {
        let mut current = self.0.current();
        current.rejected |= current.number == stale;
    }
}

impl Shared {
    /// Begins a login, unless one is under way or has just ended well.
    fn take_off(self: &Arc<Self>, streams: bool) -> Receiver<Infallible> {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(landed) = flight.as_ref().filter(|landed| !landed.is_closed()) {
            return landed.clone();
        }
        let (flying, landed) = smol::channel::bounded(1);
        if self.current().is_due(now(), streams) {
            *flight = Some(landed.clone());
            let shared = self.clone();
            let task = async move {
                shared.log_in().await;
                shared.outlive().await;
                drop(flying);
            };
            smol::spawn(task).detach();
        }
        landed
    }

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

    /// Swift's own login hands out the same token until it ends. A body that is streamed must not begin in its last
    /// moments, as it cannot be sent again.
    async fn outlive(&self) {
        let current = self.current().clone();
        let Some(end) = current.session.expires_at.filter(|_| current.kept) else { return };
        if current.is_over(now(), true) {
            Timer::after(Duration::from_secs((end + MOMENT_SECONDS).saturating_sub(now()))).await;
            self.log_in().await;
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

    /// Whether another one should be had.
    fn is_due(&self, now: u64, streams: bool) -> bool {
        if now < self.rests_until {
            return false;
        }
        let old = self.session.renew_at().is_some_and(|at| now >= at);
        self.has_to_wait(now, streams) || (old && !self.kept)
    }

    /// Whether nothing may be sent before there is another one, if there is one to be had.
    fn has_to_wait(&self, now: u64, streams: bool) -> bool {
        self.is_over(now, streams) || (streams && !self.kept && self.is_short(now))
    }

    /// Whether nothing can be sent with it any more.
    fn is_over(&self, now: u64, streams: bool) -> bool {
        let moment = if streams { MOMENT_SECONDS } else { 0 };
        self.rejected || self.session.expires_at.is_some_and(|at| now + moment >= at)
    }

    /// Whether it may end before a body that is begun has left.
    fn is_short(&self, now: u64) -> bool {
        self.session.expires_at.is_some_and(|end| {
            let half = end.saturating_sub(self.session.granted_at) / 2;
            end.saturating_sub(now) < STREAM_SECONDS_MIN.min(half)
        })
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// So long a token is good when a body that is streamed begins; half of its life, if that is shorter.
const STREAM_SECONDS_MIN: u64 = 600;

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
        assert!(!hour.has_to_wait(1000 + 2880, true) && !hour.has_to_wait(1000 + 3599, false));
        assert!(hour.has_to_wait(1000 + 3001, true) && hour.has_to_wait(1000 + 3600, false));
        assert!(!current(None).is_due(u64::MAX, true));
    }

    #[test]
    fn a_body_that_is_streamed_waits_for_ten_minutes_or_half_a_life() {
        let short = current(Some(1800));
        assert!(!short.is_due(1000 + 1200, true));
        assert!(short.is_due(1000 + 1201, true));
        assert!(!short.is_due(1000 + 1201, false));
        assert!(!short.has_to_wait(1000 + 1200, true) && short.has_to_wait(1000 + 1201, true));
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
