//! The store in a directory, through its public door.

#[path = "files/disk.rs"]
mod disk;
#[path = "files/listing.rs"]
mod listing;
#[path = "files/ops.rs"]
mod ops;
#[path = "files/races.rs"]
mod races;
#[path = "files/syncs.rs"]
mod syncs;

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wharfinger::files::{Answer, Files, Settings};
use wharfinger_core::oci::{Digest, Repository, Tag};
use wharfinger_core::store::{Key, Listing, Op, Page, Part, Reply};
use wharfinger_core::upload::{Nonce, UploadId};

const WRITTEN: Reply = Reply::Written { md5: None };

/// A directory of its own for one test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wharfinger-files-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn open(&self) -> Files {
        open(&self.0)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whoever starts a program holds this, and so does who must not meet one that starts: until it runs, it has every file
/// open that this process has, and so keeps the room of those that are removed.
fn programs() -> MutexGuard<'static, ()> {
    static PROGRAMS: Mutex<()> = Mutex::new(());
    PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same row of numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
}

fn open(root: &Path) -> Files {
    Files::open(&Settings { root: root.to_owned(), sync: true }).unwrap()
}

fn repository(name: &str) -> Repository {
    Repository::parse(name).unwrap()
}

fn digest(number: u64) -> Digest {
    Digest::parse(&format!("sha256:{number:064x}")).unwrap()
}

fn blob(number: u64) -> Key {
    Key::Blob(digest(number))
}

fn link(name: &str, number: u64) -> Key {
    Key::Link(repository(name), digest(number))
}

fn tag(name: &str, tag: &str) -> Key {
    Key::Tag(repository(name), Tag::parse(tag).unwrap())
}

fn manifest(name: &str, number: u64) -> Key {
    Key::Manifest(repository(name), digest(number))
}

fn segment(upload: u8, number: u32) -> Key {
    Key::Segment { upload: UploadId::new([upload; 16]), number, nonce: Nonce::new([7; 8]) }
}

fn upload_folder(scratch: &Scratch, upload: u8) -> PathBuf {
    let path = scratch.path().join(segment(upload, 0).to_string());
    path.parent().unwrap().to_owned()
}

fn part(key: Key, size: usize) -> Part {
    Part { key, size: size as u64, skip: 0, md5: None }
}

fn join(key: Key, parts: &[Part]) -> Op {
    Op::Join { key, parts: parts.into() }
}

fn release(parts: &[Part]) -> Op {
    Op::Release { parts: parts.into() }
}

/// Writes an object with `create_only`, or over what is there.
fn write(files: &Files, key: &Key, bytes: &[u8], create_only: bool) -> Answer {
    let mut writer = match files.create() {
        Ok(writer) => writer,
        Err(answer) => return answer,
    };
    for chunk in bytes.chunks(64 << 10) {
        if let Err(answer) = writer.write(chunk) {
            return answer;
        }
    }
    writer.commit(key, create_only)
}

#[track_caller]
fn put(files: &Files, key: &Key, bytes: &[u8]) {
    let answer = write(files, key, bytes, false);
    assert_eq!(answer.reply, WRITTEN, "{key}: {:?}", answer.error);
}

/// The reply to an op that is not expected to fail for a reason worth logging.
#[track_caller]
fn reply(files: &Files, op: &Op) -> Reply {
    let answer = files.carry_out(op);
    assert!(answer.error.is_none(), "{op:?}: {:?}", answer.error);
    answer.reply
}

/// The bytes of an object; `None` if it is missing.
#[track_caller]
fn read(files: &Files, key: &Key) -> Option<Vec<u8>> {
    let answer = files.carry_out(&Op::Read { key: key.clone(), range: None, if_match: None });
    if answer.reply == Reply::Missing {
        return None;
    }
    let Reply::Found(found) = answer.reply else { panic!("{key}: {answer:?}") };
    let body = answer.body.unwrap();
    assert_eq!((body.offset, body.length), (0, found.size), "{key}");
    let mut bytes = vec![0; usize::try_from(body.length).unwrap()];
    body.file.read_exact_at(&mut bytes, 0).unwrap();
    Some(bytes)
}

#[track_caller]
fn page(files: &Files, listing: &Listing, after: &str, limit: u32) -> Page {
    let after = if after.is_empty() { None } else { Some(after.into()) };
    let reply = reply(files, &Op::List { listing: listing.clone(), after, limit });
    let Reply::Page(mut page) = reply else { panic!("{listing:?}: {reply:?}") };
    for row in &mut page.rows {
        let of_object = listing.cut(&row.name).is_none() && listing.delimiter() != Some('!');
        assert!(row.written.is_some_and(|at| at > 1_700_000_000) || !of_object, "{row:?}");
        row.written = None;
    }
    page
}

fn names(page: &Page) -> Vec<&str> {
    page.rows.iter().map(|row| &*row.name).collect()
}

/// Every file below a folder, by its path relative to it, sorted.
fn files_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
