//! The loop that carries out an exchange: every output becomes something done, or a future that resolves to inputs.

mod calls;
mod collect;
mod files_calls;
mod pump;
mod swift_calls;
mod swift_pump;
mod timers;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::BytesMut;
use http::{HeaderMap, StatusCode};
use smol::lock::Mutex;
use wharfinger_core::access::{Peer, Verdict};
use wharfinger_core::exchange::{
    Ask, CallId, Collected, Exchange, Given, Input, Outcome, Output, ReplyHead, RequestHead, Side, To, Told,
    Until,
};
use wharfinger_core::store::{Fault, Key, Op};
use wharfinger_core::transfer::{Source, Take, Tap};

use crate::http1::{BodyLength, BodyReader, ReplyLength, ReplyWriter, Request};
use crate::memory::Grant;
use crate::registry::{Registry, Store};
use crate::swift;
use calls::{Body, Calls};
use timers::Timers;

/// One exchange, being carried out.
pub struct Drive<'a> {
    registry: &'a Registry,
    exchange: Exchange,
    /// Pumps share it with the end of the exchange: an aborted one must not take it along.
    client: Arc<Mutex<BodyReader>>,
    /// `None` while a pump has it.
    reply: Option<ReplyWriter>,
    head_only: bool,
    /// A GET or HEAD: it removes nothing but what it found damaged.
    reads: bool,
    closing: bool,
    calls: Calls,
    timers: Timers,
    work: Vec<(Option<CallId>, Work)>,
    /// The tokens that Swift answered to, by the slots of the calls.
    tokens: [Option<(CallId, u64)>; calls::CALLS_MAX],
    inbox: VecDeque<Input>,
    /// Inputs that came without waiting since other tasks had their turn.
    turn_inputs: u32,
    grants: Vec<Grant>,
    /// What was read of the client's body before it was collected.
    early: BytesMut,
    status: StatusCode,
}

/// How an exchange went, for the log and for the connection.
pub struct Driven {
    /// What is left of the request's body, where it can still be read.
    pub body: Option<BodyReader>,
    /// The reply; `None` if it went down with its pump.
    pub reply: Option<ReplyWriter>,
    /// The status that was told.
    pub status: StatusCode,
    /// Who was served, if that is known.
    pub user: Option<Box<str>>,
    /// What was wrong with the token of an issuer.
    pub reason: Option<&'static str>,
    /// Whether the reply is whole.
    pub outcome: Outcome,
}

type Work = Pin<Box<dyn Future<Output = News> + Send>>;

/// What a piece of work brings back.
enum News {
    /// Inputs, in order.
    Inputs(Vec<Input>),
    /// A call was answered, after its body was moved if it has one.
    Answered { call: CallId, fed: Option<Input>, answer: crate::files::Answer },
    /// The same of a call to Swift.
    SwiftAnswered { call: CallId, fed: Option<Input>, answer: Result<swift::Answer, Fault> },
    /// The body of a call has left or not; the rest of the call is the work, unless it was given up.
    Fed { call: CallId, input: Input, rest: Option<Work> },
    /// A small body was collected; what is left of it.
    Collected { call: CallId, body: Body, input: Input },
    /// A feed of the reply ended.
    Replied { reply: ReplyWriter, body: Option<(CallId, Body)>, input: Input },
    /// Memory was granted, or not, after so much of the client's body had come.
    Memory { grant: Option<Grant>, early: BytesMut },
    /// Nobody is to be waited for any longer.
    Stopped,
}

