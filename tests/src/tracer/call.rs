use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use nix::libc::{self, c_long, user_regs_struct};
use nix::unistd::Pid;

use super::memory;
use crate::trace::{Entry, Kind};

/// So much of what goes to a client is looked at: the status line, bytes.
const STATUS_LINE_BYTES: usize = 64;

/// A system call that changes files, has them on the disk, or tells a client something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) kind: Kind,
    /// What it works on; of a rename or link, what it makes comes last. Of a reply, its first line.
    pub(super) paths: Vec<PathBuf>,
    /// The open file that it works on.
    descriptor: Option<u64>,
}

impl Call {
    /// The line of the log; `result` is `None` for what did not happen.
    pub(super) fn entry(&self, number: u32, thread: Pid, result: Option<i64>, forced: bool) -> Entry {
        let file = match (self.kind, result) {
            (Kind::Reply, _) | (_, None) => None,
            (_, Some(result)) if result < 0 && self.descriptor.is_none() => None,
            (Kind::Create, Some(descriptor)) => fs::metadata(format!("/proc/{thread}/fd/{descriptor}")).ok(),
            (_, Some(_)) => match self.descriptor {
                Some(descriptor) => fs::metadata(format!("/proc/{thread}/fd/{descriptor}")).ok(),
                None => self.paths.last().and_then(|path| fs::symlink_metadata(path).ok()),
            },
        };
        Entry {
            number,
            kind: self.kind,
            result,
            forced,
            file: file.map(|facts| (facts.dev(), facts.ino())),
            paths: self.paths.iter().map(|path| path.display().to_string()).collect(),
        }
    }
}

/// What a thread is about to do; `None` if that is nothing of interest.
pub(super) fn decode(thread: Pid, registers: &user_regs_struct) -> Option<Call> {
    let [a0, a1, a2, a3] = [registers.rdi, registers.rsi, registers.rdx, registers.r10];
    let here = libc::AT_FDCWD as u64;
    let one = |kind, folder, path| by_paths(thread, kind, &[(folder, path)]);
    let two = |kind, from, to| by_paths(thread, kind, &[from, to]);
    let open = |kind, descriptor| by_descriptor(thread, kind, descriptor);
    match c_long::try_from(registers.orig_rax).ok()? {
        libc::SYS_open if makes(a1) => one(Kind::Create, here, a0),
        libc::SYS_creat => one(Kind::Create, here, a0),
        libc::SYS_openat if makes(a2) => one(Kind::Create, a0, a1),
        libc::SYS_openat2 if makes(memory::word(thread, a2)?) => one(Kind::Create, a0, a1),
        libc::SYS_write | libc::SYS_sendto => written(thread, a0, a1, a2),
        libc::SYS_writev | libc::SYS_pwritev | libc::SYS_pwritev2 => first_written(thread, a0, a1),
        libc::SYS_sendmsg => first_written(thread, a0, memory::word(thread, a1 + 16)?),
        libc::SYS_pwrite64 | libc::SYS_sendfile => open(Kind::Write, a0),
        libc::SYS_splice | libc::SYS_copy_file_range => open(Kind::Write, a2),
        libc::SYS_ioctl if a1 == libc::FICLONE || a1 == libc::FICLONERANGE => open(Kind::Write, a0),
        libc::SYS_ftruncate | libc::SYS_fallocate => open(Kind::Truncate, a0),
        libc::SYS_truncate => one(Kind::Truncate, here, a0),
        libc::SYS_fsync | libc::SYS_fdatasync | libc::SYS_syncfs => open(Kind::Sync, a0),
        libc::SYS_rename => two(Kind::Rename, (here, a0), (here, a1)),
        libc::SYS_renameat | libc::SYS_renameat2 => two(Kind::Rename, (a0, a1), (a2, a3)),
        libc::SYS_link => two(Kind::Link, (here, a0), (here, a1)),
        libc::SYS_linkat => two(Kind::Link, (a0, a1), (a2, a3)),
        libc::SYS_symlink => one(Kind::Create, here, a1),
        libc::SYS_symlinkat => one(Kind::Create, a1, a2),
        libc::SYS_unlink => one(Kind::Unlink, here, a0),
        libc::SYS_unlinkat if a2 & libc::AT_REMOVEDIR as u64 == 0 => one(Kind::Unlink, a0, a1),
        libc::SYS_unlinkat => one(Kind::RemoveFolder, a0, a1),
        libc::SYS_rmdir => one(Kind::RemoveFolder, here, a0),
        libc::SYS_mkdir => one(Kind::MakeFolder, here, a0),
        libc::SYS_mkdirat => one(Kind::MakeFolder, a0, a1),
        libc::SYS_utimensat if a1 == 0 => open(Kind::Attributes, a0),
        libc::SYS_utimensat | libc::SYS_fchmodat | libc::SYS_fchownat => one(Kind::Attributes, a0, a1),
        libc::SYS_chmod | libc::SYS_chown | libc::SYS_lchown => one(Kind::Attributes, here, a0),
        libc::SYS_fchmod | libc::SYS_fchown => open(Kind::Attributes, a0),
        _ => None,
    }
}

