//! Listings in the order of a store that knows no folders.

use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use rustix::io::{Errno, Result};
use wharfinger_core::store::{Listing, Page, Reply, Row};

use super::answer::Answer;
use super::directory::{Directory, Kind, TEMPORARY};
use super::folders::parent;

pub(super) fn list(directory: &Directory, listing: &Listing, after: Option<&str>, limit: u32) -> Answer {
    let prefix = listing.to_string();
    // No object stands there, and the way might lead out of the directory.
    if folder(&prefix).split_terminator('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return Reply::Page(Page { rows: Vec::new(), more: false }).into();
    }
    let stem = &prefix[folder(&prefix).len()..];
    let walk = Walk {
        directory,
        prefix: folder(&prefix),
        stem,
        listing,
        after: after.map_or(Box::default(), |after| format!("{stem}{after}").into()),
        // One more tells whether there are more.
        names_max: usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1),
        levels: Vec::new(),
    };
    match page(walk, limit) {
        Ok(page) => Reply::Page(page).into(),
        Err(errno) => Answer::of_change(&prefix, errno),
    }
}

fn page(mut walk: Walk<'_>, limit: u32) -> Result<Page> {
    walk.enter(String::new(), None)?;
    let mut rows = Vec::new();
    while let Some(row) = walk.next()? {
        if u32::try_from(rows.len()).is_ok_and(|count| count >= limit) {
            return Ok(Page { rows, more: true });
        }
        rows.push(Row { name: row.name[walk.stem.len()..].into(), ..row });
    }
    Ok(Page { rows, more: false })
}

/// The part of a prefix that ends with its last `/`.
fn folder(prefix: &str) -> &str {
    match parent(prefix) {
        "" if prefix.starts_with('/') => "/",
        "" => "",
        above => &prefix[..=above.len()],
    }
}

/// What stands beside the objects of a store and is none.
fn is_beside(name: &str) -> bool {
    name.strip_prefix(TEMPORARY) == Some("/") || name.starts_with(crate::secret::FILE_NAME)
}

/// A way through the folders of a listing, one sorted folder per level.
struct Walk<'a> {
    directory: &'a Directory,
    /// The folder of the listing; it ends in `/`, or is empty.
    prefix: &'a str,
    /// How names in that folder begin.
    stem: &'a str,
    listing: &'a Listing,
    /// The last row; all others come above it. It also takes out what a folder shows twice because it was renamed while
    /// the folder was read.
    after: Box<str>,
    /// So many names of one folder are kept at a time: a page is short, and a folder may hold millions.
    names_max: usize,
    levels: Vec<Level>,
}

struct Level {
    /// Without the prefix; ends in `/`, or is empty.
    path: String,
    /// The first of what was not visited yet, the last one first. A folder ends in `/`: so it stands where the names in
    /// it do, `a-b` before `a/b`.
    entries: Vec<Box<str>>,
    /// The last name that was kept, where more follow after it.
    more_after: Option<Box<str>>,
}

