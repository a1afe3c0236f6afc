use wharfinger_core::exchange::{CallId, Collected, Input, Side, To, Told as Answered, Until};
use wharfinger_core::store::{Fault, Op, Reply};
use wharfinger_core::transfer::{End, Moved, Source, Take, Tap};

use super::super::Mutant;
use super::super::carries::Carries;
use super::super::store::Author;
use super::{Drained, Due, Host, Stage, collected, moved};

/// One thing that may happen to an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// Some of the client's body gets into a call.
    Arrive(CallId, Arrival),
    /// The exchange hears how a feed ended.
    HearFed(CallId),
    /// The store carries a call out; nobody knows yet.
    CarryOut(CallId),
    /// The store's answer reaches the exchange.
    Answer(CallId),
    /// A small body is read.
    Collect,
    /// Bytes are hashed.
    Hash,
    /// Memory is granted.
    Grant,
    /// Another try is granted.
    GrantRetry,
    /// A rest is over.
    Fire(u8),
    /// A call breaks off before or after the store carried it out; while a body is leaving, that is heard of in two halves.
    Break(CallId),
    /// The exchange hears that a call broke off.
    HearBroken(CallId),
    /// The store says that it cannot, be the body whole or not.
    Refuse(CallId),
    /// A call takes too long.
    Expire(u8),
    /// The body of a store's answer breaks off.
    BreakBody,
    /// Memory is denied.
    Deny,
    /// Another try is denied.
    DenyRetry,
    /// The client's body breaks off.
    BreakClient,
    /// The client goes away.
    Leave,
}

/// How much of the client's body arrives at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrival {
    /// The rest, and its end is seen.
    ToEnd,
    /// As much as is taken; the end is not seen, even if nothing follows.
    Taken,
    /// One byte, then nothing for a while.
    Stalled,
    /// The store takes no more.
    Stuck,
}

/// What a happening costs of what is set aside for a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cost {
    /// It happens on its own.
    Nothing,
    /// The store or the way to it fails.
    Fault,
    /// The client's body stalls.
    Stall,
    /// The client fails.
    Break,
    /// The client goes away.
    Leave,
}

impl Happening {
    /// What it costs.
    pub fn cost(self) -> Cost {
        match self {
            Self::Arrive(_, Arrival::Stalled) => Cost::Stall,
            Self::Arrive(_, Arrival::ToEnd | Arrival::Taken | Arrival::Stuck)
            | Self::HearFed(_)
            | Self::CarryOut(_)
            | Self::Answer(_)
            | Self::Collect
            | Self::Hash
            | Self::Grant
            | Self::GrantRetry
            | Self::Fire(_)
            | Self::HearBroken(_) => Cost::Nothing,
            Self::Break(_)
            | Self::Refuse(_)
            | Self::Expire(_)
            | Self::BreakBody
            | Self::Deny
            | Self::DenyRetry => Cost::Fault,
            Self::BreakClient => Cost::Break,
            Self::Leave => Cost::Leave,
        }
    }
}

impl Host {
    /// All that may happen next.
    pub fn happenings(&self) -> Vec<Happening> {
        let mut all = Vec::new();
        if self.outcome.is_some() {
            return all;
        }
        self.dues.iter().for_each(|due| self.happenings_of_due(due, &mut all));
        for call in &self.calls {
            let leaving =
                self.dues.iter().any(|due| matches!(due, Due::Feed { call: fed, .. } if *fed == call.id));
            // Nothing is opened before the first byte of a body that the client sends.
            let opened = if leaving { !self.body.is_empty() } else { !call.body.is_empty() };
            match &call.stage {
                Stage::Open if call.whole => {
                    all.extend([
                        Happening::CarryOut(call.id),
                        Happening::Break(call.id),
                        Happening::Refuse(call.id),
                    ]);
                }
                Stage::Open if opened => all.extend([Happening::Break(call.id), Happening::Refuse(call.id)]),
                Stage::Open | Stage::Reading { .. } => {}
                Stage::Answering { .. } => {
                    all.extend([Happening::Answer(call.id), Happening::Break(call.id)])
                }
                Stage::Broken => all.push(Happening::HearBroken(call.id)),
            }
        }
        all.extend(self.timers.iter().map(|timer| match timer.resting {
            true => Happening::Fire(timer.id.slot),
            false => Happening::Expire(timer.id.slot),
        }));
        all.push(Happening::Leave);
        all
    }

