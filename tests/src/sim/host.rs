//! What a host owes an exchange: every output is carried out, at once or as an event to come.

use bytes::Bytes;
use http::{HeaderMap, Method};
use wharfinger_core::access::{PasswordCheck, Peer, Verdict};
use wharfinger_core::exchange::{
    Ask as Question, CallId, Collected, Exchange, Given, Input, Outcome, Output, RequestHead, Side, TimerId,
    To, Told, Until,
};
use wharfinger_core::store::{Key, Op, Reply as StoreReply};
use wharfinger_core::transfer::{Blocks, End, Hasher, Hashing, Moved, Source, Take, Tap};

use super::Mutant;
use super::body::Body;
use super::desk::{Reply, Request};
use super::oracle::Intent;
use super::world::{Event, World};

/// An exchange that is being carried out.
#[derive(Debug)]
pub struct Running {
    pub id: u64,
    pub process: usize,
    /// `None` if it was made to look how things stand.
    pub client: Option<usize>,
    pub intent: Intent,
    pub method: Method,
    /// When it began: the time, and the step.
    pub begun: (u64, u64),
    /// So many calls it made.
    pub sent: u64,
    pub body: Body,
    pub tokens: [Option<(CallId, String)>; 8],
    exchange: Exchange,
    calls: [Option<Call>; 8],
    timers: [Option<TimerId>; Exchange::TIMERS_MAX],
    /// Swift did not find a part that is there.
    pub part_missed: bool,
    /// A call broke off.
    pub failed: bool,
    reply: Option<Started>,
}

#[derive(Debug)]
struct Call {
    id: CallId,
    op: Op,
    /// What came of the answer's body, and whether it broke off behind that.
    answer: Option<(Bytes, bool)>,
}

#[derive(Debug)]
struct Started {
    status: u16,
    fields: HeaderMap,
    promised: u64,
    bytes: Vec<u8>,
}

impl Running {
    pub fn is_open(&self, call: CallId) -> bool {
        self.calls.iter().flatten().any(|open| open.id == call)
    }

    /// Keeps the body of an answer.
    pub fn keep(&mut self, call: CallId, bytes: Bytes, broken: bool) {
        if let Some(open) = self.calls.iter_mut().flatten().find(|open| open.id == call) {
            open.answer = Some((bytes, broken));
        }
    }

    pub fn op(&self, call: CallId) -> Option<&Op> {
        self.calls.iter().flatten().find(|open| open.id == call).map(|open| &open.op)
    }

    fn answer_mut(&mut self, call: CallId) -> Option<&mut (Bytes, bool)> {
        self.calls.iter_mut().flatten().find(|open| open.id == call)?.answer.as_mut()
    }

    /// The next bytes of an answer, and whether there were enough.
    fn taken(&mut self, call: CallId, take: Take, mutant: Option<Mutant>) -> (Bytes, End) {
        let Some((bytes, broken)) = self.answer_mut(call) else { return (Bytes::new(), End::SourceBroke) };
        let wanted = match take {
            Take::Exactly(count) | Take::UpTo(count) => count as usize,
            Take::ToEnd => usize::MAX,
        };
        let taken = bytes.split_to(bytes.len().min(wanted));
        let short = taken.len() < wanted && (*broken || matches!(take, Take::Exactly(_)));
        if short && mutant == Some(Mutant::CutIsWhole) && wanted < 4096 {
            let mut filled = taken.to_vec();
            filled.resize(wanted, 0);
            return (filled.into(), End::Taken);
        }
        let end = if short {
            End::SourceBroke
        } else if taken.len() == wanted {
            End::Taken
        } else {
            End::Eof
        };
        (taken, end)
    }
}

impl World {
    /// Starts an exchange in a process.
    pub fn begin(&mut self, process: usize, client: Option<usize>, request: Request) -> u64 {
        self.last_exchange += 1;
        let id = self.last_exchange;
        let mut entropy = [7; 16];
        if self.plan.mutant != Some(Mutant::SameEntropy) {
            self.random.fill(&mut entropy);
        }
        let head = RequestHead {
            method: &request.method,
            target: &request.target,
            headers: &request.fields,
            body: request.body.length(),
            peer: Peer::default(),
        };
        let given = Given { now: self.now / 1_000_000, entropy };
        let exchange = Exchange::new(&self.config, &head, given);
        self.log(|| {
            format!(
                "{id} client {client:?} asks process {process}: {} {} {:?}",
                request.method, request.target, request.body
            )
        });
        self.oracle.begin(id, &request.intent, self.step);
        if let Some(time) = request.leaves {
            self.after(time, Event::Leave { exchange: id });
        }
        let running = Running {
            id,
            process,
            client,
            intent: request.intent,
            method: request.method,
            begun: (self.now, self.step),
            sent: 0,
            body: request.body,
            tokens: [const { None }; 8],
            exchange,
            calls: [const { None }; 8],
            timers: [None; Exchange::TIMERS_MAX],
            part_missed: false,
            failed: false,
            reply: None,
        };
        self.drain(running);
        id
    }

