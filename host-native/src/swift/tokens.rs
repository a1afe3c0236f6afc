use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_lite::future;
use smol::Timer;
use smol::channel::Receiver;
use wharfinger_core::swift::{Login, Session, Token};

use super::login::log_in;
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
    /// When the last login that was not the first one went well, in seconds since 1970.
    renewed_at: Option<u64>,
    /// After a login that failed nobody tries again before, in seconds since 1970.
    rests_until: u64,
}

impl Tokens {
    pub fn new(client: Client, login: Login, login_time: Duration, session: Session) -> Self {
        let current = Mutex::new(Current::new(session));
        Self(Arc::new(Shared { client, login, login_time, current, flight: Mutex::new(None) }))
    }

    /// The token to send with. For a body that is streamed it has to last a while. Who has waited for as long as a login
    /// may take gets the one that there is, whatever it is worth.
    pub async fn get(&self, streams: bool) -> Held {
        let current = self.0.current().clone();
        if current.is_due(now(), streams) {
            let landed = self.0.take_off(streams);
            if current.has_to_wait(now(), streams) {
                let landing = async {
                    // Nothing is ever sent: it is closed.
                    let _ = landed.recv().await;
                };
                let late = async {
                    Timer::after(self.0.login_time + REST_TIME_MAX).await;
                };
                future::or(landing, late).await;
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
                shared.rest().await;
                if shared.log_in().await {
                    shared.outlive().await;
                }
                drop(flying);
            };
            smol::spawn(task).detach();
        }
        landed
    }

    /// A Swift that takes no token of a Keystone that hands them out must not have us log in without end.
    async fn rest(&self) {
        let seconds = self.current().rest(now());
        if seconds > 0 {
            tracing::warn!("Swift does not take a token that is new; the next login waits");
            Timer::after(Duration::from_secs(seconds)).await;
        }
    }

    /// Whether it went well.
    async fn log_in(&self) -> bool {
        let outcome = log_in(&self.login, &self.client, self.login_time).await;
        let mut current = self.current();
        match outcome {
            Ok(session) => {
                tracing::debug!("logged in again");
                current.kept = session.token == current.session.token;
                current.session = session;
                current.rejected = false;
                current.number += 1;
                current.renewed_at = Some(now());
                true
            }
            Err(error) => {
                tracing::warn!(%error, "there is no new token");
                current.rests_until = now() + REST_SECONDS;
                false
            }
        }
    }

    /// Swift's own login hands out the same token until it ends. A body that is streamed must not begin in its last
    /// moments, as it cannot be sent again.
    async fn outlive(&self) {
        let wait = self.current().last_moments(now());
        if let Some(seconds) = wait {
            Timer::after(Duration::from_secs(seconds)).await;
            self.log_in().await;
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn new(session: Session) -> Self {
        Self { session, number: 0, rejected: false, kept: false, renewed_at: None, rests_until: 0 }
    }

    /// So many seconds the next login waits.
    fn rest(&self, now: u64) -> u64 {
        let renewed_at = self.renewed_at.filter(|_| self.rejected);
        renewed_at.map_or(0, |at| at.saturating_add(REST_SECONDS).saturating_sub(now).min(REST_SECONDS))
    }

    /// In so many seconds another token can be had, if this one is in its last moments and was handed out again.
    fn last_moments(&self, now: u64) -> Option<u64> {
        let end = self.session.expires_at.filter(|_| self.kept && !self.rejected)?;
        let ends = now.saturating_add(MOMENT_SECONDS) >= end;
        ends.then(|| end.saturating_add(MOMENT_SECONDS).saturating_sub(now))
    }

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

/// After a login that failed nobody tries again for so long, nor after one whose token Swift does not take.
const REST_SECONDS: u64 = 2;

/// So long there may be no login while some wait for one.
const REST_TIME_MAX: Duration = Duration::from_secs(2 * MOMENT_SECONDS + REST_SECONDS);

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
        Current::new(session)
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
    fn the_end_of_a_token_is_waited_for_in_its_last_moments_alone() {
        let mut kept = current(Some(100));
        assert_eq!(kept.last_moments(1099), None, "another one can be had");
        kept.kept = true;
        assert_eq!((kept.last_moments(1096), kept.last_moments(1097)), (None, Some(6)));
        assert_eq!((kept.last_moments(1103), kept.last_moments(u64::MAX)), (Some(0), Some(0)));
        // One that is not taken ends now, whatever its time is.
        kept.rejected = true;
        assert_eq!((kept.last_moments(1000), kept.last_moments(1097)), (None, None));
        let mut endless = current(Some(u64::MAX - 1000));
        endless.kept = true;
        assert_eq!((endless.last_moments(1000), endless.last_moments(u64::MAX)), (None, Some(0)));
    }

    #[test]
    fn a_new_token_that_is_not_taken_is_not_followed_by_another_at_once() {
        let mut fresh = current(Some(3600));
        fresh.rejected = true;
        assert_eq!(fresh.rest(1000), 0, "the first one may be old");
        fresh.renewed_at = Some(1000);
        assert_eq!((fresh.rest(999), fresh.rest(1000), fresh.rest(1001), fresh.rest(1002)), (2, 2, 1, 0));
        fresh.rejected = false;
        assert_eq!(fresh.rest(1000), 0);
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
