//! Folders come and go: the first object in one creates it, the last one's removal may take it away, in any process.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::PoisonError;
use std::time::SystemTime;

use rustix::fs::{self, AtFlags, Mode};
use rustix::io::{Errno, Result};

use super::directory::{Directory, errno};

/// So often an object's folders are created again because somebody removed them in between.
const PLACE_TRIES_MAX: u32 = 100;

/// So many folders are remembered as settled; with more all are forgotten, which costs syncs and nothing else.
const SETTLED_FOLDERS_MAX: usize = 8192;

/// The folders of which it is known that they outlive a power cut, from the root down.
pub(super) type Settled = HashMap<Box<str>, Identity>;

/// Tells a folder from another one that came to its name later. The time of creation is part of it because file systems
/// use inode numbers again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    created: SystemTime,
}

impl Directory {
    /// Carries out `step`, which gives an object the name, and creates the folders on the way to it where they are
    /// missing.
    pub(super) fn place<T>(&self, name: &str, step: impl Fn() -> Result<T>) -> Result<T> {
        let mut outcome = step();
        for _ in 0..PLACE_TRIES_MAX {
            if !matches!(outcome, Err(Errno::NOENT)) {
                break;
            }
            self.create_folders(parent(name))?;
            outcome = step();
        }
        outcome
    }

    /// Makes what stands in `folder` outlive a power cut: the entries in it, and the way to it.
    ///
    /// Whether the way is safe does not follow from the folder being there: another process may have created it and not
    /// come to its sync. So every folder is synced into its parent once by every process that relies on it.
    pub(super) fn settle(&self, folder: &str) -> Result<()> {
        if !self.sync {
            return Ok(());
        }
        let mut young = Vec::new();
        let mut at = folder;
        loop {
            let file = match self.open_folder(at) {
                Ok(file) => file,
                // It can only go when all that stood in it is gone: nothing is left to be kept.
                Err(Errno::NOENT) => return Ok(()),
                Err(errno) => return Err(errno),
            };
            file.sync_all().map_err(|error| errno(&error))?;
            let identity = identity(&file);
            if at.is_empty() || (identity.is_some() && self.settled().get(at).copied() == identity) {
                break;
            }
            if let Some(identity) = identity {
                young.push((at.into(), identity));
            }
            at = parent(at);
        }
        if !young.is_empty() {
            let mut settled = self.settled();
            if settled.len() + young.len() > SETTLED_FOLDERS_MAX {
                settled.clear();
            }
            settled.extend(young);
        }
        Ok(())
    }

    /// Removes the folder of an object that is gone, and those above it, as long as they are empty; those that every
    /// store has stay.
    pub(super) fn remove_empty(&self, folder: &str) {
        let mut at = folder;
        while at.contains('/') && !at.starts_with("blobs/") {
            // A folder that holds something refuses to go: no look beforehand could be relied on.
            if fs::unlinkat(&self.root, at, AtFlags::REMOVEDIR).is_err() {
                break;
            }
            at = parent(at);
        }
    }

    fn create_folders(&self, folder: &str) -> Result<()> {
        let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
        for end in ends {
            match fs::mkdirat(&self.root, &folder[..end], Mode::RWXU | Mode::RWXG | Mode::RWXO) {
                // Where the one above it has just been removed, the next try creates all of them again.
                Ok(()) | Err(Errno::EXIST | Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn settled(&self) -> std::sync::MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folder of a name; `""` is the root.
pub(super) fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `None` where the file system does not say when a folder was created: it can then not be told from a later one.
fn identity(folder: &File) -> Option<Identity> {
    let about = folder.metadata().ok()?;
    Some(Identity { device: about.dev(), inode: about.ino(), created: about.created().ok()? })
}
