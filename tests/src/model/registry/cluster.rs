use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use wharfinger_core::store::{Found, Key, Op, Page, Part, Reply, Row};
use wharfinger_core::swift::{Endpoint, Token, render};

use super::super::carries::Carries;
use super::super::store::{Author, Object, md5};

/// A store as Swift is: new names show at once, older versions may answer who does not ask for the newest, and listings
/// may show what was. What is carried out while nothing is chosen is carried out by servers that know everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cluster {
    rules: Rules,
    names: BTreeMap<Key, Name>,
    /// Which of its answers the store gives next; back to 0 after each search step.
    choice: usize,
}

/// What of Swift's ways a search looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// Who does not ask for the newest may be shown an older version.
    pub stale: bool,
    /// Listings may lack changes.
    pub lag: bool,
    /// What is going to be removed is told to be older than anything, so that who relies on it touches it. Swift itself
    /// counts age from the request that marked it: it tells that it is young.
    pub marks_show: bool,
    /// How long a tick is. No exchange lives through two, and a listing shows all that changed before the last but one.
    pub tick_seconds: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Name {
    now: Option<Version>,
    /// What stood there and may still show.
    before: Vec<Before>,
}

/// An object as it stands under a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// What it is.
    pub object: Object,
    /// How long ago it was written, touched or marked, in ticks; no more than [`Cluster::AGE_MAX`].
    pub age: u8,
    /// It is to be removed.
    pub mark: Option<Mark>,
}

/// That an object is to be removed. Whatever is written, joined or touched under the name takes it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Tells marks apart.
    pub stamp: u8,
    /// After so many ticks the store removes the object by itself; `None`: never.
    pub fires: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Before {
    was: Option<Version>,
    /// Time has passed since it changed.
    ticked: bool,
}

impl Cluster {
    /// Older than that is all the same.
    pub const AGE_MAX: u8 = 3;

    /// Ticks in which all is as slow as it may be: after one, whoever relies on an object touches it.
    pub const LONG_TICK_SECONDS: u64 = 12 * 3600 + 1;

    /// Ticks of which three make an object old enough to be touched: a prune waits for less than half a grace.
    pub const SHORT_TICK_SECONDS: u64 = 5 * 3600;

    /// An empty store.
    pub fn new(rules: Rules) -> Self {
        Self { rules, names: BTreeMap::new(), choice: 0 }
    }

    /// The newest version under a name.
    pub fn version(&self, key: &Key) -> Option<&Version> {
        self.names.get(key)?.now.as_ref()
    }

    /// The bytes under a name, if they are there and whole.
    pub fn read(&self, key: &Key) -> Option<Bytes> {
        self.bytes_of(&self.version(key)?.object)
    }

    /// All names that are there.
    pub fn names(&self) -> impl Iterator<Item = (&Key, &Version)> {
        self.names.iter().filter_map(|(key, name)| Some((key, name.now.as_ref()?)))
    }

    /// How many answers there are to an op.
    pub fn answers(&self, op: &Op) -> usize {
        match op {
            Op::Read { key, .. } | Op::Stat { key } if self.rules.stale && !asks_for_newest(op) => {
                self.names.get(key).map_or(1, |name| name.readable().count().max(1))
            }
            Op::List { listing, .. } => {
                let prefix = listing.to_string();
                self.listings(|key| key.to_string().starts_with(&prefix))
            }
            Op::Read { .. }
            | Op::Stat { .. }
            | Op::Write { .. }
            | Op::Join { .. }
            | Op::Copy { .. }
            | Op::Touch { .. }
            | Op::Release { .. }
            | Op::Remove { .. } => 1,
        }
    }

    /// Has the store give this one of its answers.
    pub fn choose(&mut self, choice: usize) {
        self.choice = choice;
    }

    /// In how many ways these names can be listed.
    pub fn listings(&self, of: impl Fn(&Key) -> bool) -> usize {
        self.names.iter().filter(|(key, _)| of(key)).map(|(_, name)| name.rows().count()).product()
    }

