use std::fmt::Write as _;

use http::{StatusCode, header};

use super::blob_get::BlobGet;
use super::{Flow, refuse_reply};
use crate::exchange::{Cx, Event, Outcome, Slot};
use crate::oci::{ByteRange, Digest};
use crate::store::{Key, Op, Reply};
use crate::transfer::Source;

/// Several ranges of a blob in one reply (RFC 9110, section 14.6): as many parts as were asked for, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BlobParts {
    digest: Digest,
    size: u64,
    ranges: Vec<ByteRange>,
    boundary: u128,
    /// The range being sent.
    at: usize,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// The first range is asked for; the reply has not begun.
    Beginning(Box<BlobGet>),
    /// The range is asked for.
    Opening,
    /// The head of a part leaves, then the part.
    Leading { slot: Slot },
    /// The part leaves.
    Sending,
    /// The end of the reply leaves.
    Closing,
}

impl BlobParts {
    pub(crate) fn start(
        get: Box<BlobGet>,
        size: u64,
        ranges: Vec<ByteRange>,
        entropy: [u8; 16],
        cx: &mut Cx<'_>,
    ) -> Flow {
        let boundary = u128::from_be_bytes(entropy);
        let digest = get.digest();
        let parts = Self { digest, size, ranges, boundary, at: 0, state: State::Beginning(get) };
        parts.ask(cx);
        Flow::BlobParts(Box::new(parts))
    }

    pub(crate) fn step(mut self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match event {
            Event::Answered { slot, reply: Reply::Found(found) } if found.size == self.size => {
                if let State::Beginning(get) = &self.state {
                    let kind = format!("multipart/byteranges; boundary={:032x}", self.boundary);
                    let answer = get.answer(StatusCode::PARTIAL_CONTENT);
                    cx.begin_reply(answer.replacing(header::CONTENT_TYPE, &kind), self.length());
                }
                cx.feed_reply(Source::Bytes(self.lead().into()), false);
                self.state = State::Leading { slot };
                Flow::BlobParts(self)
            }
            Event::Answered { reply, .. } => match (self.state, reply) {
                (State::Beginning(get), Reply::Missing) => get.unlink(Some(self.size), cx),
                (State::Beginning(get), Reply::Damaged | Reply::Found(_)) => get.unlink(None, cx),
                (State::Beginning(_), reply) => refuse_reply(&reply, cx),
                (State::Opening | State::Leading { .. } | State::Sending | State::Closing, _) => cut(cx),
            },
            Event::Replied { moved } => self.replied(moved.bytes, cx),
            Event::Read { .. }
            | Event::Fed { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Flow::BlobParts(self),
        }
    }

    fn replied(mut self: Box<Self>, bytes: u64, cx: &mut Cx<'_>) -> Flow {
        match self.state.clone() {
            State::Leading { slot } if bytes == self.lead().len() as u64 => {
                cx.relay_piece(slot, self.range().len());
                self.state = State::Sending;
            }
            State::Sending if bytes == self.range().len() && self.at + 1 < self.ranges.len() => {
                self.at += 1;
                cx.close_all();
                self.ask(cx);
                self.state = State::Opening;
            }
            State::Sending if bytes == self.range().len() => {
                cx.feed_reply(Source::Bytes(self.close().into()), true);
                self.state = State::Closing;
            }
            State::Closing if bytes == self.close().len() as u64 => {
                cx.done(Outcome::Complete);
                return Flow::Over;
            }
            State::Beginning(_) | State::Opening => {}
            State::Leading { .. } | State::Sending | State::Closing => return cut(cx),
        }
        Flow::BlobParts(self)
    }

    fn ask(&self, cx: &mut Cx<'_>) {
        cx.send(Op::Read { key: Key::Blob(self.digest), range: Some(self.range()), if_match: None });
    }

    fn range(&self) -> ByteRange {
        self.ranges[self.at]
    }

    /// What stands before the part.
    fn lead(&self) -> String {
        self.lead_of(self.at)
    }

    fn lead_of(&self, at: usize) -> String {
        let mut lead = String::with_capacity(160);
        let range = self.ranges[at];
        let _ = write!(
            lead,
            "{}--{:032x}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {}-{}/{}\r\n\r\n",
            if at == 0 { "" } else { "\r\n" },
            self.boundary,
            range.first(),
            range.last(),
            self.size
        );
        lead
    }

    /// What stands behind the last part.
    fn close(&self) -> String {
        format!("\r\n--{:032x}--\r\n", self.boundary)
    }

    /// The length of the whole reply in bytes. The link alone says how long the content is, and may say anything.
    fn length(&self) -> u64 {
        let ranges = self.ranges.iter().enumerate();
        ranges.fold(self.close().len() as u64, |length, (at, range)| {
            length.saturating_add(self.lead_of(at).len() as u64).saturating_add(range.len())
        })
    }
}

/// The reply has begun: all that is left is to break it.
fn cut(cx: &mut Cx<'_>) -> Flow {
    cx.done(Outcome::Cut);
    Flow::Over
}
