//! Listings: core walks the folders, here they are read.

use std::ops::ControlFlow;

use rustix::io::{Errno, Result};
use wharfinger_core::store::{Folders, Kind, Listing, Reply, page_of_folders};

use super::answer::Answer;
use super::directory::Directory;

pub(super) fn list(directory: &Directory, listing: &Listing, after: Option<&str>, limit: u32) -> Answer {
    match page_of_folders(directory, listing, after, limit) {
        Ok(page) => Reply::Page(page).into(),
        Err(errno) => Answer::of_change(&listing.to_string(), errno),
    }
}

impl Folders for Directory {
    type Error = Errno;

    fn visit(&self, folder: &str, visitor: &mut dyn FnMut(&str, Kind) -> ControlFlow<()>) -> Result<()> {
        found(Directory::visit(self, folder, visitor))
    }

    fn look(&self, name: &str) -> Result<Option<(u64, Option<u64>)>> {
        match self.stat_object(name) {
            Ok(stat) => {
                let written = u64::try_from(stat.st_mtime).ok();
                Ok(Some((u64::try_from(stat.st_size).unwrap_or(0), written)))
            }
            Err(errno) => found(Err(errno)).map(|()| None),
        }
    }
}

/// What is not there, or no longer, is nothing to list.
fn found(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | super::answer::NOT_REGULAR) => Ok(()),
        outcome => outcome,
    }
}
