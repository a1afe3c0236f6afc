//! The store that needs nothing else: a preopened directory, laid out as the native server does it. Both may use one
//! directory at the same time.
//!
//! A file is written under `tmp/` and gets its name by one rename or link; what was acknowledged has been synced, its
//! folder too. Nothing is locked.

mod directory;
mod error;
mod list;
mod publish;
mod writer;

pub use writer::Writer;

use std::rc::Rc;

use wasip2::filesystem::types::ErrorCode;
use wharfinger_core::oci::ByteRange;
use wharfinger_core::store::{Found, Key, Op, Part, Reply};

use crate::wire::Reader;
use directory::{Directory, Stat, parent};
use error::{of_change, of_lookup};

/// A store in a directory.
#[derive(Debug)]
pub struct Files(Rc<Directory>);

impl Files {
    /// Opens the preopened directory of that path, such as `/data`.
    ///
    /// # Errors
    /// One sentence that says what is wrong, and what to do about it.
    pub fn open(root: &str) -> Result<Self, String> {
        Directory::open(root).map(|directory| Self(Rc::new(directory)))
    }

    /// Carries out any op but [`Op::Write`], whose body goes through [`Files::create`]. After a Read that was Found the
    /// bytes follow.
    pub fn carry_out(&self, op: &Op) -> (Reply, Option<Reader>) {
        let reply = match op {
            // Only a store with tags is asked to compare them.
            Op::Read { key, range, if_match: None } => return self.read(key, *range),
            Op::Stat { key } => self.stat(key),
            Op::Read { if_match: Some(_), .. } => Reply::Missing,
            Op::Write { .. } => Reply::Mismatch,
            Op::Copy { from, to } => publish::copy(&self.0, from, to),
            Op::Join { key, parts } => publish::join(&self.0, key, parts),
            Op::Touch { key } => self.touch(key),
            Op::Release { parts } => self.release(parts),
            Op::Remove { key } => self.remove(key),
            Op::List { listing, after, limit } => list::list(&self.0, listing, after.as_deref(), *limit),
        };
        (reply, None)
    }

    /// Starts a Write: takes a file that nobody sees until [`Writer::commit`] names it.
    ///
    /// # Errors
    /// What the store answers to the Write if no file can be had.
    pub fn create(&self) -> Result<Writer, Reply> {
        Writer::create(&self.0)
    }

    fn read(&self, key: &Key, range: Option<ByteRange>) -> (Reply, Option<Reader>) {
        let name = key.to_string();
        match self.open_range(&name, range) {
            Ok((found, reader)) => (Reply::Found(found), Some(reader)),
            Err(code) => (of_lookup(&name, code), None),
        }
    }

    fn open_range(&self, name: &str, range: Option<ByteRange>) -> Result<(Found, Reader), ErrorCode> {
        let (file, stat) = self.0.open_object(name)?;
        let (offset, length) = match range {
            None => (0, stat.size),
            Some(range) => match ByteRange::within(range.first(), range.last(), stat.size) {
                Some(cut) => (cut.first(), cut.len()),
                None => (stat.size, 0),
            },
        };
        let stream = file.read_via_stream(offset)?;
        Ok((found(&stat), Reader::of_file(file, stream, length)))
    }

    fn stat(&self, key: &Key) -> Reply {
        let name = key.to_string();
        match self.0.stat_object(&name) {
            Ok(stat) => Reply::Found(found(&stat)),
            Err(code) => of_lookup(&name, code),
        }
    }

    fn touch(&self, key: &Key) -> Reply {
        let name = key.to_string();
        let file = match self.0.open_object(&name) {
            Ok((file, _)) => file,
            Err(code) => return of_lookup(&name, code),
        };
        match directory::make_young(&file).and_then(|()| file.sync()) {
            Ok(()) => Reply::Done,
            Err(code) => of_change(&name, code),
        }
    }

    fn remove(&self, key: &Key) -> Reply {
        let name = key.to_string();
        let removed = self.0.unlink(&name);
        if let Err(code) = removed
            && code != ErrorCode::NoEntry
        {
            return of_lookup(&name, code);
        }
        // Also where it is gone already: who removed it may have failed to have that on the disk, and be the one who asks again.
        let synced = self.0.sync_removal(parent(&name));
        if removed.is_ok() {
            self.0.remove_empty(parent(&name));
        }
        match (synced, removed) {
            (Err(code), _) => of_change(&name, code),
            (Ok(()), Ok(())) => Reply::Done,
            (Ok(()), Err(code)) => of_lookup(&name, code),
        }
    }

    /// Nothing is synced: a part that comes back after a power cut is one that prune finds.
    fn release(&self, parts: &[Part]) -> Reply {
        for part in parts {
            let name = part.key.to_string();
            match self.0.unlink(&name) {
                Ok(()) | Err(ErrorCode::NoEntry) => {}
                // Told to the log alone.
                Err(code) => drop(of_change(&name, code)),
            }
        }
        for part in parts {
            self.0.remove_empty(parent(&part.key.to_string()));
        }
        Reply::Done
    }
}

fn found(stat: &Stat) -> Found {
    Found { size: stat.size, age: crate::swift::now().saturating_sub(stat.written), etag: None }
}
