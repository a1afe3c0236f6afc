use std::rc::Rc;

use bytes::Bytes;

use super::{Nodes, REPLICAS};

/// What one replica has of an object.
#[derive(Clone, Debug)]
pub struct Version {
    /// When it was put or deleted, in tens of microseconds.
    pub at: u64,
    /// When its metadata were written.
    pub touched: u64,
    /// `None` says that it was deleted.
    pub content: Option<Rc<Content>>,
}

/// Bytes, or segments.
#[derive(Debug)]
pub struct Content {
    /// What was sent.
    pub bytes: Bytes,
    /// The MD5 of that, in hex.
    pub md5: String,
    /// Content-Type.
    pub content_type: String,
    /// The segments, if it is a large object.
    pub large: Option<Large>,
}

/// A large object.
#[derive(Debug)]
pub struct Large {
    /// In order.
    pub entries: Vec<Entry>,
    /// What it goes by as a segment.
    pub etag: String,
    /// The size of all.
    pub size: usize,
}

/// One segment of a large object, or a range of it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub path: String,
    pub size: usize,
    pub etag: String,
    pub first: usize,
    pub end: usize,
    pub has_range: bool,
    pub is_large: bool,
}

impl Content {
    /// The size that is told.
    pub fn size(&self) -> usize {
        self.large.as_ref().map_or(self.bytes.len(), |large| large.size)
    }

    /// The Etag, without quotes.
    pub fn etag(&self) -> &str {
        self.large.as_ref().map_or(&self.md5, |large| &large.etag)
    }

    pub(super) fn is_what(&self, entry: &Entry) -> bool {
        self.size() == entry.size && self.etag() == entry.etag
    }
}

/// An object on its servers.
#[derive(Debug, Default)]
pub(super) struct Replicas([Option<Version>; REPLICAS]);

impl Replicas {
    /// What is newest on the servers that are asked.
    pub(super) fn newest(&self, nodes: &Nodes) -> Option<&Version> {
        let asked = self.0.iter().zip(nodes).filter(|(_, up)| **up);
        asked.filter_map(|(version, _)| version.as_ref()).max_by_key(|version| (version.at, version.touched))
    }

    /// What the first server has that has anything; one after another is asked, and what is older than a deletion that was
    /// met is not taken.
    pub(super) fn any(&self, nodes: &Nodes, first: usize, one_decides: bool) -> Option<&Version> {
        let mut deleted = 0;
        for at in (0..REPLICAS).map(|step| (first + step) % REPLICAS).filter(|at| nodes[*at]) {
            match &self.0[at] {
                Some(version) if version.content.is_some() && version.at >= deleted => return Some(version),
                Some(version) => deleted = deleted.max(version.at),
                None => {}
            }
            if one_decides {
                return None;
            }
        }
        None
    }

    /// Whether a server that is asked has something as new.
    pub(super) fn is_newer(&self, at: u64, nodes: &Nodes) -> bool {
        self.newest(nodes).is_some_and(|version| version.at >= at)
    }

    pub(super) fn put(&mut self, version: &Version, nodes: &Nodes) {
        for (slot, _) in self.0.iter_mut().zip(nodes).filter(|(_, up)| **up) {
            *slot = Some(version.clone());
        }
    }

    /// Writes metadata anew; tells on how many servers there was something.
    pub(super) fn touch(&mut self, at: u64, nodes: &Nodes) -> usize {
        let mut count = 0;
        for (slot, _) in self.0.iter_mut().zip(nodes).filter(|(_, up)| **up) {
            if let Some(version) = slot
                && version.content.is_some()
            {
                version.touched = at;
                count += 1;
            }
        }
        count
    }

    /// On how many servers there is something.
    pub(super) fn count(&self, nodes: &Nodes) -> usize {
        let asked = self.0.iter().zip(nodes).filter(|(_, up)| **up);
        asked.filter(|(version, _)| version.as_ref().is_some_and(|version| version.content.is_some())).count()
    }

    pub(super) fn contents(&self) -> impl Iterator<Item = Rc<Content>> {
        self.0.iter().flatten().filter_map(|version| version.content.clone())
    }

    /// Gives every server the newest; tells whether any had another.
    pub(super) fn converge(&mut self) -> bool {
        let Some(newest) = self.newest(&[true; REPLICAS]).cloned() else { return false };
        let touched = self.0.iter().flatten().filter(|version| version.at == newest.at);
        let touched = touched.map(|version| version.touched).max().unwrap_or(newest.touched);
        let differs = self.0.iter().any(|slot| slot.as_ref().is_none_or(|version| version.at != newest.at));
        self.put(&Version { touched, ..newest }, &[true; REPLICAS]);
        differs
    }
}
