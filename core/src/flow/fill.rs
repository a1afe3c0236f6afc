use super::store_refusal;
use crate::config::Limits;
use crate::exchange::{BodyLength, Cx, Event, Slot};
use crate::oci::{Algorithm, Digest, Refusal};
use crate::store::{Op, Reply};
use crate::transfer::{End, Hashing, Moved, Source, Take, Tap};
use crate::upload::{Nonce, Segment, Upload};

/// The client's body becomes segments of an upload.
///
/// A segment counts only when both halves of its call agree: the body left whole, and the store says that it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fill {
    upload: Upload,
    entropy: [u8; 16],
    body: BodyLength,
    /// What of the body has been stored, in bytes.
    stored: u64,
    slot: Slot,
    segment: Segment,
    moved: Option<Moved>,
    written: Option<Option<[u8; 16]>>,
    /// No segment may follow: it is only seen whether the body is over.
    full: bool,
}

/// How a [`Fill`] stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Filled {
    /// It goes on.
    Not(Box<Fill>),
    /// The body is stored, so many bytes of it.
    All(Upload, u64),
    /// It broke off. What was stored before is good.
    Failed(Upload, Refusal),
}

impl Fill {
    pub(crate) fn start(upload: Upload, entropy: [u8; 16], body: BodyLength, cx: &mut Cx<'_>) -> Box<Self> {
        let (slot, segment) = open_segment(&upload, entropy, cx);
        Box::new(Self {
            upload,
            entropy,
            body,
            stored: 0,
            slot,
            segment,
            moved: None,
            written: None,
            full: false,
        })
    }

