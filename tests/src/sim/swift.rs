//! A Swift in memory, as it looks over HTTP: three replicas with timestamps, listings that lag, and no compare-and-swap.
//!
//! What it answers is what Swift 2.38.3 answers; `swift_statements` says so of both.

mod large;
mod listing;
mod message;
mod read;
mod versions;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub use message::{Answer, Ask};
pub use versions::{Content, Version};

use super::Mutant;
use crate::random::Random;
use listing::Row;
use versions::Replicas;

/// The three object servers and container servers of which some hear a request.
pub type Nodes = [bool; REPLICAS];

/// Every object has so many replicas.
pub const REPLICAS: usize = 3;

/// The simulated Swift.
#[derive(Debug)]
pub struct Swift {
    /// The object servers that work.
    pub up: Nodes,
    /// Of a thousand rows of listings so many come late.
    pub lag: u64,
    /// Paths of objects that were changed on any replica since somebody looked.
    pub changed: Vec<String>,
    /// What the last listing should have shown, and did not.
    pub hidden: Vec<String>,
    /// So many bytes an object has at most.
    pub object_bytes_max: usize,
    /// So many segments a large object has at most.
    pub segments_max: usize,
    pub(super) mutant: Option<Mutant>,
    objects: BTreeMap<String, Replicas>,
    containers: BTreeSet<String>,
    rows: [BTreeMap<String, Row>; REPLICAS],
    late_rows: Vec<(usize, String, Row)>,
    /// When each token ends, in microseconds.
    tokens: BTreeMap<String, u64>,
    /// The last timestamp that was given, in tens of microseconds.
    last: u64,
    random: Random,
}

impl Swift {
    /// An empty account, without containers.
    pub fn new(seed: u64) -> Self {
        Self {
            up: [true; REPLICAS],
            lag: 0,
            changed: Vec::new(),
            hidden: Vec::new(),
            object_bytes_max: 5 << 30,
            segments_max: 1000,
            mutant: None,
            objects: BTreeMap::new(),
            containers: BTreeSet::new(),
            rows: [const { BTreeMap::new() }; REPLICAS],
            late_rows: Vec::new(),
            tokens: BTreeMap::new(),
            last: 0,
            random: Random::new(seed),
        }
    }

    /// Has a token be good up to a time, in microseconds.
    pub fn allow(&mut self, token: &str, until: u64) {
        self.tokens.insert(token.to_owned(), until);
    }

    /// Answers a request that came whole. `now` is in microseconds since 1970, `nodes` are the object servers that can be
    /// reached.
    pub fn answer(&mut self, ask: &Ask, now: u64, nodes: Nodes) -> Answer {
        if self.tokens.get(&ask.token).is_none_or(|end| now >= *end) {
            let realm = "Swift realm=\"AUTH_sim\"";
            return Answer::new(401, now).with("www-authenticate", realm).text(&ask.method, "Unauthorized");
        }
        let nodes: Nodes = std::array::from_fn(|at| nodes[at] && self.up[at]);
        match (ask.container(), ask.object()) {
            (Some(container), Some(_)) if !self.containers.contains(container) => {
                Answer::new(404, now).text(&ask.method, "The resource could not be found.")
            }
            (Some(_), Some(_)) => match ask.method.as_str() {
                "PUT" if ask.query("multipart-manifest") == Some("put") => self.put_large(ask, now, nodes),
                "PUT" => self.put(ask, now, nodes),
                "POST" => self.touch(ask, now, nodes),
                "DELETE" => self.delete(ask, now, nodes),
                "COPY" => self.copy(ask, now, nodes),
                _ => self.read(ask, now, nodes),
            },
            (Some(container), None) => match ask.method.as_str() {
                "PUT" => {
                    let is_new = self.containers.insert(container.to_owned());
                    Answer::new(if is_new { 201 } else { 202 }, now)
                }
                "GET" | "HEAD" => self.list(ask, container, now),
                _ => Answer::new(405, now),
            },
            (None, _) => Answer::new(405, now),
        }
    }

