use bytes::Bytes;
use http::{StatusCode, header};

use super::blob_parts::BlobParts;
use super::blob_redirect::BlobRedirect;
use super::touch::{Touch, Touched};
use super::{Flow, refuse, refuse_reply};
use crate::exchange::{Answer, Cx, Event, Request, Slot};
use crate::oci::{ByteRange, Digest, Ranges, Refusal, Repository, etag, if_match, if_none_match};
use crate::record::{LINK_BYTES_MAX, Link};
use crate::store::{Key, Op, Reply};

/// `GET` and `HEAD` of a blob (distribution-spec, end-2; ranges as of RFC 9110, section 14).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BlobGet {
    repository: Repository,
    digest: Digest,
    request: Request,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// The link and the content are asked for at once: a plain GET.
    ///
    /// Where both slots are the same one, the link was known before the content was asked for.
    Both { link: Slot, blob: Slot, linked: Option<u64>, found: Option<u64> },
    /// The link alone decides what is told.
    Linking,
    /// A HEAD: what is told to be there has to stay for a while.
    Touching { touch: Touch, size: u64 },
    /// One range of the content is asked for.
    Opening { range: ByteRange, size: u64 },
    /// The content is gone: the link goes too, so that the next push heals it.
    Unlinking { size: Option<u64> },
    /// The link is gone: was the content pushed again meanwhile?
    Doubting { size: u64 },
    /// It was. It is made young, for content must not be older than its link.
    Renewing { size: u64 },
    /// It is there, and the link that was removed may be that of the push: it is written again.
    Relinking,
}

impl BlobGet {
    pub(crate) fn start(repository: Repository, digest: Digest, request: Request, cx: &mut Cx<'_>) -> Flow {
        let get = Box::new(Self { repository, digest, request, state: State::Linking });
        if BlobRedirect::is_for(&get, cx) { BlobRedirect::start(get, cx) } else { get.begin(cx) }
    }