    pub(crate) fn step(mut self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Filled {
        match event {
            Event::Fed { moved, .. } => self.fed(moved, cx),
            Event::Answered { reply: Reply::Written { md5 }, .. } => {
                self.written = Some(md5);
                self.settle(cx)
            }
            Event::Answered { reply, .. } => Filled::Failed(self.upload, store_refusal(&reply)),
            Event::Read { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Filled::Not(self),
        }
    }

    fn fed(mut self: Box<Self>, moved: Moved, cx: &mut Cx<'_>) -> Filled {
        let got = self.stored.saturating_add(moved.bytes);
        match (moved.end, self.body) {
            (End::Eof | End::SourceBroke, BodyLength::Exactly(promised)) if got != promised => {
                self.failed(Refusal::SizeInvalid { promised, got }, cx)
            }
            (End::SourceBroke, _) => self.failed(Refusal::BodyBroken, cx),
            (End::Eof, _) if moved.bytes == 0 => {
                cx.close(self.slot);
                Filled::All(self.upload, self.stored)
            }
            (End::SourceLate, _) => self.failed(Refusal::BodyLate, cx),
            (End::Eof | End::Taken | End::Stalled | End::SinkBroke, _) if self.full && moved.bytes > 0 => {
                self.failed(too_many_segments(&cx.config.limits), cx)
            }
            // A host waits for the first byte: without one there is no call that could be answered.
            (End::Taken | End::Stalled, _) if moved.bytes == 0 => self.failed(Refusal::BodyLate, cx),
            // Of a body that the store does not take its answer says why; it is owed.
            (End::Eof | End::Taken | End::Stalled | End::SinkBroke, _) => {
                self.moved = Some(moved);
                self.settle(cx)
            }
        }
    }

    fn failed(self: Box<Self>, refusal: Refusal, cx: &mut Cx<'_>) -> Filled {
        cx.close(self.slot);
        Filled::Failed(self.upload, refusal)
    }

    /// Both halves are needed before the segment counts.
    fn settle(mut self: Box<Self>, cx: &mut Cx<'_>) -> Filled {
        let (Some(moved), Some(md5)) = (&self.moved, self.written) else { return Filled::Not(self) };
        let unavailable = store_refusal(&Reply::Mismatch);
        let Some(hashed) = &moved.hashed else { return Filled::Failed(self.upload, unavailable) };
        let counted = self.upload.offset().checked_add(moved.bytes) == Some(hashed.saved.length());
        let agreed = hashed.md5.is_none() || md5.is_none() || hashed.md5 == md5;
        if !counted || !agreed || moved.end == End::SinkBroke {
            return Filled::Failed(self.upload, unavailable);
        }
        self.segment.size = moved.bytes;
        self.segment.md5 = hashed.md5;
        self.upload.content = hashed.saved;
        self.stored += moved.bytes;
        let end = moved.end;
        self.upload.segments.recent.push(self.segment);
        if end == End::Eof {
            return Filled::All(self.upload, self.stored);
        }
        // Where the length is known, nothing is left to be seen of the end.
        if self.body == BodyLength::Exactly(self.stored) {
            return Filled::All(self.upload, self.stored);
        }
        if self.segment.number + 1 >= cx.config.limits.segments_max() {
            return self.look_for_more(cx);
        }
        let (slot, segment) = open_segment(&self.upload, self.entropy, cx);
        Filled::Not(Box::new(Self { slot, segment, moved: None, written: None, ..*self }))
    }

    /// Where the end of the body is not known, another byte says whether more follows. It is not stored.
    fn look_for_more(self: Box<Self>, cx: &mut Cx<'_>) -> Filled {
        let segment = next_segment(&self.upload, self.entropy);
        let slot = cx.open(Op::Write { key: segment.key(self.upload.id), create_only: false });
        cx.feed(slot, Source::Client { take: Take::UpTo(1), tap: Tap::Opaque }, false);
        Filled::Not(Box::new(Self { slot, segment, moved: None, written: None, full: true, ..*self }))
    }
}

fn open_segment(upload: &Upload, entropy: [u8; 16], cx: &mut Cx<'_>) -> (Slot, Segment) {
    let segment = next_segment(upload, entropy);
    let slot = cx.open(Op::Write { key: segment.key(upload.id), create_only: false });
    let take = Take::UpTo(cx.config.limits.segment_bytes_max.max(1));
    let tap = Tap::Digest(Box::new(Hashing { content: upload.content, md5: cx.config.store_md5 }));
    cx.feed(slot, Source::Client { take, tap }, true);
    (slot, segment)
}

fn next_segment(upload: &Upload, entropy: [u8; 16]) -> Segment {
    let number = upload.segments.next_number();
    Segment { number, nonce: nonce(entropy, number), size: 0, md5: None }
}

/// A nonce for a name, out of the chance that came with the request; no two numbers share one.
pub(crate) fn nonce(entropy: [u8; 16], number: u32) -> Nonce {
    let mut seed = [0; 20];
    seed[..16].copy_from_slice(&entropy);
    seed[16..].copy_from_slice(&number.to_be_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&Digest::of(Algorithm::Sha256, &seed).bytes()[..8]);
    Nonce::new(bytes)
}

pub(crate) fn too_many_segments(limits: &Limits) -> Refusal {
    let (segments, bytes) = (limits.segments_max(), limits.segment_bytes_max);
    let text = format!(
        "it needs more than {segments} segments of at most {bytes} bytes; send it in fewer, longer chunks"
    );
    Refusal::BlobUploadInvalid(text.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, Method};

    use super::*;
    use crate::Config;
    use crate::config::SEGMENTS_MAX;
    use crate::exchange::{CallId, Exchange, Given, Input, Output, RequestHead, To};
    use crate::transfer::{Blocks, Hasher, SavedHash};
    use crate::upload::{Secret, Segments, Spill, UploadId};

    /// A PATCH of an upload that has `segments` so far.
    fn start(body: BodyLength, segments: Segments) -> Exchange {
        let secret = Secret::new(b"key");
        let config = Config {
            secret,
            access: crate::access::Access::open(),
            sparse_manifests: false,
            redirects: false,
            store_md5: false,
            limits: Limits::default(),
        };
        let repository = crate::oci::Repository::parse("a").unwrap();
        let mut upload = Upload::new(UploadId::new([1; 16]), 0, repository, Algorithm::Sha256);
        upload.segments = segments;
        let target = format!("{}?state={}", upload.path(), upload.seal(&config.secret));
        let headers = HeaderMap::new();
        let head = RequestHead {
            method: &Method::PATCH,
            target: &target,
            headers: &headers,
            body,
            peer: crate::access::Peer::default(),
        };
        Exchange::new(&Arc::new(config), &head, Given { now: 0, entropy: [2; 16] })
    }

    /// A PATCH of an empty upload up to its first feed.
    fn patch(body: BodyLength) -> (Exchange, CallId) {
        let mut exchange = start(body, Segments::default());
        let Output::Send { call, .. } = exchange.poll_output() else { panic!("no call") };
        assert!(matches!(exchange.poll_output(), Output::Feed { .. }));
        assert_eq!(exchange.poll_output(), Output::Wait);
        (exchange, call)
    }

    fn fed(call: CallId, bytes: &[u8], end: End) -> Input {
        let hashing = Hashing { content: SavedHash::new(Algorithm::Sha256), md5: false };
        let mut hasher = Hasher::new(&hashing, Blocks::default());
        hasher.update(bytes);
        let hashed = Some(Box::new(hasher.finish()));
        Input::Fed { to: To::Call(call), moved: Moved { bytes: bytes.len() as u64, end, hashed } }
    }

    fn written(call: CallId) -> Input {
        Input::Head { call, reply: Reply::Written { md5: None } }
    }

    /// The status of the reply, or 0 where the exchange waits for something.
    fn status(exchange: &mut Exchange) -> u16 {
        loop {
            match exchange.poll_output() {
                Output::Respond { head, .. } => return head.status.as_u16(),
                Output::Wait | Output::Done(_) => return 0,
                Output::Send { .. }
                | Output::Feed { .. }
                | Output::Collect { .. }
                | Output::Digest { .. }
                | Output::Ask { .. }
                | Output::Abort { .. }
                | Output::Sleep { .. } => {}
            }
        }
    }

    #[test]
    fn both_halves_count_in_either_order() {
        let (mut exchange, call) = patch(BodyLength::Unknown);
        exchange.handle_input(fed(call, b"abc", End::Eof));
        assert_eq!(status(&mut exchange), 0);
        exchange.handle_input(written(call));
        assert_eq!(status(&mut exchange), 202);
        let (mut exchange, call) = patch(BodyLength::Unknown);
        exchange.handle_input(written(call));
        assert_eq!(status(&mut exchange), 0);
        exchange.handle_input(fed(call, b"abc", End::Eof));
        assert_eq!(status(&mut exchange), 202);
    }

    #[test]
    fn no_segment_is_taken_that_could_not_be_published() {
        let nonce = Nonce::new([3; 8]);
        let full = |number| Segments { spill: Some(Spill { number, nonce }), recent: Vec::new() };
        let body = BodyLength::Exactly(1);
        assert_eq!(status(&mut start(body, full(SEGMENTS_MAX))), 400);
        assert_eq!(status(&mut start(body, full(SEGMENTS_MAX - 1))), 0);
    }

    #[test]
    fn an_end_does_not_make_a_body_whole() {
        let (mut exchange, call) = patch(BodyLength::Exactly(4));
        exchange.handle_input(fed(call, b"abc", End::Eof));
        assert_eq!(status(&mut exchange), 400);
        let (mut exchange, call) = patch(BodyLength::Exactly(3));
        exchange.handle_input(fed(call, b"abc", End::Eof));
        exchange.handle_input(written(call));
        assert_eq!(status(&mut exchange), 202);
    }

    #[test]
    fn a_body_that_did_not_arrive_is_not_believed_to_be_written() {
        let (mut exchange, call) = patch(BodyLength::Unknown);
        exchange.handle_input(written(call));
        exchange.handle_input(fed(call, b"ab", End::SinkBroke));
        assert_eq!(status(&mut exchange), 503);
    }
}
