use std::sync::Arc;

use bytes::Bytes;
use http::{StatusCode, header};

use super::fill::too_many_segments;
use super::fit::{Fit, Fitted};
use super::touch::{Touch, Touched};
use super::{Flow, refuse, refuse_reply, store_refusal};
use crate::config::SEGMENTS_MAX;
use crate::exchange::{Answer, Cx, Event, Slot};
use crate::oci::{DOCKER_CONTENT_DIGEST, Digest, Refusal, Repository};
use crate::record::Link;
use crate::store::{Key, Op, Part, Reply};
use crate::transfer::{Hashing, Moved, SavedHash};
use crate::upload::{Segments, Upload, UploadId};

/// The end of an upload: its content, proved to be what its digest says, becomes a blob of the repository.
///
/// The content is published first, in one atomic step, then the link to it; only then is the client told. Whether others
/// publish the same content at the same time does not matter: it is equal, and each is told of its own publication.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Publish {
    upload: UploadId,
    repository: Repository,
    digest: Digest,
    size: u64,
    parts: Arc<[Part]>,
    /// Parts from this index on were written by this request: no token names them.
    own_from: usize,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// Lists of segments are read, the newest first.
    Gathering { content: SavedHash, later: Segments, own_from: u32 },
    /// The content was hashed by another algorithm: the segments are read again.
    Rehashing { content: SavedHash, at: usize },
    /// It is not what the client said: what this request wrote goes, then it is refused.
    Removing { refusal: Refusal, at: usize },
    /// The parts become such as the store joins well.
    Fitting(Fit),
    /// The content is written or joined.
    Publishing,
    /// Parts are missing: was the blob published before?
    Confirming,
    /// It was, and is made young before the link relies on it.
    Touching(Touch),
    /// The link is written.
    Linking,
    /// The parts are let go.
    Releasing,
}

impl Publish {
    /// Publishes what `upload` has stored. Segments from `own_from` on were written by this request.
    pub(crate) fn start(upload: Upload, digest: Digest, own_from: u32, cx: &mut Cx<'_>) -> Flow {
        let size = upload.offset();
        let Upload { id, repository, content, segments, .. } = upload;
        let state = State::Gathering { content, later: segments, own_from };
        let parts = Arc::new([]);
        Box::new(Self { upload: id, repository, digest, size, parts, own_from: 0, state }).gather(cx)
    }

    /// Publishes a blob that is at hand and was found to be what its digest says.
    pub(crate) fn small(upload: &Upload, digest: Digest, bytes: Bytes, cx: &mut Cx<'_>) -> Flow {
        let size = bytes.len() as u64;
        cx.write(Op::Write { key: Key::Blob(digest), create_only: false }, bytes);
        let repository = upload.repository.clone();
        let parts = Arc::new([]);
        let state = State::Publishing;
        Flow::Publish(Box::new(Self {
            upload: upload.id,
            repository,
            digest,
            size,
            parts,
            own_from: 0,
            state,
        }))
    }

    pub(crate) fn step(mut self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        if matches!(self.state, State::Fitting(_))
            && let State::Fitting(fit) = std::mem::replace(&mut self.state, State::Publishing)
        {
            return self.fitted(fit.step(event, cx), cx);
        }
        match event {
            Event::Answered { slot, reply } => self.answered(slot, &reply, cx),
            Event::Read { bytes, .. } => self.listed(&bytes, cx),
            Event::Hashed { moved } => self.rehashed(&moved, cx),
            Event::Fed { .. } | Event::Replied { .. } | Event::Collected { .. } | Event::Told { .. } => {
                Flow::Publish(self)
            }
        }
    }

