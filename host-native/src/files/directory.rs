use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RawDir, Stat};
use rustix::io::{Errno, Result};

use wharfinger_core::store::{Kind, Reply};

use super::answer::{Answer, NOT_REGULAR};
use super::folders::Settled;

/// Where files stand until they get their name.
pub(super) const TEMPORARY: &str = "tmp";

/// Room for the entries of a folder that one system call reads, in bytes.
const ENTRIES_BYTES: usize = 32 << 10;

/// The directory of a store. Names are relative to it; it is held open, so that a disk which is mounted over it or taken
/// from it later never gets half of the objects.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) root: OwnedFd,
    pub(super) sync: bool,
    /// Tells the temporary files of this process from all others'.
    pub(super) owner: String,
    pub(super) temporaries: AtomicU64,
    pub(super) settled: Mutex<Settled>,
}

impl Directory {
    /// Opens a regular file for reading. Never waits, whatever odd thing stands at the name.
    pub(super) fn open_object(&self, name: &str) -> Result<(File, Stat)> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = fs::openat(&self.root, name, flags, Mode::empty())?;
        let stat = regular(fs::fstat(&file)?)?;
        Ok((file.into(), stat))
    }

    pub(super) fn stat_object(&self, name: &str) -> Result<Stat> {
        regular(fs::statat(&self.root, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// The answer, unless it only says that nothing is there because the whole directory is not.
    ///
    /// One that is made at its path later is not taken for it: where a copy is being put back, what has not arrived yet
    /// would count as lost.
    pub(super) fn unless_removed(&self, answer: Answer) -> Answer {
        let absent = match &answer.reply {
            Reply::Missing | Reply::Unavailable { .. } => true,
            Reply::Page(page) => page.rows.is_empty(),
            Reply::Found(_)
            | Reply::Written { .. }
            | Reply::Exists
            | Reply::Done
            | Reply::Damaged
            | Reply::Mismatch
            | Reply::Full
            | Reply::Refused => false,
        };
        if absent && self.is_removed() { Answer::of_removed_directory() } else { answer }
    }

    /// A folder has no link left when it is removed.
    fn is_removed(&self) -> bool {
        fs::fstat(&self.root).is_ok_and(|stat| stat.st_nlink == 0)
    }

    /// Opens a folder; `""` is the root.
    pub(super) fn open_folder(&self, name: &str) -> Result<File> {
        let name = if name.is_empty() { "." } else { name };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        fs::openat(&self.root, name, flags, Mode::empty()).map(File::from)
    }

    pub(super) fn unlink(&self, name: &str) -> Result<()> {
        fs::unlinkat(&self.root, name, AtFlags::empty())
    }

    /// Visits what stands in a folder, in no order, until told to stop. Leaves out what can be no part of an object's
    /// name: hidden files, other bytes than printable ASCII, things that are neither folder nor regular file.
    ///
    /// What is renamed meanwhile may be visited twice.
    pub(super) fn visit(
        &self,
        folder: &str,
        mut visitor: impl FnMut(&str, Kind) -> ControlFlow<()>,
    ) -> Result<()> {
        let folder = self.open_folder(folder)?;
        let mut room: Vec<u8> = Vec::with_capacity(ENTRIES_BYTES);
        let mut entries = RawDir::new(&folder, room.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(name) = part_of_name(entry.file_name().to_bytes()) else { continue };
            let kind = match entry.file_type() {
                FileType::Directory => Kind::Folder,
                FileType::RegularFile => Kind::Object,
                FileType::Unknown => match kind_by_stat(&folder, name)? {
                    Some(kind) => kind,
                    None => continue,
                },
                FileType::Symlink
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice => continue,
            };
            if visitor(name, kind).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The failure of a std call, in the form that system calls have here.
pub(super) fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

fn regular(stat: Stat) -> Result<Stat> {
    if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile { Ok(stat) } else { Err(NOT_REGULAR) }
}

/// Some file systems do not say in a listing what stands at a name.
fn kind_by_stat(folder: &File, name: &str) -> Result<Option<Kind>> {
    let mode = match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat.st_mode,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    Ok(match FileType::from_raw_mode(mode) {
        FileType::Directory => Some(Kind::Folder),
        FileType::RegularFile => Some(Kind::Object),
        FileType::Unknown
        | FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice => None,
    })
}

fn part_of_name(bytes: &[u8]) -> Option<&str> {
    let fits = bytes.first().is_some_and(|first| *first != b'.') && bytes.iter().all(u8::is_ascii_graphic);
    if fits { str::from_utf8(bytes).ok() } else { None }
}