    /// Tells an exchange something, if it is still there.
    pub fn tell(&mut self, exchange: u64, input: Input) {
        let Some(mut run) = self.running.remove(&exchange) else { return };
        self.log(|| format!("{exchange} hears {input:?}"));
        run.failed |= matches!(input, Input::Failed { .. });
        run.exchange.handle_input(input);
        self.drain(run);
    }

    /// A timer ran out, if no other took its place.
    pub fn fire(&mut self, exchange: u64, timer: TimerId) {
        let Some(run) = self.running.get_mut(&exchange) else { return };
        let slot = &mut run.timers[usize::from(timer.slot)];
        if slot.take_if(|running| *running == timer).is_some() {
            self.tell(exchange, Input::Fired { timer });
        }
    }

    fn drain(&mut self, mut run: Running) {
        for _ in 0..OUTPUTS_MAX {
            let output = run.exchange.poll_output();
            if !matches!(output, Output::Wait) {
                self.log(|| format!("{} says {output:?}", run.id));
            }
            match output {
                Output::Wait => {
                    self.running.insert(run.id, run);
                    return;
                }
                Output::Done(outcome) => return self.done(run, outcome),
                Output::Send { call, op, length } => self.send(&mut run, call, op, length),
                Output::Feed { to: To::Call(call), body, .. } => self.feed(&mut run, call, body),
                Output::Feed { to: To::Reply, body, .. } => self.feed_reply(&mut run, body),
                Output::Collect { from, max, until } => self.collect(&mut run, from, max, until),
                Output::Digest { from, hashing } => self.digest(&mut run, from, &hashing),
                Output::Respond { head, length } => {
                    if run.reply.is_some() {
                        self.fail(format!("exchange {} responds twice", run.id));
                    }
                    let fields = head.fields.into_iter().collect();
                    let status = head.status.as_u16();
                    run.reply = Some(Started { status, fields, promised: length, bytes: Vec::new() });
                }
                Output::Ask { what } => self.ask(&mut run, what),
                Output::Abort { call } => {
                    run.calls[usize::from(call.slot)].take_if(|open| open.id == call);
                }
                Output::Sleep { timer, within } => self.sleep(&mut run, timer, within),
            }
        }
        self.fail(format!("exchange {} has outputs without end", run.id));
    }

    fn sleep(
        &mut self,
        run: &mut Running,
        timer: TimerId,
        within: std::ops::RangeInclusive<std::time::Duration>,
    ) {
        let (least, most) = (within.start().as_micros() as u64, within.end().as_micros() as u64);
        let time = least + self.random.word() % (most - least + 1);
        let rests = run.calls[..].get(usize::from(timer.slot)).is_some_and(Option::is_none);
        if self.plan.mutant == Some(Mutant::TimerLost) && (rests || run.failed) {
            return;
        }
        run.timers[usize::from(timer.slot)] = Some(timer);
        self.after(time, Event::Fire { exchange: run.id, timer });
    }

    fn send(&mut self, run: &mut Running, call: CallId, op: Op, length: Option<u64>) {
        run.sent += 1;
        if let Some(what) = what_for(&op, length) {
            self.count("call", what, 0);
        }
        self.processes[run.process].budget.count_call();
        let waits = matches!(op, Op::Write { .. }) && length != Some(0);
        if let Op::Release { .. } = op {
            self.soon(Event::Tell { exchange: run.id, input: Input::Head { call, reply: StoreReply::Done } });
        } else if !waits {
            self.request(run, call, &op, Bytes::new(), false);
        }
        run.calls[usize::from(call.slot)] = Some(Call { id: call, op, answer: None });
    }

