use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use wharfinger_core::access::{Access, Peer};
use wharfinger_core::exchange::{BodyLength, Exchange, Given, RequestHead};
use wharfinger_core::oci::{Algorithm, Digest, Repository};
use wharfinger_core::store::{Key, Page, Row};
use wharfinger_core::transfer::md5_of;
use wharfinger_core::upload::{Nonce, Secret, Segment, Segments, Upload, UploadId};
use wharfinger_core::{Config, Limits};

use super::Mutant;
use super::label::{Label, Role};
use super::lock::Lock;

/// One request, and what may stand in the store when it comes.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What is asked for, in a few words.
    pub name: &'static str,
    /// Whether the diagram shows it.
    pub drawn: bool,
    pub(super) config: Arc<Config>,
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// What the head says of the body's length, if not the truth.
    pub(super) length: Option<BodyLength>,
    pub(super) repository: Repository,
    /// Whose link is read beside the repository's own.
    pub(super) source: Option<Repository>,
    pub(super) upload: UploadId,
    /// The blob that the request is about, and its content.
    pub(super) digest: Digest,
    pub(super) content: Bytes,
    /// The manifest that the request is about.
    pub(super) manifest: Digest,
    /// What it refers to: a child of an index, or a subject.
    pub(super) child: Digest,
    /// The record that may be written for the manifest.
    pub(super) record: Bytes,
    pub(super) objects: BTreeMap<Role, Vec<Variant>>,
    pub(super) pages: BTreeMap<Role, Vec<(&'static str, Page)>>,
    /// Segments that were written before.
    pub(super) before: BTreeMap<Key, Bytes>,
    /// What the store must have acknowledged before a status is told, in one of several ways.
    pub(super) promises: Vec<(u16, Vec<Label>)>,
    /// Refusals that the request itself deserves.
    pub(super) deserves: &'static [u16],
    /// What alone may go wrong; all, if nothing is named.
    pub(super) troubled: Option<Label>,
    /// Nothing goes wrong, but what was written may be gone when it is looked for.
    pub(super) taken_away: bool,
    /// Whether what is old has to be made young before a success.
    pub(super) relies: bool,
    /// What has to be known of its sender.
    pub(super) lock: Lock,
}

/// One of the things that may stand under a name.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub(super) word: &'static str,
    pub(super) bytes: Bytes,
    pub(super) age: u64,
    pub(super) etag: Option<[u8; 16]>,
    /// What was meant.
    pub(super) good: bool,
    /// Whether finding it takes a failure.
    pub(super) trouble: bool,
    /// It is not found at first, but in the place of what was.
    pub(super) only_later: bool,
}

impl Scene {
    /// A request without a body.
    pub fn new(name: &'static str, method: Method, target: impl Into<String>) -> Self {
        let digest = Digest::of(Algorithm::Sha256, BLOB);
        Self {
            name,
            drawn: false,
            config: Arc::new(config()),
            method,
            target: target.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            length: None,
            repository: own(),
            source: None,
            upload: UploadId::new(ENTROPY),
            digest,
            content: Bytes::from_static(BLOB),
            manifest: digest,
            child: digest,
            record: Bytes::new(),
            objects: BTreeMap::new(),
            pages: BTreeMap::new(),
            before: BTreeMap::new(),
            promises: Vec::new(),
            deserves: &[],
            troubled: None,
            taken_away: false,
            relies: false,
            lock: Lock::default(),
        }
    }

    /// Shows it in the diagram.
    pub fn drawn(mut self) -> Self {
        self.drawn = true;
        self
    }

    /// Changes the registry's configuration.
    pub fn configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// Adds a field.
    pub fn field(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.insert(name, HeaderValue::from_str(value).expect("a field's value"));
        self
    }

    /// Adds a body whose length is told.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Tells something else of the body's length.
    pub fn length(mut self, length: BodyLength) -> Self {
        self.length = Some(length);
        self
    }

    /// Tells a success only if all of this was acknowledged, or all of another such row.
    pub fn promising(mut self, status: u16, labels: &str) -> Self {
        self.promises.push((status, Label::parse_all(labels)));
        self
    }

