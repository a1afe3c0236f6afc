use std::collections::VecDeque;
use std::time::Duration;

use super::{Attempts, CALLS_MAX, Payload, Phase, Slot};
use crate::config::Config;
use crate::exchange::cx::Event;
use crate::exchange::{Ask, Output, TimerId, Told};
use crate::store::Reply;

/// The time within which an exchange begins to try again: it starts at the first failure, and once more when a body
/// that broke off has gone on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum RetryTime {
    /// Nothing has failed, or what failed has gone well since.
    #[default]
    Idle,
    /// It runs.
    Running,
    /// It is over.
    Over,
}

impl RetryTime {
    /// Its timer stands behind those of the calls.
    pub(super) const TIMER_SLOT: usize = CALLS_MAX;
}

impl Attempts {
    /// A try came to nothing: asks for another one, or gives up.
    pub(super) fn failed(
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
            Phase::Open { .. } | Phase::Kept(_) | Phase::Asking { .. } | Phase::Resting => return None,
        }
        attempt.tries += 1;
        if attempt.payload == Payload::Fed || attempt.tries >= TRIES_MAX || self.retry_time == RetryTime::Over
        {
            return self.give_up(slot, retry_after);
        }
        let backoff = config.limits.backoff_min * (1 << (attempt.tries - 1));
        let asked = Duration::from_secs(u64::from(retry_after.unwrap_or(0)));
        let least = backoff.max(asked);
        attempt.rested += least;
        if attempt.rested > config.limits.retry_time_max {
            return self.give_up(slot, retry_after);
        }
        attempt.phase = Phase::Asking { rest: least..=least + backoff.max(asked / 2), retry_after };
        self.generations[slot] = self.generations[slot].wrapping_add(1);
        if self.retry_time == RetryTime::Idle {
            self.retry_time = RetryTime::Running;
            self.retry_timer = self.retry_timer.wrapping_add(1);
            let within = config.limits.retry_time_max..=config.limits.retry_time_max;
            outbox.push_back(Output::Sleep { timer: self.retry_timer(), within });
        }
        outbox.push_back(Output::Ask { what: Ask::Retry { call: self.call(Slot(slot as u8)) } });
        None
    }

    /// Rests before the next try, if there may be one.
    pub(super) fn permitted(
        &mut self,
        slot: usize,
        granted: bool,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        let attempt = self.slots[slot].as_mut()?;
        let Phase::Asking { rest, retry_after } = attempt.phase.clone() else { return None };
        if !granted || self.retry_time == RetryTime::Over {
            return self.give_up(slot, retry_after);
        }
        attempt.phase = Phase::Resting;
        self.arm(slot, rest, outbox);
        None
    }

    /// Leaves it to the flow whether a call that fails is sent again. Until [`Self::send_again`], it rests.
    pub(in crate::exchange) fn make_wary(&mut self, slot: Slot) {
        if let Some(Some(attempt)) = self.slots.get_mut(usize::from(slot.0)) {
            attempt.wary = true;
        }
    }

    /// Sends a call again that has rested. When the time is over it is not: that is told as soon as the timer says so.
    pub(in crate::exchange) fn send_again(
        &mut self,
        slot: Slot,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) {
        let slot = usize::from(slot.0);
        let attempt = self.slots.get(slot).and_then(Option::as_ref);
        if attempt.is_some_and(|attempt| attempt.phase == Phase::Resting)
            && self.retry_time != RetryTime::Over
        {
            self.send(slot, config, outbox);
        }
    }

    /// Tells the flow that a call may be sent again.
    pub(super) fn rested(&self, slot: usize) -> Event {
        Event::Told { answer: Told::Retry { call: self.call(Slot(slot as u8)), granted: true } }
    }

    /// No try is begun any more: those that rest for one have rested enough to hear of it.
    pub(super) fn retry_time_over(&mut self, timer: TimerId, outbox: &mut VecDeque<Output>) {
        if self.retry_time != RetryTime::Running || timer != self.retry_timer() {
            return;
        }
        self.retry_time = RetryTime::Over;
        for slot in 0..CALLS_MAX {
            if self.slots[slot].as_ref().is_some_and(|attempt| attempt.phase == Phase::Resting) {
                self.arm(slot, Duration::ZERO..=Duration::ZERO, outbox);
            }
        }
    }

    /// What went well ends the time if nothing else that has failed is left: the store works again.
    pub(super) fn settle_retry_time(&mut self, event: Option<&Event>) {
        let well = match event {
            Some(Event::Answered { reply, .. }) => !matches!(reply, Reply::Unavailable { .. }),
            Some(Event::Read { .. }) => true,
            Some(
                Event::Fed { .. }
                | Event::Replied { .. }
                | Event::Collected { .. }
                | Event::Hashed { .. }
                | Event::Told { .. },
            )
            | None => false,
        };
        if well && self.slots.iter().flatten().all(|attempt| attempt.tries == 0) {
            self.retry_time = RetryTime::Idle;
        }
    }

    /// A call is over, and came to nothing.
    pub(super) fn give_up(&mut self, slot: usize, retry_after: Option<u32>) -> Option<Event> {
        self.slots[slot] = None;
        match self.relay.take_if(|relay| relay.is_of(slot)) {
            Some(relay) => Some(relay.broken()),
            None => {
                let reply = Reply::Unavailable { retry_after };
                Some(Event::Answered { slot: Slot(slot as u8), reply })
            }
        }
    }

    fn retry_timer(&self) -> TimerId {
        TimerId { slot: RetryTime::TIMER_SLOT as u8, generation: self.retry_timer }
    }
}

/// So often a call is tried that can be sent again.
const TRIES_MAX: u8 = 4;
