use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use wharfinger_core::oci::{Algorithm, Digest};
use wharfinger_core::store::{Found, Key, Op, Part, Reply};
use wharfinger_core::transfer::{Blocks, Hasher, Hashing, SavedHash};

use super::Mutant;
use super::carries::Carries;

/// A store: whole objects under names, every call in one atomic step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    kind: StoreKind,
    mutant: Option<Mutant>,
    objects: BTreeMap<Key, Object>,
    /// Who wrote a segment's name last, and what, even if the object is gone.
    authors: BTreeMap<Key, (Author, [u8; 16])>,
    /// Who has read a segment: what such a request writes as a segment is made of what it read.
    mergers: BTreeSet<Author>,
    /// A segment's name was written a second time, other than by merging the same again.
    pub overwritten: bool,
    /// A segment was removed by a request that had not written it.
    pub robbed: bool,
}

/// How a store joins parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// As a directory: the joined object stands for itself, released parts are freed.
    Files,
    /// As Swift: a large object keeps pointing at its parts, and every body is checked by its MD5.
    Swift,
}

/// What stands under a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// Bytes of its own.
    Own(Bytes),
    /// The bytes of other objects, one after the other.
    Large(Arc<[Part]>),
}

/// One request of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Author {
    /// The client.
    pub client: u8,
    /// Counts its requests.
    pub request: u8,
}

impl Store {
    /// An empty store.
    pub fn new(kind: StoreKind, mutant: Option<Mutant>) -> Self {
        let (objects, authors, mergers) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { kind, mutant, objects, authors, mergers, overwritten: false, robbed: false }
    }

    /// Carries out a call whose body, if any, has arrived whole. With [`Reply::Found`] comes what a Read reads.
    pub fn carry_out(&mut self, author: Author, op: &Op, body: &Bytes) -> (Reply, Bytes) {
        let reply = match op {
            Op::Read { key, range, if_match } => {
                if matches!(key, Key::Segment { .. }) {
                    self.mergers.insert(author);
                }
                let (reply, bytes) = self.find(key);
                if if_match.is_some_and(|etag| etag != md5(&bytes)) {
                    return (Reply::Missing, Bytes::new());
                }
                let bytes = match range {
                    Some(range) => bytes.slice(range.first() as usize..=range.last() as usize),
                    None => bytes,
                };
                return (reply, bytes);
            }
            Op::Stat { key } => self.find(key).0,
            Op::Write { key, create_only: true } if self.objects.contains_key(key) => Reply::Exists,
            Op::Write { key, .. } => self.write(author, key, body),
            Op::Join { key, parts } => self.join(key, parts),
            Op::Touch { key } if self.objects.contains_key(key) => Reply::Done,
            Op::Touch { .. } => Reply::Missing,
            Op::Release { parts } => {
                if self.kind == StoreKind::Files || self.mutant == Some(Mutant::ReleaseFrees) {
                    parts.iter().for_each(|part| drop(self.objects.remove(&part.key)));
                }
                Reply::Done
            }
            Op::Remove { key } => {
                self.robbed |= self.authors.get(key).is_some_and(|(writer, _)| *writer != author);
                self.objects.remove(key).map_or(Reply::Missing, |_| Reply::Done)
            }
            // No exchange of the models copies, or lists names; a store may always say this.
            Op::Copy { .. } | Op::List { .. } => Reply::Refused,
        };
        (reply, Bytes::new())
    }

    /// The bytes under a name, if they are there and whole.
    pub fn read(&self, key: &Key) -> Option<Bytes> {
        match self.objects.get(key)? {
            Object::Own(bytes) => Some(bytes.clone()),
            Object::Large(parts) => {
                let mut whole = Vec::new();
                for part in parts.iter() {
                    whole.extend_from_slice(&self.read(&part.key)?[self.skipped(part)..]);
                }
                Some(whole.into())
            }
        }
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &Key> {
        self.objects.keys()
    }

    fn find(&self, key: &Key) -> (Reply, Bytes) {
        match (self.objects.contains_key(key), self.read(key)) {
            (_, Some(bytes)) => {
                let etag = (self.kind == StoreKind::Swift).then(|| md5(&bytes));
                (Reply::Found(Found { size: bytes.len() as u64, age: 0, etag }), bytes)
            }
            (true, None) => (Reply::Damaged, Bytes::new()),
            (false, None) => (Reply::Missing, Bytes::new()),
        }
    }

    fn write(&mut self, author: Author, key: &Key, body: &Bytes) -> Reply {
        let segment = matches!(key, Key::Segment { .. } | Key::SegmentList { .. });
        if segment {
            let merges = self.mergers.contains(&author);
            let before = self.authors.insert(key.clone(), (author, md5(body)));
            self.overwritten |= before.is_some_and(|(_, written)| !merges || written != md5(body));
        }
        let kept = match self.mutant {
            Some(Mutant::TailLost) if segment => body.slice(..body.len().saturating_sub(1)),
            _ => body.clone(),
        };
        let md5 = (self.kind == StoreKind::Swift).then(|| md5(body));
        self.objects.insert(key.clone(), Object::Own(kept));
        Reply::Written { md5 }
    }

    fn join(&mut self, key: &Key, parts: &Arc<[Part]>) -> Reply {
        let mut whole = Vec::new();
        for part in parts.iter() {
            let Some(bytes) = self.read(&part.key) else { return Reply::Missing };
            let agrees = bytes.len() as u64 == part.size && part.md5.is_none_or(|sum| sum == md5(&bytes));
            if !agrees && self.mutant != Some(Mutant::TailLost) {
                return Reply::Mismatch;
            }
            whole.extend_from_slice(&bytes[self.skipped(part)..]);
        }
        let tag = (self.kind == StoreKind::Swift).then(|| md5(&whole));
        let object = match self.kind {
            StoreKind::Files => Object::Own(whole.into()),
            StoreKind::Swift => Object::Large(parts.clone()),
        };
        self.objects.insert(key.clone(), object);
        Reply::Written { md5: tag }
    }

    /// What is left out of a part.
    fn skipped(&self, part: &Part) -> usize {
        if self.mutant == Some(Mutant::SkipIgnored) { 0 } else { part.skip as usize }
    }
}

impl Carries for Store {
    fn carry_out(&mut self, author: Author, op: &Op, body: &Bytes) -> (Reply, Bytes) {
        Self::carry_out(self, author, op, body)
    }
}

pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    let hashing = Hashing { content: SavedHash::new(Algorithm::Sha256), md5: true };
    let mut hasher = Hasher::new(&hashing, Blocks::default());
    hasher.update(bytes);
    hasher.finish().md5.unwrap_or_default()
}

/// Whether bytes are what a digest says.
pub(super) fn is_of(bytes: &[u8], digest: &Digest) -> bool {
    Digest::of(digest.algorithm(), bytes) == *digest
}
