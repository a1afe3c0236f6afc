use std::collections::VecDeque;

use bytes::Bytes;

use super::cx::Event;
use super::{Ask, CallId, Collected, Input, Output, Side, TimerId, To, Told, Until};
use crate::config::Config;
use crate::store::{Found, Op, Reply};
use crate::swift::{self, HttpHead, Verdict};
use crate::transfer::{Moved, Source};

/// So many calls may be open in one exchange.
pub(crate) const CALLS_MAX: usize = 8;

/// So often a call is tried that can be sent again.
pub(crate) const TRIES_MAX: u8 = 4;

/// A call as flows know it: one name through all its tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Slot(pub(crate) u8);

/// The calls of an exchange. Between the wire and the flows, it turns what happens to a call into one typed reply:
/// late news is dropped, small bodies are read, what broke off is tried again, what takes too long is ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempts {
    /// Unix time at the head of the request, in seconds: what an answer without a date is compared with.
    now: u64,
    slots: [Option<Attempt>; CALLS_MAX],
    generations: [u8; CALLS_MAX],
    timers: [u8; CALLS_MAX],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Attempt {
    op: Op,
    payload: Payload,
    want: Want,
    tries: u8,
    /// Its body is still leaving.
    feeding: bool,
    /// A token was renewed for it.
    renewed: bool,
    phase: Phase,
}

/// The body of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Payload {
    /// None, or at hand: the call can be sent again.
    Held(Bytes),
    /// The flow feeds it: it cannot.
    Fed,
}

/// What the flow wants of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Want {
    /// Its head; the flow moves the body.
    Head,
    /// Its body too, up to so many bytes.
    Body(u32, Until),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Sent, no answer yet.
    Asked,
    /// Written, it says, while the end of its body is still owed.
    Answered,
    /// Answered over HTTP, and the answer's body says what that means.
    Classifying(HttpHead),
    /// Its token was not taken; a new one is being had.
    Renewing,
    /// Answered, the body is being read.
    Collecting(Found),
    /// The flow moves the body of the answer.
    Open,
    /// It failed and is to be sent again.
    Resting,
}

impl Attempts {
    pub(super) fn new(now: u64) -> Self {
        Self { now, slots: [const { None }; CALLS_MAX], generations: [0; CALLS_MAX], timers: [0; CALLS_MAX] }
    }

    /// Starts a call; `None` if too many are open.
    pub(super) fn begin(
        &mut self,
        op: Op,
        payload: Payload,
        want: Want,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Slot> {
        let slot = self.slots.iter().position(Option::is_none)?;
        self.slots[slot] = Some(Attempt {
            op,
            payload,
            want,
            tries: 0,
            feeding: false,
            renewed: false,
            phase: Phase::Asked,
        });
        self.send(slot, config, outbox);
        Some(Slot(slot as u8))
    }

    /// How many more calls may be opened.
    pub(super) fn free(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_none()).count()
    }

    /// The wire's name of an open call.
    pub(super) fn call(&self, slot: Slot) -> CallId {
        CallId { slot: slot.0, generation: self.generations[usize::from(slot.0) % CALLS_MAX] }
    }

    /// Drops a call; nothing more is heard of it.
    pub(super) fn close(&mut self, slot: Slot, outbox: &mut VecDeque<Output>) {
        if self.slots.get(usize::from(slot.0)).is_some_and(Option::is_some) {
            self.abort(usize::from(slot.0), outbox);
        }
    }

    /// Drops all calls but one.
    pub(super) fn abort_all_but(&mut self, kept: Option<Slot>, outbox: &mut VecDeque<Output>) {
        for slot in 0..CALLS_MAX {
            if self.slots[slot].is_some() && kept != Some(Slot(slot as u8)) {
                self.abort(slot, outbox);
            }
        }
    }

