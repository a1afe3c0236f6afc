use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use wasip2::random::random::get_random_bytes;
use wharfinger_core::transfer::Blocks;
use wharfinger_core::{Bounds, Config, Limits, RetryBudget, RetryShare};

use crate::drive::since_start;
use crate::drive::timers::{Moment, after, is_past};
use crate::environment::{Locks, Place, Redirecting, Settings};
use crate::files::Files;
use crate::keys::Keys;
use crate::passwords::Passwords;
use crate::swift::{Redirect, Swift};

/// What the exchanges of one instance share, made at its first request. A runtime that uses instances again saves making
/// it again, a login above all.
#[derive(Debug)]
pub struct World {
    /// For core.
    pub config: Arc<Config>,
    /// Where content is kept.
    pub store: Store,
    /// What is known of passwords.
    pub passwords: Passwords,
    /// The keys of issuers.
    pub keys: Keys,
    /// The retries of store calls.
    pub retries: RefCell<RetryBudget>,
    /// The block functions of the content hashes.
    pub blocks: Blocks,
    /// A client that sends nothing for so long is given up.
    pub idle_time: Duration,
    /// A client that sends nothing for so long ends a segment early.
    pub stall_time: Duration,
    /// A client that takes nothing for so long is given up.
    pub reply_patience: Duration,
    /// The longest request head, in bytes. Some clients rely on it that longer ones are answered with 400.
    pub head_bytes_max: u64,
    collected_bytes_max: u64,
}

/// Where content is kept.
#[derive(Debug)]
pub enum Store {
    /// In a preopened directory.
    Files(Files),
    /// In Swift.
    Swift(Box<Swift>),
}

/// Why there is no world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    /// What a client is told: 500 where only another configuration helps, 503 where waiting may.
    pub status: StatusCode,
    /// For the log: what is wrong, and what to do about it.
    pub message: String,
    /// When it may be tried again.
    pub again: Again,
}

/// When a start that failed may be tried again by the same instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// With the next request: nothing was asked of anybody.
    AtOnce,
    /// After a moment.
    Soon,
    /// After a while, and a longer one each time: who asks too often with wrong credentials is locked out.
    Late,
}

impl StartError {
    /// What another configuration helps against.
    pub fn setting(message: impl Into<String>) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, message: message.into(), again: Again::AtOnce }
    }

    /// What is wrong outside, and may be well again soon.
    pub fn outside(message: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, message: message.into(), again: Again::Soon }
    }

    /// What another configuration helps against, or another Swift: it had to be asked.
    pub fn unable(message: impl Into<String>) -> Self {
        Self { again: Again::Soon, ..Self::setting(message) }
    }

    /// Credentials that are not accepted.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { again: Again::Late, ..Self::outside(message) }
    }
}

/// A start that failed.
struct Failed {
    error: StartError,
    /// The next one is not before.
    until: Moment,
    /// So many in a row were refused.
    refusals: u32,
}

thread_local! {
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
    static FAILED: RefCell<Option<Failed>> = const { RefCell::new(None) };
}

impl World {
    /// Hands over the world of this instance, which is made where it is missing.
    pub fn with<T>(act: impl FnOnce(Result<&Self, StartError>) -> T) -> T {
        let known = WORLD.with_borrow(Option::clone);
        let world = known.map_or_else(|| Self::try_start().map(Rc::new), Ok);
        match world {
            Ok(world) => {
                WORLD.set(Some(Rc::clone(&world)));
                act(Ok(&world))
            }
            Err(error) => act(Err(error)),
        }
    }

    /// Starts, unless that failed a moment ago: then it fails for the same reason, and nobody is asked.
    fn try_start() -> Result<Self, StartError> {
        let failed = FAILED.take();
        let refusals = failed.as_ref().map_or(0, |failed| failed.refusals);
        if let Some(failed) = failed.filter(|failed| !is_past(failed.until)) {
            let error = failed.error.clone();
            FAILED.set(Some(failed));
            return Err(error);
        }
        Self::start().inspect_err(|error| {
            let refusals = if error.again == Again::Late { refusals.saturating_add(1) } else { 0 };
            let until = after(rest(error.again, refusals));
            FAILED.set(Some(Failed { error: error.clone(), until, refusals }));
        })
    }

