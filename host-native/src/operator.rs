//! A store as an operator sees it: objects by their names, on files and on Swift alike, beside servers that run.
//!
//! ```text
//! list, stat, cat, put, move, remove --Op--> Operator::carry_out: tries again, renews tokens --> Files or Swift
//! ```

mod attempts;
mod cat;
mod containers;
mod error;
mod input;
mod list;
mod put;
mod segments;
pub mod text;

use std::time::Duration;

use wharfinger_core::Bounds;
use wharfinger_core::store::{Found, Key, Move, Moved, Op, Reply, Step};

use crate::config::{Driver, Settings, Sync};
use crate::files::{self, Files};
use crate::registry::Store;
use crate::serve;
use crate::swift::Swift;
pub use cat::Span;
use containers::Containers;
pub use error::OperatorError;
pub use input::Input;
pub use list::{Entry, Listed, Query};
pub use put::Stored;

/// A store, opened for one command.
#[derive(Debug)]
pub struct Operator {
    store: Store,
    /// The time limit of one call that copies nothing.
    call_time: Duration,
    /// Larger objects than this go to Swift as segments.
    segment_bytes_max: u64,
    /// So many segments make an object at most.
    segments_max: usize,
    /// An input that gives nothing for so long ends a segment.
    stall_time: Duration,
    /// Which containers are known to be there.
    known: Containers,
}

impl Operator {
    /// Opens the store that the settings name. Only with `creates` what it needs is created where it is missing: a
    /// directory, or containers.
    ///
    /// # Errors
    /// The store cannot be found or reached, or refuses.
    pub fn open(settings: &Settings, creates: bool) -> Result<Self, OperatorError> {
        let (store, bounds) =
            if creates { open_to_write(settings)? } else { (open_as_it_is(settings)?, Bounds::none()) };
        Ok(Self {
            store,
            call_time: settings.limits.store_time,
            segment_bytes_max: settings.limits.segment_bytes.min(bounds.object_bytes_max),
            segments_max: bounds.joins.parts_max as usize,
            stall_time: settings.limits.stall_time,
            known: Containers::default(),
        })
    }

    /// Size, age and tag of an object.
    ///
    /// # Errors
    /// There is none, or the store has trouble.
    pub async fn stat(&self, key: &Key) -> Result<Found, OperatorError> {
        let op = Op::Stat { key: key.clone() };
        let reply = self.ask(&op).await?;
        if let Reply::Found(found) = reply {
            return Ok(found);
        }
        Err(OperatorError::of_lookup(key, op, reply))
    }

    /// Removes an object; tells whether it was there.
    ///
    /// # Errors
    /// The store has trouble.
    pub async fn remove(&self, key: &Key) -> Result<bool, OperatorError> {
        let op = Op::Remove { key: key.clone() };
        let reply = self.ask(&op).await?;
        if matches!(reply, Reply::Done | Reply::Missing) {
            return Ok(reply == Reply::Done);
        }
        Err(OperatorError::of_reply(op, reply))
    }

    /// Moves an object, as [`Move`] says. One that gets the name of a blob is hashed first.
    ///
    /// # Errors
    /// The store has trouble, or the content has not the digest of its new name. The source is there still.
    pub async fn rename(&self, from: &Key, to: &Key, keep: bool) -> Result<Moved, OperatorError> {
        let mut moving = Move::new(from.clone(), to.clone(), keep);
        let mut answer = None;
        let mut size = 0;
        loop {
            let op = match moving.next(answer.take()) {
                Step::Done(moved) => return Ok(moved),
                Step::Ask(op) => op,
            };
            if let (Op::Copy { .. }, Key::Blob(digest)) = (&op, to) {
                self.check_digest(from, digest).await?;
            }
            let copied = if matches!(op, Op::Copy { .. }) { copying_time(size) } else { Duration::ZERO };
            let reply = self.carry_out(&op, bytes::Bytes::new(), self.call_time + copied).await?.reply;
            if let Reply::Found(found) = &reply {
                size = found.size;
            }
            answer = Some(reply);
        }
    }

    /// Carries out an op without a body that copies nothing.
    async fn ask(&self, op: &Op) -> Result<Reply, OperatorError> {
        Ok(self.carry_out(op, bytes::Bytes::new(), self.call_time).await?.reply)
    }
}

/// How long a store may take, beyond the limit of every call, for what it copies itself.
fn copying_time(bytes: u64) -> Duration {
    Duration::from_secs(bytes / COPIED_BYTES_PER_SECOND_MIN)
}

/// The keys of temporary URLs are the servers' alone: this process may have another secret or period.
fn open_to_write(settings: &Settings) -> Result<(Store, Bounds), OperatorError> {
    match settings.storage.driver {
        Driver::Filesystem => {
            serve::open_store(settings).map_err(|error| OperatorError::Open(error.to_string()))
        }
        Driver::Swift => {
            let started = smol::block_on(Swift::start(&serve::swift_settings(settings)));
            let (swift, bounds) = started.map_err(|error| OperatorError::Open(error.to_string()))?;
            Ok((Store::Swift(swift), bounds))
        }
    }
}

fn open_as_it_is(settings: &Settings) -> Result<Store, OperatorError> {
    let storage = &settings.storage;
    match storage.driver {
        Driver::Filesystem => {
            let sync = match storage.sync {
                Sync::Full => true,
                Sync::None => false,
            };
            let files = Files::open_to_read(&files::Settings { root: storage.root.clone(), sync });
            files.map(Store::Files).map_err(|error| OperatorError::Open(error.to_string()))
        }
        Driver::Swift => {
            let swift = smol::block_on(Swift::log_in(&serve::swift_settings(settings)));
            swift.map(Store::Swift).map_err(|error| OperatorError::Open(error.to_string()))
        }
    }
}

/// The slowest that a store is believed to copy.
const COPIED_BYTES_PER_SECOND_MIN: u64 = 8 << 20;
