//! What a traced program did to a directory, call by call.

mod durable;

pub use durable::{Fault, Unpromised, faults};

use std::fmt::{self, Display};
use std::fs;
use std::io;
use std::path::Path;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Makes a file, or empties one.
    Create,
    /// Writes to a file, or copies into one.
    Write,
    /// Gives a file another length.
    Truncate,
    /// Has a file or folder on the disk.
    Sync,
    /// Gives a file another name.
    Rename,
    /// Gives a file one more name.
    Link,
    /// Takes a name away.
    Unlink,
    /// Makes a folder.
    MakeFolder,
    /// Removes a folder.
    RemoveFolder,
    /// Changes the times, the owner or the rights.
    Attributes,
    /// Sends the head of a reply to a client.
    Reply,
}

const WORDS: [(Kind, &str); 11] = [
    (Kind::Create, "create"),
    (Kind::Write, "write"),
    (Kind::Truncate, "truncate"),
    (Kind::Sync, "sync"),
    (Kind::Rename, "rename"),
    (Kind::Link, "link"),
    (Kind::Unlink, "unlink"),
    (Kind::MakeFolder, "mkdir"),
    (Kind::RemoveFolder, "rmdir"),
    (Kind::Attributes, "attributes"),
    (Kind::Reply, "reply"),
];

impl Kind {
    /// Its name in a log and in an order.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// The kind of that name.
    pub fn of_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number since the last order, from 1.
    pub number: u32,
    /// What it does.
    pub kind: Kind,
    /// What it answered: negative for an error of the system; `None` if the program was killed before it.
    pub result: Option<i64>,
    /// Whether it was killed at, or made to fail.
    pub forced: bool,
    /// The device and inode number of the file that it made or worked on.
    pub file: Option<(u64, u64)>,
    /// What it works on; of a rename or link, what it makes comes last. Of a reply, its first line.
    pub paths: Vec<String>,
}

impl Entry {
    /// Whether it was carried out.
    pub fn is_done(&self) -> bool {
        self.result.is_some_and(|result| result >= 0)
    }

    /// The last path.
    pub fn path(&self) -> &str {
        self.paths.last().map_or("", String::as_str)
    }
}

impl Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = self.result.map_or("-".to_owned(), |result| result.to_string());
        let file = self.file.map_or("-".to_owned(), |(device, inode)| format!("{device}:{inode}"));
        let forced = if self.forced { "forced" } else { "free" };
        let kind = self.kind.word();
        write!(f, "{}\t{kind}\t{result}\t{forced}\t{file}\t{}", self.number, self.paths.join("\t"))
    }
}

/// The calls in a log.
///
/// # Errors
/// It cannot be read, or is no log.
pub fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let text = fs::read_to_string(path)?;
    text.lines()
        .map(|line| parse(line).ok_or_else(|| io::Error::other(format!("no entry: {line}"))))
        .collect()
}

/// The reverse of the `Display` of an entry.
fn parse(line: &str) -> Option<Entry> {
    let mut words = line.split('\t');
    let number = words.next()?.parse().ok()?;
    let kind = Kind::of_word(words.next()?)?;
    let result = match words.next()? {
        "-" => None,
        result => Some(result.parse().ok()?),
    };
    let forced = words.next()? == "forced";
    let file = match words.next()? {
        "-" => None,
        file => {
            let (device, inode) = file.split_once(':')?;
            Some((device.parse().ok()?, inode.parse().ok()?))
        }
    };
    Some(Entry { number, kind, result, forced, file, paths: words.map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_are_written() {
        let mut entry = Entry {
            number: 3,
            kind: Kind::Rename,
            result: Some(-5),
            forced: true,
            file: Some((7, 8)),
            paths: vec!["/a b".to_owned(), "/c".to_owned()],
        };
        assert_eq!(parse(&entry.to_string()), Some(entry.clone()));
        (entry.result, entry.file, entry.forced) = (None, None, false);
        assert_eq!(parse(&entry.to_string()), Some(entry));
        assert_eq!(parse("nothing"), None);
    }
}