    /// Takes what happened and tells what of it concerns the flow.
    pub(super) fn handle(
        &mut self,
        input: Input,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        match input {
            Input::Head { call, reply } => self.answered(self.find(call)?, reply, config, outbox),
            Input::Answer { call, head } => self.classify(self.find(call)?, head, None, config, outbox),
            Input::Told { answer: Told::Renewed } => {
                self.renewed(config, outbox);
                None
            }
            Input::Failed { call, .. } => {
                let slot = self.find(call)?;
                self.failed(slot, None, config, outbox)
            }
            Input::Collected { from: Side::Backend(call), outcome } => {
                self.collected(self.find(call)?, outcome, config, outbox)
            }
            Input::Fed { to: To::Call(call), moved } => self.fed(self.find(call)?, moved, config, outbox),
            Input::Fed { to: To::Reply, moved } => Some(Event::Replied { moved }),
            Input::Collected { from: Side::Client, outcome } => Some(Event::Collected { outcome }),
            Input::Hashed { moved } => Some(Event::Hashed { moved }),
            Input::Told { answer } => Some(Event::Told { answer }),
            Input::Fired { timer } => self.fired(timer, config, outbox),
            Input::ClientGone => None,
        }
    }

    fn fed(
        &mut self,
        slot: usize,
        moved: Moved,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        let attempt = self.slots[slot].as_mut().filter(|attempt| attempt.feeding)?;
        attempt.feeding = false;
        if attempt.payload != Payload::Fed {
            return None;
        }
        if attempt.phase == Phase::Answered {
            self.slots[slot] = None;
        } else {
            let limit = config.limits.store_time_max;
            self.arm(slot, limit..=limit, outbox);
        }
        Some(Event::Fed { slot: Slot(slot as u8), moved })
    }

    /// Reads what an answer over HTTP means, from its head, or from its body too.
    fn classify(
        &mut self,
        slot: usize,
        head: HttpHead,
        body: Option<&[u8]>,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        let call = self.call(Slot(slot as u8));
        let attempt = self.slots[slot].as_mut()?;
        match (&attempt.phase, body) {
            (Phase::Asked, None) | (Phase::Classifying(_), Some(_)) => {}
            _ => return None,
        }
        match swift::classify(&attempt.op, &head, body, self.now) {
            Verdict::Reply(reply) => {
                attempt.phase = Phase::Asked;
                self.answered(slot, reply, config, outbox)
            }
            Verdict::Body { max } => {
                attempt.phase = Phase::Classifying(head);
                outbox.push_back(Output::Collect { from: Side::Backend(call), max, until: Until::End });
                None
            }
            Verdict::TokenRejected => self.rejected(slot, config, outbox),
        }
    }

    /// The token was not taken. What is at hand is sent again with a new one, once.
    fn rejected(&mut self, slot: usize, config: &Config, outbox: &mut VecDeque<Output>) -> Option<Event> {
        let call = self.call(Slot(slot as u8));
        let asked = self.slots.iter().flatten().any(|attempt| attempt.phase == Phase::Renewing);
        let attempt = self.slots[slot].as_mut()?;
        attempt.phase = Phase::Asked;
        if attempt.renewed {
            return self.answered(slot, Reply::Refused, config, outbox);
        }
        outbox.push_back(Output::Abort { call });
        if !asked {
            outbox.push_back(Output::Ask { what: Ask::Token });
        }
        if attempt.payload == Payload::Fed {
            return self.failed(slot, None, config, outbox);
        }
        attempt.renewed = true;
        attempt.phase = Phase::Renewing;
        self.generations[slot] = self.generations[slot].wrapping_add(1);
        None
    }

    /// Sends what waited for a token.
    fn renewed(&mut self, config: &Config, outbox: &mut VecDeque<Output>) {
        for slot in 0..CALLS_MAX {
            if self.slots[slot].as_ref().is_some_and(|attempt| attempt.phase == Phase::Renewing) {
                self.send(slot, config, outbox);
            }
        }
    }