    /// One of the ways in which these names can be listed.
    pub fn list(&self, of: impl Fn(&Key) -> bool, mut choice: usize) -> Vec<(&Key, &Version)> {
        let mut rows = Vec::new();
        for (key, name) in self.names.iter().filter(|(key, _)| of(key)) {
            let count = name.rows().count();
            if let Some(version) = name.rows().nth(choice % count).flatten() {
                rows.push((key, version));
            }
            choice /= count;
        }
        rows
    }

    /// A tick passes; what changed before the last one shows everywhere. Tells whether a timer removed something.
    pub fn tick(&mut self) -> bool {
        let mut fired = false;
        for name in self.names.values_mut() {
            name.before.retain(|before| !before.ticked);
            name.before.iter_mut().for_each(|before| before.ticked = true);
            let Some(version) = &mut name.now else { continue };
            version.age = Self::AGE_MAX.min(version.age + 1);
            let Some(Mark { fires: Some(left), .. }) = &mut version.mark else { continue };
            *left -= 1;
            if *left == 0 {
                name.now = None;
                fired = true;
            }
        }
        self.forget();
        fired
    }

    /// Forgets what might still show.
    pub fn settle(&mut self) {
        self.names.values_mut().for_each(|name| name.before.clear());
        self.forget();
    }

    /// Marks an object. As Swift counts, it is young.
    pub fn mark(&mut self, key: &Key, mark: Mark) {
        if let Some(version) = self.version(key).cloned() {
            self.put(key, Some(Version { age: 0, mark: Some(mark), ..version }));
        }
    }

    /// Removes an object if it still has this mark, in one step; tells whether it did.
    pub fn remove_marked(&mut self, key: &Key, stamp: u8) -> bool {
        let marked = |version: &Version| version.mark.is_some_and(|mark| mark.stamp == stamp);
        let is_marked = self.version(key).is_some_and(marked);
        if is_marked {
            self.put(key, None);
        }
        is_marked
    }

    /// Removes an object; tells whether there was one.
    pub fn remove(&mut self, key: &Key) -> bool {
        let there = self.version(key).is_some();
        if there {
            self.put(key, None);
        }
        there
    }

    /// Makes an object young again; tells whether there was one.
    pub fn touch(&mut self, key: &Key) -> bool {
        let Some(version) = self.version(key).cloned() else { return false };
        self.put(key, Some(Version { age: 0, mark: None, ..version }));
        true
    }

    /// Writes an object.
    pub fn write(&mut self, key: &Key, object: Object) {
        self.put(key, Some(Version { object, age: 0, mark: None }));
    }

