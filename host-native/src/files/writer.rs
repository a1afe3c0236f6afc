use std::fs::File;
use std::io::{self, Write as _};

use wharfinger_core::store::{Key, Reply};

use super::answer::Answer;
use super::directory::{TEMPORARY, errno};
use super::folders::parent;
use super::temporary::{Placed, Temporary};

/// An object on its way in. Nobody sees it before [`Writer::commit`]; one that is dropped was never there.
#[derive(Debug)]
pub struct Writer {
    temporary: Temporary,
    pub(super) file: File,
    broken: bool,
}

impl Writer {
    pub(super) fn new((temporary, file): (Temporary, File)) -> Self {
        Self { temporary, file, broken: false }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// What the store answers to the Write: Full, Refused or Unavailable. Nothing can be committed any more.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Answer> {
        let outcome = self.file.write_all(bytes);
        outcome.map_err(|error| self.fail(&error))
    }

    /// Gives the object its name in one step, over whatever stood there, or with `create_only` only where nothing does.
    /// Answers Written or Exists; Full, Refused or Unavailable if it failed. After Unavailable it may be there or not,
    /// but whole.
    pub fn commit(self, key: &Key, create_only: bool) -> Answer {
        let name = key.to_string();
        if self.broken {
            return Reply::Mismatch.into();
        }
        match self.publish(&name, create_only) {
            Ok(Placed::Written) => Reply::Written { md5: None }.into(),
            Ok(Placed::Exists) => Reply::Exists.into(),
            Err(errno) => Answer::of_change(&name, errno),
        }
    }

    fn publish(self, name: &str, create_only: bool) -> rustix::io::Result<Placed> {
        let Self { temporary, file, broken: _ } = self;
        let directory = std::sync::Arc::clone(&temporary.directory);
        if directory.sync {
            file.sync_all().map_err(|error| errno(&error))?;
        }
        let placed = if create_only {
            temporary.rename_to_free(name)?
        } else {
            temporary.rename(name)?;
            Placed::Written
        };
        // Who is told that a name exists relies on it like its writer.
        directory.settle(parent(name))?;
        Ok(placed)
    }

    pub(super) fn fail(&mut self, error: &io::Error) -> Answer {
        self.broken = true;
        Answer::of_change(TEMPORARY, errno(error))
    }
}
