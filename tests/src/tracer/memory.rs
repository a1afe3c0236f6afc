use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use nix::unistd::Pid;

/// Longer paths are no paths, in bytes.
const PATH_BYTES_MAX: usize = 4096;

/// What stands in the memory of a stopped thread, up to `length` bytes.
pub(super) fn bytes(thread: Pid, address: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    let memory = File::open(format!("/proc/{thread}/mem")).ok()?;
    let read = memory.read_at(&mut bytes, address).ok()?;
    bytes.truncate(read);
    Some(bytes)
}

/// A number of eight bytes.
pub(super) fn word(thread: Pid, address: u64) -> Option<u64> {
    let bytes = bytes(thread, address, 8)?;
    bytes.try_into().ok().map(u64::from_ne_bytes)
}

/// A path that ends with a zero.
pub(super) fn path(thread: Pid, address: u64) -> Option<PathBuf> {
    let mut text = Vec::new();
    // Not all at once: behind a short path may be no memory.
    while text.len() < PATH_BYTES_MAX {
        let piece = bytes(thread, address + text.len() as u64, 64)?;
        let end = piece.iter().position(|byte| *byte == 0);
        text.extend_from_slice(&piece[..end.unwrap_or(piece.len())]);
        if end.is_some() {
            return Some(PathBuf::from(OsString::from_vec(text)));
        }
        if piece.is_empty() {
            break;
        }
    }
    None
}