    fn put(&mut self, key: &Key, version: Option<Version>) {
        let name = self.names.entry(key.clone()).or_default();
        let size = |version: &Option<Version>| version.as_ref().map(|version| version.object.size());
        let lags = self.rules.lag && size(&name.now) != size(&version);
        let stale = self.rules.stale && name.now.is_some() && matches!(key, Key::Blob(_));
        let was = std::mem::replace(&mut name.now, version);
        if (lags || stale) && !name.before.iter().any(|before| before.was == was && !before.ticked) {
            name.before.push(Before { was, ticked: false });
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.names.retain(|_, name| name.now.is_some() || !name.before.is_empty());
    }

    fn bytes_of(&self, object: &Object) -> Option<Bytes> {
        match object {
            Object::Own(bytes) => Some(bytes.clone()),
            Object::Large(parts) => {
                let mut whole = Vec::new();
                for part in parts.iter() {
                    whole.extend_from_slice(self.read(&part.key)?.get(part.skip as usize..)?);
                }
                Some(whole.into())
            }
        }
    }

    /// The version that a read is answered with.
    fn shown(&self, op: &Op, key: &Key) -> Option<&Version> {
        let name = self.names.get(key)?;
        match self.rules.stale && !asks_for_newest(op) {
            true => name.readable().nth(self.choice % name.readable().count().max(1)),
            false => name.now.as_ref(),
        }
    }

    /// A HEAD of a large object does not look at its segments.
    fn found(&self, version: &Version) -> Found {
        let age = match version.mark {
            Some(_) if self.rules.marks_show => u64::MAX,
            Some(_) | None => u64::from(version.age) * self.rules.tick_seconds,
        };
        let etag = self.bytes_of(&version.object).map(|bytes| md5(&bytes));
        Found { size: version.object.size(), age, etag }
    }

    fn read_of(&self, op: &Op) -> (Reply, Bytes) {
        let Op::Read { key, range, if_match } = op else { return (Reply::Refused, Bytes::new()) };
        let Some(version) = self.shown(op, key) else { return (Reply::Missing, Bytes::new()) };
        let Some(bytes) = self.bytes_of(&version.object) else { return (Reply::Damaged, Bytes::new()) };
        let found = self.found(version);
        if if_match.is_some() && *if_match != found.etag {
            return (Reply::Missing, Bytes::new());
        }
        let bytes = match range {
            Some(range) => bytes.slice(range.first() as usize..=range.last() as usize),
            None => bytes,
        };
        (Reply::Found(found), bytes)
    }

    fn join(&mut self, key: &Key, parts: &Arc<[Part]>) -> Reply {
        for part in parts.iter() {
            let Some(bytes) = self.read(&part.key) else { return Reply::Missing };
            if bytes.len() as u64 != part.size || part.md5.is_some_and(|sum| sum != md5(&bytes)) {
                return Reply::Mismatch;
            }
        }
        let object = Object::Large(parts.clone());
        let tag = self.bytes_of(&object).map(|bytes| md5(&bytes));
        self.write(key, object);
        Reply::Written { md5: tag }
    }

    fn page(&self, prefix: &str) -> Reply {
        let rows = self.list(|key| key.to_string().starts_with(prefix), self.choice);
        let row = |(key, version): (&Key, &Version)| Row {
            name: key.to_string()[prefix.len()..].into(),
            size: version.object.size(),
            written: None,
        };
        Reply::Page(Page { rows: rows.into_iter().map(row).collect(), more: false })
    }
}

impl Carries for Cluster {
    fn carry_out(&mut self, _: Author, op: &Op, body: &Bytes) -> (Reply, Bytes) {
        let done = |done| if done { Reply::Done } else { Reply::Missing };
        let reply = match op {
            Op::Read { .. } => return self.read_of(op),
            Op::Stat { key } => match self.shown(op, key) {
                Some(version) => Reply::Found(self.found(version)),
                None => Reply::Missing,
            },
            Op::Write { key, create_only: true } if self.version(key).is_some() => Reply::Exists,
            Op::Write { key, .. } => {
                self.write(key, Object::Own(body.clone()));
                Reply::Written { md5: Some(md5(body)) }
            }
            Op::Join { key, parts } => self.join(key, parts),
            Op::Touch { key } => done(self.touch(key)),
            // Large objects keep pointing at their parts.
            Op::Release { .. } => Reply::Done,
            Op::Remove { key } => done(self.remove(key)),
            Op::List { listing, .. } => self.page(&listing.to_string()),
            Op::Copy { .. } => Reply::Refused,
        };
        (reply, Bytes::new())
    }
}

impl Name {
    /// What may answer who does not ask for the newest: a server that has nothing is passed over.
    fn readable(&self) -> impl Iterator<Item = &Version> {
        self.now.iter().chain(self.before.iter().filter_map(|before| before.was.as_ref()))
    }

    /// What a listing may show.
    fn rows(&self) -> impl Iterator<Item = Option<&Version>> {
        [self.now.as_ref()].into_iter().chain(self.before.iter().map(|before| before.was.as_ref()))
    }
}

impl Object {
    /// In bytes.
    fn size(&self) -> u64 {
        match self {
            Self::Own(bytes) => bytes.len() as u64,
            Self::Large(parts) => parts.iter().map(Part::length).sum(),
        }
    }
}

/// What the request says that the op becomes on Swift.
fn asks_for_newest(op: &Op) -> bool {
    static PLACE: LazyLock<(Endpoint, Token)> = LazyLock::new(|| {
        let endpoint = Endpoint::new("https://swift/v1/AUTH_a", "objects", "segments");
        (endpoint.expect("an endpoint"), Token::new("token").expect("a token"))
    });
    let rendered = render(op, None, None, &PLACE.0, &PLACE.1);
    rendered.is_some_and(|rendered| rendered.request.headers().contains_key("x-newest"))
}
