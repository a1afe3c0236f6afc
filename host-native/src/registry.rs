//! What all exchanges of this process share.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use wharfinger_core::exchange::Given;
use wharfinger_core::oci::Digest;
use wharfinger_core::swift::SecretText;
use wharfinger_core::transfer::Blocks;
use wharfinger_core::upload::Secret;
use wharfinger_core::{Bounds, Config, Limits, RetryShare};

use crate::config::Settings;
use crate::files::Files;
use crate::memory::Memory;
use crate::retries::Retries;
use crate::swift::Swift;

/// The registry as this process runs it.
#[derive(Debug)]
pub struct Registry {
    /// For the core.
    pub config: Arc<Config>,
    /// The store.
    pub store: Store,
    /// A client that sends nothing for so long ends a segment early, where a store cannot wait.
    pub stall_time: Duration,
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
    /// The sealing secret cannot be had.
    pub fn new(settings: &Settings, store: Store, bounds: &Bounds) -> io::Result<Self> {
        let secret = Secret::new(settings.sealing_secret()?.as_bytes());
        let limits = &settings.limits;
        let config = Config {
            secret,
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
        Ok(Self { config: Arc::new(config), store, stall_time, memory, retries, blocks: Blocks::default() })
    }

    /// A URL by which a client can read a blob from the store itself.
    pub fn location(&self, digest: Digest) -> Option<SecretText> {
        match &self.store {
            Store::Files(_) => None,
            Store::Swift(swift) => swift.location(digest),
        }
    }
}

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