    fn happenings_of_due(&self, due: &Due, all: &mut Vec<Happening>) {
        match due {
            Due::Feed { call, take, .. } => {
                let stage = self.calls.iter().find(|open| open.id == *call).map(|call| &call.stage);
                if !matches!(stage, Some(Stage::Open)) {
                    all.push(Happening::Arrive(*call, Arrival::Stuck));
                }
                if !matches!(stage, Some(Stage::Broken) | None) {
                    let rest = self.body.len() as u64;
                    let most = match take {
                        Take::Exactly(most) | Take::UpTo(most) => *most,
                        Take::ToEnd => u64::MAX,
                    };
                    if rest <= most {
                        all.push(Happening::Arrive(*call, Arrival::ToEnd));
                    }
                    if rest >= most {
                        all.push(Happening::Arrive(*call, Arrival::Taken));
                    }
                    if rest >= 2 {
                        all.push(Happening::Arrive(*call, Arrival::Stalled));
                    }
                    all.push(Happening::BreakClient);
                }
            }
            Due::Fed { call, .. } => all.push(Happening::HearFed(*call)),
            Due::Collect { from: Side::Client, .. } => {
                all.extend([Happening::Collect, Happening::BreakClient])
            }
            Due::Collect { .. } => all.extend([Happening::Collect, Happening::BreakBody]),
            Due::Digest { from: Source::Backend { .. }, .. } => {
                all.extend([Happening::Hash, Happening::BreakBody]);
            }
            Due::Digest { .. } => all.push(Happening::Hash),
            Due::Memory => all.extend([Happening::Grant, Happening::Deny]),
            Due::Retry(_) => all.extend([Happening::GrantRetry, Happening::DenyRetry]),
        }
    }

    /// Lets it happen.
    pub fn happen(
        &mut self,
        happening: Happening,
        store: &mut impl Carries,
        author: Author,
        mutant: Option<Mutant>,
    ) -> Drained {
        match happening {
            Happening::Arrive(call, arrival) => self.arrive(call, arrival),
            Happening::CarryOut(id) => {
                if let Some(call) = self.call_mut(id) {
                    let (reply, bytes) = store.carry_out(author, &call.op, &call.body);
                    call.stage = Stage::Answering { reply, bytes };
                }
                Drained::default()
            }
            Happening::Refuse(id) => {
                let reply = Reply::Unavailable { retry_after: None };
                if let Some(call) = self.call_mut(id) {
                    call.stage = Stage::Answering { reply, bytes: Default::default() };
                }
                Drained::default()
            }
            Happening::HearFed(id) => {
                let due = self.take_due(|due| matches!(due, Due::Fed { call, .. } if *call == id));
                let Some(Due::Fed { call, moved }) = due else { return Drained::default() };
                self.tell(Input::Fed { to: To::Call(call), moved })
            }
            Happening::Answer(id) => self.answer(id),
            Happening::Collect => self.collect(false),
            Happening::Hash => self.hash(false),
            Happening::BreakBody => match self.dues.iter().any(|due| matches!(due, Due::Collect { .. })) {
                true => self.collect(true),
                false => self.hash(true),
            },
            Happening::Grant => self.hear_memory(Answered::Granted),
            Happening::Deny => self.hear_memory(Answered::Denied),
            Happening::GrantRetry => self.hear_retry(true),
            Happening::DenyRetry => self.hear_retry(false),
            Happening::Fire(slot) | Happening::Expire(slot) => {
                let Some(at) = self.timers.iter().position(|timer| timer.id.slot == slot) else {
                    return Drained::default();
                };
                let timer = self.timers.remove(at).id;
                self.tell(Input::Fired { timer })
            }
            Happening::Break(id) => self.break_off(id),
            Happening::HearBroken(id) => self.hear_broken(id),
            Happening::BreakClient => self.break_client(mutant),
            Happening::Leave => self.tell(Input::ClientGone),
        }
    }

    /// Does what happens without any fault, until the exchange is over.
    pub fn run(mut self, store: &mut impl Carries, author: Author) -> super::Told {
        while let Some(next) = self.happenings().into_iter().find(|next| next.cost() == Cost::Nothing) {
            self.happen(next, store, author, None);
        }
        self.told
    }

    fn take_due(&mut self, wanted: impl Fn(&Due) -> bool) -> Option<Due> {
        let at = self.dues.iter().position(wanted)?;
        Some(self.dues.remove(at))
    }

