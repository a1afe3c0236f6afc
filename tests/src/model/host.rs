use std::collections::VecDeque;

use bytes::Bytes;
use http::header;
use wharfinger_core::exchange::{
    Ask, CallId, Collected, Exchange, Input, Outcome, Output, Side, TimerId, To, Until,
};
use wharfinger_core::store::{Op, Reply};
use wharfinger_core::transfer::{Blocks, Hasher, Hashing, Moved, Source, Take, Tap};

mod happening;

pub use happening::{Arrival, Cost, Happening};

/// An exchange, and what it is owed: it asks without anything happening, and everything that happens is a choice.
///
/// Two things happen at once, because no order of them can be told apart from outside: bytes that are at hand arrive
/// in a call's body when it is opened, and the reply arrives at the client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    exchange: Exchange,
    /// What of the client's body has not been taken.
    body: Bytes,
    calls: Vec<Call>,
    dues: Vec<Due>,
    timers: Vec<Timer>,
    told: Told,
    outcome: Option<Outcome>,
    /// Outputs came without an end.
    pub(super) endless: bool,
}

/// An open store call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Its name.
    pub id: CallId,
    /// What is asked of the store.
    pub op: Op,
    /// What of its body has arrived.
    body: Bytes,
    /// Whether that is all.
    whole: bool,
    pub(super) stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// The store has done nothing.
    Open,
    /// The store has answered; the answer is on its way.
    Answering { reply: Reply, bytes: Bytes },
    /// The answer's head has arrived, its body can be read.
    Reading { bytes: Bytes },
    /// The connection broke while the body was leaving.
    Broken,
}

/// What the host owes the exchange, calls and timers aside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Due {
    /// The client's body is to go into a call.
    Feed {
        call: CallId,
        take: Take,
        tap: Tap,
    },
    /// It went.
    Fed {
        call: CallId,
        moved: Moved,
    },
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
    /// Whether this call may be sent again.
    Retry(CallId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Timer {
    id: TimerId,
    /// No call is open in its slot: nothing but this timer goes on there.
    resting: bool,
}

/// A call that the exchange does not hear of any more. If its body is whole, the store may still carry it out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dropped {
    /// Its name.
    pub call: CallId,
    /// What is asked of the store.
    pub op: Op,
    /// Its whole body.
    pub body: Bytes,
}

/// The reply, as far as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Told {
    /// The status; 0 before the reply.
    pub status: u16,
    /// Location.
    pub location: Option<Box<str>>,
    /// How many bytes Range acknowledges.
    pub acknowledged: Option<u64>,
    /// The length that was told.
    pub length: u64,
    /// The body.
    pub body: Bytes,
}

/// What an exchange's outputs led to.
#[derive(Debug, Default)]
pub struct Drained {
    /// Calls that were opened.
    pub sent: Vec<CallId>,
    /// Calls that were dropped with their bodies whole and the store not having answered.
    pub dropped: Vec<Dropped>,
}

impl Host {
    /// No more outputs come between two inputs.
    pub const OUTPUTS_MAX: usize = 48;

    /// Takes over an exchange whose client sends `body`.
    pub fn new(exchange: Exchange, body: Bytes) -> (Self, Drained) {
        let mut host = Self {
            exchange,
            body,
            calls: Vec::new(),
            dues: Vec::new(),
            timers: Vec::new(),
            told: Told::default(),
            outcome: None,
            endless: false,
        };
        let drained = host.drain();
        (host, drained)
    }

