//! Statements about Swift, each a few requests and what must come back. They are made of the simulated Swift and of a real
//! one, so that the first does not promise what the second does not keep.

mod large;
mod large_broken;
mod listings;
mod objects;
mod ranges;
mod replicas;
mod speakers;

use crate::random::Random;

pub use speakers::{RealSwift, SimulatedSwift};

/// Somebody who answers as Swift.
pub trait Speaker {
    /// Sends a request for `path`, `/CONTAINER/OBJECT?QUERY`, escaped.
    fn ask(&mut self, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Heard;

    /// The same without a token, or with one that was never given out.
    fn ask_as(&mut self, token: Option<&str>, method: &str, path: &str) -> Heard;

    /// Stops the object server, and the container server, of a node, 1 to 3; a Swift with one replica has no other.
    fn stop(&mut self, node: u8);

    /// Starts them again, with what they had.
    fn start(&mut self, node: u8);

    /// Deletes `/CONTAINER/OBJECT` as of a while from now, as a proxy would whose clock is ahead.
    fn delete_ahead(&mut self, path: &str);
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values.
    pub fields: Vec<(String, String)>,
    /// The body, as far as it came.
    pub body: Vec<u8>,
    /// It ended before its stated length.
    pub broken: bool,
}

/// One statement.
pub struct Statement {
    /// What it says.
    pub says: &'static str,
    check: fn(&mut Talk<'_>),
}

/// The statements that hold of every Swift.
pub fn all() -> Vec<Statement> {
    [objects::all(), ranges::all(), large::all(), large_broken::all(), listings::all()].concat()
}

/// Those that hold of a Swift with three replicas.
pub fn of_replicas() -> Vec<Statement> {
    replicas::all()
}

impl Statement {
    const fn new(says: &'static str, check: fn(&mut Talk<'_>)) -> Self {
        Self { says, check }
    }

    /// Makes the statement of a Swift.
    ///
    /// # Panics
    /// When it is not true.
    pub fn make(&self, speaker: &mut dyn Speaker) {
        let seed =
            self.says.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(131).wrapping_add(u64::from(byte)));
        let mut talk = Talk {
            speaker,
            says: self.says,
            container: format!("said{seed:016x}"),
            random: Random::new(seed),
        };
        let container = format!("/{}", talk.container);
        let made = talk.speaker.ask("PUT", &container, &[], b"").status;
        assert!(matches!(made, 201 | 202), "the container is made: {made}");
        (self.check)(&mut talk);
    }
}

impl Clone for Statement {
    fn clone(&self) -> Self {
        Self { says: self.says, check: self.check }
    }
}

/// A talk with a Swift in a container of its own.
pub(crate) struct Talk<'a> {
    speaker: &'a mut dyn Speaker,
    says: &'static str,
    container: String,
    random: Random,
}

impl Talk<'_> {
    fn ask(&mut self, method: &str, name: &str, fields: &[(&str, &str)], body: &[u8]) -> Told {
        let path = format!("/{}/{name}", self.container);
        let heard = self.speaker.ask(method, &path, fields, body);
        Told { heard, what: format!("{}: {method} {name} {fields:?}", self.says) }
    }

    /// About the container itself; `query` may be empty.
    fn list(&mut self, query: &str) -> Told {
        let path = format!("/{}{query}", self.container);
        let heard = self.speaker.ask("GET", &path, &[], b"");
        Told { heard, what: format!("{}: GET {query}", self.says) }
    }

    fn put(&mut self, name: &str, body: &[u8]) -> Told {
        self.ask("PUT", name, &[], body)
    }

    fn get(&mut self, name: &str) -> Told {
        self.ask("GET", name, &[], b"")
    }

    fn head(&mut self, name: &str) -> Told {
        self.ask("HEAD", name, &[], b"")
    }

    fn delete(&mut self, name: &str) -> Told {
        self.ask("DELETE", name, &[], b"")
    }

    /// Puts segments of so many bytes and tells what they hold.
    fn segments(&mut self, lengths: &[usize]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for (at, length) in lengths.iter().enumerate() {
            let bytes = self.random.bytes(*length);
            self.put(&format!("seg/{at}"), &bytes).is(201);
            all.push(bytes);
        }
        all
    }

    /// An entry of a manifest for a whole object.
    fn entry(&self, name: &str, bytes: &[u8]) -> String {
        format!(
            "{{\"path\":\"/{}/{name}\",\"size_bytes\":{},\"etag\":\"{}\"}}",
            self.container,
            bytes.len(),
            md5(bytes)
        )
    }

    fn entries(&self, segments: &[Vec<u8>]) -> Vec<String> {
        segments.iter().enumerate().map(|(at, bytes)| self.entry(&format!("seg/{at}"), bytes)).collect()
    }

    fn join(&mut self, name: &str, entries: &[String], fields: &[(&str, &str)]) -> Told {
        let body = format!("[{}]", entries.join(","));
        let fields = [&[("Accept", "application/json")], fields].concat();
        self.ask("PUT", &format!("{name}?multipart-manifest=put"), &fields, body.as_bytes())
    }
}

/// An answer, with what was asked, for messages.
pub(crate) struct Told {
    heard: Heard,
    what: String,
}

impl Told {
    fn is(self, status: u16) -> Self {
        let (found, body) = (self.heard.status, String::from_utf8_lossy(&self.heard.body).into_owned());
        assert_eq!(found, status, "{}: {body}", self.what);
        self
    }

    fn has(self, name: &str, value: &str) -> Self {
        assert_eq!(self.field(name).as_deref(), Some(value), "{}: {name}", self.what);
        self
    }

    fn holds(self, body: &[u8]) -> Self {
        assert!(!self.heard.broken, "{}: the body breaks off", self.what);
        assert_eq!(self.heard.body, body, "{}: the body", self.what);
        self
    }

    fn says(self, text: &str) -> Self {
        let body = String::from_utf8_lossy(&self.heard.body).into_owned();
        assert!(body.contains(text), "{}: {body:?} does not say {text:?}", self.what);
        self
    }

    fn field(&self, name: &str) -> Option<String> {
        self.heard.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    fn json(self) -> serde_json::Value {
        serde_json::from_slice(&self.heard.body).unwrap_or_else(|error| panic!("{}: {error}", self.what))
    }
}

/// MD5 in hex.
pub(crate) fn md5(bytes: &[u8]) -> String {
    wharfinger_core::transfer::md5_of(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