    fn feed(&mut self, run: &mut Running, call: CallId, body: Source) {
        let Some(op) = run.op(call).cloned() else { return };
        let (take, tap) = match body {
            Source::Empty => return self.feed_bytes(run, call, &op, Bytes::new()),
            Source::Bytes(bytes) => return self.feed_bytes(run, call, &op, bytes),
            Source::Client { take, tap } => (take, tap),
            Source::Backend { .. } => return self.fail("a call is fed from a call".to_owned()),
        };
        let (bytes, mut end) = run.body.take(take);
        if end == End::SourceBroke && self.plan.mutant == Some(Mutant::ShortIsWhole) {
            end = End::Eof;
        }
        let whole = matches!(end, End::Eof | End::Taken | End::Stalled);
        let fed = if bytes.is_empty() || !whole {
            moved(&bytes, end, &tap)
        } else {
            match self.request(run, call, &op, bytes.clone(), true) {
                Some(count) => moved(&bytes[..count.min(bytes.len())], End::SinkBroke, &tap),
                None => moved(&bytes, end, &tap),
            }
        };
        self.fed(run.id, To::Call(call), fed);
    }

    fn feed_bytes(&mut self, run: &mut Running, call: CallId, op: &Op, bytes: Bytes) {
        self.request(run, call, op, bytes.clone(), false);
        if !bytes.is_empty() {
            self.fed(run.id, To::Call(call), moved(&bytes, End::Eof, &Tap::Opaque));
        }
    }

    fn fed(&mut self, exchange: u64, to: To, moved: Moved) {
        let time = self.within(0, 40_000);
        self.after(time, Event::Tell { exchange, input: Input::Fed { to, moved } });
    }

    fn feed_reply(&mut self, run: &mut Running, body: Source) {
        let mutant = self.plan.mutant;
        let (bytes, end) = match body {
            Source::Empty => (Bytes::new(), End::Eof),
            Source::Bytes(bytes) => (bytes, End::Eof),
            Source::Backend { call, take, .. } => run.taken(call, take, mutant),
            Source::Client { .. } => return self.fail("a reply is fed from its request".to_owned()),
        };
        if let Some(reply) = &mut run.reply {
            reply.bytes.extend_from_slice(&bytes);
        }
        let moved = Moved { bytes: bytes.len() as u64, end, hashed: None };
        self.soon(Event::Tell { exchange: run.id, input: Input::Fed { to: To::Reply, moved } });
    }

    fn collect(&mut self, run: &mut Running, from: Side, max: u32, until: Until) {
        let outcome = match from {
            Side::Client => match run.body.take(Take::ToEnd) {
                (bytes, _) if bytes.len() > max as usize => Collected::TooLong,
                (bytes, End::Eof | End::Taken | End::Stalled) => {
                    let (rest, end) = run.body.take(Take::ToEnd);
                    match end {
                        End::SourceBroke => Collected::Broke,
                        End::SourceLate => Collected::Late,
                        End::Eof | End::Taken | End::Stalled | End::SinkBroke => {
                            Collected::Whole([bytes, rest].concat().into())
                        }
                    }
                }
                (_, End::SourceLate) => Collected::Late,
                (_, End::SourceBroke | End::SinkBroke) => Collected::Broke,
            },
            Side::Backend(call) => match run.answer_mut(call) {
                None => Collected::Broke,
                Some((bytes, broken)) => {
                    let line = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
                    let wanted = if until == Until::Line { line } else { Some(bytes.len()) };
                    match wanted {
                        Some(wanted) if wanted > max as usize => Collected::TooLong,
                        Some(_) if *broken && until == Until::End => Collected::Broke,
                        Some(wanted) => Collected::Whole(bytes.split_to(wanted)),
                        None if *broken => Collected::Broke,
                        None => Collected::TooLong,
                    }
                }
            },
        };
        self.soon(Event::Tell { exchange: run.id, input: Input::Collected { from, outcome } });
    }

    fn digest(&mut self, run: &mut Running, from: Source, hashing: &Hashing) {
        let mutant = self.plan.mutant;
        let (bytes, end) = match from {
            Source::Bytes(bytes) => (bytes, End::Eof),
            Source::Backend { call, take, .. } => run.taken(call, take, mutant),
            Source::Empty | Source::Client { .. } => (Bytes::new(), End::Eof),
        };
        let moved = moved(&bytes, end, &Tap::Digest(Box::new(hashing.clone())));
        self.soon(Event::Tell { exchange: run.id, input: Input::Hashed { moved } });
    }