    /// The calls that are open.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn call_mut(&mut self, id: CallId) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.id == id)
    }

    /// What the client was told.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// How the exchange ended, if it did.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Drops the exchange with all that it has under way.
    pub fn crash(mut self) -> Vec<Dropped> {
        self.drop_calls(|_| true)
    }

    /// Whether news of a call that was dropped leaves the exchange as it is.
    pub fn ignores(&mut self, input: Input) -> bool {
        let before = self.clone();
        let drained = self.tell(input);
        drained.sent.is_empty() && drained.dropped.is_empty() && *self == before
    }

    /// Feeds an input that is none of its business.
    pub(super) fn mistake(&mut self, input: Input) -> Drained {
        if let Input::Head { call, .. } = &input {
            self.calls.retain(|open| open.id != *call);
        }
        self.tell(input)
    }

    /// Forgets the timers that alone would wake the exchange.
    pub(super) fn lose_timers(&mut self) {
        self.timers.retain(|timer| !timer.resting);
    }

    /// Feeds an input and does what follows.
    pub(super) fn tell(&mut self, input: Input) -> Drained {
        self.exchange.handle_input(input);
        self.drain()
    }

    fn drain(&mut self) -> Drained {
        let mut drained = Drained::default();
        let mut at_once = VecDeque::new();
        for _ in 0..Self::OUTPUTS_MAX {
            match self.exchange.poll_output() {
                Output::Send { call, op, length } => {
                    drained.sent.push(call);
                    let whole = length == Some(0);
                    self.calls.push(Call { id: call, op, body: Bytes::new(), whole, stage: Stage::Open });
                    self.calls.sort_by_key(|call| call.id);
                }
                Output::Feed { to: To::Call(call), body: Source::Client { take, tap }, .. } => {
                    self.dues.push(Due::Feed { call, take, tap });
                }
                Output::Feed { to, body, .. } => {
                    let bytes = self.at_hand(&body);
                    let moved = moved(&bytes, wharfinger_core::transfer::End::Eof, None);
                    match to {
                        To::Call(id) => self.arrived(id, &bytes, true),
                        To::Reply => self.told.body = [self.told.body.clone(), bytes].concat().into(),
                    }
                    at_once.push_back(Input::Fed { to, moved });
                }
                Output::Collect { from, max, until } => self.dues.push(Due::Collect { from, max, until }),
                Output::Digest { from, hashing } => self.dues.push(Due::Digest { from, hashing }),
                Output::Respond { head, length } => self.told = told(&head, length),
                Output::Ask { what: Ask::Memory { .. } | Ask::Token { .. } } => self.dues.push(Due::Memory),
                // The models' registries do not redirect.
                Output::Ask { what: Ask::Location { .. } } => {
                    let answer = wharfinger_core::exchange::Told::Location(None);
                    at_once.push_back(Input::Told { answer });
                }
                Output::Ask { what: Ask::CheckPassword { .. } | Ask::Keys { .. } } => {
                    unreachable!("the models' registries are open")
                }
                Output::Ask { what: Ask::Retry { call } } => self.dues.push(Due::Retry(call)),
                Output::Abort { call } => {
                    drained.dropped.append(&mut self.drop_calls(|open| open == call));
                }
                Output::Sleep { timer, .. } => {
                    let resting =
                        timer.slot != RETRY_TIMER && self.calls.iter().all(|call| call.id.slot != timer.slot);
                    self.timers.retain(|other| other.id.slot != timer.slot);
                    self.timers.push(Timer { id: timer, resting });
                    self.timers.sort_by_key(|timer| timer.id);
                }
                Output::Wait => match at_once.pop_front() {
                    Some(input) => self.exchange.handle_input(input),
                    None => return self.settled(drained),
                },
                Output::Done(outcome) => {
                    self.outcome = Some(outcome);
                    drained.dropped.append(&mut self.drop_calls(|_| true));
                    self.dues.clear();
                    return self.settled(drained);
                }
            }
        }
        self.endless = true;
        drained
    }

    /// A timer of a call that has ended says nothing any more.
    fn settled(&mut self, drained: Drained) -> Drained {
        let calls = &self.calls;
        let over = self.outcome.is_some();
        self.timers.retain(|timer| {
            let running =
                timer.id.slot == RETRY_TIMER || calls.iter().any(|call| call.id.slot == timer.id.slot);
            !over && (timer.resting || running)
        });
        drained
    }

    fn drop_calls(&mut self, dropped: impl Fn(CallId) -> bool) -> Vec<Dropped> {
        let (gone, kept) = std::mem::take(&mut self.calls).into_iter().partition(|call| dropped(call.id));
        self.calls = kept;
        self.dues.retain(|due| !due.call().is_some_and(&dropped));
        let gone: Vec<Call> = gone;
        gone.into_iter().filter_map(Call::left_behind).collect()
    }

    fn arrived(&mut self, id: CallId, bytes: &Bytes, whole: bool) {
        if let Some(call) = self.call_mut(id) {
            call.body = [call.body.clone(), bytes.clone()].concat().into();
            call.whole = whole;
        }
    }

    /// The bytes of a source that is at hand.
    fn at_hand(&mut self, source: &Source) -> Bytes {
        match source {
            Source::Empty => Bytes::new(),
            Source::Bytes(bytes) => bytes.clone(),
            Source::Client { take, .. } => taken(&mut self.body, *take),
            Source::Backend { call, take, .. } => match self.call_mut(*call).map(|call| &mut call.stage) {
                Some(Stage::Reading { bytes }) => taken(bytes, *take),
                Some(Stage::Open | Stage::Answering { .. } | Stage::Broken) | None => Bytes::new(),
            },
        }
    }
}

