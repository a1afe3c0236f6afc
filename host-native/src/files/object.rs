//! Read, Stat and Touch: what looks at one object.

use std::fs::File;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{self, Stat, Timespec, Timestamps, UTIME_NOW};
use wharfinger_core::oci::ByteRange;
use wharfinger_core::store::{Found, Key, Reply};

use super::answer::{Answer, Body};
use super::directory::{Directory, errno};

pub(super) fn read(directory: &Directory, key: &Key, range: Option<ByteRange>) -> Answer {
    let name = key.to_string();
    let (file, stat) = match directory.open_object(&name) {
        Ok(opened) => opened,
        Err(errno) => return Answer::of_lookup(&name, errno),
    };
    let found = found(&stat);
    let (offset, length) = match range {
        None => (0, found.size),
        Some(range) => match ByteRange::within(range.first(), range.last(), found.size) {
            Some(cut) => (cut.first(), cut.len()),
            None => (found.size, 0),
        },
    };
    Answer { reply: Reply::Found(found), body: Some(Body { file, offset, length }), error: None }
}

pub(super) fn stat(directory: &Directory, key: &Key) -> Answer {
    let name = key.to_string();
    match directory.stat_object(&name) {
        Ok(stat) => Reply::Found(found(&stat)).into(),
        Err(errno) => Answer::of_lookup(&name, errno),
    }
}

pub(super) fn touch(directory: &Directory, key: &Key) -> Answer {
    let name = key.to_string();
    let file = match directory.open_object(&name) {
        Ok((file, _)) => file,
        Err(errno) => return Answer::of_lookup(&name, errno),
    };
    let synced = |()| if directory.sync { file.sync_all().map_err(|error| errno(&error)) } else { Ok(()) };
    match make_young(&file).and_then(synced) {
        Ok(()) => Reply::Done.into(),
        Err(errno) => Answer::of_change(&name, errno),
    }
}

/// Sets the time from which the age counts to this moment.
pub(super) fn make_young(file: &File) -> rustix::io::Result<()> {
    // Both: that asks for the right to write the file, where one alone asks to be its owner.
    let this_moment = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    fs::futimens(file, &Timestamps { last_access: this_moment, last_modification: this_moment })
}

fn found(stat: &Stat) -> Found {
    let written = UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
    let age = SystemTime::now().duration_since(written).map_or(0, |age| age.as_secs());
    Found { size: u64::try_from(stat.st_size).unwrap_or(0), age, etag: None }
}
