//! What core asks of Swift beside calls: another token, and where a client can read a blob.

use wharfinger_core::exchange::{CallId, Exchange, Input, Told};
use wharfinger_core::oci::Digest;

use super::Drive;
use crate::swift;
use crate::world::Store;

/// What core asked and was not told yet, and what the answer depends on.
#[derive(Debug, Default)]
pub struct Asked {
    token: bool,
    location: Option<Digest>,
    /// The tokens that Swift answered to, by the slots of the calls.
    answered: [Option<(CallId, u64)>; Exchange::TIMERS_MAX],
}

impl Asked {
    /// Takes note that a call that was sent with that token is answered.
    pub fn answered(&mut self, call: CallId, token: u64) {
        if let Some(slot) = self.answered.get_mut(usize::from(call.slot)) {
            *slot = Some((call, token));
        }
    }
}

impl Drive<'_> {
    /// Has another token got, unless that which the call was sent with has been followed by one already.
    pub(super) fn renew(&mut self, call: CallId) {
        if let Store::Swift(swift) = &self.world.store {
            if let Some((_, stale)) = self.asked.answered.iter().flatten().find(|(of, _)| *of == call) {
                swift.reject(*stale);
            }
            if !self.errands.lets_send(swift, false) {
                self.asked.token = true;
                return;
            }
        }
        self.inbox.push_back(Input::Told { answer: Told::Renewed });
    }

    /// Tells where a client can read a blob. When it is time for a look at the keys, only a blob for which none can sign
    /// waits for it.
    pub(super) fn locate(&mut self, digest: Digest) {
        let mut location = None;
        if let Store::Swift(swift) = &self.world.store {
            location = swift.location(digest);
            if self.errands.looks(swift) && location.is_none() {
                self.asked.location = Some(digest);
                return;
            }
        }
        self.inbox.push_back(Input::Told { answer: Told::Location(location) });
    }

    pub(super) fn step_errands(&mut self) {
        let Store::Swift(swift) = &self.world.store else { return };
        let ended = self.errands.step(swift);
        if ended.login {
            self.send_waiting(swift);
            if std::mem::take(&mut self.asked.token) {
                self.inbox.push_back(Input::Told { answer: Told::Renewed });
            }
        }
        if let Some(outcome) = ended.look {
            swift::warn(Some(outcome));
            if let Some(digest) = self.asked.location.take() {
                self.inbox.push_back(Input::Told { answer: Told::Location(swift.location(digest)) });
            }
        }
    }
}