    fn start() -> Result<Self, StartError> {
        let settings = Settings::read(std::env::vars()).map_err(StartError::setting)?;
        let numbers = settings.numbers;
        let (store, bounds) = match settings.place {
            Place::Files(root) => {
                (Store::Files(Files::open(&root).map_err(StartError::setting)?), Bounds::none())
            }
            Place::Swift(login, containers) => {
                let redirect = settings.redirect.map(|Redirecting { url }| Redirect {
                    secret: settings.secret.clone(),
                    url,
                    life_seconds: whole_seconds(numbers.redirect_time),
                    period_seconds: whole_seconds(numbers.redirect_key_time),
                });
                let time = numbers.store_time;
                let (swift, bounds) = Swift::start(*login, &containers, time, redirect.as_ref())?;
                (Store::Swift(Box::new(swift)), bounds)
            }
        };
        let redirects = match &store {
            Store::Files(_) => false,
            Store::Swift(swift) => swift.redirects(),
        };
        let limits = Limits {
            manifest_bytes_max: u32::try_from(numbers.manifest_bytes).unwrap_or(u32::MAX),
            manifest_references_max: u32::try_from(numbers.manifest_references).unwrap_or(u32::MAX),
            segment_bytes_max: numbers.segment_bytes,
            chunk_bytes_min: numbers.chunk_min_bytes,
            upload_age_seconds_max: whole_seconds(numbers.upload_age),
            grace_seconds: whole_seconds(numbers.grace),
            store_time_max: numbers.store_time,
            retry_time_max: numbers.retry_time,
            ..Limits::default()
        };
        let Locks { sealing, access, rates } = settings.locks;
        let keys = Keys::new(&access);
        let config = Config {
            secret: sealing,
            access,
            sparse_manifests: settings.sparse_manifests,
            redirects,
            store_md5: matches!(store, Store::Swift(_)),
            limits: limits.on(&bounds),
        };
        let share = RetryShare { percent: numbers.retry_percent, per_second: numbers.retries_per_second };
        Ok(Self {
            config: Arc::new(config),
            store,
            passwords: Passwords::new(rates, [random(), random()]),
            keys,
            retries: RefCell::new(RetryBudget::new(share, since_start())),
            blocks: Blocks::default(),
            idle_time: numbers.body_idle_time,
            stall_time: numbers.stall_time,
            reply_patience: numbers.write_idle_time,
            head_bytes_max: numbers.head_bytes,
            collected_bytes_max: numbers.collected_bytes,
        })
    }

    /// Whether one exchange may collect so much. There is never more than one in an instance.
    pub fn grants(&self, bytes: u64) -> bool {
        bytes <= self.collected_bytes_max
    }

    /// How long a client may take to send a body that is read whole.
    pub fn client_patience(&self) -> Option<Duration> {
        Some(self.idle_time + Duration::from_secs(self.collected_bytes_max / BYTES_PER_SECOND_MIN))
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(get_random_bytes(32)).for_each(|(to, from)| *to = from);
    bytes
}

/// Core counts in whole seconds: a part of one counts as one.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// How long after a start that failed there is none, if so many in a row were refused.
fn rest(again: Again, refusals: u32) -> Duration {
    match again {
        Again::AtOnce => Duration::ZERO,
        Again::Soon => REST,
        Again::Late => {
            let doubled = 2_u32.saturating_pow(refusals.saturating_sub(1));
            REFUSED_REST.saturating_mul(doubled).min(REFUSED_REST_MAX)
        }
    }
}

const REST: Duration = Duration::from_secs(2);
const REFUSED_REST: Duration = Duration::from_secs(10);
const REFUSED_REST_MAX: Duration = Duration::from_secs(60);

/// The slowest that a client may send a body that is read whole.
const BYTES_PER_SECOND_MIN: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_is_repeated_ever_more_seldom() {
        let rests = [1, 2, 3, 4, 5, u32::MAX].map(|refusals| rest(Again::Late, refusals).as_secs());
        assert_eq!(rests, [10, 20, 40, 60, 60, 60]);
        assert_eq!((rest(Again::Soon, 0).as_secs(), rest(Again::AtOnce, 0)), (2, Duration::ZERO));
    }
}