    fn ask(&mut self, run: &mut Running, what: Question) {
        let exchange = run.id;
        match what {
            Question::Memory { .. } => {
                let denied = !self.is_calm() && self.chance(3);
                let answer = if denied { Told::Denied } else { Told::Granted };
                self.soon(Event::Tell { exchange, input: Input::Told { answer } });
            }
            Question::Retry { call } => {
                let now = std::time::Duration::from_micros(self.now);
                let granted = self.processes[run.process].budget.take(now);
                self.count("retry", if granted { "granted" } else { "denied" }, 0);
                self.soon(Event::Tell {
                    exchange,
                    input: Input::Told { answer: Told::Retry { call, granted } },
                });
            }
            Question::Token { call } => {
                let stale = run.tokens.iter().flatten().find(|(answered, _)| *answered == call);
                let stale = stale.is_some_and(|(_, token)| *token == self.processes[run.process].token);
                if stale {
                    self.log_in(run.process);
                }
                let time = self.within(1000, 300_000);
                self.after(time, Event::Tell { exchange, input: Input::Told { answer: Told::Renewed } });
            }
            Question::CheckPassword { check, .. } => {
                let verdict = self.verdict(&check);
                let time = self.within(500, 300_000);
                let answer = Told::Password(verdict);
                self.after(time, Event::Tell { exchange, input: Input::Told { answer } });
            }
            Question::Keys { .. } => unreachable!("the registries here have no issuers"),
            Question::Location { .. } => {
                self.soon(Event::Tell { exchange, input: Input::Told { answer: Told::Location(None) } });
            }
        }
    }

    fn verdict(&mut self, check: &PasswordCheck) -> Verdict {
        let (word, verdict) = if !self.is_calm() && self.chance(10) {
            ("slow", Verdict::Slow(std::time::Duration::from_secs(1)))
        } else if !self.is_calm() && self.chance(10) {
            ("busy", Verdict::Busy)
        } else if check.run() || self.plan.mutant == Some(Mutant::PasswordUnchecked) {
            ("right", Verdict::Right)
        } else {
            ("wrong", Verdict::Wrong)
        };
        self.count("password", word, 0);
        verdict
    }

    /// The exchange is over: its reply must be whole, or visibly broken.
    fn done(&mut self, run: Running, outcome: Outcome) {
        let bare = |status: u16| run.method == Method::HEAD || status == 204 || status == 304;
        let reply = match (&run.reply, outcome) {
            (Some(started), Outcome::Complete) => {
                if !bare(started.status) && started.bytes.len() as u64 != started.promised {
                    let (have, promised) = (started.bytes.len(), started.promised);
                    self.fail(format!("exchange {} ended well with {have} of {promised} bytes", run.id));
                }
                self.reply_of(started, true)
            }
            (Some(started), Outcome::Cut) => self.reply_of(started, false),
            (None, Outcome::Cut) => Reply::lost(),
            (None, Outcome::Complete) => {
                self.fail(format!("exchange {} ended well without a reply", run.id));
                Reply::lost()
            }
        };
        self.over(&run, reply);
    }

    #[allow(clippy::unused_self, reason = "it reads like the rest")]
    fn reply_of(&self, started: &Started, whole: bool) -> Reply {
        let body = Bytes::copy_from_slice(&started.bytes);
        Reply { status: started.status, fields: started.fields.clone(), body, whole }
    }
}

fn moved(bytes: &[u8], end: End, tap: &Tap) -> Moved {
    let hashed = match tap {
        Tap::Opaque => None,
        Tap::Digest(hashing) => {
            let mut hasher = Hasher::new(hashing, Blocks::default());
            hasher.update(bytes);
            Some(Box::new(hasher.finish()))
        }
    };
    Moved { bytes: bytes.len() as u64, end, hashed }
}

/// What a call is for, where that is worth knowing.
fn what_for(op: &Op, length: Option<u64>) -> Option<&'static str> {
    match op {
        Op::Join { key: Key::Segment { .. }, .. } => Some("group joined"),
        Op::Join { parts, .. } if parts.iter().any(|part| part.skip > 0) => {
            Some("blob joined without a start")
        }
        Op::Join { .. } => Some("blob joined"),
        Op::Write { key: Key::Segment { .. }, .. } if length.is_some() => Some("run merged"),
        Op::Write { key: Key::Segment { .. }, .. } => Some("segment"),
        Op::Write { key: Key::SegmentList { .. }, .. } => Some("list spilled"),
        Op::Read { key: Key::SegmentList { .. }, .. } => Some("list read"),
        Op::Read { if_match: Some(_), .. } => Some("body resumed"),
        Op::Touch { .. } => Some("touch"),
        Op::Remove { key: Key::Segment { .. } } => Some("own segment removed"),
        Op::Read { .. }
        | Op::Stat { .. }
        | Op::Write { .. }
        | Op::Copy { .. }
        | Op::Release { .. }
        | Op::Remove { .. }
        | Op::List { .. } => None,
    }
}

/// No more outputs come between two inputs.
const OUTPUTS_MAX: usize = 64;