    /// Reads the lists that were spilled; with the last one, all parts are known.
    fn gather(mut self: Box<Self>, cx: &mut Cx<'_>) -> Flow {
        let State::Gathering { content, later, own_from } = &self.state else { return Flow::Publish(self) };
        if let Some(spill) = later.spill {
            cx.read(spill.key(self.upload), LIST_BYTES_MAX);
            return Flow::Publish(self);
        }
        let (content, own_from) = (*content, *own_from);
        self.own_from = later.recent.iter().take_while(|segment| segment.number < own_from).count();
        self.parts = later.recent.iter().map(|segment| segment.part(self.upload)).collect();
        // A list that says more or less than was hashed would put other bytes under the digest.
        let total = self.parts.iter().try_fold(0u64, |total, part| total.checked_add(part.size));
        if total != Some(self.size) {
            return refuse_reply(&Reply::Damaged, cx);
        }
        if content.algorithm() == self.digest.algorithm() {
            return self.prove(content.digest(), cx);
        }
        let start = SavedHash::new(self.digest.algorithm());
        self.rehash(start, 0, cx)
    }

    fn listed(mut self: Box<Self>, bytes: &[u8], cx: &mut Cx<'_>) -> Flow {
        let State::Gathering { content, mut later, own_from } = self.state else {
            return Flow::Publish(self);
        };
        let Some(mut earlier) = Segments::read_from(bytes) else { return refuse_reply(&Reply::Damaged, cx) };
        let known = earlier.recent.len() + later.recent.len();
        if known > SEGMENTS_MAX as usize || earlier.recent.is_empty() {
            return refuse_reply(&Reply::Damaged, cx);
        }
        earlier.recent.append(&mut later.recent);
        self.state = State::Gathering { content, later: earlier, own_from };
        self.gather(cx)
    }

    fn rehash(mut self: Box<Self>, content: SavedHash, at: usize, cx: &mut Cx<'_>) -> Flow {
        match self.parts.get(at) {
            None => self.prove(content.digest(), cx),
            Some(part) => {
                cx.send(Op::Read { key: part.key.clone(), range: None, if_match: None });
                self.state = State::Rehashing { content, at };
                Flow::Publish(self)
            }
        }
    }

    fn rehashed(self: Box<Self>, moved: &Moved, cx: &mut Cx<'_>) -> Flow {
        let State::Rehashing { at, .. } = self.state else { return Flow::Publish(self) };
        cx.close_all();
        match &moved.hashed {
            Some(hashed) if moved.bytes == self.parts[at].size => self.rehash(hashed.saved, at + 1, cx),
            Some(_) | None => refuse_reply(&Reply::Damaged, cx),
        }
    }

    /// The content is known: publishes it if it is what the client said.
    fn prove(self: Box<Self>, got: Digest, cx: &mut Cx<'_>) -> Flow {
        if got != self.digest {
            let refusal = Refusal::DigestInvalid { expected: self.digest, got: got.into() };
            let at = self.own_from;
            return self.remove(refusal, at, cx);
        }
        if self.parts.len() > cx.config.limits.segments_max() as usize {
            return refuse(&too_many_segments(&cx.config.limits), cx);
        }
        let fitted = Fit::start(self.upload, self.parts.clone(), cx);
        self.fitted(fitted, cx)
    }

    fn fitted(mut self: Box<Self>, fitted: Fitted<Fit>, cx: &mut Cx<'_>) -> Flow {
        match fitted {
            Fitted::Not(fit) => {
                self.state = State::Fitting(fit);
                Flow::Publish(self)
            }
            Fitted::All(parts) => {
                self.parts = parts;
                self.publish(cx)
            }
            Fitted::Gone => self.confirm(cx),
            Fitted::Failed(refusal) => refuse(&refusal, cx),
        }
    }

    fn publish(mut self: Box<Self>, cx: &mut Cx<'_>) -> Flow {
        let key = Key::Blob(self.digest);
        if self.parts.is_empty() {
            cx.write(Op::Write { key, create_only: false }, Bytes::new());
        } else {
            cx.send(Op::Join { key, parts: self.parts.clone() });
        }
        self.state = State::Publishing;
        Flow::Publish(self)
    }

    fn remove(mut self: Box<Self>, refusal: Refusal, at: usize, cx: &mut Cx<'_>) -> Flow {
        match self.parts.get(at) {
            None => refuse(&refusal, cx),
            Some(part) => {
                cx.send(Op::Remove { key: part.key.clone() });
                self.state = State::Removing { refusal, at };
                Flow::Publish(self)
            }
        }
    }

