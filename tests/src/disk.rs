//! A disk that can be full or read-only.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in memory, mounted over a directory until dropped. Its size and its being writable can be changed.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts a file system of `size_mib` MiB over the existing directory `path`.
    ///
    /// # Panics
    /// When the mount is not permitted: these tests must run as root.
    pub fn mount(path: &Path, size_mib: u32) -> Self {
        let options = format!("size={size_mib}m");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs", &path.display().to_string()]);
        Self { path: path.to_owned() }
    }

    /// Gives it another size.
    pub fn resize(&self, size_mib: u32) {
        self.remount(&format!("size={size_mib}m"));
    }

    /// Makes it read-only.
    pub fn forbid_writing(&self) {
        self.remount("ro");
    }

    /// Makes it writable again.
    pub fn permit_writing(&self) {
        self.remount("rw");
    }

    /// Bytes in use.
    ///
    /// # Panics
    /// When the file system cannot be asked.
    pub fn used_bytes(&self) -> u64 {
        let facts = rustix::fs::statvfs(&self.path).expect("a mounted file system can be asked for its size");
        (facts.f_blocks - facts.f_bfree) * facts.f_frsize
    }

    fn remount(&self, option: &str) {
        mount(&["-o", &format!("remount,{option}"), &self.path.display().to_string()]);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let done = Command::new("umount").arg("-l").arg(&self.path).status();
        if !done.is_ok_and(|status| status.success()) {
            eprintln!("still mounted: {}", self.path.display());
        }
    }
}

fn mount(arguments: &[&str]) {
    let out = Command::new("mount").args(arguments).output().expect("`mount` must be installed");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "mount {arguments:?}: {said}; run this test as root");
}
