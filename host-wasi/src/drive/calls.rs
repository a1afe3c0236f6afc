use wharfinger_core::exchange::CallId;
use wharfinger_core::store::Op;

use super::collect::Collect;
use super::feed::Feed;
use crate::wire::{Reader, Waiting};

/// The store calls of an exchange, by slot. A slot whose generation has moved on belongs to another call.
#[derive(Default)]
pub struct Calls(pub [Option<Call>; 8]);

/// A store call. Its two halves go on by themselves.
pub struct Call {
    pub id: CallId,
    pub op: Op,
    /// It is not sent before a login has come to its end.
    pub waits_for_login: bool,
    /// Which token it was sent with.
    pub token: u64,
    /// The body, while it leaves. It goes before the answer: so it is seen as broken off.
    pub feed: Option<Feed>,
    /// The answer, while it is waited for.
    pub waiting: Option<Waiting>,
    /// The body of the answer, while nobody moves it.
    pub body: Option<Reader>,
    /// What is read of it for core.
    pub collect: Option<Collect>,
}

impl Calls {
    pub fn open(&mut self, id: CallId, op: Op) -> Option<&mut Call> {
        let slot = self.0.get_mut(usize::from(id.slot))?;
        *slot = None;
        Some(slot.insert(Call {
            id,
            op,
            waits_for_login: false,
            token: 0,
            feed: None,
            waiting: None,
            body: None,
            collect: None,
        }))
    }

    pub fn close(&mut self, id: CallId) {
        if let Some(slot) = self.0.get_mut(usize::from(id.slot)) {
            drop(slot.take_if(|call| call.id == id));
        }
    }

    pub fn find(&mut self, id: CallId) -> Option<&mut Call> {
        self.0.get_mut(usize::from(id.slot))?.as_mut().filter(|call| call.id == id)
    }

    /// Takes the body of an answer, for whoever moves it.
    pub fn take_body(&mut self, id: CallId) -> Option<Reader> {
        self.find(id)?.body.take()
    }

    pub fn put_back(&mut self, id: CallId, body: Reader) {
        if let Some(call) = self.find(id) {
            call.body = Some(body);
        }
    }

    /// Starts reading the body of an answer for core; `false` if there is none.
    pub fn collect(&mut self, id: CallId, collect: Collect) -> bool {
        let Some(call) = self.find(id).filter(|call| call.body.is_some()) else { return false };
        call.collect = Some(collect);
        true
    }
}