    fn answered(mut self: Box<Self>, slot: Slot, reply: &Reply, cx: &mut Cx<'_>) -> Flow {
        match (self.state.clone(), reply) {
            (State::Rehashing { content, at }, Reply::Found(found)) if found.size == self.parts[at].size => {
                cx.digest_body(slot, found.size, Hashing { content, md5: false });
                Flow::Publish(self)
            }
            (State::Gathering { .. } | State::Rehashing { .. }, Reply::Missing) => {
                refuse(&Refusal::BlobUploadUnknown, cx)
            }
            (State::Removing { refusal, at }, _) => self.remove(refusal, at + 1, cx),
            (State::Publishing, Reply::Written { .. }) => self.link(cx),
            (State::Publishing, Reply::Missing) => self.confirm(cx),
            (State::Confirming, Reply::Found(found)) if found.size == self.size => {
                if !Touch::is_due(found, cx) {
                    return self.link(cx);
                }
                self.state = State::Touching(Touch::one(Key::Blob(self.digest), cx));
                Flow::Publish(self)
            }
            (State::Touching(touch), reply) => match touch.answered(slot, reply, cx) {
                Touched::Not(touch) => {
                    self.state = State::Touching(touch);
                    Flow::Publish(self)
                }
                Touched::All => self.link(cx),
                Touched::Gone => refuse(&Refusal::BlobUploadUnknown, cx),
                Touched::Failed(refusal) => refuse(&refusal, cx),
            },
            (State::Confirming, Reply::Found(_) | Reply::Missing) => refuse(&Refusal::BlobUploadUnknown, cx),
            (State::Linking, Reply::Written { .. }) if self.parts.is_empty() => self.created(cx),
            (State::Linking, Reply::Written { .. }) => {
                cx.send(Op::Release { parts: self.parts.clone() });
                self.state = State::Releasing;
                Flow::Publish(self)
            }
            // The blob stands; parts that stay behind are prune's.
            (State::Releasing, _) => self.created(cx),
            (
                State::Gathering { .. }
                | State::Rehashing { .. }
                | State::Fitting(_)
                | State::Publishing
                | State::Confirming
                | State::Linking,
                reply,
            ) => refuse(&store_refusal(reply), cx),
        }
    }

    /// Parts are gone: where a Join copies and frees them, the upload may have been published before. A store that points
    /// at parts frees none, so that one that is gone says nothing good of a blob, even if the store has its name: the client
    /// is to push it anew, and heals it so.
    fn confirm(mut self: Box<Self>, cx: &mut Cx<'_>) -> Flow {
        if !cx.config.limits.joins.copies {
            return refuse(&Refusal::BlobUploadUnknown, cx);
        }
        cx.send(Op::Stat { key: Key::Blob(self.digest) });
        self.state = State::Confirming;
        Flow::Publish(self)
    }

    fn link(mut self: Box<Self>, cx: &mut Cx<'_>) -> Flow {
        let key = Key::Link(self.repository.clone(), self.digest);
        cx.write(Op::Write { key, create_only: false }, Link { size: self.size }.write());
        self.state = State::Linking;
        Flow::Publish(self)
    }

    #[allow(clippy::boxed_local, reason = "the state comes boxed")]
    fn created(self: Box<Self>, cx: &mut Cx<'_>) -> Flow {
        cx.reply(created(&self.repository, &self.digest));
        Flow::Over
    }
}

/// Tells that a repository holds a blob from here on.
pub(crate) fn created(repository: &Repository, digest: &Digest) -> Answer {
    Answer::new(StatusCode::CREATED)
        .with(header::LOCATION, &format!("/v2/{repository}/blobs/{digest}"))
        .with(DOCKER_CONTENT_DIGEST, &digest.to_string())
}

/// No list of segments is longer, in bytes.
const LIST_BYTES_MAX: u32 = 13 + SEGMENTS_MAX * 37;