impl Walk<'_> {
    fn next(&mut self) -> Result<Option<Row>> {
        while let Some(level) = self.levels.last_mut() {
            let Some(entry) = level.entries.pop() else {
                let Some(Level { path, more_after, .. }) = self.levels.pop() else { break };
                if let Some(last) = more_after {
                    self.enter(path, Some(last))?;
                }
                continue;
            };
            let name = format!("{}{entry}", level.path);
            if !self.is_ahead(&name) {
                continue;
            }
            let row = match self.cut(&name) {
                Some(cut) if self.holds_object(&name)? => {
                    Some(Row { name: cut.into(), size: 0, written: None })
                }
                Some(_) => None,
                None if name.ends_with('/') => {
                    self.enter(name, None)?;
                    None
                }
                None => self.look(&name)?.map(|(size, written)| Row { name: name.into(), size, written }),
            };
            if let Some(row) = row {
                self.after.clone_from(&row.name);
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Reads what a folder holds above `above`; one that is missing is an empty one.
    fn enter(&mut self, path: String, above: Option<Box<str>>) -> Result<()> {
        let folder = format!("{}{path}", self.prefix);
        let mut kept: BinaryHeap<Box<str>> = BinaryHeap::new();
        let mut more = false;
        let mut name = path.clone();
        let outcome = self.directory.visit(&folder, |entry, kind| {
            name.truncate(path.len());
            name.push_str(entry);
            if kind == Kind::Folder {
                name.push('/');
            }
            if path.is_empty() && !(name.starts_with(self.stem) && self.is_object(&name)) {
                return ControlFlow::Continue(());
            }
            let entry = &name[path.len()..];
            if !self.is_ahead(&name) || above.as_deref().is_some_and(|above| entry <= above) {
                return ControlFlow::Continue(());
            }
            if kept.len() < self.names_max {
                kept.push(entry.into());
            } else {
                more = true;
                if let Some(mut last) = kept.peek_mut().filter(|last| entry < &***last) {
                    *last = entry.into();
                }
            }
            ControlFlow::Continue(())
        });
        found(outcome)?;
        let more_after = kept.peek().filter(|_| more).cloned();
        let mut entries = kept.into_sorted_vec();
        entries.reverse();
        self.levels.push(Level { path, entries, more_after });
        Ok(())
    }

    /// Whether a name, or one below it, makes a row above the last one.
    fn is_ahead(&self, name: &str) -> bool {
        match self.cut(name) {
            Some(cut) => cut > &*self.after,
            None if name.ends_with('/') => name > &*self.after || self.after.starts_with(name),
            None => name > &*self.after,
        }
    }

    /// The row that a name goes into together with others. The order of what was cut is that of the names. A stem has
    /// nothing to cut.
    fn cut<'n>(&self, name: &'n str) -> Option<&'n str> {
        self.listing.cut(name)
    }

    /// Whether a name in the folder of the listing is that of an object, or begins some.
    fn is_object(&self, name: &str) -> bool {
        !(self.prefix.is_empty() && is_beside(name))
    }

    /// Whether the name is an object, or there is one below it.
    fn holds_object(&self, name: &str) -> Result<bool> {
        if !name.ends_with('/') {
            return Ok(self.look(name)?.is_some());
        }
        let mut folders = vec![format!("{}{name}", self.prefix)];
        while let Some(folder) = folders.pop() {
            let mut holds = false;
            let outcome = self.directory.visit(&folder, |entry, kind| match kind {
                Kind::Object => {
                    holds = true;
                    ControlFlow::Break(())
                }
                Kind::Folder => {
                    folders.push(format!("{folder}{entry}/"));
                    ControlFlow::Continue(())
                }
            });
            found(outcome)?;
            if holds {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The size of an object, and when it was written; `None` if it went away since its folder was read.
    fn look(&self, name: &str) -> Result<Option<(u64, Option<u64>)>> {
        match self.directory.stat_object(&format!("{}{name}", self.prefix)) {
            Ok(stat) => {
                let written = u64::try_from(stat.st_mtime).ok();
                Ok(Some((u64::try_from(stat.st_size).unwrap_or(0), written)))
            }
            Err(errno) => found(Err(errno)).map(|()| None),
        }
    }
}

/// What is not there, or no longer, is nothing to list.
fn found(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | super::answer::NOT_REGULAR) => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Files, Settings};

    #[test]
    fn a_long_folder_is_kept_in_short_pieces() {
        let root = std::env::temp_dir().join(format!("wharfinger-list-{}", std::process::id()));
        let files = Files::open(&Settings { root: root.clone(), sync: false }).unwrap();
        let folder = root.join("tags/a!");
        std::fs::create_dir_all(&folder).unwrap();
        let names: Vec<String> = (0..100).map(|number| format!("v{number:03}")).collect();
        names.iter().for_each(|name| std::fs::write(folder.join(name), "").unwrap());
        let listing = &Listing::Tags(wharfinger_core::oci::Repository::parse("a").unwrap());
        let (directory, prefix, stem, after) = (&*files.0, "tags/a!/", "", "".into());
        let mut walk = Walk { directory, prefix, stem, listing, after, names_max: 3, levels: Vec::new() };
        walk.enter(String::new(), None).unwrap();
        let mut found = Vec::new();
        while let Some(row) = walk.next().unwrap() {
            assert!(walk.levels.iter().all(|level| level.entries.len() <= 3));
            found.push(row.name.to_string());
        }
        std::fs::remove_dir_all(root).unwrap();
        assert_eq!(found, names);
    }
}
