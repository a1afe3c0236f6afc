use std::collections::VecDeque;

use super::{Attempts, CALLS_MAX, Payload, Phase, Slot, Want};
use crate::config::Config;
use crate::exchange::cx::Event;
use crate::exchange::{Ask, Collected, Output, Side, Until};
use crate::store::{Op, Reply};
use crate::swift::{self, HttpHead, Verdict};

/// What answers mean, those over HTTP too, and the token that they may ask for.
impl Attempts {
    /// Reads what an answer over HTTP means, from its head, or from its body too.
    pub(super) fn classify(
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
    pub(super) fn rejected(
        &mut self,
        slot: usize,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        let call = self.call(Slot(slot as u8));
        let attempt = self.slots[slot].as_mut()?;
        attempt.phase = Phase::Asked;
        outbox.push_back(Output::Abort { call });
        // That says nothing of rights: whoever asks for a token does not get one that works.
        if attempt.renewed {
            return self.give_up(slot, None);
        }
        outbox.push_back(Output::Ask { what: Ask::Token { call } });
        if attempt.payload == Payload::Fed {
            return self.failed(slot, None, config, outbox);
        }
        attempt.renewed = true;
        attempt.phase = Phase::Renewing;
        self.generations[slot] = self.generations[slot].wrapping_add(1);
        None
    }

    /// Sends what waited for a token.
    pub(super) fn renewed(&mut self, config: &Config, outbox: &mut VecDeque<Output>) {
        for slot in 0..CALLS_MAX {
            if self.slots[slot].as_ref().is_some_and(|attempt| attempt.phase == Phase::Renewing) {
                self.send(slot, config, outbox);
            }
        }
    }

    pub(super) fn answered(
        &mut self,
        slot: usize,
        reply: Reply,
        config: &Config,
        outbox: &mut VecDeque<Output>,
    ) -> Option<Event> {
        let call = self.call(Slot(slot as u8));
        let attempt = self.slots[slot].as_mut().filter(|attempt| attempt.phase == Phase::Asked)?;
        if attempt.doubts(&reply) {
            if attempt.feeding {
                outbox.push_back(Output::Abort { call });
            }
            return self.failed(slot, None, config, outbox);
        }
        match (attempt.settled(reply), attempt.want) {
            (Reply::Found(found), Want::Body(..)) => {
                let (max, until) = attempt.extent(&found);
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
                if let Some(relay) = self.relay.take_if(|relay| relay.is_of(slot)) {
                    return self.reopened(relay, &reply, outbox);
                }
                let written = matches!(reply, Reply::Written { .. });
                if let (Op::Read { range, .. }, Reply::Found(found)) = (&attempt.op, &reply) {
                    let at = range.map_or(0, |range| range.first());
                    attempt.phase = Phase::Open { at, etag: found.etag };
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

    pub(super) fn collected(
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
            (
                Phase::Asked
                | Phase::Answered
                | Phase::Renewing
                | Phase::Open { .. }
                | Phase::Kept(_)
                | Phase::Asking { .. }
                | Phase::Resting,
                _,
            ) => return None,
        };
        let (_, until) = attempt.extent(&found);
        match outcome {
            Collected::Whole(bytes) if until == Until::End => {
                if !attempt.proves(&found, &bytes) {
                    return self.failed(slot, None, config, outbox);
                }
                let slot_name = Slot(slot as u8);
                let Some((bytes, rest)) = attempt.wanted(bytes) else {
                    self.slots[slot] = None;
                    return Some(Event::Answered { slot: slot_name, reply: Reply::Damaged });
                };
                match rest {
                    Some(rest) => attempt.phase = Phase::Kept(rest),
                    None => self.slots[slot] = None,
                }
                Some(Event::Read { slot: slot_name, found, bytes })
            }
            Collected::Whole(bytes) => {
                attempt.phase = Phase::Open { at: bytes.len() as u64, etag: found.etag };
                Some(Event::Read { slot: Slot(slot as u8), found, bytes })
            }
            Collected::TooLong => {
                outbox.push_back(Output::Abort { call });
                self.slots[slot] = None;
                Some(Event::Answered { slot: Slot(slot as u8), reply: Reply::Damaged })
            }
            Collected::Broke | Collected::Late => {
                outbox.push_back(Output::Abort { call });
                self.failed(slot, None, config, outbox)
            }
        }
    }
}
