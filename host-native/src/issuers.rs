//! The keys of the issuers whose tokens are taken: fetched when a token asks for them, and kept for all exchanges.
//!
//! ```text
//! Ask::Keys --Issuers::keys--> core's KeyCache --Keys--> the exchange
//!                                |        ^
//!                              Fetch      | fetched, failed
//!                                v        |
//!                          a task of the process: core's KeyFetch over the client      one at a time for each issuer
//! ```

mod fetch;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_lite::future;
use smol::Timer;
use smol::channel::{Receiver, Sender};
use wharfinger_core::access::{Issuer, JwksSource, KeyCache, KeySet, KeyTicket, KeysAt};

use crate::client::{Client, Settings, Tls, TlsError, Trust};

/// The issuers of a registry, in the order of its settings.
pub struct Issuers(Box<[Arc<Shared>]>);

/// One issuer, and what is known of its keys.
struct Shared {
    issuer: Issuer,
    client: Client,
    fetch_time: Duration,
    /// What the times of the cache count from.
    began: Instant,
    state: Mutex<State>,
}

struct State {
    cache: KeyCache,
    /// Closed when the last fetch that was begun has come to something.
    landed: Receiver<Infallible>,
    /// Whether that has been logged: a warning for each request would say no more.
    failing: bool,
}

/// What one look at the cache comes to.
enum Look {
    Keys(KeySet),
    /// A fetch is under way.
    Wait(Receiver<Infallible>),
    Unavailable,
}

impl Issuers {
    /// Prepares for issuers whose keys are fetched within this time. Nobody is asked yet.
    ///
    /// # Errors
    /// One of them is behind `https://`, and no certificate of the system can be used.
    pub fn new(issuers: &[Issuer], fetch_time: Duration) -> Result<Self, TlsError> {
        if issuers.is_empty() {
            return Ok(Self(Box::default()));
        }
        let tls = match Tls::new(&Trust::System, None) {
            Ok(tls) => Some(tls),
            Err(error) if issuers.iter().any(wants_tls) => return Err(error),
            Err(_) => None,
        };
        let fetch_time = fetch_time.min(FETCH_TIME_MAX);
        let client = Client::new(Settings {
            connect_time: fetch_time,
            answer_time: fetch_time,
            body_idle_time: fetch_time,
            write_idle_time: fetch_time,
            // Minutes pass from one fetch to the next.
            pool_connections_max: 0,
            tls,
            ..Settings::default()
        });
        let share = |issuer: &Issuer| {
            let state = State { cache: KeyCache::new(), landed: smol::channel::bounded(1).1, failing: false };
            Arc::new(Shared {
                issuer: issuer.clone(),
                client: client.clone(),
                fetch_time,
                began: Instant::now(),
                state: Mutex::new(state),
            })
        };
        Ok(Self(issuers.iter().map(share).collect()))
    }

    /// The keys of the issuer of that place, for a token that names this one; `None` if there are none to be had. Who asks
    /// may go away at any time: what was begun for it goes on for others.
    pub fn keys(
        &self,
        issuer: u8,
        kid: Option<Box<str>>,
    ) -> impl Future<Output = Option<KeySet>> + Send + use<> {
        let shared = self.0.get(usize::from(issuer)).cloned();
        async move { shared?.keys(kid.as_deref()).await }
    }
}

impl Shared {
    async fn keys(self: Arc<Self>, kid: Option<&str>) -> Option<KeySet> {
        for left in (0..KeyCache::LOOKS_MAX).rev() {
            let landed = match self.look(kid) {
                Look::Keys(keys) => return Some(keys),
                Look::Wait(landed) => landed,
                Look::Unavailable => return None,
            };
            if left > 0 {
                let landing = async {
                    // Nothing is ever sent: it is closed.
                    let _ = landed.recv().await;
                };
                let late = async {
                    Timer::after(KeyCache::WAIT_MAX).await;
                };
                future::or(landing, late).await;
            }
        }
        None
    }

    /// Looks once, and begins the fetch if the cache says so.
    fn look(self: &Arc<Self>, kid: Option<&str>) -> Look {
        let mut state = self.state();
        match state.cache.look(kid, self.now()) {
            KeysAt::Keys(keys) => Look::Keys(keys),
            KeysAt::Fetch(ticket) => {
                let (flying, landed) = smol::channel::bounded(1);
                state.landed = landed.clone();
                smol::spawn(self.clone().fetch(ticket, flying)).detach();
                Look::Wait(landed)
            }
            KeysAt::Wait => Look::Wait(state.landed.clone()),
            KeysAt::Unavailable(_) => Look::Unavailable,
        }
    }

    /// Fetches the keys, and tells all who wait for them.
    async fn fetch(self: Arc<Self>, ticket: KeyTicket, flying: Sender<Infallible>) {
        let outcome = fetch::fetch(&self.issuer, &self.client, self.fetch_time).await;
        let name = &self.issuer.name;
        let mut state = self.state();
        match outcome {
            Ok(fetched) => {
                state.cache.fetched(ticket, fetched.keys, fetched.max_age, self.now());
                if std::mem::take(&mut state.failing) {
                    tracing::info!(issuer = %name, "the keys of an issuer can be fetched again");
                } else {
                    tracing::debug!(issuer = %name, "fetched the keys of an issuer");
                }
            }
            Err(error) => {
                state.cache.failed(ticket, self.now());
                if std::mem::replace(&mut state.failing, true) {
                    tracing::debug!(issuer = %name, %error, "the keys of an issuer still cannot be fetched");
                } else {
                    tracing::warn!(
                        issuer = %name, %error,
                        "the keys of an issuer cannot be fetched; those that are known are used for a day at most"
                    );
                }
            }
        }
        drop(state);
        drop(flying);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|shared| &shared.issuer.name)).finish()
    }
}

fn wants_tls(issuer: &Issuer) -> bool {
    let url = match &issuer.keys {
        JwksSource::Discovery => &issuer.url,
        JwksSource::Url(url) => url,
    };
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// A fetch takes no longer, whatever the settings say: who waits for it waits for [`KeyCache::WAIT_MAX`].
const FETCH_TIME_MAX: Duration = Duration::from_secs(15);
