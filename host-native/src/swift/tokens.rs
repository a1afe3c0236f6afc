use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_lite::future;
use smol::Timer;
use smol::channel::Receiver;
use wharfinger_core::swift::{Lease, Login, Session, Token};

use super::login::log_in;
use crate::client::Client;

/// The token that all requests share. Whoever finds it old has another one got, by a task of the process that all wait for
/// who cannot go on without: there is never more than one login at a time, and none is lost with who asked for it.
pub(super) struct Tokens(Arc<Shared>);

struct Shared {
    client: Client,
    login: Login,
    login_time: Duration,
    current: Mutex<Lease>,
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

impl Tokens {
    pub fn new(client: Client, login: Login, login_time: Duration, session: Session) -> Self {
        let current = Mutex::new(Lease::new(session));
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
                    Timer::after(self.0.login_time + Duration::from_secs(Lease::REST_SECONDS_MAX)).await;
                };
                future::or(landing, late).await;
            }
        }
        let current = self.0.current();
        Held { token: current.token().clone(), number: current.number() }
    }

    /// Says that the token of that number was not taken: whoever needs one next waits for another.
    pub fn reject(&self, stale: u64) {
        self.0.current().reject(stale);
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
                current.renew(session, now());
                true
            }
            Err(error) => {
                tracing::warn!(%error, "there is no new token");
                current.fail(now());
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

    fn current(&self) -> MutexGuard<'_, Lease> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
