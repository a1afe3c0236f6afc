use std::collections::VecDeque;
use std::time::Duration;

use super::{Attempts, Phase, RetryTime, Slot, Want};
use crate::config::Config;
use crate::exchange::cx::Event;
use crate::exchange::{Output, To};
use crate::oci::ByteRange;
use crate::store::{Op, Reply};
use crate::transfer::{End, Hashed, Hashing, Moved, Source, Take, Tap};

/// The body of a store's answer on its way to where it is wanted. Where it breaks off at the store's side, the rest is
/// asked for, of the same object: whoever waits for the body hears of its end alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Relay {
    slot: usize,
    to: Sink,
    /// The offset in the object of the next byte.
    at: u64,
    /// Bytes that are still to come.
    left: u64,
    /// Bytes that have arrived.
    moved: u64,
    etag: Option<[u8; 16]>,
    /// How often the rest was asked for.
    resumes: u8,
    /// The host moves it; it owes the outcome.
    moving: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sink {
    Reply { last: bool },
    Digest(Box<Hashing>),
}

impl Sink {
    fn filled_by(&self, from: Source) -> Output {
        match self {
            Self::Reply { last } => Output::Feed { to: To::Reply, body: from, last: *last },
            Self::Digest(hashing) => Output::Digest { from, hashing: hashing.clone() },
        }
    }
}

impl Relay {
    /// Whether it is the body of the answer to this call.
    pub(super) fn is_of(&self, slot: usize) -> bool {
        self.slot == slot
    }

    /// How it ends if nothing more comes.
    pub(super) fn broken(self) -> Event {
        self.ended(End::SourceBroke, None)
    }

    fn ended(self, end: End, hashed: Option<Box<Hashed>>) -> Event {
        let moved = Moved { bytes: self.moved, end, hashed };
        match self.to {
            Sink::Reply { .. } => Event::Replied { moved },
            Sink::Digest(_) => Event::Hashed { moved },
        }
    }
}

impl Attempts {
    /// Moves the body of an answer into the reply.
    pub(in crate::exchange) fn relay(
        &mut self,
        slot: Slot,
        length: u64,
        last: bool,
        outbox: &mut VecDeque<Output>,
    ) {
        self.begin_relay(slot, length, Sink::Reply { last }, outbox);
    }

    /// Hashes the body of an answer.
    pub(in crate::exchange) fn digest(
        &mut self,
        slot: Slot,
        length: u64,
        hashing: Hashing,
        outbox: &mut VecDeque<Output>,
    ) {
        self.begin_relay(slot, length, Sink::Digest(Box::new(hashing)), outbox);
    }

    /// A feed of the reply ended.
    pub(super) fn replied(
        &mut self,
        moved: Moved,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        match self.relay.take_if(|relay| matches!(relay.to, Sink::Reply { .. })) {
            Some(relay) => self.moved(relay, moved, config, outbox),
            None => Some(Event::Replied { moved }),
        }
    }

    /// A digest ended.
    pub(super) fn hashed(
        &mut self,
        moved: Moved,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        match self.relay.take_if(|relay| matches!(relay.to, Sink::Digest(_))) {
            Some(relay) => self.moved(relay, moved, config, outbox),
            None => Some(Event::Hashed { moved }),
        }
    }

    /// The answer to what was asked for the rest of a body.
    pub(super) fn reopened(
        &mut self,
        mut relay: Relay,
        reply: &Reply,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        let slot = relay.slot;
        let Reply::Found(found) = reply else {
            self.slots[slot] = None;
            return Some(relay.broken());
        };
        if found.etag != relay.etag {
            self.abort(slot, outbox);
            return Some(relay.broken());
        }
        if let Some(attempt) = &mut self.slots[slot] {
            attempt.phase = Phase::Open { at: relay.at, etag: relay.etag };
        }
        relay.moving = true;
        self.push_relay(relay, outbox);
        None
    }

