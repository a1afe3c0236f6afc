use std::rc::Rc;

use bytes::Bytes;
use wasip2::filesystem::types::{Descriptor, ErrorCode};
use wharfinger_core::store::{Key, Op, Reply};

use crate::wire::Broken;

use super::directory::{Directory, TEMPORARY, parent};
use super::error::of_change;

/// An object on its way in. Nobody sees it before [`Writer::commit`]; one that is dropped was never there.
#[derive(Debug)]
pub struct Writer {
    directory: Rc<Directory>,
    name: String,
    file: Descriptor,
    bytes: u64,
    /// So many bytes may have to be written when it is synced.
    unsynced: u64,
    failed: Option<Reply>,
}

impl Writer {
    pub(super) fn create(directory: &Rc<Directory>) -> Result<Self, Reply> {
        let name = directory.temporary();
        let file = directory.create(&name).map_err(|code| of_change(TEMPORARY, code))?;
        Ok(Self { directory: Rc::clone(directory), name, file, bytes: 0, unsynced: 0, failed: None })
    }

    /// Appends bytes. It syncs now and then, so that the last sync, during which nothing else happens in this instance, is
    /// a short one.
    ///
    /// # Errors
    /// It failed; [`Writer::failure`] says what the store answers.
    pub fn write(&mut self, bytes: &Bytes) -> Result<(), Broken> {
        self.append(bytes).map_err(|code| {
            self.failed = Some(of_change(TEMPORARY, code));
            Broken
        })
    }

    fn append(&mut self, mut bytes: &[u8]) -> Result<(), ErrorCode> {
        while !bytes.is_empty() {
            let count = bytes.len().min(PIECE_BYTES_MAX);
            let written = self.file.write(&bytes[..count], self.bytes)?;
            if written == 0 {
                return Err(ErrorCode::Io);
            }
            self.bytes += written;
            self.unsynced += written;
            bytes = bytes.get(usize::try_from(written).unwrap_or(usize::MAX)..).unwrap_or_default();
        }
        if self.unsynced >= SYNCED_BYTES {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Gives the object the name that a Write asks for, in one step.
    pub fn commit(self, op: &Op) -> Reply {
        let Op::Write { key, create_only } = op else { return Reply::Mismatch };
        self.publish(key, *create_only)
    }

    /// What the store answers to a Write that failed on its way.
    pub fn failure(mut self) -> Reply {
        self.failed.take().unwrap_or(Reply::Mismatch)
    }

    pub(super) fn publish(mut self, key: &Key, create_only: bool) -> Reply {
        if let Some(failed) = self.failed.take() {
            return failed;
        }
        let name = key.to_string();
        match self.name_it(&name, create_only) {
            Ok(reply) => reply,
            Err(code) => of_change(&name, code),
        }
    }

    fn name_it(&self, name: &str, create_only: bool) -> Result<Reply, ErrorCode> {
        self.file.sync()?;
        let reply = if create_only {
            match self.directory.link(&self.name, name) {
                Ok(()) => Reply::Written { md5: None },
                Err(ErrorCode::Exist) => Reply::Exists,
                Err(code) => return Err(code),
            }
        } else {
            self.directory.rename(&self.name, name)?;
            Reply::Written { md5: None }
        };
        // Who is told that a name exists relies on it like its writer.
        self.directory.settle(parent(name))?;
        Ok(reply)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After a rename it is gone; what cannot be removed here is found by its age.
        let _ = self.directory.unlink(&self.name);
    }
}

/// One call of the world takes no more.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// How much is synced at once.
const SYNCED_BYTES: u64 = 8 << 20;