    /// Has every replica get what the newest one has, and every listing.
    pub fn converge(&mut self) {
        for (path, replicas) in &mut self.objects {
            if replicas.converge() {
                self.changed.push(path.clone());
            }
        }
        self.update_listings();
    }

    /// Brings the rows that are late into the listings.
    pub fn update_listings(&mut self) {
        for (at, path, row) in std::mem::take(&mut self.late_rows) {
            self.apply_row(at, path, row);
        }
    }

    /// What an object is, by its newest replica, whether that can be reached or not.
    pub fn newest(&self, path: &str) -> Option<Rc<Content>> {
        self.objects.get(path)?.newest(&[true; REPLICAS])?.content.clone()
    }

    /// What each replica has of an object.
    pub fn replicas(&self, path: &str) -> Vec<Rc<Content>> {
        let replicas = self.objects.get(path);
        replicas.into_iter().flat_map(Replicas::contents).collect()
    }

    /// The objects whose paths begin so.
    pub fn paths<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.objects.range(prefix.to_owned()..);
        from.map(|(path, _)| path.as_str()).take_while(move |path| path.starts_with(prefix))
    }

    /// The bytes of content, with those of its segments if it has some; `None` if not all are there.
    pub fn whole(&self, content: &Content) -> Option<Vec<u8>> {
        let Some(large) = &content.large else { return Some(content.bytes.to_vec()) };
        let mut bytes = Vec::new();
        for entry in &large.entries {
            let segment = self.newest(&entry.path).filter(|segment| segment.is_what(entry))?;
            bytes.extend_from_slice(self.whole(&segment)?.get(entry.first..entry.end)?);
        }
        Some(bytes)
    }

    /// When an object was put or touched, in tens of microseconds; `None` if there is none.
    pub fn touched(&self, path: &str) -> Option<u64> {
        let newest = self.objects.get(path)?.newest(&[true; REPLICAS])?;
        newest.content.as_ref().map(|_| newest.touched)
    }

    /// Removes an object everywhere.
    pub fn erase(&mut self, path: &str) {
        let at = self.timestamp(0);
        let version = Version { at, touched: at, content: None };
        if let Some(replicas) = self.objects.get_mut(path) {
            replicas.put(&version, &[true; REPLICAS]);
        }
        self.changed.push(path.to_owned());
        for server in 0..REPLICAS {
            self.apply_row(server, path.to_owned(), Row::of(&version));
        }
    }

    /// Deletes an object everywhere as of a time that is to come, in microseconds since 1970.
    pub fn delete_ahead(&mut self, path: &str, now: u64) {
        let version = Version { at: now / 10, touched: now / 10, content: None };
        self.objects.entry(path.to_owned()).or_default().put(&version, &[true; REPLICAS]);
        self.changed.push(path.to_owned());
    }

    fn timestamp(&mut self, now: u64) -> u64 {
        self.last = (self.last + 1).max(now / 10);
        self.last
    }

    /// What stands under a path as far as the servers that are asked know. `Err` is the status if there is nothing.
    fn look(&mut self, path: &str, newest: bool, nodes: Nodes) -> Result<Version, u16> {
        let count = nodes.iter().filter(|up| **up).count();
        let none = if count >= REPLICAS.div_ceil(2) { 404 } else { 503 };
        let first = (self.random.word() % REPLICAS as u64) as usize;
        let Some(replicas) = self.objects.get(path) else { return Err(none) };
        let newest = newest && self.mutant != Some(Mutant::NewestIgnored);
        let found = if newest {
            replicas.newest(&nodes).filter(|version| version.content.is_some())
        } else {
            let one_decides = self.mutant == Some(Mutant::NewNamesStale);
            replicas.any(&nodes, first, one_decides)
        };
        found.cloned().ok_or(none)
    }
}