    fn begin_relay(&mut self, slot: Slot, length: u64, to: Sink, outbox: &mut VecDeque<Output>) {
        let slot = usize::from(slot.0);
        let (at, etag) = match self.slots.get_mut(slot) {
            Some(Some(attempt)) => match &mut attempt.phase {
                Phase::Open { at, etag } => (*at, *etag),
                Phase::Kept(rest) => {
                    let bytes = Source::Bytes(rest.split_to(rest.len().min(length as usize)));
                    self.slots[slot] = None;
                    outbox.push_back(to.filled_by(bytes));
                    return;
                }
                Phase::Asked
                | Phase::Answered
                | Phase::Classifying(_)
                | Phase::Renewing
                | Phase::Collecting(_)
                | Phase::Asking { .. }
                | Phase::Resting => (0, None),
            },
            Some(None) | None => (0, None),
        };
        let relay = Relay { slot, to, at, left: length, moved: 0, etag, resumes: 0, moving: true };
        self.push_relay(relay, outbox);
    }

    fn push_relay(&mut self, relay: Relay, outbox: &mut VecDeque<Output>) {
        let call = self.call(Slot(relay.slot as u8));
        let from = Source::Backend { call, take: Take::Exactly(relay.left), tap: Tap::Opaque };
        outbox.push_back(relay.to.filled_by(from));
        self.relay = Some(relay);
    }

    fn moved(
        &mut self,
        mut relay: Relay,
        moved: Moved,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        if !relay.moving {
            self.relay = Some(relay);
            return None;
        }
        relay.moved = relay.moved.saturating_add(moved.bytes);
        let resumable = match moved.end {
            End::Eof | End::Taken | End::Stalled | End::SourceBroke | End::SourceLate => {
                moved.bytes < relay.left && relay.resumes < RESUMES_MAX
            }
            End::SinkBroke => false,
        };
        let go_on = match (&relay.to, &moved.hashed) {
            (Sink::Reply { last }, _) => Some(Sink::Reply { last: *last }),
            (Sink::Digest(hashing), Some(hashed)) if !hashing.md5 => {
                Some(Sink::Digest(Box::new(Hashing { content: hashed.saved, md5: false })))
            }
            (Sink::Digest(_), _) => None,
        };
        match (go_on, relay.etag) {
            (Some(to), Some(etag)) if resumable => {
                relay.to = to;
                self.resume(relay, moved.bytes, etag, config, outbox)
            }
            _ => Some(relay.ended(moved.end, moved.hashed)),
        }
    }

    /// Asks for the rest, if it is still the same object.
    fn resume(
        &mut self,
        mut relay: Relay,
        bytes: u64,
        etag: [u8; 16],
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        let slot = relay.slot;
        let call = self.call(Slot(slot as u8));
        relay.at = relay.at.saturating_add(bytes);
        relay.left -= bytes;
        let range = ByteRange::within(relay.at, relay.at.saturating_add(relay.left - 1), u64::MAX);
        let Some(attempt) = self.slots.get_mut(slot).and_then(Option::as_mut) else {
            return Some(relay.broken());
        };
        let (Op::Read { key, .. }, Some(_)) = (&attempt.op, range) else { return Some(relay.broken()) };
        attempt.op = Op::Read { key: key.clone(), range, if_match: Some(etag) };
        attempt.want = Want::Head;
        attempt.phase = Phase::Asked;
        if bytes > 0 {
            attempt.tries = 0;
            attempt.rested = Duration::ZERO;
            attempt.renewed = false;
            self.retry_time = RetryTime::Idle;
        }
        relay.resumes += 1;
        relay.moving = false;
        self.relay = Some(relay);
        outbox.push_back(Output::Abort { call });
        self.failed(slot, None, config, outbox)
    }
}

/// So often the rest of one body is asked for.
const RESUMES_MAX: u8 = 16;
