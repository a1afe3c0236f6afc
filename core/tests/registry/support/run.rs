use std::collections::{BTreeMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use wharfinger_core::access::Verdict;
use wharfinger_core::exchange::{
    Ask, CallId, Collected, Exchange, Input, Outcome, Output, Side, TimerId, To, Told, Until,
};
use wharfinger_core::store::{Op, Reply as StoreReply};
use wharfinger_core::swift::SecretText;
use wharfinger_core::transfer::{Blocks, End, Hasher, Hashing, Moved, Source, Take, Tap};

use super::store::{Outcome as StoreOutcome, ReplyBody};
use super::{Body, Host, Store, label};

/// One exchange under way, and the host's side of it. It keeps the host's contract and checks core's.
#[derive(Clone)]
pub struct Run {
    pub exchange: Exchange,
    head_only: bool,
    body: Body,
    host: Host,
    inputs: VecDeque<Input>,
    calls: BTreeMap<CallId, Call>,
    /// Calls whose body is whole: the store can carry them out.
    ready: VecDeque<CallId>,
    timers: BTreeMap<u8, (Duration, TimerId)>,
    clock: Duration,
    reply: Reply,
}

#[derive(Clone)]
struct Call {
    op: Op,
    body: Vec<u8>,
    /// The end of its feed, held back until the answer.
    fed: Option<Input>,
    answered: bool,
    /// What is left of the answer's body.
    answer: Option<ReplyBody>,
}

/// What a [`Run::step`] was.
pub enum Step {
    Told,
    CarriedOut,
    Over,
}

/// What the client got, and how.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub fields: Vec<(HeaderName, HeaderValue)>,
    /// The length that was told.
    pub length: u64,
    pub body: Vec<u8>,
    pub outcome: Option<Outcome>,
    /// The calls to the store, each try of them.
    pub ops: Vec<String>,
    /// All that core told the host to do.
    pub outputs: Vec<Output>,
    /// The time that passed waiting for timers.
    pub slept: Duration,
}

impl Run {
    pub(super) fn new(exchange: Exchange, head_only: bool, body: Body, host: Host) -> Self {
        let reply = Reply {
            status: 0,
            fields: Vec::new(),
            length: 0,
            body: Vec::new(),
            outcome: None,
            ops: Vec::new(),
            outputs: Vec::new(),
            slept: Duration::ZERO,
        };
        Self {
            exchange,
            head_only,
            body,
            host,
            inputs: VecDeque::new(),
            calls: BTreeMap::new(),
            ready: VecDeque::new(),
            timers: BTreeMap::new(),
            clock: Duration::ZERO,
            reply,
        }
    }

    /// Goes on until one more call has been carried out by the store; `false` if the exchange is over.
    pub fn turn(&mut self, store: &mut Store) -> bool {
        loop {
            match self.step(store) {
                Step::Told => {}
                Step::CarriedOut => return true,
                Step::Over => return false,
            }
        }
    }

    /// Does what core says and then one more thing: tells one input, or lets the store carry out one call.
    pub fn step(&mut self, store: &mut Store) -> Step {
        self.drain(store);
        if self.is_over() {
            return Step::Over;
        }
        if let Some(input) = self.inputs.pop_front() {
            self.exchange.handle_input(input);
        } else if let Some(call) = self.ready.pop_front() {
            self.carry_out(call, store);
            return Step::CarriedOut;
        } else {
            self.fire();
        }
        Step::Told
    }

    /// All that decides how it goes on.
    pub fn state(&self) -> impl Hash {
        let bodies: Vec<_> = self.calls.iter().map(|(id, call)| (*id, call.body.clone())).collect();
        let inputs: Vec<_> = self.inputs.iter().cloned().collect();
        let ready: Vec<_> = self.ready.iter().copied().collect();
        (self.exchange.clone(), self.body.clone(), inputs, ready, bodies, self.reply.status, self.is_over())
    }

    /// The names of all calls that are open.
    pub fn open_calls(&self) -> Vec<CallId> {
        self.calls.keys().copied().collect()
    }

    pub fn is_over(&self) -> bool {
        self.reply.outcome.is_some()
    }

    /// The client goes away.
    pub fn leave(&mut self, store: &mut Store) {
        self.exchange.handle_input(Input::ClientGone);
        self.drain(store);
    }

    /// The timers that run.
    pub fn timers(&self) -> Vec<TimerId> {
        self.timers.values().map(|(_, timer)| *timer).collect()
    }

    pub fn into_reply(self) -> Reply {
        self.reply
    }

    pub fn reply(&self) -> &Reply {
        &self.reply
    }

    /// Does what core says until there is nothing more to do.
    pub fn drain(&mut self, store: &mut Store) {
        while !self.is_over() {
            let output = self.exchange.poll_output();
            if output == Output::Wait {
                return;
            }
            self.reply.outputs.push(output.clone());
            self.obey(output, store);
        }
    }