impl<'a> Drive<'a> {
    /// Starts the exchange of a request. With `closing` the reply says that the connection is not used again.
    pub fn new(
        registry: &'a Registry,
        request: &Request,
        given: Given,
        body: BodyReader,
        reply: ReplyWriter,
        closing: bool,
    ) -> Self {
        let length = match request.length {
            BodyLength::Exactly(length) => wharfinger_core::exchange::BodyLength::Exactly(length),
            BodyLength::Chunked => wharfinger_core::exchange::BodyLength::Unknown,
        };
        let head = RequestHead {
            method: &request.method,
            target: &request.target,
            headers: &request.headers,
            body: length,
            peer: Peer {
                address: request.peer.address.map(|address| address.ip()),
                secure: request.peer.secure,
                certificate: request.peer.certificate_names(),
            },
        };
        Self {
            registry,
            exchange: Exchange::new(&registry.config(), &head, given),
            client: Arc::new(Mutex::new(body)),
            reply: Some(reply),
            head_only: request.method == http::Method::HEAD,
            reads: request.method == http::Method::HEAD || request.method == http::Method::GET,
            closing,
            calls: Calls::default(),
            timers: Timers::default(),
            work: Vec::new(),
            tokens: [None; calls::CALLS_MAX],
            inbox: VecDeque::new(),
            turn_inputs: 0,
            grants: Vec::new(),
            early: BytesMut::new(),
            status: StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Carries the exchange out to its end, or until `stopped` says that nobody waits any longer.
    pub async fn run(mut self, stopped: impl Future<Output = ()> + Send + 'static) -> Driven {
        let stopped: Work = Box::pin(async move {
            stopped.await;
            News::Stopped
        });
        let mut stopped = Some(stopped);
        let outcome = loop {
            match self.exchange.poll_output() {
                Output::Send { call, op, length } => self.send(call, op, length),
                Output::Feed { to: To::Call(call), body, last } => self.feed_call(call, body, last),
                Output::Feed { to: To::Reply, body, last } => self.feed_reply(body, last),
                Output::Collect { from: Side::Client, max, .. } => {
                    let early = std::mem::take(&mut self.early);
                    let work = collect::client(self.client.clone(), early, max);
                    self.work.push((None, Box::pin(work)));
                }
                Output::Collect { from: Side::Backend(call), max, until } => self.collect(call, max, until),
                Output::Digest { from, hashing } => self.digest(from, &hashing),
                Output::Respond { head, length } => self.respond(&head, length),
                Output::Ask { what: Ask::Memory { bytes } } => {
                    let memory = self.registry.memory.clone();
                    let patience = self.registry.config().limits.store_time_max;
                    // Whoever asks while the client's body is unread goes on to collect it.
                    let early = collect::early(self.client.clone());
                    let work = async move {
                        let early = early.await;
                        News::Memory { grant: memory.take(u64::from(bytes), patience).await, early }
                    };
                    self.work.push((None, Box::pin(work)));
                }
                Output::Ask { what: Ask::CheckPassword { check, address } } => {
                    let passwords = self.registry.passwords.clone();
                    let work = async move {
                        let verdict = match passwords {
                            Some(passwords) => passwords.check(*check, address).await,
                            None => Verdict::Busy,
                        };
                        News::Inputs(vec![Input::Told { answer: Told::Password(verdict) }])
                    };
                    self.work.push((None, Box::pin(work)));
                }
                Output::Ask { what: Ask::Keys { issuer, kid } } => self.ask_keys(issuer, kid),
                Output::Ask { what: Ask::Token { call } } => self.renew_token(call),
                Output::Ask { what: Ask::Retry { call } } => self.ask_retry(call),
                Output::Ask { what: Ask::Location { digest } } => {
                    let answer = Told::Location(self.registry.location(digest));
                    self.inbox.push_back(Input::Told { answer });
                }
                Output::Abort { call } => {
                    self.calls.close(call);
                    self.work.retain(|(of, _)| *of != Some(call));
                }
                Output::Sleep { timer, within } => self.timers.start(timer, within),
                Output::Wait => {
                    let Some(input) = self.next(&mut stopped).await else {
                        tracing::error!("an exchange waits for nothing; please report this");
                        break Outcome::Cut;
                    };
                    self.exchange.handle_input(input);
                }
                Output::Done(outcome) => break outcome,
            }
        };
        self.end(outcome)
    }

    fn end(self, outcome: Outcome) -> Driven {
        drop(self.work);
        let mut reply = self.reply;
        if outcome == Outcome::Cut
            && let Some(reply) = &mut reply
        {
            reply.cut();
        }
        let body = Arc::into_inner(self.client).map(Mutex::into_inner);
        let user = self.exchange.user().map(Into::into);
        Driven { body, reply, status: self.status, user, reason: self.exchange.reason(), outcome }
    }

    /// The next input; `None` if nothing is under way that could bring one.
    async fn next(&mut self, stopped: &mut Option<Work>) -> Option<Input> {
        loop {
            if let Some(input) = self.inbox.pop_front() {
                self.turn_inputs += 1;
                if self.turn_inputs >= TURN_INPUTS {
                    self.turn_inputs = 0;
                    smol::future::yield_now().await;
                }
                return Some(input);
            }
            if self.work.is_empty() && self.timers.is_empty() {
                return None;
            }
            let (work, timers) = (&mut self.work, &mut self.timers);
            let news = poll_fn(|cx| {
                for at in 0..work.len() {
                    if let Poll::Ready(news) = work[at].1.as_mut().poll(cx) {
                        drop(work.swap_remove(at));
                        return Poll::Ready(Ok(news));
                    }
                }
                if let Some(waiting) = stopped
                    && waiting.as_mut().poll(cx).is_ready()
                {
                    *stopped = None;
                    return Poll::Ready(Ok(News::Stopped));
                }
                timers.poll(cx).map(Err)
            })
            .await;
            match news {
                Ok(news) => self.take(news),
                Err(timer) => return Some(Input::Fired { timer }),
            }
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::Inputs(inputs) => self.inbox.extend(inputs),
            News::Answered { call, fed, answer } => {
                self.inbox.extend(fed);
                let input = self.calls.answered(call, answer);
                self.inbox.push_back(input);
            }
            News::SwiftAnswered { call, fed, answer } => {
                self.inbox.extend(fed);
                self.take_from_swift(call, answer);
            }
            News::Fed { call, input, rest } => {
                self.inbox.push_back(input);
                self.work.extend(rest.map(|rest| (Some(call), rest)));
            }
            News::Collected { call, body, input } => {
                self.calls.put_back(call, body);
                self.inbox.push_back(input);
            }
            News::Replied { reply, body, input } => {
                self.reply = Some(reply);
                if let Some((call, body)) = body {
                    self.calls.put_back(call, body);
                }
                self.inbox.push_back(input);
            }
            News::Memory { grant, early } => {
                self.early.unsplit(early);
                let answer = if grant.is_some() { Told::Granted } else { Told::Denied };
                self.grants.extend(grant);
                self.inbox.push_back(Input::Told { answer });
            }
            News::Stopped => self.inbox.push_back(Input::ClientGone),
        }
    }

    fn send(&mut self, call: CallId, op: Op, length: Option<u64>) {
        tracing::debug!(?call, ?op, ?length, "store");
        if let Op::Remove { key: Key::Link(repository, digest) } = &op
            && self.reads
        {
            tracing::warn!(%repository, %digest, "a blob is linked but its content is gone; the link is removed");
        }
        self.registry.retries.count_call();
        if let Op::Write { key, create_only } = op {
            self.calls.open_write(call, key, create_only);
            if length == Some(0) {
                self.feed_call(call, Source::Empty, true);
            }
            return;
        }
        self.calls.open(call);
        let registry = self.registry;
        match &registry.store {
            Store::Files(files) => self.send_to_files(files, call, op),
            Store::Swift(swift) => self.send_to_swift(swift, call, op),
        }
    }

    fn ask_keys(&mut self, issuer: u8, kid: Option<Box<str>>) {
        let keys = self.registry.issuers.keys(issuer, kid);
        let work = async move {
            let answer = Told::Keys(keys.await.map(Arc::new));
            News::Inputs(vec![Input::Told { answer }])
        };
        self.work.push((None, Box::pin(work)));
    }

    fn ask_retry(&mut self, call: CallId) {
        let granted = self.registry.retries.take();
        if !granted {
            tracing::warn!("the budget of retries is used up: a call to the store is not repeated");
        }
        self.inbox.push_back(Input::Told { answer: Told::Retry { call, granted } });
    }

    fn feed_call(&mut self, call: CallId, body: Source, last: bool) {
        let Some(write) = self.calls.write(call) else { return };
        let registry = self.registry;
        match &registry.store {
            Store::Files(files) => self.feed_to_files(files, call, write, body, last),
            Store::Swift(swift) => self.feed_to_swift(swift, call, write, body, last),
        }
    }

    fn collect(&mut self, call: CallId, max: u32, until: Until) {
        let from = Side::Backend(call);
        match self.calls.take_body(call) {
            Some(Body::File(mut body)) => {
                let outcome = collect::file(&mut body, max, until);
                self.calls.put_back(call, Body::File(body));
                self.inbox.push_back(Input::Collected { from, outcome });
            }
            Some(Body::Answer(mut response)) => {
                let work = async move {
                    let outcome = collect::answer(&mut response, max, until).await;
                    News::Collected {
                        call,
                        body: Body::Answer(response),
                        input: Input::Collected { from, outcome },
                    }
                };
                self.work.push((Some(call), Box::pin(work)));
            }
            None => self.inbox.push_back(Input::Collected { from, outcome: Collected::Broke }),
        }
    }

    fn feed_reply(&mut self, body: Source, last: bool) {
        let Some(reply) = self.reply.take() else { return };
        let work: Work = match body {
            Source::Backend { call, take: Take::Exactly(length), tap: Tap::Opaque } => {
                match self.calls.take_body(call) {
                    Some(Body::File(body)) => Box::pin(pump::relay_file(reply, call, body, length, last)),
                    Some(Body::Answer(response)) => {
                        Box::pin(swift_pump::relay_answer(reply, call, response, length, last))
                    }
                    None => Box::pin(pump::relay_nothing(reply)),
                }
            }
            Source::Bytes(bytes) => Box::pin(pump::relay_bytes(reply, bytes, last)),
            Source::Empty => Box::pin(pump::relay_bytes(reply, bytes::Bytes::new(), last)),
            // No flow sends a hashed or an unbounded body to the client, or its own back.
            Source::Backend { .. } | Source::Client { .. } => Box::pin(pump::relay_nothing(reply)),
        };
        self.work.push((None, work));
    }

    fn digest(&mut self, from: Source, hashing: &wharfinger_core::transfer::Hashing) {
        let blocks = self.registry.blocks;
        match from {
            Source::Backend { call, take, .. } => {
                let work: Work = match self.calls.take_body(call) {
                    Some(Body::File(body)) => Box::pin(pump::hash_file(body, take, hashing.clone(), blocks)),
                    Some(Body::Answer(response)) => {
                        Box::pin(swift_pump::hash_answer(response, take, hashing.clone(), blocks))
                    }
                    None => return self.inbox.push_back(pump::hash_nothing(hashing, blocks)),
                };
                self.work.push((Some(call), work));
            }
            Source::Bytes(bytes) => self.inbox.push_back(pump::hash_bytes(&bytes, hashing, blocks)),
            Source::Empty | Source::Client { .. } => {
                self.inbox.push_back(pump::hash_bytes(&[], hashing, blocks))
            }
        }
    }

    fn respond(&mut self, head: &ReplyHead, length: u64) {
        self.status = head.status;
        let mut headers = HeaderMap::with_capacity(head.fields.len() + 1);
        for (name, value) in &head.fields {
            headers.append(name.clone(), value.clone());
        }
        if self.closing {
            headers.insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
        }
        let length = match head.status {
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => ReplyLength::None,
            _ if self.head_only => ReplyLength::HeadOnly(length),
            _ => ReplyLength::Exactly(length),
        };
        if let Some(reply) = &mut self.reply
            && let Err(error) = reply.head(head.status, &headers, length)
        {
            tracing::error!(%error, "a reply cannot be sent as the core tells it; please report this");
            reply.cut();
        }
    }
}

/// So many quick store calls may be answered before other tasks get their turn.
const TURN_INPUTS: u32 = 16;
