use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use wharfinger_core::exchange::{
    Ask, CallId, Exchange, Input, Outcome, Output, ReplyHead, Side, TimerId, To, Until,
};
use wharfinger_core::oci::Digest;
use wharfinger_core::store::{Key, Op};
use wharfinger_core::transfer::{Hashing, Source, Take, Tap};

use super::label::{Label, Role};
use super::{Alone, Budget, Flaw, Mutant, Why};

/// One exchange, what it is owed, and what is remembered of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Which request of the flow it answers.
    pub scene: u8,
    /// Nothing is left of one that is over.
    pub(super) exchange: Option<Exchange>,
    /// What of the client's body has not been taken.
    pub(super) body: Bytes,
    pub(super) calls: Vec<Call>,
    pub(super) dues: Vec<Due>,
    pub(super) timers: Vec<Timer>,
    /// The reply's head, and its body as far as it has arrived.
    pub(super) told: Option<Told>,
    pub(super) arrived: Bytes,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
    pub(super) seen: Seen,
    pub(super) left: Budget,
}

/// An open call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) op: Op,
    pub(super) label: Label,
    /// What has gone into it.
    pub(super) body: Bytes,
    pub(super) filled: Filled,
    /// The store has said that this is written, before it was known to have left.
    pub(super) written: Option<Bytes>,
    /// What can be read of the answer, by the name of what was found.
    pub(super) answer: Option<(&'static str, Bytes)>,
}

/// How a call's body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Filled {
    /// It has none, or all of it was at hand.
    Whole,
    /// It is the client's; whether a byte of it has come, so that the call is open.
    Owed { opened: bool },
    /// It ended early.
    Short,
}

/// What is owed, beside answers to calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Due {
    /// Bytes at hand leave.
    Held(CallId, u64),
    /// The client's body goes into a call.
    Feed {
        call: CallId,
        take: Take,
        tap: Tap,
    },
    /// Bytes go into the reply.
    Reply(Source),
    Collect {
        from: Side,
        max: u32,
        until: Until,
    },
    Digest {
        from: Source,
        hashing: Box<Hashing>,
    },
    Memory,
    Location,
    Password,
    Keys,
    Token(CallId),
    Retry(CallId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Timer {
    pub(super) id: TimerId,
    pub(super) of: TimerOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum TimerOf {
    /// A call, or a token, may take so long.
    Limit,
    /// A call rests before it is sent again.
    Rest,
    /// The time in which calls are tried again.
    Tries,
}

/// The reply's head.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) length: u64,
    /// The code of a refusal, as soon as its body is fed.
    pub(super) code: Option<Box<str>>,
}

/// What is remembered, as far as a property depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    /// What the store has acknowledged, as far as it still holds.
    pub(super) facts: BTreeSet<Label>,
    /// What was acknowledged and is carried out later.
    pub(super) late: Option<Label>,
    /// What was found old and not made young.
    pub(super) old: BTreeSet<Role>,
    /// What the store holds by its own word.
    pub(super) stored: BTreeMap<Key, Bytes>,
    pub(super) why: BTreeSet<Why>,
    pub(super) flaws: BTreeSet<Flaw>,
    pub(super) gone: bool,
    /// Slots in which another try was denied.
    pub(super) denied: BTreeSet<u8>,
    /// What the reply's body is relayed from.
    pub(super) relayed: Option<&'static str>,
    /// The last call of each slot.
    pub(super) sends: Vec<Sent>,
    pub(super) armed: Vec<TimerId>,
}

/// The last call of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sent {
    pub(super) id: CallId,
    pub(super) op: Op,
    /// How often it was sent since anything was heard of it that says more than that it failed.
    pub(super) count: u8,
    /// Its token was not taken.
    pub(super) renewed: bool,
}

impl World {
    /// No more outputs come between two inputs.
    pub const OUTPUTS_MAX: usize = 64;

