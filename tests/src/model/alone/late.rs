use wharfinger_core::access::Verdict;
use wharfinger_core::exchange::{Input, Output, To, Told as Answered};
use wharfinger_core::store::{Fault, Reply};
use wharfinger_core::transfer::{End, Moved};

use super::lock::keys;
use super::world::{Due, Sent, World};
use super::{Alone, Mutant};

impl World {
    /// Whether news of calls and timers that are over leaves the exchange as it is.
    pub(super) fn ignores_late_news(&self, model: &Alone) -> bool {
        let Some(before) = &self.exchange else { return true };
        let mut exchange = before.clone();
        for Sent { id: call, .. } in &self.seen.sends {
            if self.call(*call).is_some() && model.mutant != Some(Mutant::GenerationIgnored) {
                continue;
            }
            let moved = Moved { bytes: 1, end: End::Taken, hashed: None };
            exchange.handle_input(Input::Head { call: *call, reply: Reply::Written { md5: None } });
            exchange.handle_input(Input::Head { call: *call, reply: Reply::Missing });
            exchange.handle_input(Input::Failed { call: *call, fault: Fault::Broken });
            exchange.handle_input(Input::Fed { to: To::Call(*call), moved });
            exchange.handle_input(Input::Told { answer: Answered::Retry { call: *call, granted: true } });
        }
        // Nobody is asked who comes where everybody may.
        let locked = !model.scene(self).config.access.is_open();
        let ignored = model.mutant == Some(Mutant::GenerationIgnored);
        if locked && (ignored || !self.dues.contains(&Due::Password)) {
            exchange.handle_input(Input::Told { answer: Answered::Password(Verdict::Right) });
            exchange.handle_input(Input::Told { answer: Answered::Password(Verdict::Wrong) });
        }
        if locked && (ignored || !self.dues.contains(&Due::Keys)) {
            for (_, keys) in keys() {
                exchange.handle_input(Input::Told { answer: Answered::Keys(keys) });
            }
        }
        for timer in &self.seen.armed {
            if self.timers.iter().all(|running| running.id != *timer) {
                exchange.handle_input(Input::Fired { timer: *timer });
            }
        }
        if self.outcome.is_some() {
            exchange.handle_input(Input::ClientGone);
        }
        let quiet = match self.outcome {
            None => exchange.poll_output() == Output::Wait,
            Some(_) => matches!(exchange.poll_output(), Output::Done(_)),
        };
        quiet && exchange == *before
    }
}