/// Whether these flags of an open may make or empty a file.
fn makes(flags: u64) -> bool {
    flags & (libc::O_CREAT | libc::O_TRUNC) as u64 != 0
}

fn by_paths(thread: Pid, kind: Kind, arguments: &[(u64, u64)]) -> Option<Call> {
    let paths: Option<Vec<PathBuf>> =
        arguments.iter().map(|(folder, path)| resolve(thread, *folder, *path)).collect();
    Some(Call { kind, paths: paths?, descriptor: None })
}

fn by_descriptor(thread: Pid, kind: Kind, descriptor: u64) -> Option<Call> {
    Some(Call { kind, paths: vec![opened(thread, descriptor)?], descriptor: Some(descriptor) })
}

/// A write to a file, or a head to a client.
fn written(thread: Pid, descriptor: u64, address: u64, length: u64) -> Option<Call> {
    let path = opened(thread, descriptor)?;
    if !path.to_string_lossy().starts_with("socket:") {
        return Some(Call { kind: Kind::Write, paths: vec![path], descriptor: Some(descriptor) });
    }
    let length = usize::try_from(length).map_or(STATUS_LINE_BYTES, |length| length.min(STATUS_LINE_BYTES));
    let text = String::from_utf8_lossy(&memory::bytes(thread, address, length)?).into_owned();
    let line = text.lines().next().filter(|line| line.starts_with("HTTP/1."))?;
    Some(Call { kind: Kind::Reply, paths: vec![PathBuf::from(line)], descriptor: None })
}

/// The same for the first of several buffers.
fn first_written(thread: Pid, descriptor: u64, buffers: u64) -> Option<Call> {
    written(thread, descriptor, memory::word(thread, buffers)?, memory::word(thread, buffers + 8)?)
}

/// The path that an argument means, as far as names alone tell.
fn resolve(thread: Pid, folder: u64, path: u64) -> Option<PathBuf> {
    let path = memory::path(thread, path)?;
    if path.is_absolute() {
        return Some(plain(&path));
    }
    let folder = if folder as i32 == libc::AT_FDCWD {
        fs::read_link(format!("/proc/{thread}/cwd")).ok()?
    } else {
        opened(thread, folder)?
    };
    Some(plain(&folder.join(path)))
}

/// The path of an open file; the system marks those that are gone.
fn opened(thread: Pid, descriptor: u64) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/{thread}/fd/{}", descriptor as u32)).ok()?;
    let text = path.to_string_lossy();
    Some(text.strip_suffix(" (deleted)").map_or_else(|| path.clone(), PathBuf::from))
}

/// The path without `.` and without a slash at its end.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}
