mod classify;
mod doubt;
mod joining;
mod relay;
mod retry;

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;

use super::cx::Event;
use super::{CallId, Input, Output, Side, TimerId, To, Told, Until};
use crate::config::Config;
use crate::store::{Found, Op};
use crate::swift::HttpHead;
use crate::transfer::{Moved, Source};
use joining::joining_time;
use relay::Relay;
use retry::RetryTime;

/// So many calls may be open in one exchange.
pub(crate) const CALLS_MAX: usize = 8;

/// A call as flows know it: one name through all its tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Slot(pub(crate) u8);

/// The calls of an exchange. Between the wire and the flows, it turns what happens to a call into one typed reply:
/// late news is dropped, small bodies are read, what broke off is tried again or read on, what takes too long is ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempts {
    /// Unix time at the head of the request, in seconds: what an answer without a date is compared with.
    now: u64,
    slots: [Option<Attempt>; CALLS_MAX],
    generations: [u8; CALLS_MAX],
    timers: [u8; CALLS_MAX],
    retry_time: RetryTime,
    retry_timer: u8,
    /// The body of an answer that is on its way to where it is wanted.
    relay: Option<Relay>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Attempt {
    op: Op,
    payload: Payload,
    want: Want,
    /// How often it failed since anything good was heard of it.
    tries: u8,
    /// How long it rested at least since then.
    rested: Duration,
    /// Its body is still leaving.
    feeding: bool,
    /// A token was renewed for it.
    renewed: bool,
    /// It was sent again because it may have arrived as something else.
    resent: bool,
    /// After a rest, the flow says whether it is sent again.
    wary: bool,
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
    /// The body of the answer can be moved, from this offset in the object on.
    Open { at: u64, etag: Option<[u8; 16]> },
    /// Answered, and all of the body is here: what follows after what was wanted of it.
    Kept(Bytes),
    /// It failed; whether it may be sent again after a rest is asked.
    Asking { rest: RangeInclusive<Duration>, retry_after: Option<u32> },
    /// It failed and is to be sent again.
    Resting,
}

impl Attempts {
    pub(super) fn new(now: u64) -> Self {
        Self {
            now,
            slots: [const { None }; CALLS_MAX],
            generations: [0; CALLS_MAX],
            timers: [0; CALLS_MAX],
            retry_time: RetryTime::default(),
            retry_timer: 0,
            relay: None,
        }
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
            rested: Duration::ZERO,
            feeding: false,
            renewed: false,
            resent: false,
            wary: false,
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
        let event = self.told(input, config, outbox);
        self.settle_retry_time(event.as_ref());
        event
    }

    fn told(&mut self, input: Input, config: &Config, outbox: &mut VecDeque<Output>) -> Option<Event> {
        match input {
            Input::Head { call, reply } => self.answered(self.find(call)?, reply, config, outbox),
            Input::Answer { call, head } => self.classify(self.find(call)?, head, None, config, outbox),
            Input::Told { answer: Told::Renewed } => {
                self.renewed(config, outbox);
                None
            }
            Input::Told { answer: Told::Retry { call, granted } } => {
                self.permitted(self.find(call)?, granted, outbox)
            }
            Input::Failed { call, .. } => {
                let slot = self.find(call)?;
                self.failed(slot, None, config, outbox)
            }
            Input::Collected { from: Side::Backend(call), outcome } => {
                self.collected(self.find(call)?, outcome, config, outbox)
            }
            Input::Fed { to: To::Call(call), moved } => self.fed(self.find(call)?, moved, config, outbox),
            Input::Fed { to: To::Reply, moved } => self.replied(moved, config, outbox),
            Input::Collected { from: Side::Client, outcome } => Some(Event::Collected { outcome }),
            Input::Hashed { moved } => self.hashed(moved, config, outbox),
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

    fn fired(&mut self, timer: TimerId, config: &Config, outbox: &mut VecDeque<Output>) -> Option<Event> {
        let slot = usize::from(timer.slot);
        if slot == RetryTime::TIMER_SLOT {
            self.retry_time_over(timer, outbox);
            return None;
        }
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
            Phase::Answered | Phase::Open { .. } | Phase::Kept(_) | Phase::Asking { .. } => None,
            Phase::Resting if self.retry_time == RetryTime::Over => self.give_up(slot, None),
            Phase::Resting if attempt.wary => Some(self.rested(slot)),
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
        let joining = joining_time(&op, &config.limits.joins);
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
                let limit = config.limits.store_time_max + joining;
                self.arm(slot, limit..=limit, outbox);
            }
        }
    }

    fn arm(&mut self, slot: usize, within: RangeInclusive<Duration>, outbox: &mut VecDeque<Output>) {
        self.timers[slot] = self.timers[slot].wrapping_add(1);
        let timer = TimerId { slot: slot as u8, generation: self.timers[slot] };
        outbox.push_back(Output::Sleep { timer, within });
    }

    fn abort(&mut self, slot: usize, outbox: &mut VecDeque<Output>) {
        let idle = |attempt: Attempt| match attempt.phase {
            Phase::Kept(_) | Phase::Asking { .. } | Phase::Resting | Phase::Renewing => true,
            Phase::Asked
            | Phase::Answered
            | Phase::Classifying(_)
            | Phase::Collecting(_)
            | Phase::Open { .. } => false,
        };
        self.relay.take_if(|relay| relay.is_of(slot));
        if !self.slots[slot].take().is_some_and(idle) {
            outbox.push_back(Output::Abort { call: self.call(Slot(slot as u8)) });
        }
    }

    fn find(&self, call: CallId) -> Option<usize> {
        let slot = usize::from(call.slot);
        let known = self.slots.get(slot)?.is_some() && self.generations[slot] == call.generation;
        known.then_some(slot)
    }
}