    fn obey(&mut self, output: Output, store: &mut Store) {
        match output {
            Output::Send { call, op, length } => self.open(call, op, length, store),
            Output::Feed { to: To::Call(call), body, last } => {
                let looks = matches!(body, Source::Client { take: Take::UpTo(1), tap: Tap::Opaque });
                assert!(last || looks, "every body is fed at once");
                self.feed(call, body, last, store);
            }
            Output::Feed { to: To::Reply, body, .. } => self.feed_reply(body),
            Output::Collect { from: Side::Client, max, .. } => {
                let outcome = self.body.collect(max);
                self.inputs.push_back(Input::Collected { from: Side::Client, outcome });
            }
            Output::Collect { from: Side::Backend(call), max, until } => {
                let outcome = self.collect(call, max as usize, until);
                self.inputs.push_back(Input::Collected { from: Side::Backend(call), outcome });
            }
            Output::Digest { from, hashing } => {
                let (bytes, end) = self.take(from);
                let moved = moved(&bytes, end, Some(&hashing), self.host.chunk_bytes);
                self.inputs.push_back(Input::Hashed { moved });
            }
            Output::Respond { head, length } => {
                assert_eq!(self.reply.status, 0, "a reply comes once");
                self.reply.status = head.status.as_u16();
                self.reply.fields = head.fields;
                self.reply.length = length;
            }
            Output::Ask { what: Ask::Memory { .. } } => {
                let answer = if self.host.memory { Told::Granted } else { Told::Denied };
                self.inputs.push_back(Input::Told { answer });
            }
            Output::Ask { what: Ask::Retry { call } } => {
                let granted = self.host.retries > 0;
                self.host.retries = self.host.retries.saturating_sub(1);
                self.inputs.push_back(Input::Told { answer: Told::Retry { call, granted } });
            }
            Output::Ask { what: Ask::Location { digest } } => {
                let url = || SecretText::new(format!("https://store/{digest}?signed"));
                let url = self.host.locations.then(url);
                self.inputs.push_back(Input::Told { answer: Told::Location(url) });
            }
            Output::Ask { what: Ask::CheckPassword { check, .. } } => {
                let looked = if check.run() { Verdict::Right } else { Verdict::Wrong };
                let verdict = self.host.verdict.unwrap_or(looked);
                self.inputs.push_back(Input::Told { answer: Told::Password(verdict) });
            }
            Output::Ask { what: Ask::Keys { .. } } => {
                self.inputs.push_back(Input::Told { answer: Told::Keys(None) });
            }
            Output::Ask { what: Ask::Token { .. } } => {
                self.inputs.push_back(Input::Told { answer: Told::Renewed });
            }
            Output::Abort { call } => {
                self.calls.remove(&call);
                self.ready.retain(|ready| *ready != call);
            }
            Output::Sleep { timer, within } => {
                assert!(usize::from(timer.slot) < Exchange::TIMERS_MAX);
                self.timers.insert(timer.slot, (self.clock + *within.start(), timer));
            }
            Output::Wait => {}
            Output::Done(outcome) => self.finish(outcome),
        }
    }

    fn finish(&mut self, outcome: Outcome) {
        self.reply.outcome = Some(outcome);
        self.reply.slept = self.clock;
        match outcome {
            Outcome::Complete => {
                assert_ne!(self.reply.status, 0, "who completes has replied");
                let length = if self.head_only { 0 } else { self.reply.length };
                assert_eq!(self.reply.body.len() as u64, length, "a complete reply is as long as it says");
            }
            Outcome::Cut => {
                let open: Vec<_> = self.calls.values().filter(|call| !call.is_over()).collect();
                assert!(open.is_empty(), "{} calls are left open", open.len());
            }
        }
    }

    fn open(&mut self, call: CallId, op: Op, length: Option<u64>, store: &mut Store) {
        self.reply.ops.push(label(&op));
        let early = store.early(&op);
        let answered = early.is_some();
        if let Some(reply) = early {
            self.inputs.push_back(Input::Head { call, reply });
        } else if length == Some(0) {
            self.ready.push_back(call);
        }
        let opened = Call { op, body: Vec::new(), fed: None, answered, answer: None };
        let before = self.calls.insert(call, opened);
        assert!(before.is_none_or(|before| before.is_over()), "no two open calls have one name");
    }

    fn feed(&mut self, id: CallId, body: Source, last: bool, store: &mut Store) {
        let Some(call) = self.calls.get(&id).filter(|call| !call.answered) else { return };
        if let Some(reply) = store.deaf(&call.op) {
            let moved = Moved { bytes: 1, end: End::SinkBroke, hashed: None };
            let news = [Input::Fed { to: To::Call(id), moved }, Input::Head { call: id, reply }];
            self.inputs.extend(news);
            return;
        }
        let hashing = match &body {
            Source::Client { tap: Tap::Digest(hashing), .. } => Some(hashing.clone()),
            Source::Client { .. } | Source::Bytes(_) | Source::Empty | Source::Backend { .. } => None,
        };
        let of_client = matches!(body, Source::Client { .. });
        let (bytes, end) = self.take(body);
        let moved = moved(&bytes, end, hashing.as_deref(), self.host.chunk_bytes);
        let whole = matches!(end, End::Eof | End::Taken | End::Stalled);
        let fed = Input::Fed { to: To::Call(id), moved };
        let hold = self.host.head_before_fed && whole && !bytes.is_empty();
        if whole && last && !(of_client && bytes.is_empty()) {
            self.ready.push_back(id);
        }
        let call = self.calls.get_mut(&id).expect("it was there");
        call.body = bytes;
        if hold {
            call.fed = Some(fed);
        } else {
            self.inputs.push_back(fed);
        }
    }

