use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasip2::random::random::get_random_u64;

use super::error::NOT_REGULAR;

/// Where files stand until they get their name.
pub(super) const TEMPORARY: &str = "tmp";

/// The directory of a store. Names are relative to it.
#[derive(Debug)]
pub struct Directory {
    root: Descriptor,
    /// Tells the temporary files of this instance from all others'.
    owner: String,
    temporaries: Cell<u64>,
    /// Folders of which it is known that they outlive a power cut.
    settled: RefCell<BTreeSet<Box<str>>>,
}

/// What is known of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stat {
    pub size: u64,
    /// When it was written or touched, in seconds since 1970.
    pub written: u64,
}

impl Directory {
    pub fn open(root: &str) -> Result<Self, String> {
        let known = get_directories();
        let names: Vec<&str> = known.iter().map(|(_, name)| name.as_str()).collect();
        let advice = format!(
            "the component was not given the directory {root}: run it with `--dir FOLDER::{root}` (it was given {names:?})"
        );
        let (root, _) = known.into_iter().find(|(_, name)| name == root).ok_or(advice)?;
        Ok(Self {
            root,
            owner: format!("wasi-{:016x}", get_random_u64()),
            temporaries: Cell::new(0),
            settled: RefCell::default(),
        })
    }

    /// A name in `tmp/` that nobody has.
    pub fn temporary(&self) -> String {
        let number = self.temporaries.get();
        self.temporaries.set(number + 1);
        format!("{TEMPORARY}/{}-{number}", self.owner)
    }

    /// Opens a regular file for reading.
    pub fn open_object(&self, name: &str) -> Result<(Descriptor, Stat), ErrorCode> {
        // A socket or a pipe must not be opened: that may wait for ever.
        self.stat_object(name)?;
        let file = self.root.open_at(PathFlags::empty(), name, OpenFlags::empty(), DescriptorFlags::READ)?;
        let stat = regular(&file.stat()?)?;
        Ok((file, stat))
    }

    pub fn stat_object(&self, name: &str) -> Result<Stat, ErrorCode> {
        regular(&self.root.stat_at(PathFlags::empty(), name)?)
    }

    /// Opens a folder; `""` is the root.
    pub fn open_folder(&self, name: &str) -> Result<Descriptor, ErrorCode> {
        let name = if name.is_empty() { "." } else { name };
        self.root.open_at(
            PathFlags::empty(),
            name.trim_end_matches('/'),
            OpenFlags::DIRECTORY,
            DescriptorFlags::READ,
        )
    }

    /// A new empty file.
    pub fn create(&self, name: &str) -> Result<Descriptor, ErrorCode> {
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        self.place(name, || self.root.open_at(PathFlags::empty(), name, flags, DescriptorFlags::WRITE))
    }

    pub fn link(&self, from: &str, to: &str) -> Result<(), ErrorCode> {
        self.place(to, || self.root.link_at(PathFlags::empty(), from, &self.root, to))
    }

    pub fn rename(&self, from: &str, to: &str) -> Result<(), ErrorCode> {
        self.place(to, || self.root.rename_at(from, &self.root, to))
    }

    pub fn unlink(&self, name: &str) -> Result<(), ErrorCode> {
        self.root.unlink_file_at(name)
    }

    /// Carries out `step`, which gives an object the name, and creates the folders on the way to it where they are missing.
    fn place<T>(&self, name: &str, step: impl Fn() -> Result<T, ErrorCode>) -> Result<T, ErrorCode> {
        let mut outcome = step();
        for _ in 0..PLACE_TRIES_MAX {
            if !matches!(outcome, Err(ErrorCode::NoEntry)) {
                break;
            }
            self.create_folders(parent(name))?;
            outcome = step();
        }
        outcome
    }

    fn create_folders(&self, folder: &str) -> Result<(), ErrorCode> {
        let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
        for end in ends {
            match self.root.create_directory_at(&folder[..end]) {
                // Where the one above it has just been removed, the next try creates all of them again.
                Ok(()) | Err(ErrorCode::Exist | ErrorCode::NoEntry) => {}
                Err(code) => return Err(code),
            }
        }
        Ok(())
    }

    /// Makes what stands in `folder` outlive a power cut: the entries in it, and the way to it. Every folder is synced into
    /// its parent once by every instance that relies on it: another one may have created it and not come to its sync. A
    /// folder that was removed and created again is a new one, so those that empty ones are removed from are always synced.
    pub fn settle(&self, folder: &str) -> Result<(), ErrorCode> {
        let mut young = Vec::new();
        let mut at = folder;
        loop {
            let file = match self.open_folder(at) {
                Ok(file) => file,
                // It can only go when all that stood in it is gone: nothing is left to be kept.
                Err(ErrorCode::NoEntry) => return Ok(()),
                Err(code) => return Err(code),
            };
            file.sync()?;
            if at.is_empty() || self.settled.borrow().contains(at) {
                break;
            }
            if stays(at) {
                young.push(at.into());
            }
            at = parent(at);
        }
        self.settled.borrow_mut().extend(young);
        Ok(())
    }

    /// Makes the removal of a name from `folder` outlive a power cut.
    pub fn sync_removal(&self, folder: &str) -> Result<(), ErrorCode> {
        let mut at = folder;
        loop {
            match self.open_folder(at) {
                Ok(folder) => return folder.sync(),
                // Somebody removed the empty folder, and with it what may still be on the disk of our name.
                Err(ErrorCode::NoEntry) if !at.is_empty() => at = parent(at),
                Err(code) => return Err(code),
            }
        }
    }

    /// Removes the folder of an object that is gone, and those above it, as long as they are empty; those that every store
    /// has stay.
    pub fn remove_empty(&self, folder: &str) {
        let mut at = folder;
        while !stays(at) {
            // A folder that holds something refuses to go: no look beforehand could be relied on.
            if self.root.remove_directory_at(at).is_err() {
                break;
            }
            at = parent(at);
        }
    }
}

/// The folder of a name; `""` is the root.
pub(super) fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Sets the time from which the age counts to this moment.
pub(super) fn make_young(file: &Descriptor) -> Result<(), ErrorCode> {
    file.set_times(NewTimestamp::Now, NewTimestamp::Now)
}

/// Whether a folder is never removed.
fn stays(folder: &str) -> bool {
    !folder.contains('/') || folder.starts_with("blobs/")
}

fn regular(stat: &DescriptorStat) -> Result<Stat, ErrorCode> {
    match stat.type_ {
        DescriptorType::RegularFile => Ok(Stat {
            size: stat.size,
            written: stat.data_modification_timestamp.map_or(0, |time| time.seconds),
        }),
        DescriptorType::SymbolicLink => Err(ErrorCode::Loop),
        DescriptorType::Directory => Err(ErrorCode::IsDirectory),
        DescriptorType::Unknown
        | DescriptorType::BlockDevice
        | DescriptorType::CharacterDevice
        | DescriptorType::Fifo
        | DescriptorType::Socket => Err(NOT_REGULAR),
    }
}

/// So often an object's folders are created again because somebody removed them in between.
const PLACE_TRIES_MAX: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_every_store_stay() {
        for (folder, stay) in
            [("blobs/sha256/ab", true), ("tmp", true), ("tags/a!", false), ("links/a/b!/sha256", false)]
        {
            assert_eq!(stays(folder), stay, "{folder}");
        }
        assert_eq!(parent("a/b/c"), "a/b");
        assert_eq!(parent("a"), "");
    }
}
