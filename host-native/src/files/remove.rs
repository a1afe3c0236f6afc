//! Remove and Release: what takes names away.

use std::collections::BTreeSet;
use std::io;

use rustix::io::{Errno, Result};
use wharfinger_core::store::{Key, Part, Reply};

use super::answer::Answer;
use super::directory::{Directory, errno};
use super::folders::parent;

pub(super) fn remove(directory: &Directory, key: &Key) -> Answer {
    let name = key.to_string();
    let removed = directory.unlink(&name);
    if let Err(errno) = removed
        && errno != Errno::NOENT
    {
        return Answer::of_lookup(&name, errno);
    }
    let folder = parent(&name);
    // Also where it is gone already: who removed it may have failed to have that on the disk, and be the one who asks again.
    let synced = sync_removal(directory, folder);
    if removed.is_ok() {
        directory.remove_empty(folder);
    }
    match (synced, removed) {
        (Err(errno), _) => Answer::of_change(&name, errno),
        (Ok(()), Ok(())) => Reply::Done.into(),
        (Ok(()), Err(errno)) => Answer::of_lookup(&name, errno),
    }
}

/// Nothing is synced: a part that comes back after a power cut is one that prune finds.
pub(super) fn release(directory: &Directory, parts: &[Part]) -> Answer {
    let mut error: Option<io::Error> = None;
    let mut folders = BTreeSet::new();
    for part in parts {
        let name = part.key.to_string();
        match directory.unlink(&name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => error = Answer::of_change(&name, errno).error,
        }
        folders.insert(parent(&name).to_owned());
    }
    for folder in folders {
        directory.remove_empty(&folder);
    }
    Answer { reply: Reply::Done, body: None, error }
}

fn sync_removal(directory: &Directory, folder: &str) -> Result<()> {
    if !directory.sync {
        return Ok(());
    }
    let mut at = folder;
    loop {
        match directory.open_folder(at) {
            Ok(folder) => return folder.sync_all().map_err(|error| errno(&error)),
            // Somebody removed the empty folder, and with it what may still be on the disk of our name.
            Err(Errno::NOENT) if !at.is_empty() => at = parent(at),
            Err(errno) => return Err(errno),
        }
    }
}