    fn answered(
        &mut self,
        slot: usize,
        reply: Reply,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        let call = self.call(Slot(slot as u8));
        let attempt = self.slots[slot].as_mut().filter(|attempt| attempt.phase == Phase::Asked)?;
        match (reply, attempt.want) {
            (Reply::Found(found), Want::Body(max, until)) => {
                attempt.phase = Phase::Collecting(found);
                outbox.push_back(Output::Collect { from: Side::Backend(call), max, until });
                None
            }
            (Reply::Unavailable { retry_after }, _) => {
                if attempt.feeding {
                    outbox.push_back(Output::Abort { call });
                }
                self.failed(slot, retry_after, config, outbox)
            }
            (reply, _) => {
                let written = matches!(reply, Reply::Written { .. });
                if matches!((&attempt.op, &reply), (Op::Read { .. }, Reply::Found(_))) {
                    attempt.phase = Phase::Open;
                } else if attempt.feeding && written && attempt.payload == Payload::Fed {
                    attempt.phase = Phase::Answered;
                } else if attempt.feeding && !written {
                    self.abort(slot, outbox);
                } else {
                    self.slots[slot] = None;
                }
                Some(Event::Answered { slot: Slot(slot as u8), reply })
            }
        }
    }

    fn collected(
        &mut self,
        slot: usize,
        outcome: Collected,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        let call = self.call(Slot(slot as u8));
        let attempt = self.slots[slot].as_mut()?;
        let found = match (attempt.phase.clone(), &outcome) {
            (Phase::Collecting(found), _) => found,
            (Phase::Classifying(head), Collected::Whole(bytes)) => {
                return self.classify(slot, head, Some(bytes), config, outbox);
            }
            // What is longer than anything that could be meant says nothing.
            (Phase::Classifying(head), Collected::TooLong) => {
                return self.classify(slot, head, Some(&[]), config, outbox);
            }
            (Phase::Classifying(_), Collected::Broke | Collected::Late) => {
                outbox.push_back(Output::Abort { call });
                return self.failed(slot, None, config, outbox);
            }
            (Phase::Asked | Phase::Answered | Phase::Renewing | Phase::Open | Phase::Resting, _) => {
                return None;
            }
        };
        if !matches!(outcome, Collected::Whole(_)) {
            outbox.push_back(Output::Abort { call });
        }
        let event = match outcome {
            Collected::Whole(bytes) => Event::Read { slot: Slot(slot as u8), found, bytes },
            Collected::TooLong => Event::Answered { slot: Slot(slot as u8), reply: Reply::Damaged },
            Collected::Broke | Collected::Late => return self.failed(slot, None, config, outbox),
        };
        let rest_follows = matches!(attempt.want, Want::Body(_, Until::Line));
        if rest_follows && matches!(event, Event::Read { .. }) {
            attempt.phase = Phase::Open;
        } else {
            self.slots[slot] = None;
        }
        Some(event)
    }

    /// A try came to nothing: rests before the next one, or gives up.
    fn failed(
        &mut self,
        slot: usize,
        retry_after: Option<u32>,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        let attempt = self.slots[slot].as_mut()?;
        match attempt.phase {
            Phase::Asked
            | Phase::Answered
            | Phase::Classifying(_)
            | Phase::Renewing
            | Phase::Collecting(_) => {}
            Phase::Open | Phase::Resting => return None,
        }
        attempt.tries += 1;
        if attempt.payload == Payload::Fed || attempt.tries >= TRIES_MAX {
            self.slots[slot] = None;
            let reply = Reply::Unavailable { retry_after };
            return Some(Event::Answered { slot: Slot(slot as u8), reply });
        }
        attempt.phase = Phase::Resting;
        let asked = std::time::Duration::from_secs(u64::from(retry_after.unwrap_or(0).min(RETRY_AFTER_MAX)));
        let least = (config.limits.backoff_min * (1 << (attempt.tries - 1))).max(asked);
        self.generations[slot] = self.generations[slot].wrapping_add(1);
        self.arm(slot, least..=least * 2, outbox);
        None
    }

    fn fired(&mut self, timer: TimerId, config: &Config, outbox: &mut VecDeque<Output>) -> Option<Event> {
        let slot = usize::from(timer.slot);
        if self.timers.get(slot) != Some(&timer.generation) {
            return None;
        }
        let attempt = self.slots[slot].as_ref()?;
        match attempt.phase {
            // The timer is that of an earlier call: this one's starts when its body has left.
            Phase::Asked if attempt.payload == Payload::Fed && attempt.feeding => None,
            Phase::Asked | Phase::Classifying(_) | Phase::Collecting(_) => {
                outbox.push_back(Output::Abort { call: self.call(Slot(timer.slot)) });
                self.failed(slot, None, config, outbox)
            }
            // The token does not come.
            Phase::Renewing => self.failed(slot, None, config, outbox),
            Phase::Answered | Phase::Open => None,
            Phase::Resting => {
                self.send(slot, config, outbox);
                None
            }
        }
    }