    /// What the request itself is refused for.
    pub fn deserving(mut self, statuses: &'static [u16]) -> Self {
        self.deserves = statuses;
        self
    }

    /// Nothing goes wrong but with this.
    pub fn troubling(mut self, label: &str) -> Self {
        self.troubled = Some(Label::parse(label));
        self
    }

    /// Nothing goes wrong, but others take away what was written.
    pub fn taken_away(mut self) -> Self {
        self.taken_away = true;
        self
    }

    /// The success relies on what is found: it is made young before.
    pub fn relying(mut self) -> Self {
        self.relies = true;
        self
    }

    /// What may stand under a name: what is meant; young or old, where that matters.
    pub fn object(mut self, role: Role, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let etag = Some(md5_of(&bytes));
        let variant = |word, age| Variant {
            word,
            bytes: bytes.clone(),
            age,
            etag,
            good: true,
            trouble: false,
            only_later: false,
        };
        let all = self.objects.entry(role).or_default();
        all.push(variant("found", 0));
        if matches!(role, Role::Blob | Role::Link | Role::SourceLink | Role::Child) {
            all.push(variant("found old", OLD));
        }
        self
    }

    /// The same from a store that tells no tags, and never old.
    pub fn untagged(mut self, role: Role, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let variant = Variant {
            word: "found",
            bytes,
            age: 0,
            etag: None,
            good: true,
            trouble: false,
            only_later: false,
        };
        self.objects.entry(role).or_default().push(variant);
        self
    }

    /// Something else that may stand there.
    pub fn other(mut self, role: Role, word: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let etag = Some(md5_of(&bytes));
        let variant = Variant { word, bytes, age: 0, etag, good: false, trouble: false, only_later: false };
        self.objects.entry(role).or_default().push(variant);
        self
    }

    /// An object of the same size that takes the place of what was found before: no store confuses the two by itself.
    pub fn other_object(mut self, role: Role, word: &'static str, bytes: impl Into<Bytes>) -> Self {
        self = self.other(role, word, bytes);
        if let Some(last) = self.objects.get_mut(&role).and_then(|all| all.last_mut()) {
            last.only_later = true;
        }
        self
    }

    /// Something else that will do as well.
    pub fn like(mut self, role: Role, word: &'static str, bytes: impl Into<Bytes>) -> Self {
        self = self.other(role, word, bytes);
        if let Some(last) = self.objects.get_mut(&role).and_then(|all| all.last_mut()) {
            last.good = true;
        }
        self
    }

    /// What is meant, changed on its way: it is not what its tag says.
    pub fn changed(mut self, role: Role, bytes: impl Into<Bytes>) -> Self {
        let etag = self.objects.get(&role).and_then(|all| all.first()).and_then(|first| first.etag);
        let (word, bytes) = ("found changed", bytes.into());
        let variant = Variant { word, bytes, age: 0, etag, good: false, trouble: true, only_later: false };
        self.objects.entry(role).or_default().push(variant);
        self
    }

    /// A page that a listing may give.
    pub fn page(mut self, role: Role, word: &'static str, names: &[(&str, u64)], more: bool) -> Self {
        let row = |(name, size): &(&str, u64)| Row { name: (*name).into(), size: *size, written: None };
        let page = Page { rows: names.iter().map(row).collect(), more };
        self.pages.entry(role).or_default().push((word, page));
        self
    }

    /// The exchange that it starts.
    pub(super) fn start(&self, mutant: Option<Mutant>) -> Exchange {
        match mutant {
            Some(Mutant::Unlocked) => {
                self.clone().configured(|config| config.access = Access::open()).start_at(NOW)
            }
            _ => self.start_at(NOW),
        }
    }

    /// The exchange that it starts at this time, in seconds since 1970.
    pub(super) fn start_at(&self, now: u64) -> Exchange {
        let body = self.length.unwrap_or(BodyLength::Exactly(self.body.len() as u64));
        let head = RequestHead {
            method: &self.method,
            target: &self.target,
            headers: &self.headers,
            body,
            peer: Peer { certificate: &self.lock.certificate, ..Peer::default() },
        };
        Exchange::new(&self.config, &head, Given { now, entropy: ENTROPY })
    }

