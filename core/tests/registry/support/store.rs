use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use md5::{Digest as _, Md5};
use wharfinger_core::store::{Fault, Found, Key, Listing, Op, Page, Part, Reply, Row};
use wharfinger_core::swift::HttpHead;

use super::label;

/// A store in memory that can be told to misbehave.
#[derive(Clone, Default)]
pub struct Store {
    pub objects: BTreeMap<String, Object>,
    /// Objects have tags, by which a read that broke off is gone on with.
    pub etags: bool,
    /// The lengths of what the large objects are made of, those of their parts that were joined themselves in their place.
    lengths: BTreeMap<String, Vec<u64>>,
    troubles: Vec<(String, Trouble)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    pub bytes: Bytes,
    /// Seconds since it was written or touched.
    pub age: u64,
}

/// What goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is not carried out, this is answered.
    Answer(Reply),
    /// The same, as soon as the call is opened, while its body still leaves.
    Early(Reply),
    /// Its body is not taken to the end, and this is answered.
    Deaf(Reply),
    /// It is carried out, and this is answered.
    Misreport(Reply),
    /// It is not carried out, and breaks off.
    Fails(Fault),
    /// It is carried out, but the answer is lost.
    Lost,
    /// It is not carried out, and a store over HTTP answers with this status.
    Status(u16),
    /// Nobody ever answers.
    Silent,
    /// The body of the answer breaks off after so many bytes.
    Short(usize),
    /// The body of the answer stalls for good after so many bytes.
    Late(usize),
    /// A bit of this byte of the answer's body is another one.
    Flipped(usize),
    /// As `Short`, after which something else stands under the name.
    ShortAndOverwritten(usize, Bytes),
    /// Nothing: the trouble is with a later call of the same kind.
    Fine,
}

/// What came of a call.
pub enum Outcome {
    Answer(Reply, Option<ReplyBody>),
    Status(HttpHead),
    Fails(Fault),
    Silent,
}

/// The body of an answer.
#[derive(Clone)]
pub struct ReplyBody {
    pub bytes: Bytes,
    pub late: bool,
    /// Whether it breaks off where its bytes end.
    pub short: bool,
}

impl Store {
    /// The next calls whose label begins so have these troubles, one each, in this order.
    pub fn trouble(&mut self, label: &str, troubles: impl IntoIterator<Item = Trouble>) {
        self.troubles.extend(troubles.into_iter().map(|trouble| (label.to_owned(), trouble)));
    }

    /// Whether every trouble came to pass.
    pub fn is_calm(&self) -> bool {
        self.troubles.is_empty()
    }

    pub fn unavailable(&mut self, label: &str, times: usize) {
        self.trouble(label, vec![Trouble::Answer(Reply::Unavailable { retry_after: None }); times]);
    }

    pub fn has(&self, name: &str) -> bool {
        self.objects.contains_key(name)
    }

    /// The names that begin so.
    pub fn names(&self, prefix: &str) -> Vec<&str> {
        self.objects.keys().map(String::as_str).filter(|name| name.starts_with(prefix)).collect()
    }

    /// Makes all objects so old.
    pub fn age(&mut self, seconds: u64) {
        self.objects.values_mut().for_each(|object| object.age = seconds);
    }

    /// The trouble that a call has, if it is to come before the call's body.
    pub fn early(&mut self, op: &Op) -> Option<Reply> {
        let at = self.find(op)?;
        let Trouble::Early(reply) = &self.troubles[at].1 else { return None };
        let reply = reply.clone();
        self.troubles.remove(at);
        Some(reply)
    }

    /// What is answered to a call whose body is not taken.
    pub fn deaf(&mut self, op: &Op) -> Option<Reply> {
        let at = self.find(op)?;
        let Trouble::Deaf(reply) = &self.troubles[at].1 else { return None };
        let reply = reply.clone();
        self.troubles.remove(at);
        Some(reply)
    }

    fn find(&self, op: &Op) -> Option<usize> {
        let label = label(op);
        self.troubles.iter().position(|(prefix, _)| label.starts_with(prefix))
    }

    /// Carries out a call whose body came in whole.
    pub fn call(&mut self, op: &Op, body: Bytes) -> Outcome {
        let trouble = self.find(op).map_or(Trouble::Fine, |at| self.troubles.remove(at).1);
        match trouble {
            Trouble::Fine => self.answer(op, body),
            Trouble::Answer(reply) | Trouble::Early(reply) | Trouble::Deaf(reply) => {
                Outcome::Answer(reply, None)
            }
            Trouble::Misreport(reply) => {
                self.answer(op, body);
                Outcome::Answer(reply, None)
            }
            Trouble::Fails(fault) => Outcome::Fails(fault),
            Trouble::Lost => {
                self.answer(op, body);
                Outcome::Fails(Fault::Broken)
            }
            Trouble::Status(status) => {
                Outcome::Status(HttpHead::new(StatusCode::from_u16(status).unwrap(), &HeaderMap::new()))
            }
            Trouble::Silent => Outcome::Silent,
            Trouble::Short(length) => self.broken(op, length, false),
            Trouble::Late(length) => self.broken(op, length, true),
            Trouble::Flipped(at) => self.flipped(op, at, body),
            Trouble::ShortAndOverwritten(length, bytes) => {
                let outcome = self.broken(op, length, false);
                if let Op::Read { key, .. } = op {
                    self.write(key, false, bytes);
                }
                outcome
            }
        }
    }