    fn send(&mut self, slot: usize, config: &Config, outbox: &mut VecDeque<Output>) {
        self.generations[slot] = self.generations[slot].wrapping_add(1);
        let call = self.call(Slot(slot as u8));
        let Some(attempt) = self.slots[slot].as_mut() else { return };
        attempt.phase = Phase::Asked;
        let op = attempt.op.clone();
        let copying = copying_time(&op);
        match attempt.payload.clone() {
            Payload::Fed => {
                attempt.feeding = true;
                outbox.push_back(Output::Send { call, op, length: None });
            }
            Payload::Held(bytes) => {
                let length = bytes.len() as u64;
                attempt.feeding = length > 0;
                outbox.push_back(Output::Send { call, op, length: Some(length) });
                if length > 0 {
                    outbox.push_back(Output::Feed {
                        to: To::Call(call),
                        body: Source::Bytes(bytes),
                        last: true,
                    });
                }
                let limit = config.limits.store_time_max + copying;
                self.arm(slot, limit..=limit, outbox);
            }
        }
    }

    fn arm(
        &mut self,
        slot: usize,
        within: std::ops::RangeInclusive<std::time::Duration>,
        outbox: &mut VecDeque<Output>,
    ) {
        self.timers[slot] = self.timers[slot].wrapping_add(1);
        let timer = TimerId { slot: slot as u8, generation: self.timers[slot] };
        outbox.push_back(Output::Sleep { timer, within });
    }

    fn abort(&mut self, slot: usize, outbox: &mut VecDeque<Output>) {
        let unsent = |attempt: Attempt| matches!(attempt.phase, Phase::Resting | Phase::Renewing);
        if !self.slots[slot].take().is_some_and(unsent) {
            outbox.push_back(Output::Abort { call: self.call(Slot(slot as u8)) });
        }
    }

    fn find(&self, call: CallId) -> Option<usize> {
        let slot = usize::from(call.slot);
        let known = self.slots.get(slot)?.is_some() && self.generations[slot] == call.generation;
        known.then_some(slot)
    }
}

/// How long a store may take, beyond the limit of every call, for what it copies itself.
fn copying_time(op: &Op) -> std::time::Duration {
    match op {
        Op::Join { parts, .. } => {
            let bytes = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.size));
            std::time::Duration::from_secs(bytes / COPIED_BYTES_PER_SECOND_MIN)
        }
        Op::Read { .. }
        | Op::Stat { .. }
        | Op::Write { .. }
        | Op::Touch { .. }
        | Op::Release { .. }
        | Op::Remove { .. }
        | Op::List { .. } => std::time::Duration::ZERO,
    }
}

/// The slowest that a store is believed to copy.
const COPIED_BYTES_PER_SECOND_MIN: u64 = 8 << 20;

/// No store makes an exchange rest longer before a try, in seconds.
const RETRY_AFTER_MAX: u32 = 10;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::oci::{Algorithm, Digest};
    use crate::store::{Key, Part};

    #[test]
    fn a_join_may_take_as_long_as_copying_its_parts_does() {
        let key = Key::Blob(Digest::of(Algorithm::Sha256, b""));
        let part = |size| Part { key: key.clone(), size, md5: None };
        let join =
            |sizes: &[u64]| Op::Join { key: key.clone(), parts: sizes.iter().copied().map(part).collect() };
        assert_eq!(copying_time(&join(&[8 << 20, 16 << 20])), Duration::from_secs(3));
        assert_eq!(copying_time(&join(&[1000])), Duration::ZERO);
        assert_eq!(copying_time(&join(&[u64::MAX, u64::MAX])), Duration::from_secs(u64::MAX >> 23));
        assert_eq!(copying_time(&Op::Stat { key: key.clone() }), Duration::ZERO);
    }
}