    pub(super) fn new(model: &Alone, scene: u8) -> Self {
        let about = &model.scenes[usize::from(scene)];
        let mut world = Self {
            scene,
            exchange: Some(about.start(model.mutant)),
            body: about.body.clone(),
            calls: Vec::new(),
            dues: Vec::new(),
            timers: Vec::new(),
            told: None,
            arrived: Bytes::new(),
            outcome: None,
            seen: Seen { stored: about.before.clone(), ..Seen::default() },
            left: model.budget,
        };
        world.drain(model);
        world
    }

    /// What the client was told, such as `404 BLOB_UNKNOWN`.
    pub fn reply(&self) -> Option<String> {
        let told = self.told.as_ref()?;
        Some(match &told.code {
            Some(code) => format!("{} {code}", told.status),
            None => told.status.to_string(),
        })
    }

    pub(super) fn flaw(&mut self, flaw: Flaw) {
        self.seen.flaws.insert(flaw);
    }

    pub(super) fn call(&self, id: CallId) -> Option<&Call> {
        self.calls.iter().find(|call| call.id == id)
    }

    pub(super) fn call_mut(&mut self, id: CallId) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.id == id)
    }

    /// Forgets a call with all that is owed for it.
    pub(super) fn close(&mut self, id: CallId) {
        self.calls.retain(|call| call.id != id);
        self.dues.retain(|due| due.call() != Some(id));
    }

    pub(super) fn tell(&mut self, model: &Alone, input: Input) {
        if let Some(exchange) = &mut self.exchange {
            exchange.handle_input(input);
            self.drain(model);
        }
    }

    fn drain(&mut self, model: &Alone) {
        for _ in 0..Self::OUTPUTS_MAX {
            let Some(exchange) = &mut self.exchange else { return };
            match exchange.poll_output() {
                Output::Send { call, op, length } => self.sent(model, call, op, length),
                Output::Feed { to: To::Call(id), body, .. } => self.fed(model, id, body),
                Output::Feed { to: To::Reply, body, .. } => self.replied(model, body),
                Output::Collect { from, max, until } => {
                    if self.seen.why.contains(&Why::Denied) && from == Side::Client {
                        self.flaw(Flaw::NotPermitted);
                    }
                    self.dues.push(Due::Collect { from, max, until });
                }
                Output::Digest { from, hashing } => self.dues.push(Due::Digest { from, hashing }),
                Output::Respond { head, length } => self.responded(model, &head, length),
                Output::Ask { what } => self.dues.push(match what {
                    Ask::Memory { .. } => Due::Memory,
                    Ask::Token { call } => Due::Token(call),
                    Ask::Retry { call } => Due::Retry(call),
                    Ask::Location { .. } => Due::Location,
                    Ask::CheckPassword { .. } => Due::Password,
                    Ask::Keys { .. } => Due::Keys,
                }),
                Output::Abort { call } => match model.mutant {
                    Some(Mutant::AbortLost) => {}
                    _ => self.close(call),
                },
                Output::Sleep { timer, .. } => self.armed(timer),
                Output::Wait => return self.settled(),
                Output::Done(outcome) => return self.done(model, outcome),
            }
        }
        self.flaw(Flaw::Endless);
    }

    fn sent(&mut self, model: &Alone, id: CallId, op: Op, length: Option<u64>) {
        let scene = model.scene(self);
        let mut label = Label::of(scene, &op);
        if let Some(Mutant::Elsewhere(of)) = model.mutant
            && label.to_string() == of
        {
            label.role = Role::Elsewhere;
        }
        let more = if model.mutant == Some(Mutant::SentTwice) { 2 } else { 1 };
        let before = self.seen.sends.iter().position(|sent| sent.id.slot == id.slot);
        let before = before.map(|at| self.seen.sends.remove(at)).filter(|sent| sent.op == op);
        let (count, renewed) = before.map_or((more, false), |sent| (sent.count + more, sent.renewed));
        self.seen.sends.push(Sent { id, op: op.clone(), count, renewed });
        self.seen.sends.sort_by_key(|sent| sent.id);
        if count > SENDS_MAX {
            self.flaw(Flaw::TooOften);
        }
        let no_memory = self.seen.why.contains(&Why::Denied);
        if no_memory || (self.seen.denied.contains(&id.slot) && count > 1) {
            self.flaw(Flaw::NotPermitted);
        }
        self.seen.denied.remove(&id.slot);
        self.sent_label(model, label);
        self.prove(&op);
        let filled = match length {
            Some(_) => Filled::Whole,
            None => Filled::Owed { opened: false },
        };
        let call = Call { id, op, label, body: Bytes::new(), filled, written: None, answer: None };
        if self.call(id).is_some() {
            self.flaw(Flaw::LeftOpen);
        }
        self.calls.push(call);
        self.calls.sort_by_key(|call| call.id);
        if self.calls.len() > CALLS_MAX {
            self.flaw(Flaw::Endless);
        }
    }

    fn fed(&mut self, model: &Alone, id: CallId, body: Source) {
        let client_opens = !self.body.is_empty();
        match body {
            Source::Client { take, tap } => {
                self.dues.push(Due::Feed { call: id, take, tap });
                if let Some(call) = self.call_mut(id) {
                    call.filled = Filled::Owed { opened: client_opens };
                }
            }
            Source::Bytes(bytes) => {
                self.dues.push(Due::Held(id, bytes.len() as u64));
                let Some(call) = self.call_mut(id) else { return };
                call.body = bytes;
                let call = call.clone();
                self.prove_body(model.scene(self), &call);
            }
            Source::Empty | Source::Backend { .. } => self.flaw(Flaw::Endless),
        }
    }

    fn replied(&mut self, model: &Alone, body: Source) {
        if let Source::Bytes(bytes) = &body {
            self.granted(model, bytes);
            self.shown(model.scene(self), bytes);
        }
        if let (Source::Bytes(bytes), Some(told)) = (&body, &mut self.told)
            && let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes)
            && let Some(code) = value["errors"][0]["code"].as_str()
        {
            told.code = Some(code.into());
        }
        self.dues.push(Due::Reply(body));
    }

    fn responded(&mut self, model: &Alone, head: &ReplyHead, length: u64) {
        if let Some(Mutant::Sneaked(label)) = model.mutant {
            self.sent_label(model, Label::parse(label));
        }
        if self.told.is_some() || matches!(model.mutant, Some(Mutant::TwoReplies)) {
            self.flaw(Flaw::SecondReply);
        }
        if self.seen.gone {
            self.flaw(Flaw::ReplyAfterGone);
        }
        let mut status = head.status.as_u16();
        if let Some(Mutant::Status(from, to)) = model.mutant
            && from == status
        {
            status = to;
        }
        let length = match model.mutant {
            Some(Mutant::LengthWrong) => length + 1,
            _ => length,
        };
        self.told = Some(Told { status, length, code: None });
        self.promised(model.scene(self), status);
        self.counted(model, head, status);
        self.helped(model, head, status);
    }

    /// What an upload is told to have is what its segments have; a refusal may leave out what came to nothing.
    fn counted(&mut self, model: &Alone, head: &ReplyHead, status: u16) {
        let range = head.fields.iter().find(|(name, _)| *name == http::header::RANGE);
        let last = range.and_then(|(_, value)| value.to_str().ok()?.strip_prefix("0-")?.parse::<u64>().ok());
        let Some(last) = last else { return };
        let segments = self.seen.stored.iter().filter(|(key, _)| matches!(key, Key::Segment { .. }));
        let stored: u64 = segments.map(|(_, bytes)| bytes.len() as u64).sum();
        let told = if model.mutant == Some(Mutant::Miscounted) { last + 2 } else { last + 1 };
        let right = told == stored.max(1) || (status >= 400 && told <= stored);
        if !right {
            self.flaw(Flaw::Miscounted);
        }
    }

    fn armed(&mut self, id: TimerId) {
        let open = self.calls.iter().any(|call| call.id.slot == id.slot);
        let of = match usize::from(id.slot) == Exchange::TIMERS_MAX - 1 {
            true => TimerOf::Tries,
            false if open => TimerOf::Limit,
            false => TimerOf::Rest,
        };
        self.timers.retain(|timer| timer.id.slot != id.slot);
        self.timers.push(Timer { id, of });
        self.timers.sort_by_key(|timer| timer.id);
        self.seen.armed.retain(|timer| timer.slot != id.slot);
        self.seen.armed.push(id);
        self.seen.armed.sort();
    }

    /// A timer of a call that has ended, or is read by now, says nothing any more.
    fn settled(&mut self) {
        let (calls, dues) = (&self.calls, &self.dues);
        self.timers.retain(|timer| match timer.of {
            TimerOf::Rest | TimerOf::Tries => true,
            TimerOf::Limit => {
                dues.iter().any(|due| matches!(due, Due::Token(call) if call.slot == timer.id.slot))
                    || calls.iter().any(|call| call.id.slot == timer.id.slot && call.waits(dues))
            }
        });
    }

    fn done(&mut self, model: &Alone, outcome: Outcome) {
        let moved = |call: &Call| call.answer.as_ref().is_some_and(|(_, left)| left.is_empty());
        if self.calls.iter().any(|call| !moved(call)) {
            self.flaw(Flaw::LeftOpen);
        }
        let outcome = match model.mutant {
            Some(Mutant::CutIsWhole) => Outcome::Complete,
            _ => outcome,
        };
        if outcome == Outcome::Complete {
            self.completed(model);
        }
        self.outcome = Some(outcome);
        self.calls.clear();
        self.dues.clear();
        self.timers.clear();
        if !self.ignores_late_news(model) {
            self.flaw(Flaw::Confused);
        }
        // How it came to its end matters no more, so that ends are few.
        let flaws = std::mem::take(&mut self.seen.flaws);
        self.seen = Seen { flaws, ..Seen::default() };
        (self.exchange, self.body, self.left) = (None, Bytes::new(), Budget::default());
    }

    fn completed(&mut self, model: &Alone) {
        let Some(told) = &self.told else { return self.flaw(Flaw::Unanswered) };
        let bodiless = model.scene(self).head_only() || matches!(told.status, 204 | 304);
        let length = if bodiless { 0 } else { told.length };
        if self.arrived.len() as u64 != length {
            self.flaw(Flaw::WrongLength);
        }
        if self.seen.gone {
            self.flaw(Flaw::ReplyAfterGone);
        }
    }

    /// What stands under a blob's name if these parts are joined, as far as the store has acknowledged them.
    pub(super) fn joined(&self, op: &Op) -> Option<Bytes> {
        let Op::Join { parts, .. } = op else { return None };
        let mut whole = Vec::new();
        for part in parts.iter() {
            let bytes = self.seen.stored.get(&part.key).filter(|bytes| bytes.len() as u64 == part.size)?;
            whole.extend_from_slice(&bytes[part.skip as usize..]);
        }
        Some(whole.into())
    }

    pub(super) fn is_of(bytes: &[u8], digest: &Digest) -> bool {
        Digest::of(digest.algorithm(), bytes) == *digest
    }
}

