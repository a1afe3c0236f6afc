//! The store that needs nothing else: a directory.
//!
//! [`Files`] carries out [`Op`]s on a directory, one regular file per object, at the path that its
//! [`Key`](wharfinger_core::store::Key) writes. A file is written under `tmp/` and gets its name by one rename or link, so
//! an object is seen whole or not at all. Several processes may share the directory: nothing is locked, folders come and
//! go under everybody's hands, and what one process left behind never stops another.
//!
//! All functions block. What [`Files::is_quick`] names may run where other work waits; the rest belongs in a pool.

mod answer;
mod copy;
mod directory;
mod folders;
mod join;
mod list;
mod object;
mod open;
mod remove;
mod temporary;
mod writer;

pub use answer::{Answer, Body};
pub use open::OpenError;
pub use writer::Writer;

use std::path::PathBuf;
use std::sync::Arc;

use wharfinger_core::store::{Op, Reply};

use directory::Directory;
use temporary::Temporary;

/// How a directory is used as a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The directory; it is created where it is missing, for its owner alone.
    pub root: PathBuf,
    /// Whether an object is on the disk before its write is answered. Without it a power cut may lose or cut short
    /// what was acknowledged.
    pub sync: bool,
}

/// A store in a directory. Clones share it.
#[derive(Clone, Debug)]
pub struct Files(Arc<Directory>);

impl Files {
    /// Opens the store, creates its directory where it is missing, and removes temporary files that a crash left there
    /// more than a day ago.
    ///
    /// # Errors
    /// The directory cannot be created or used, or its file system has no hard links.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        open::open(settings).map(Self)
    }

    /// Opens a store that is there, and changes nothing in it, so that one on a disk that cannot be written can be looked at.
    ///
    /// # Errors
    /// There is no such directory, or it cannot be read.
    pub fn open_to_read(settings: &Settings) -> Result<Self, OpenError> {
        open::open_to_read(settings).map(Self)
    }

    /// Whether an op need not leave the thread which asks for it: it waits for no disk to sync, copies nothing and reads no
    /// folder. It is over at once where the system has the object's record in memory; a cold disk makes it wait.
    pub fn is_quick(op: &Op) -> bool {
        match op {
            Op::Read { .. } | Op::Stat { .. } => true,
            Op::Write { .. }
            | Op::Join { .. }
            | Op::Copy { .. }
            | Op::Touch { .. }
            | Op::Release { .. }
            | Op::Remove { .. }
            | Op::List { .. } => false,
        }
    }

    /// Carries out any op but [`Op::Write`], whose body goes through [`Files::create`]; here it is answered with
    /// [`Reply::Mismatch`], and nothing is stored.
    pub fn carry_out(&self, op: &Op) -> Answer {
        let answer = match op {
            Op::Read { key, range, .. } => object::read(&self.0, key, *range),
            Op::Stat { key } => object::stat(&self.0, key),
            Op::Write { .. } => Reply::Mismatch.into(),
            Op::Join { key, parts } => join::join(&self.0, key, parts),
            Op::Copy { from, to } => copy::copy(&self.0, from, to),
            Op::Touch { key } => object::touch(&self.0, key),
            Op::Release { parts } => remove::release(&self.0, parts),
            Op::Remove { key } => remove::remove(&self.0, key),
            Op::List { listing, after, limit } => list::list(&self.0, listing, after.as_deref(), *limit),
        };
        self.0.unless_removed(answer)
    }

    /// Starts an [`Op::Write`]: takes a file that nobody sees until [`Writer::commit`] names it.
    ///
    /// # Errors
    /// What the store answers to the Write if no file can be had: Full, Refused or Unavailable.
    pub fn create(&self) -> Result<Writer, Answer> {
        match Temporary::create(&self.0) {
            Ok(created) => Ok(Writer::new(created)),
            Err(errno) => Err(self.0.unless_removed(Answer::of_change(directory::TEMPORARY, errno))),
        }
    }
}