    fn feed_reply(&mut self, body: Source) {
        assert!(!self.head_only, "a HEAD has no body");
        let (mut bytes, mut end) = self.take(body);
        if let Some(most) = self.host.reply_bytes_max {
            let left = most.saturating_sub(self.reply.body.len());
            if left < bytes.len() {
                bytes.truncate(left);
                end = End::SinkBroke;
            }
        }
        self.reply.body.extend_from_slice(&bytes);
        assert!(self.reply.body.len() as u64 <= self.reply.length, "no reply is longer than it says");
        let moved = moved(&bytes, end, None, self.host.chunk_bytes);
        self.inputs.push_back(Input::Fed { to: To::Reply, moved });
    }

    fn take(&mut self, from: Source) -> (Vec<u8>, End) {
        match from {
            Source::Empty => (Vec::new(), End::Eof),
            Source::Bytes(bytes) => (bytes.into(), End::Eof),
            Source::Client { take, .. } => self.body.take(take),
            Source::Backend { call, take, .. } => {
                let Take::Exactly(length) = take else { panic!("an answer is relayed by its length") };
                let answer = self.calls.get_mut(&call).and_then(|call| call.answer.as_mut());
                let answer = answer.expect("only an open answer is moved");
                if answer.bytes.len() as u64 >= length {
                    return (answer.bytes.split_to(length as usize).into(), End::Taken);
                }
                let end = if answer.late { End::SourceLate } else { End::SourceBroke };
                (std::mem::take(&mut answer.bytes).into(), end)
            }
        }
    }

    fn collect(&mut self, call: CallId, max: usize, until: Until) -> Collected {
        let answer = self.calls.get_mut(&call).and_then(|call| call.answer.as_mut());
        let answer = answer.expect("only an open answer is collected");
        let line = answer.bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let length = match (until, line) {
            (Until::Line, Some(length)) => length,
            _ if answer.late => return Collected::Late,
            _ if answer.short => return Collected::Broke,
            (Until::Line, None) | (Until::End, _) => answer.bytes.len(),
        };
        if length > max {
            return Collected::TooLong;
        }
        Collected::Whole(answer.bytes.split_to(length))
    }

    fn carry_out(&mut self, id: CallId, store: &mut Store) {
        let call = self.calls.get_mut(&id).expect("what is ready was not aborted");
        match store.call(&call.op, Bytes::from(std::mem::take(&mut call.body))) {
            StoreOutcome::Answer(reply, answer) => {
                call.answered = true;
                call.answer = answer.filter(|_| matches!(reply, StoreReply::Found(_)));
                self.inputs.push_back(Input::Head { call: id, reply });
            }
            StoreOutcome::Status(head) => {
                call.answered = true;
                self.inputs.push_back(Input::Answer { call: id, head });
            }
            StoreOutcome::Fails(fault) => {
                call.answered = true;
                self.inputs.push_back(Input::Failed { call: id, fault });
            }
            StoreOutcome::Silent => {}
        }
        self.inputs.extend(call.fed.take());
    }

    fn fire(&mut self) {
        let (due, timer) = *self.timers.values().min().expect("an exchange waits for something");
        self.clock = self.clock.max(due);
        self.timers.remove(&timer.slot);
        self.exchange.handle_input(Input::Fired { timer });
    }
}

impl Call {
    fn is_over(&self) -> bool {
        self.answered && self.answer.as_ref().is_none_or(|answer| answer.bytes.is_empty())
    }
}

impl Reply {
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(field, _)| field.as_str() == name);
        let (_, value) = values.next()?;
        assert!(values.next().is_none(), "{name} stands once");
        Some(value.to_str().unwrap())
    }

    pub fn location(&self) -> String {
        self.field("location").expect("a Location").to_owned()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code in a refusal's body.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().expect("a code").to_owned()
    }

    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        assert_eq!(self.field("content-type"), Some("application/json"));
        (self.status, self.code())
    }
}

fn moved(bytes: &[u8], end: End, hashing: Option<&Hashing>, chunk_bytes: usize) -> Moved {
    let hashed = hashing.map(|hashing| {
        let mut hasher = Hasher::new(hashing, Blocks::default());
        bytes.chunks(chunk_bytes).for_each(|chunk| hasher.update(chunk));
        Box::new(hasher.finish())
    });
    Moved { bytes: bytes.len() as u64, end, hashed }
}