impl Call {
    /// Whether the store, or the way to it, may still be too slow.
    fn waits(&self, dues: &[Due]) -> bool {
        let read = dues
            .iter()
            .any(|due| matches!(due, Due::Collect { from: Side::Backend(call), .. } if *call == self.id));
        self.answer.is_none() || read
    }
}

impl Due {
    /// The call that it is about.
    pub(super) fn call(&self) -> Option<CallId> {
        match self {
            Self::Held(call, _)
            | Self::Feed { call, .. }
            | Self::Reply(Source::Backend { call, .. })
            | Self::Collect { from: Side::Backend(call), .. }
            | Self::Digest { from: Source::Backend { call, .. }, .. } => Some(*call),
            // The call is over: this is only the name by which the exchange knows who waits.
            Self::Token(_)
            | Self::Retry(_)
            | Self::Reply(Source::Empty | Source::Bytes(_) | Source::Client { .. })
            | Self::Collect { from: Side::Client, .. }
            | Self::Digest { from: Source::Empty | Source::Bytes(_) | Source::Client { .. }, .. }
            | Self::Memory
            | Self::Location
            | Self::Password
            | Self::Keys => None,
        }
    }
}

const CALLS_MAX: usize = 8;

/// Four tries, and one more with a new token.
const SENDS_MAX: u8 = 5;