    fn arrive(&mut self, id: CallId, arrival: Arrival) -> Drained {
        let due = self.take_due(|due| matches!(due, Due::Feed { call, .. } if *call == id));
        let Some(Due::Feed { call, take, tap }) = due else { return Drained::default() };
        let (take, end) = match arrival {
            Arrival::ToEnd => (take, End::Eof),
            Arrival::Taken => (take, End::Taken),
            Arrival::Stalled => (Take::UpTo(1), End::Stalled),
            Arrival::Stuck => (Take::UpTo(0), End::SinkBroke),
        };
        let bytes = self.at_hand(&Source::Client { take, tap: Tap::Opaque });
        let hashing = match &tap {
            Tap::Digest(hashing) => Some(&**hashing),
            Tap::Opaque => None,
        };
        let moved = moved(&bytes, end, hashing);
        // A call without a single byte was never opened.
        self.arrived(call, &bytes, end != End::SinkBroke && !bytes.is_empty());
        self.dues.push(Due::Fed { call, moved });
        Drained::default()
    }

    fn answer(&mut self, id: CallId) -> Drained {
        let Some(at) = self.calls.iter().position(|call| call.id == id) else { return Drained::default() };
        let call = &mut self.calls[at];
        let Stage::Answering { reply, bytes } = call.stage.clone() else { return Drained::default() };
        match (&call.op, &reply) {
            (Op::Read { .. }, Reply::Found(_)) => call.stage = Stage::Reading { bytes },
            _ => drop(self.calls.remove(at)),
        }
        self.tell(Input::Head { call: id, reply })
    }

    fn collect(&mut self, breaks: bool) -> Drained {
        let Some(Due::Collect { from, max, until }) = self.take_due(|due| matches!(due, Due::Collect { .. }))
        else {
            return Drained::default();
        };
        let source = match from {
            Side::Client => Source::Client { take: Take::ToEnd, tap: Tap::Opaque },
            Side::Backend(call) => Source::Backend { call, take: Take::ToEnd, tap: Tap::Opaque },
        };
        let outcome = match breaks {
            true => Collected::Broke,
            false => collected(self.at_hand(&source), max, until),
        };
        if let (Side::Backend(id), true) = (from, breaks || until == Until::End) {
            self.calls.retain(|call| call.id != id);
        }
        self.tell(Input::Collected { from, outcome })
    }

    fn hash(&mut self, breaks: bool) -> Drained {
        let Some(Due::Digest { from, hashing }) = self.take_due(|due| matches!(due, Due::Digest { .. }))
        else {
            return Drained::default();
        };
        let bytes = self.at_hand(&from);
        let moved = match breaks {
            true => Moved { bytes: 0, end: End::SourceBroke, hashed: None },
            false => moved(&bytes, End::Taken, Some(&hashing)),
        };
        self.tell(Input::Hashed { moved })
    }

    fn hear_memory(&mut self, answer: Answered) -> Drained {
        self.take_due(|due| matches!(due, Due::Memory));
        self.tell(Input::Told { answer })
    }

    fn hear_retry(&mut self, granted: bool) -> Drained {
        let due = self.take_due(|due| matches!(due, Due::Retry(_)));
        let Some(Due::Retry(call)) = due else { return Drained::default() };
        self.tell(Input::Told { answer: Answered::Retry { call, granted } })
    }

    fn break_off(&mut self, id: CallId) -> Drained {
        let leaving = self.dues.iter().any(|due| matches!(due, Due::Feed { call, .. } if *call == id));
        let Some(call) = self.call_mut(id).filter(|_| leaving) else { return self.hear_broken(id) };
        call.stage = Stage::Broken;
        Drained::default()
    }

    fn hear_broken(&mut self, id: CallId) -> Drained {
        let Some(at) = self.calls.iter().position(|call| call.id == id) else { return Drained::default() };
        let left = self.calls.remove(at).left_behind();
        let mut drained = self.tell(Input::Failed { call: id, fault: Fault::Broken });
        drained.dropped.extend(left);
        drained
    }

    /// The last byte of the client's body does not come.
    fn break_client(&mut self, mutant: Option<Mutant>) -> Drained {
        let short = self.body.len().saturating_sub(1);
        if self.take_due(|due| matches!(due, Due::Collect { .. })).is_some() {
            return self.tell(Input::Collected { from: Side::Client, outcome: Collected::Broke });
        }
        let Some(Due::Feed { call, take, tap }) = self.take_due(|due| matches!(due, Due::Feed { .. })) else {
            return Drained::default();
        };
        if mutant == Some(Mutant::ShortIsWhole) {
            self.body.truncate(short);
            self.dues.push(Due::Feed { call, take, tap });
            return self.arrive(call, Arrival::ToEnd);
        }
        let bytes = self.at_hand(&Source::Client { take: Take::UpTo(short as u64), tap: Tap::Opaque });
        self.arrived(call, &bytes, false);
        self.dues.push(Due::Fed { call, moved: moved(&bytes, End::SourceBroke, None) });
        Drained::default()
    }
}