    /// Whether nothing goes wrong with this.
    pub(super) fn is_calm(&self, label: Label) -> bool {
        self.taken_away || self.troubled.is_some_and(|troubled| troubled != label)
    }

    /// Whether bytes that a client has sent are what it said.
    pub(super) fn names(&self, bytes: &[u8]) -> bool {
        [&self.digest, &self.manifest]
            .into_iter()
            .any(|digest| Digest::of(digest.algorithm(), bytes) == *digest)
    }

    /// Whether the reply has no body, whatever its length.
    pub(super) fn head_only(&self) -> bool {
        self.method == Method::HEAD
    }

    /// An upload that has stored these segments: the target of its next request.
    pub fn uploaded(mut self, pieces: &[&'static [u8]]) -> Self {
        let mut upload = self.begun();
        for (number, piece) in (0..).zip(pieces) {
            let md5 = self.config.store_md5.then(|| md5_of(piece));
            let segment = Segment { number, nonce: Nonce::new([7; 8]), size: piece.len() as u64, md5 };
            upload.content = saved(&upload, piece);
            upload.segments.recent.push(segment);
            self.before.insert(segment_key(&upload, &segment), Bytes::from_static(piece));
        }
        self.seal(&upload)
    }

    /// The same, with the list of its segments in an object of its own.
    pub fn spilled(mut self, pieces: &[&'static [u8]]) -> Self {
        self = self.uploaded(pieces);
        let mut upload = self.begun();
        for (number, piece) in (0..).zip(pieces) {
            let md5 = self.config.store_md5.then(|| md5_of(piece));
            upload.content = saved(&upload, piece);
            let segment = Segment { number, nonce: Nonce::new([7; 8]), size: piece.len() as u64, md5 };
            upload.segments.recent.push(segment);
        }
        let (spill, list) = upload.segments.spilled(Nonce::new([8; 8]));
        upload.segments = Segments { spill: Some(spill), recent: Vec::new() };
        self = self.object(Role::SegmentList, list).other(Role::SegmentList, "found damaged", "x");
        self.seal(&upload)
    }

    fn begun(&self) -> Upload {
        let mut upload = Upload::new(self.upload, NOW - 1, self.repository.clone(), Algorithm::Sha256);
        upload.user = self.lock.uploader.map(Into::into);
        upload
    }

    fn seal(mut self, upload: &Upload) -> Self {
        let query = self.target.split_once('?').map(|(_, query)| format!("&{query}")).unwrap_or_default();
        self.target = format!("{}?state={}{query}", upload.path(), upload.seal(&self.config.secret));
        self
    }
}

fn saved(upload: &Upload, piece: &[u8]) -> wharfinger_core::transfer::SavedHash {
    use wharfinger_core::transfer::{Blocks, Hasher, Hashing};
    let mut hasher = Hasher::new(&Hashing { content: upload.content, md5: false }, Blocks::default());
    hasher.update(piece);
    hasher.finish().saved
}

fn segment_key(upload: &Upload, segment: &Segment) -> Key {
    Key::Segment { upload: upload.id, number: segment.number, nonce: segment.nonce }
}

/// The repository of all requests.
pub(super) fn own() -> Repository {
    Repository::parse("a").expect("a name")
}

fn config() -> Config {
    Config {
        secret: Secret::new(b"a secret of the models"),
        access: Access::open(),
        sparse_manifests: false,
        redirects: false,
        store_md5: true,
        limits: Limits::default(),
    }
}

/// The content of the blob that requests are about.
pub const BLOB: &[u8] = b"blob";

pub(super) const NOW: u64 = 1_000_000;

/// More than half the grace, in seconds.
const OLD: u64 = 80_000;

/// The chance that comes with every request; an upload that it starts has this name.
const ENTROPY: [u8; 16] = [3; 16];
