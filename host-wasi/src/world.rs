use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use wharfinger_core::transfer::Blocks;
use wharfinger_core::upload::Secret;
use wharfinger_core::{Bounds, Config, Limits, RetryBudget, RetryShare};

use crate::drive::since_start;
use crate::environment::{Place, Redirecting, Settings};
use crate::files::Files;
use crate::swift::{Redirect, Swift};

/// What the exchanges of one instance share, made at its first request. A runtime that uses instances again saves making
/// it again, a login above all.
#[derive(Debug)]
pub struct World {
    /// For core.
    pub config: Arc<Config>,
    /// Where content is kept.
    pub store: Store,
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
}

impl StartError {
    /// What another configuration helps against.
    pub fn setting(message: impl Into<String>) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, message: message.into() }
    }

    /// What is wrong outside, and looked at again with the next request.
    pub fn outside(message: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, message: message.into() }
    }
}

thread_local! {
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

impl World {
    /// Hands over the world of this instance, which is made where it is missing.
    pub fn with<T>(act: impl FnOnce(Result<&Self, StartError>) -> T) -> T {
        let known = WORLD.with_borrow(Option::clone);
        let world = known.map_or_else(|| Self::start().map(Rc::new), Ok);
        match world {
            Ok(world) => {
                WORLD.set(Some(Rc::clone(&world)));
                act(Ok(&world))
            }
            Err(error) => act(Err(error)),
        }
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
        let config = Config {
            secret: Secret::new(settings.secret.as_bytes()),
            sparse_manifests: settings.sparse_manifests,
            redirects,
            store_md5: matches!(store, Store::Swift(_)),
            limits: limits.on(&bounds),
        };
        let share = RetryShare { percent: numbers.retry_percent, per_second: numbers.retries_per_second };
        Ok(Self {
            config: Arc::new(config),
            store,
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

/// Core counts in whole seconds: a part of one counts as one.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// The slowest that a client may send a body that is read whole.
const BYTES_PER_SECOND_MIN: u64 = 64 << 10;
