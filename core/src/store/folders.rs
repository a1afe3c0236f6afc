use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use super::{Listing, Page, Row};

/// A tree of folders that keeps objects under paths.
pub trait Folders {
    /// What can go wrong.
    type Error;

    /// Shows what stands in a folder, in no order, until told to stop. A folder that is missing is an empty one. What is
    /// renamed meanwhile may be shown twice.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn visit(
        &self,
        folder: &str,
        visitor: &mut dyn FnMut(&str, Kind) -> ControlFlow<()>,
    ) -> Result<(), Self::Error>;

    /// The size of an object in bytes, and when it was written, in seconds since 1970; `None` if there is no such object.
    ///
    /// # Errors
    /// It cannot be looked at.
    fn look(&self, name: &str) -> Result<Option<(u64, Option<u64>)>, Self::Error>;
}

/// What stands in a folder and can be, or hold, an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// An object.
    Object,
}

/// A page of a listing, in the order of a store that knows no folders. What is held in memory grows with `limit` and with
/// the depth of the tree, not with what the folders hold.
///
/// # Errors
/// Those of the tree.
pub fn page_of_folders<F: Folders>(
    folders: &F,
    listing: &Listing,
    after: Option<&str>,
    limit: u32,
) -> Result<Page, F::Error> {
    // One more tells whether there are more.
    let names_max = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let prefix = listing.to_string();
    // No object stands there, and the way might lead out of the tree.
    if folder(&prefix).split_terminator('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return Ok(Page { rows: Vec::new(), more: false });
    }
    let stem = &prefix[folder(&prefix).len()..];
    let mut walk = Walk {
        folders,
        prefix: folder(&prefix),
        stem,
        listing,
        after: after.map_or(Box::default(), |after| format!("{stem}{after}").into()),
        names_max,
        levels: Vec::new(),
    };
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
    prefix.rfind('/').map_or("", |at| &prefix[..=at])
}

/// What stands beside the objects of a store and is none.
fn is_beside(name: &str) -> bool {
    name == TEMPORARY || name.starts_with(SECRET)
}

/// A way through the folders of a listing, one sorted folder per level.
struct Walk<'a, F> {
    folders: &'a F,
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

impl<F: Folders> Walk<'_, F> {
    fn next(&mut self) -> Result<Option<Row>, F::Error> {
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
    fn enter(&mut self, path: String, above: Option<Box<str>>) -> Result<(), F::Error> {
        let folder = format!("{}{path}", self.prefix);
        let mut kept: BinaryHeap<Box<str>> = BinaryHeap::new();
        let mut more = false;
        let mut name = path.clone();
        self.folders.visit(&folder, &mut |entry, kind| {
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
        })?;
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
    fn holds_object(&self, name: &str) -> Result<bool, F::Error> {
        if !name.ends_with('/') {
            return Ok(self.look(name)?.is_some());
        }
        let mut folders = vec![format!("{}{name}", self.prefix)];
        while let Some(folder) = folders.pop() {
            let mut holds = false;
            self.folders.visit(&folder, &mut |entry, kind| match kind {
                Kind::Object => {
                    holds = true;
                    ControlFlow::Break(())
                }
                Kind::Folder => {
                    folders.push(format!("{folder}{entry}/"));
                    ControlFlow::Continue(())
                }
            })?;
            if holds {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn look(&self, name: &str) -> Result<Option<(u64, Option<u64>)>, F::Error> {
        self.folders.look(&format!("{}{name}", self.prefix))
    }
}

/// Where files stand until they get their name, as a name in the root.
const TEMPORARY: &str = "tmp/";

/// The file of the sealing secret; in the making it has more to its name.
const SECRET: &str = "secret";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use super::*;
    use crate::oci::Repository;

    struct Tree(BTreeSet<String>);

    impl Folders for Tree {
        type Error = Infallible;

        fn visit(
            &self,
            folder: &str,
            visitor: &mut dyn FnMut(&str, Kind) -> ControlFlow<()>,
        ) -> Result<(), Infallible> {
            let mut folders = BTreeSet::new();
            for rest in self.0.iter().filter_map(|name| name.strip_prefix(folder)) {
                let shown = match rest.split_once('/') {
                    Some((sub, _)) if folders.insert(sub) => visitor(sub, Kind::Folder),
                    Some(_) => ControlFlow::Continue(()),
                    None => visitor(rest, Kind::Object),
                };
                if shown.is_break() {
                    break;
                }
            }
            Ok(())
        }

        fn look(&self, name: &str) -> Result<Option<(u64, Option<u64>)>, Infallible> {
            Ok(self.0.contains(name).then_some((1, None)))
        }
    }

    #[test]
    fn a_long_folder_is_kept_in_short_pieces() {
        let names: Vec<String> = (0..100).map(|number| format!("v{number:03}")).collect();
        let tree = Tree(names.iter().map(|name| format!("tags/a!/{name}")).collect());
        let listing = &Listing::Tags(Repository::parse("a").unwrap());
        let (folders, prefix, stem, after) = (&tree, "tags/a!/", "", "".into());
        let mut walk = Walk { folders, prefix, stem, listing, after, names_max: 3, levels: Vec::new() };
        let Ok(()) = walk.enter(String::new(), None);
        let mut found = Vec::new();
        while let Ok(Some(row)) = walk.next() {
            assert!(walk.levels.iter().all(|level| level.entries.len() <= 3));
            found.push(row.name.to_string());
        }
        assert_eq!(found, names);
    }

    #[test]
    fn what_stands_beside_the_objects_is_not_listed() {
        let names = ["tmp/1", "secret", "secret.new-1", "tags/a!/v", "tags/a!/tmp/x"];
        let tree = Tree(names.iter().map(|name| (*name).to_owned()).collect());
        let listing = Listing::Names { prefix: "".into(), deep: true };
        let Ok(page) = page_of_folders(&tree, &listing, None, 10);
        let found: Vec<&str> = page.rows.iter().map(|row| &*row.name).collect();
        assert_eq!(found, ["tags/a!/tmp/x", "tags/a!/v"]);
    }
}
