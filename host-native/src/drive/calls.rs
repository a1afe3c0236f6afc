use wharfinger_core::exchange::{CallId, Input};
use wharfinger_core::store::{Key, Op};

use crate::client::Response;
use crate::files::{self, Answer};

/// So many calls an exchange has open at once.
pub const CALLS_MAX: usize = 8;

/// The store calls of an exchange, by slot. A slot whose generation has moved on belongs to another call.
#[derive(Debug, Default)]
pub struct Calls {
    slots: [Option<(CallId, Call)>; CALLS_MAX],
}

/// What a Write stores, and under what name.
#[derive(Clone, Debug)]
pub struct Write {
    pub key: Key,
    pub create_only: bool,
}

/// The body of an answer, as far as nobody has taken it.
#[derive(Debug)]
pub enum Body {
    /// A part of a file.
    File(files::Body),
    /// What comes over HTTP.
    Answer(Box<Response>),
}

#[derive(Debug)]
enum Call {
    /// No answer yet, or one without a body.
    Bare,
    /// A Write, whose body is fed.
    Write(Write),
    /// An answer with a body.
    Body(Body),
}

impl From<Write> for Op {
    fn from(write: Write) -> Self {
        Self::Write { key: write.key, create_only: write.create_only }
    }
}

impl Calls {
    pub fn open(&mut self, call: CallId) {
        self.set(call, Call::Bare);
    }

    pub fn open_write(&mut self, call: CallId, key: Key, create_only: bool) {
        self.set(call, Call::Write(Write { key, create_only }));
    }

    pub fn close(&mut self, call: CallId) {
        if let Some(slot) = self.slots.get_mut(usize::from(call.slot)) {
            slot.take_if(|(open, _)| *open == call);
        }
    }

    /// Keeps the body of an answer and turns the answer into an input.
    pub fn answered(&mut self, call: CallId, answer: Answer) -> Input {
        if let Some(error) = &answer.error {
            tracing::warn!(%error, reply = ?answer.reply, "the store has trouble");
        }
        if let Some(body) = answer.body {
            self.put_back(call, Body::File(body));
        }
        Input::Head { call, reply: answer.reply }
    }

    pub fn write(&mut self, call: CallId) -> Option<Write> {
        match self.find(call)? {
            Call::Write(write) => Some(write.clone()),
            Call::Bare | Call::Body(_) => None,
        }
    }

    /// Takes the body out, for a pump.
    pub fn take_body(&mut self, call: CallId) -> Option<Body> {
        let open = self.find(call)?;
        match std::mem::replace(open, Call::Bare) {
            Call::Body(body) => Some(body),
            Call::Bare | Call::Write(_) => None,
        }
    }

    pub fn put_back(&mut self, call: CallId, body: Body) {
        if let Some(open) = self.find(call) {
            *open = Call::Body(body);
        }
    }

    fn set(&mut self, call: CallId, state: Call) {
        if let Some(slot) = self.slots.get_mut(usize::from(call.slot)) {
            *slot = Some((call, state));
        }
    }

    fn find(&mut self, call: CallId) -> Option<&mut Call> {
        match self.slots.get_mut(usize::from(call.slot))? {
            Some((open, state)) if *open == call => Some(state),
            Some(_) | None => None,
        }
    }
}
