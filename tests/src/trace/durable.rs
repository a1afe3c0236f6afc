use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::path::Path;

use super::{Entry, Kind};

/// Something that a power cut could take away from who was told that it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A file got its name before its bytes were on the disk, or after having them there had failed.
    Unsynced {
        /// The name.
        path: String,
    },
    /// A success was told while this name, or its removal, was not on the disk.
    ToldEarly {
        /// The name.
        path: String,
        /// What was told.
        reply: String,
    },
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsynced { path } => write!(f, "{path} got its name before its bytes were on the disk"),
            Self::ToldEarly { path, reply } => {
                write!(f, "`{reply}` was told before its folder was on the disk with (or without) {path}")
            }
        }
    }
}

/// The state of a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bytes {
    Safe,
    Dirty,
    /// A sync failed: the system may have dropped the bytes, and have the next sync succeed.
    Lost,
}

/// What nobody is promised.
#[derive(Clone, Copy, Debug)]
pub struct Unpromised<'a> {
    /// Folders whose names may be lost. That is no licence for other names of the same files.
    pub names: &'a [&'a Path],
    /// Folders in which names that were removed may come back.
    pub removals: &'a [&'a Path],
}

/// Follows the calls of a program and tells what it promised too early.
pub fn faults(entries: &[Entry], unpromised: Unpromised<'_>) -> Vec<Fault> {
    let mut disk = Disk { unpromised, files: BTreeMap::new(), waiting: BTreeMap::new(), faults: Vec::new() };
    for entry in entries {
        disk.follow(entry);
    }
    disk.faults
}

struct Disk<'a> {
    unpromised: Unpromised<'a>,
    files: BTreeMap<(u64, u64), Bytes>,
    /// The names that a folder on the disk does not know yet, or not know to be gone.
    waiting: BTreeMap<String, BTreeSet<String>>,
    faults: Vec<Fault>,
}

impl Disk<'_> {
    fn follow(&mut self, entry: &Entry) {
        if entry.kind == Kind::Sync {
            return self.sync(entry);
        }
        if !entry.is_done() {
            return;
        }
        match entry.kind {
            Kind::Create => {
                self.dirty(entry);
                self.expect(entry.path());
            }
            Kind::Write | Kind::Truncate => self.dirty(entry),
            Kind::Rename | Kind::Link => {
                let safe = entry
                    .file
                    .and_then(|file| self.files.get(&file))
                    .is_none_or(|bytes| *bytes == Bytes::Safe);
                if !safe && !lies_in(entry.path(), self.unpromised.names) {
                    self.faults.push(Fault::Unsynced { path: entry.path().to_owned() });
                }
                self.expect(entry.path());
            }
            Kind::MakeFolder => {
                // File systems use the numbers of files that are gone again.
                entry.file.map(|file| self.files.remove(&file));
                self.expect(entry.path());
            }
            Kind::Unlink if lies_in(entry.path(), self.unpromised.removals) => self.forget(entry.path()),
            Kind::Unlink => self.expect(entry.path()),
            // An empty folder that comes back holds nothing; one that is gone needs no sync of its own.
            Kind::RemoveFolder => {
                self.waiting.remove(entry.path());
                self.forget(entry.path());
            }
            Kind::Reply => self.reply(entry.path()),
            Kind::Attributes | Kind::Sync => {}
        }
    }

    fn dirty(&mut self, entry: &Entry) {
        let Some(file) = entry.file else { return };
        let bytes = self.files.entry(file).or_insert(Bytes::Dirty);
        // A new file may get the number of one that is gone.
        if *bytes != Bytes::Lost || entry.kind == Kind::Create {
            *bytes = Bytes::Dirty;
        }
    }

    fn sync(&mut self, entry: &Entry) {
        if let Some(bytes) = entry.file.and_then(|file| self.files.get_mut(&file)) {
            *bytes = match (entry.is_done(), *bytes) {
                (true, Bytes::Dirty | Bytes::Safe) => Bytes::Safe,
                (true, Bytes::Lost) | (false, _) => Bytes::Lost,
            };
        } else if entry.is_done() {
            self.waiting.remove(entry.path());
        }
    }

    fn reply(&mut self, line: &str) {
        let success = line.split_whitespace().nth(1).is_some_and(|status| status.starts_with('2'));
        if success {
            for path in self.waiting.values().flatten() {
                self.faults.push(Fault::ToldEarly { path: path.clone(), reply: line.to_owned() });
            }
        }
    }

    fn expect(&mut self, path: &str) {
        if !lies_in(path, self.unpromised.names) {
            self.waiting.entry(folder(path)).or_default().insert(path.to_owned());
        }
    }

    fn forget(&mut self, path: &str) {
        if let Some(names) = self.waiting.get_mut(&folder(path)) {
            names.remove(path);
        }
    }
}