impl Call {
    /// What the store may still make of it.
    fn left_behind(self) -> Option<Dropped> {
        let changes = match self.op {
            Op::Write { .. } | Op::Join { .. } | Op::Copy { .. } | Op::Release { .. } | Op::Remove { .. } => {
                true
            }
            Op::Read { .. } | Op::Stat { .. } | Op::Touch { .. } | Op::List { .. } => false,
        };
        let left = changes && self.whole && self.stage == Stage::Open;
        left.then_some(Dropped { call: self.id, op: self.op, body: self.body })
    }
}

impl Due {
    /// The call that it is about.
    fn call(&self) -> Option<CallId> {
        match self {
            Self::Feed { call, .. } | Self::Fed { call, .. } => Some(*call),
            Self::Collect { from: Side::Backend(call), .. } => Some(*call),
            Self::Digest { from: Source::Backend { call, .. }, .. } => Some(*call),
            Self::Collect { from: Side::Client, .. }
            | Self::Digest { from: Source::Empty | Source::Bytes(_) | Source::Client { .. }, .. }
            | Self::Memory
            | Self::Retry(_) => None,
        }
    }
}

fn taken(from: &mut Bytes, take: Take) -> Bytes {
    let count = match take {
        Take::Exactly(count) | Take::UpTo(count) => from.len().min(count as usize),
        Take::ToEnd => from.len(),
    };
    from.split_to(count)
}

fn moved(bytes: &Bytes, end: wharfinger_core::transfer::End, hashing: Option<&Hashing>) -> Moved {
    let hashed = hashing.map(|hashing| {
        let mut hasher = Hasher::new(hashing, Blocks::default());
        hasher.update(bytes);
        Box::new(hasher.finish())
    });
    Moved { bytes: bytes.len() as u64, end, hashed }
}

fn told(head: &wharfinger_core::exchange::ReplyHead, length: u64) -> Told {
    let field = |name| head.fields.iter().find(|(field, _)| *field == name);
    let text = |name| field(name).and_then(|(_, value)| value.to_str().ok());
    let acknowledged = text(header::RANGE)
        .and_then(|range| range.strip_prefix("0-"))
        .and_then(|last| last.parse::<u64>().ok())
        .map(|last| last + 1);
    Told {
        status: head.status.as_u16(),
        location: text(header::LOCATION).map(Into::into),
        acknowledged,
        length,
        body: Bytes::new(),
    }
}

/// The timer that ends all tries of an exchange. No exchange waits for it alone.
const RETRY_TIMER: u8 = (Exchange::TIMERS_MAX - 1) as u8;

/// A body that the client sent, as far as it is wanted in one piece.
fn collected(bytes: Bytes, max: u32, until: Until) -> Collected {
    let bytes = match until {
        Until::End => bytes,
        Until::Line => match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => bytes.slice(..=end),
            None => bytes,
        },
    };
    if bytes.len() > max as usize { Collected::TooLong } else { Collected::Whole(bytes) }
}
