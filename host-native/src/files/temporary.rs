use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::{Errno, Result};

use super::directory::{Directory, TEMPORARY};

/// A name in `tmp/` that is ours alone; it goes when this value does.
#[derive(Debug)]
pub(super) struct Temporary {
    pub(super) directory: Arc<Directory>,
    name: String,
    /// Whether the file has other names, so that renaming it may do nothing.
    linked: bool,
    gone: bool,
}

/// What became of an attempt to give an object its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It has the name.
    Written,
    /// Something stood there and was left alone.
    Exists,
}

impl Temporary {
    /// An empty file, open for writing.
    pub(super) fn create(directory: &Arc<Directory>) -> Result<(Self, File)> {
        let temporary = Self::reserve(directory, false);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
        let file = directory
            .place(&temporary.name, || fs::openat(&directory.root, &*temporary.name, flags, mode))?;
        Ok((temporary, file.into()))
    }

    /// One more name of an object. [`Errno::NOENT`] says that the object is gone.
    pub(super) fn link(directory: &Arc<Directory>, object: &str) -> Result<Self> {
        let temporary = Self::reserve(directory, true);
        let root = &directory.root;
        let link = || fs::linkat(root, object, root, &*temporary.name, AtFlags::empty());
        match link() {
            // Either of the two may be missing: the object, or the folder for temporary files.
            Err(Errno::NOENT) => {
                directory.stat_object(object)?;
                directory.place(&temporary.name, link)?;
            }
            outcome => outcome?,
        }
        Ok(temporary)
    }

    /// One more name of the file, to see whether it can have one.
    pub(super) fn link_again(&self) -> Result<Self> {
        Self::link(&self.directory, &self.name)
    }

    /// Gives the file the name, over whatever stood there.
    pub(super) fn rename(mut self, name: &str) -> Result<()> {
        let root = &self.directory.root;
        self.directory.place(name, || fs::renameat(root, &*self.name, root, name))?;
        self.gone = !self.linked;
        Ok(())
    }

    /// Gives the file the name if nothing has it.
    pub(super) fn rename_to_free(self, name: &str) -> Result<Placed> {
        let root = &self.directory.root;
        match self.directory.place(name, || fs::linkat(root, &*self.name, root, name, AtFlags::empty())) {
            Ok(()) => Ok(Placed::Written),
            Err(Errno::EXIST) => Ok(Placed::Exists),
            Err(errno) => Err(errno),
        }
    }

    fn reserve(directory: &Arc<Directory>, linked: bool) -> Self {
        let number = directory.temporaries.fetch_add(1, Ordering::Relaxed);
        let name = format!("{TEMPORARY}/{}-{number}", directory.owner);
        Self { directory: Arc::clone(directory), name, linked, gone: false }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.gone {
            // What cannot be removed here is found by its age when the store is opened again.
            let _ = self.directory.unlink(&self.name);
        }
    }
}