    /// Asks the store.
    pub(super) fn begin(mut self: Box<Self>, cx: &mut Cx<'_>) -> Flow {
        let request = &self.request;
        let plain = !cx.head_only() && request.range.is_none() && request.if_none_match.is_none();
        let link = cx.read(Key::Link(self.repository.clone(), self.digest), LINK_BYTES_MAX);
        if plain {
            let blob = cx.send(Op::Read { key: Key::Blob(self.digest), range: None, if_match: None });
            self.state = State::Both { link, blob, linked: None, found: None };
        }
        Flow::BlobGet(self)
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(super) fn request(&self) -> &Request {
        &self.request
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match event {
            Event::Read { found, bytes, .. } => match Link::read(&bytes) {
                Some(Link { size }) => self.linked(size, Touch::is_due(&found, cx), cx),
                None => self.unlink(None, cx),
            },
            Event::Answered { slot, reply } => self.answered(slot, reply, cx),
            Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Flow::BlobGet(self),
        }
    }

    fn linked(mut self: Box<Self>, size: u64, old: bool, cx: &mut Cx<'_>) -> Flow {
        match self.state {
            State::Both { link, blob, found, .. } => {
                self.state = State::Both { link, blob, linked: Some(size), found };
                self.both(cx)
            }
            State::Linking if cx.head_only() && old => {
                let touch = Touch::blob(&self.repository, self.digest, cx);
                self.state = State::Touching { touch, size };
                Flow::BlobGet(self)
            }
            State::Linking => self.sized(size, cx),
            State::Touching { .. }
            | State::Opening { .. }
            | State::Unlinking { .. }
            | State::Doubting { .. }
            | State::Renewing { .. }
            | State::Relinking => Flow::BlobGet(self),
        }
    }

    fn answered(mut self: Box<Self>, slot: Slot, reply: Reply, cx: &mut Cx<'_>) -> Flow {
        match (self.state.clone(), reply) {
            (State::Both { link, blob, linked, .. }, Reply::Found(found)) if slot == blob => {
                self.state = State::Both { link, blob, linked, found: Some(found.size) };
                self.both(cx)
            }
            (State::Both { link, blob, linked, .. }, Reply::Missing) if slot == blob => match linked {
                // Asked for at once, the content may have been looked for before it was pushed, and the link after.
                Some(size) if link != blob => self.sized(size, cx),
                Some(size) => self.unlink(Some(size), cx),
                None => {
                    self.state = State::Linking;
                    Flow::BlobGet(self)
                }
            },
            (State::Both { .. } | State::Linking, Reply::Missing) => {
                refuse(&Refusal::BlobUnknown { digest: self.digest }, cx)
            }
            (State::Both { .. } | State::Linking | State::Opening { .. }, Reply::Damaged) => {
                self.unlink(None, cx)
            }
            (State::Opening { size, .. }, Reply::Missing) => self.unlink(Some(size), cx),
            (State::Opening { range, size }, Reply::Found(found)) if found.size == size => {
                let length = range.len();
                let answer = self
                    .answer(StatusCode::PARTIAL_CONTENT)
                    .with(header::CONTENT_RANGE, &range.content_range(size));
                cx.relay(answer, slot, length);
                Flow::Over
            }
            (State::Opening { .. }, Reply::Found(_)) => self.unlink(None, cx),
            (State::Touching { touch, size }, reply) => match touch.answered(slot, &reply, cx) {
                Touched::Not(touch) => {
                    self.state = State::Touching { touch, size };
                    Flow::BlobGet(self)
                }
                Touched::All => self.sized(size, cx),
                Touched::Gone => self.unlink(Some(size), cx),
                Touched::Failed(refusal) => refuse(&refusal, cx),
            },
            (State::Unlinking { size: Some(size) }, Reply::Done) => {
                cx.send(Op::Stat { key: Key::Blob(self.digest) });
                self.state = State::Doubting { size };
                Flow::BlobGet(self)
            }
            (State::Doubting { size }, Reply::Found(found)) if found.size == size => {
                cx.send(Op::Touch { key: Key::Blob(self.digest) });
                self.state = State::Renewing { size };
                Flow::BlobGet(self)
            }
            // A store may say of a touch, too, that there is nothing: no repository loses for it what is there.
            (State::Renewing { size }, _) => {
                let key = Key::Link(self.repository.clone(), self.digest);
                cx.write(Op::Write { key, create_only: false }, Link { size }.write());
                self.state = State::Relinking;
                Flow::BlobGet(self)
            }
            (State::Relinking, _) => refuse_reply(&Reply::Damaged, cx),
            (State::Unlinking { .. } | State::Doubting { .. }, _) => {
                refuse(&Refusal::BlobUnknown { digest: self.digest }, cx)
            }
            (State::Both { .. } | State::Linking | State::Opening { .. }, reply) => refuse_reply(&reply, cx),
        }
    }

    /// Replies once both are known.
    fn both(self: Box<Self>, cx: &mut Cx<'_>) -> Flow {
        match self.state {
            State::Both { blob, linked: Some(linked), found: Some(found), .. } if linked == found => {
                cx.relay(self.answer(StatusCode::OK), blob, found);
                Flow::Over
            }
            State::Both { linked: Some(_), found: Some(_), .. } => self.unlink(None, cx),
            State::Both { .. }
            | State::Linking
            | State::Touching { .. }
            | State::Opening { .. }
            | State::Unlinking { .. }
            | State::Doubting { .. }
            | State::Renewing { .. }
            | State::Relinking => Flow::BlobGet(self),
        }
    }

    /// The size is known by the link: decides on conditions and ranges.
    pub(super) fn sized(mut self: Box<Self>, size: u64, cx: &mut Cx<'_>) -> Flow {
        if self.request.if_none_match.as_deref().is_some_and(|tags| if_none_match(tags, &self.digest)) {
            cx.reply(self.answer(StatusCode::NOT_MODIFIED));
            return Flow::Over;
        }
        if cx.head_only() {
            cx.reply_length(self.answer(StatusCode::OK), size);
            return Flow::Over;
        }
        let whole = self.request.if_range.as_deref().is_some_and(|tag| !if_match(tag, &self.digest));
        let range = self.request.range.as_deref().filter(|_| !whole);
        match Ranges::decide(range, size) {
            Ranges::Unsatisfiable => refuse(&Refusal::RangeNotSatisfiable { size }, cx),
            Ranges::Several(ranges) => {
                let entropy = self.request.given.entropy;
                BlobParts::start(self, size, ranges, entropy, cx)
            }
            Ranges::One(range) => {
                cx.send(Op::Read { key: Key::Blob(self.digest), range: Some(range), if_match: None });
                self.state = State::Opening { range, size };
                Flow::BlobGet(self)
            }
            Ranges::Whole => {
                let blob = cx.send(Op::Read { key: Key::Blob(self.digest), range: None, if_match: None });
                self.state = State::Both { link: blob, blob, linked: Some(size), found: None };
                Flow::BlobGet(self)
            }
        }
    }

    /// The content is gone: removes the link. What else is under way no longer matters. With the size of content that was
    /// missing, it is looked for once more: a push may have healed it between. Damaged content is not: a store may say of
    /// it that it is there.
    pub(super) fn unlink(mut self: Box<Self>, size: Option<u64>, cx: &mut Cx<'_>) -> Flow {
        cx.close_all();
        cx.send(Op::Remove { key: Key::Link(self.repository.clone(), self.digest) });
        self.state = State::Unlinking { size };
        Flow::BlobGet(self)
    }

    pub(super) fn answer(&self, status: StatusCode) -> Answer {
        let digest = self.digest.to_string();
        let answer = Answer::new(status)
            .with(crate::oci::DOCKER_CONTENT_DIGEST, &digest)
            .with(header::ETAG, &etag(&self.digest))
            .with_static(header::ACCEPT_RANGES, "bytes")
            .with_body(Bytes::new());
        match status {
            StatusCode::NOT_MODIFIED => answer,
            _ => answer.with_static(header::CONTENT_TYPE, "application/octet-stream"),
        }
    }
}
