//! What all exchanges of this process share.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use wharfinger_core::access::Access;
use wharfinger_core::exchange::Given;
use wharfinger_core::oci::Digest;
use wharfinger_core::swift::SecretText;
use wharfinger_core::transfer::Blocks;
use wharfinger_core::{Bounds, Config, Limits, RetryShare};

use crate::client::TlsError;
use crate::config::Settings;
use crate::doors::{AccessError, Doors};
use crate::files::Files;
use crate::issuers::Issuers;
use crate::memory::Memory;
use crate::passwords::Passwords;
use crate::retries::Retries;
use crate::swift::Swift;

/// The registry as this process runs it.
#[derive(Debug)]
pub struct Registry {
    /// For the core; it changes with the file of users.
    config: RwLock<Arc<Config>>,
    /// Who checks passwords; `None` where nobody has one.
    pub passwords: Option<Passwords>,
    /// The store.
    pub store: Store,
    /// A client that sends nothing for so long ends a segment early, where a store cannot wait.
    pub stall_time: Duration,
    /// Whose tokens are taken.
    pub issuers: Issuers,
    /// What small bodies are collected in.
    pub memory: Memory,
    /// The retries of store calls.
    pub retries: Retries,
    /// The block functions of the content hashes.
    pub blocks: Blocks,
}

/// Where content is kept.
#[derive(Debug)]
pub enum Store {
    /// In a directory.
    Files(Files),
    /// In Swift.
    Swift(Swift),
}

impl Registry {
    /// Sets up what `settings` say, on a store that is open and has these bounds.
    ///
    /// # Errors
    /// See [`SetUpError`].
    pub fn new(settings: &Settings, store: Store, bounds: &Bounds) -> Result<Self, SetUpError> {
        let secret = settings.sealing_secret().map_err(SetUpError::Secret)?;
        let secret = settings.with_old_secrets(&secret);
        let access = Doors::of(settings).open(&secret).map_err(SetUpError::Access)?;
        let passwords = match access.is_open() {
            true => None,
            false => {
                let started = Passwords::start(settings.guard_rates(), Passwords::workers_default());
                Some(started.map_err(SetUpError::System)?)
            }
        };
        let limits = &settings.limits;
        let issuers = Issuers::new(access.issuers(), limits.store_time).map_err(SetUpError::Issuers)?;
        let config = Config {
            secret,
            access,
            sparse_manifests: settings.sparse_manifests,
            redirects: match &store {
                Store::Files(_) => false,
                Store::Swift(swift) => swift.redirects(),
            },
            // A local disk hands back what it was given; the content hash is checked in any case.
            store_md5: match store {
                Store::Files(_) => false,
                Store::Swift(_) => true,
            },
            limits: Limits {
                manifest_bytes_max: u32::try_from(limits.manifest_bytes).unwrap_or(u32::MAX),
                manifest_references_max: u32::try_from(limits.manifest_references).unwrap_or(u32::MAX),
                segment_bytes_max: limits.segment_bytes,
                chunk_bytes_min: limits.chunk_min_bytes,
                upload_age_seconds_max: whole_seconds(limits.upload_age),
                grace_seconds: whole_seconds(limits.grace),
                store_time_max: limits.store_time,
                retry_time_max: limits.retry_time,
                ..Limits::default()
            }
            .on(bounds),
        };
        let memory = Memory::new(limits.collected_bytes);
        let stall_time = limits.stall_time;
        let retries =
            Retries::new(RetryShare { percent: limits.retry_percent, per_second: limits.retries_per_second });
        let config = RwLock::new(Arc::new(config));
        Ok(Self { config, passwords, store, stall_time, issuers, memory, retries, blocks: Blocks::default() })
    }

    /// What the core is told for the exchanges that begin.
    pub fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has all exchanges that begin from here on know others.
    pub fn change_access(&self, access: Access) {
        let mut config = self.config.write().unwrap_or_else(PoisonError::into_inner);
        *config = Arc::new(Config { access, ..(**config).clone() });
    }

    /// A URL by which a client can read a blob from the store itself.
    pub fn location(&self, digest: Digest) -> Option<SecretText> {
        match &self.store {
            Store::Files(_) => None,
            Store::Swift(swift) => swift.location(digest),
        }
    }
}

/// Why the registry cannot be set up.
#[derive(Debug)]
pub enum SetUpError {
    /// The sealing secret cannot be had.
    Secret(io::Error),
    /// Nobody can tell who may do what.
    Access(AccessError),
    /// Issuers of tokens cannot be asked for their keys.
    Issuers(TlsError),
    /// The system gives no threads or no random bytes.
    System(io::Error),
}

impl fmt::Display for SetUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(error) => write!(f, "the sealing secret cannot be had: {error}"),
            Self::Access(error) => error.fmt(f),
            Self::Issuers(error) => write!(f, "issuers cannot be asked for their keys: {error}"),
            Self::System(error) => write!(f, "the system does not let the server start: {error}"),
        }
    }
}

impl std::error::Error for SetUpError {}

/// Core counts in whole seconds: a part of one counts as one.
pub fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// What core is given with a request.
///
/// # Errors
/// The system has no random bytes.
pub fn given() -> io::Result<Given> {
    let mut entropy = [0; 16];
    getrandom::fill(&mut entropy).map_err(io::Error::from)?;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Ok(Given { now: since.map_or(0, |since| since.as_secs()), entropy })
}