fn lies_in(path: &str, folders: &[&Path]) -> bool {
    folders.iter().any(|folder| Path::new(path).starts_with(folder))
}

fn folder(path: &str) -> String {
    Path::new(path).parent().map_or(String::new(), |folder| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, result: i64, inode: u64, paths: &[&str]) -> Entry {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        Entry { number: 1, kind, result: Some(result), forced: false, file: Some((1, inode)), paths }
    }

    /// A file that is written, synced, named, and told of.
    fn sound() -> Vec<Entry> {
        vec![
            entry(Kind::Create, 3, 9, &["/d/tmp/1"]),
            entry(Kind::Write, 5, 9, &["/d/tmp/1"]),
            entry(Kind::Sync, 0, 9, &["/d/tmp/1"]),
            entry(Kind::MakeFolder, 0, 10, &["/d/blobs"]),
            entry(Kind::Rename, 0, 9, &["/d/tmp/1", "/d/blobs/1"]),
            entry(Kind::Sync, 0, 10, &["/d/blobs"]),
            entry(Kind::Sync, 0, 11, &["/d"]),
            entry(Kind::Reply, 0, 0, &["HTTP/1.1 201 Created"]),
        ]
    }

    fn found(entries: &[Entry]) -> Vec<Fault> {
        faults(entries, Unpromised { names: &[Path::new("/d/tmp")], removals: &[Path::new("/d/parts")] })
    }

    #[test]
    fn each_sync_is_needed() {
        assert_eq!(found(&sound()), []);
        for (left_out, path) in [(2, "/d/blobs/1"), (5, "/d/blobs/1"), (6, "/d/blobs")] {
            let mut entries = sound();
            entries.remove(left_out);
            let [Fault::Unsynced { path: found } | Fault::ToldEarly { path: found, .. }] =
                &found(&entries)[..]
            else {
                panic!("{left_out}: {:?}", found(&entries));
            };
            assert_eq!(found, path);
        }
    }

    #[test]
    fn a_sync_comes_after_what_it_is_for() {
        for (early, late) in [(1, 2), (4, 5), (5, 7), (3, 6)] {
            let mut entries = sound();
            let call = entries.remove(late);
            entries.insert(early, call);
            assert!(!found(&entries).is_empty(), "{late} before {early}");
        }
    }

    #[test]
    fn a_second_sync_after_a_failed_one_proves_nothing() {
        let mut entries = sound();
        entries.insert(2, entry(Kind::Sync, -5, 9, &["/d/tmp/1"]));
        assert_eq!(found(&entries), [Fault::Unsynced { path: "/d/blobs/1".to_owned() }]);
    }

    #[test]
    fn a_removal_is_on_the_disk_too_unless_it_need_not_be() {
        let mut entries = sound();
        entries.insert(7, entry(Kind::Unlink, 0, 0, &["/d/parts/1"]));
        assert_eq!(found(&entries), []);
        entries.insert(7, entry(Kind::Unlink, 0, 0, &["/d/links/1"]));
        assert_eq!(found(&entries).len(), 1);
        entries.insert(8, entry(Kind::Sync, 0, 12, &["/d/links"]));
        assert_eq!(found(&entries), []);
    }

    #[test]
    fn a_refusal_promises_nothing() {
        let mut entries = sound();
        entries.remove(5);
        entries.last_mut().expect("a reply").paths = vec!["HTTP/1.1 503 Service Unavailable".to_owned()];
        assert_eq!(found(&entries), []);
    }
}