    fn broken(&mut self, op: &Op, length: usize, late: bool) -> Outcome {
        match self.answer(op, Bytes::new()) {
            Outcome::Answer(reply, Some(body)) => {
                let body = ReplyBody { bytes: body.bytes.slice(..length), late, short: !late };
                Outcome::Answer(reply, Some(body))
            }
            outcome @ (Outcome::Answer(..) | Outcome::Status(_) | Outcome::Fails(_) | Outcome::Silent) => {
                outcome
            }
        }
    }

    fn flipped(&mut self, op: &Op, at: usize, body: Bytes) -> Outcome {
        match self.answer(op, body) {
            Outcome::Answer(reply, Some(body)) => {
                let mut bytes = body.bytes.to_vec();
                bytes[at] ^= 1;
                Outcome::Answer(reply, Some(ReplyBody { bytes: bytes.into(), ..body }))
            }
            outcome @ (Outcome::Answer(..) | Outcome::Status(_) | Outcome::Fails(_) | Outcome::Silent) => {
                outcome
            }
        }
    }

    fn answer(&mut self, op: &Op, body: Bytes) -> Outcome {
        let reply = match op {
            Op::Read { key, if_match: Some(etag), .. } if self.etag(key) != Some(*etag) => Reply::Missing,
            Op::Read { key, range, .. } => return self.read(key, range.as_ref()),
            Op::Stat { key } => self.found(key).map_or(Reply::Missing, Reply::Found),
            Op::Write { key, create_only } => self.write(key, *create_only, body),
            Op::Join { key, parts } => self.join(key, parts),
            Op::Copy { from, to } => match self.objects.get(&from.to_string()).cloned() {
                Some(object) => self.write(to, false, object.bytes),
                None => Reply::Missing,
            },
            Op::Touch { key } => match self.objects.get_mut(&key.to_string()) {
                Some(object) => {
                    object.age = 0;
                    Reply::Done
                }
                None => Reply::Missing,
            },
            Op::Release { parts } => {
                parts.iter().for_each(|part| drop(self.objects.remove(&part.key.to_string())));
                Reply::Done
            }
            Op::Remove { key } => match self.objects.remove(&key.to_string()) {
                Some(_) => Reply::Done,
                None => Reply::Missing,
            },
            Op::List { listing, after, limit } => self.list(listing, after.as_deref(), *limit as usize),
        };
        Outcome::Answer(reply, None)
    }

    fn found(&self, key: &Key) -> Option<Found> {
        let object = self.objects.get(&key.to_string())?;
        Some(Found { size: object.bytes.len() as u64, age: object.age, etag: self.etag(key) })
    }

    fn etag(&self, key: &Key) -> Option<[u8; 16]> {
        let object = self.objects.get(&key.to_string())?;
        self.etags.then(|| Md5::digest(&object.bytes).into())
    }

    fn read(&self, key: &Key, range: Option<&wharfinger_core::oci::ByteRange>) -> Outcome {
        let Some(found) = self.found(key) else { return Outcome::Answer(Reply::Missing, None) };
        let bytes = self.objects[&key.to_string()].bytes.clone();
        let bytes = match range {
            Some(range) => bytes.slice(range.first() as usize..=range.last() as usize),
            None => bytes,
        };
        Outcome::Answer(Reply::Found(found), Some(ReplyBody { bytes, late: false, short: false }))
    }

    fn write(&mut self, key: &Key, create_only: bool, bytes: Bytes) -> Reply {
        let name = key.to_string();
        if create_only && self.has(&name) {
            return Reply::Exists;
        }
        let md5 = Some(Md5::digest(&bytes).into());
        self.objects.insert(name, Object { bytes, age: 0 });
        Reply::Written { md5 }
    }

    /// How many pieces below so many bytes the blob that is made of the most such pieces has.
    pub fn smallest_parts(&self, below: u64) -> usize {
        let blobs = self.lengths.iter().filter(|(name, _)| name.starts_with("blobs/"));
        blobs.map(|(_, lengths)| lengths.iter().filter(|length| **length < below).count()).max().unwrap_or(0)
    }

    fn join(&mut self, key: &Key, parts: &[Part]) -> Reply {
        assert!(!parts.is_empty(), "nothing is never joined");
        let mut joined = Vec::new();
        let mut lengths = Vec::new();
        for part in parts {
            let Some(object) = self.objects.get(&part.key.to_string()) else { return Reply::Missing };
            assert_eq!(part.size, object.bytes.len() as u64, "a part is as long as it is said to be");
            if let Some(md5) = part.md5 {
                assert_eq!(md5, <[u8; 16]>::from(Md5::digest(&object.bytes)));
            }
            assert!(part.skip < part.size, "no part is empty");
            joined.extend_from_slice(&object.bytes[part.skip as usize..]);
            match self.lengths.get(&part.key.to_string()) {
                Some(inner) => lengths.extend_from_slice(inner),
                None => lengths.push(part.length()),
            }
        }
        self.lengths.insert(key.to_string(), lengths);
        self.write(key, false, joined.into())
    }

    fn list(&self, listing: &Listing, after: Option<&str>, limit: usize) -> Reply {
        assert!(limit > 0, "a listing has room for a row");
        let prefix = listing.to_string();
        let mut rows: Vec<Row> = Vec::new();
        for (name, object) in &self.objects {
            let Some(rest) = name.strip_prefix(&prefix) else { continue };
            let (name, size) = match listing.cut(rest) {
                Some(cut) => (cut, 0),
                None => (rest, object.bytes.len() as u64),
            };
            let is_new = rows.last().is_none_or(|row| *row.name != *name);
            if is_new && after.is_none_or(|after| name > after) {
                rows.push(Row { name: name.into(), size, written: None });
            }
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        Reply::Page(Page { rows, more })
    }
}
