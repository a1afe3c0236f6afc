//! The loop that carries out an exchange: every output becomes something under way, all of it is looked at in turn, and
//! when nothing moves, one poll waits for whatever is ready first.

mod calls;
mod client;
mod collect;
mod digest;
mod errands;
mod feed;
mod identify;
mod relay;
mod store;
pub mod timers;

use std::collections::VecDeque;

use http::StatusCode;
use wasip2::io::poll::{self, Pollable};
use wharfinger_core::exchange::{Ask, Exchange, Input, Outcome, Output, ReplyHead, Side, To, Told, Until};
use wharfinger_core::transfer::{Source, Take, Tap};

use crate::keys::Seeking;
use crate::swift::Errands;
use crate::wire::Reply;
use crate::world::{Store, World};
use calls::Calls;
pub use client::Client;
use collect::Collect;
use digest::Digesting;
use errands::Asked;
use relay::{Patience, Relay};
use timers::Timers;
pub use timers::since_start;

/// One exchange, being carried out.
pub struct Drive<'a> {
    world: &'a World,
    exchange: Exchange,
    client: Client,
    reply: Reply,
    head_only: bool,
    calls: Calls,
    /// What goes on in Swift for the calls of this exchange and of those to come.
    errands: Errands,
    /// What core waits for that an errand tells.
    asked: Asked,
    /// The keys that core waits for.
    seeking: Option<Seeking>,
    /// What moves into the reply.
    relay: Option<Relay>,
    /// What is read of the client's body for core.
    collect: Option<Collect>,
    digest: Option<Digesting>,
    timers: Timers,
    inbox: VecDeque<Input>,
    /// So many bytes of memory were granted.
    granted: u64,
}

impl<'a> Drive<'a> {
    /// Starts an exchange.
    pub fn new(world: &'a World, exchange: Exchange, client: Client, reply: Reply, head_only: bool) -> Self {
        let errands = match &world.store {
            Store::Files(_) => Errands::default(),
            Store::Swift(swift) => Errands::resume(swift),
        };
        Self {
            world,
            exchange,
            client,
            reply,
            head_only,
            calls: Calls::default(),
            errands,
            asked: Asked::default(),
            seeking: None,
            relay: None,
            collect: None,
            digest: None,
            timers: Timers::default(),
            inbox: VecDeque::new(),
            granted: 0,
        }
    }

    /// Carries the exchange out to its end.
    pub fn run(mut self) -> Outcome {
        loop {
            match self.exchange.poll_output() {
                Output::Wait => match self.next() {
                    Some(input) => self.exchange.handle_input(input),
                    None => {
                        eprintln!("error: an exchange waits for nothing; please report this");
                        return Outcome::Cut;
                    }
                },
                Output::Done(outcome) => return self.end(outcome),
                output @ (Output::Send { .. }
                | Output::Feed { .. }
                | Output::Collect { .. }
                | Output::Digest { .. }
                | Output::Respond { .. }
                | Output::Ask { .. }
                | Output::Abort { .. }
                | Output::Sleep { .. }) => self.carry_out(output),
            }
        }
    }

    /// Drops what is left. What the client still sends is read for a while: a connection that is closed over unread bytes is
    /// reset, and a client that sends all before it reads may lose the reply. A login or a look at
    /// keys that has begun serves the next exchange: nobody waits for it here, but it is not lost.
    fn end(self, outcome: Outcome) -> Outcome {
        if let Some(reason) = self.exchange.reason() {
            eprintln!("info: a token of an issuer is not taken: {reason}");
        }
        let Self { world, mut client, reply, calls, relay, digest, errands, .. } = self;
        drop((relay, digest, calls, reply));
        if outcome == Outcome::Complete {
            client.linger();
        }
        if let Store::Swift(swift) = &world.store {
            errands.leave(swift);
        }
        outcome
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { call, op, length } => self.send(call, op, length),
            Output::Feed { to: To::Call(call), body, last } => self.feed(call, body, last),
            Output::Feed { to: To::Reply, body, last } => self.relay(body, last),
            Output::Collect { from: Side::Client, max, .. } => {
                self.collect = Some(Collect::new(max, Until::End, self.world.client_patience()));
            }
            Output::Collect { from: Side::Backend(call), max, until } => {
                if !self.calls.collect(call, Collect::new(max, until, None)) {
                    self.inbox.push_back(collect::nothing(Side::Backend(call)));
                }
            }
            Output::Digest { from, hashing } => self.digest(from, &hashing),
            Output::Respond { head, length } => self.respond(&head, length),
            Output::Ask { what: Ask::Memory { bytes } } => {
                let all = self.granted.saturating_add(u64::from(bytes));
                let answer = if self.world.grants(all) { Told::Granted } else { Told::Denied };
                if answer == Told::Granted {
                    self.granted = all;
                }
                self.inbox.push_back(Input::Told { answer });
            }
            Output::Ask { what: Ask::CheckPassword { check, address } } => {
                self.check_password(&check, address);
            }
            Output::Ask { what: Ask::Keys { issuer, kid } } => self.seek_keys(issuer, kid),
            Output::Ask { what: Ask::Token { call } } => self.renew(call),
            Output::Ask { what: Ask::Retry { call } } => {
                let granted = self.world.retries.borrow_mut().take(since_start());
                if !granted {
                    eprintln!(
                        "warning: the budget of retries is used up: a call to the store is not repeated"
                    );
                }
                self.inbox.push_back(Input::Told { answer: Told::Retry { call, granted } });
            }
            Output::Ask { what: Ask::Location { digest } } => self.locate(digest),
            Output::Abort { call } => {
                self.calls.close(call);
                self.digest.take_if(|digest| digest.is_of(call));
            }
            Output::Sleep { timer, within } => self.timers.start(timer, &within),
            Output::Wait | Output::Done(_) => {}
        }
    }

    /// The next input; `None` if nothing is under way that could bring one.
    fn next(&mut self) -> Option<Input> {
        loop {
            if let Some(input) = self.inbox.pop_front() {
                return Some(input);
            }
            self.step();
            if !self.inbox.is_empty() {
                continue;
            }
            if let Some(timer) = self.timers.over() {
                return Some(Input::Fired { timer });
            }
            let wanted = self.wants();
            if wanted.is_empty() {
                return None;
            }
            let wanted: Vec<&Pollable> = wanted.iter().collect();
            poll::poll(&wanted);
        }
    }

    /// Looks at all that is under way.
    fn step(&mut self) {
        self.step_errands();
        self.step_keys();
        self.step_calls();
        self.step_relay();
        if let Some(digest) = &mut self.digest
            && let Some(input) = digest.step()
        {
            self.digest = None;
            self.inbox.push_back(input);
        }
        if let Some(collect) = &mut self.collect
            && let Some(outcome) = self.client.collect(collect)
        {
            self.collect = None;
            self.inbox.push_back(Input::Collected { from: Side::Client, outcome });
        }
    }

    /// What to wait for.
    fn wants(&self) -> Vec<Pollable> {
        let mut wanted = Vec::new();
        let mut deadline = self.timers.first();
        self.errands.want(&mut wanted, &mut deadline);
        if let Some(seeking) = &self.seeking {
            seeking.want(&mut wanted, &mut deadline);
        }
        self.want_calls(&mut wanted, &mut deadline);
        if let Some(relay) = &self.relay {
            relay.want(&self.reply, &mut wanted, &mut deadline);
        }
        if let Some(digest) = &self.digest {
            digest.want(&mut wanted, &mut deadline);
        }
        if let Some(collect) = &self.collect {
            wanted.extend(self.client.ready());
            deadline = timers::sooner(deadline, collect.deadline());
        }
        if let Some(deadline) = deadline {
            wanted.push(timers::ready_at(deadline));
        }
        wanted
    }

    fn respond(&mut self, head: &ReplyHead, length: u64) {
        let told = match head.status {
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => None,
            _ => Some(length),
        };
        let with_body = !self.head_only && told.is_some();
        self.reply.respond(head.status, &head.fields, told, with_body);
        if with_body && length == 0 {
            self.reply.finish();
        }
    }

    fn relay(&mut self, body: Source, last: bool) {
        let patience =
            Patience { store: self.world.config.limits.store_time_max, client: self.world.reply_patience };
        let relay = match body {
            Source::Empty => Relay::bytes(bytes::Bytes::new(), last, patience),
            Source::Bytes(bytes) => Relay::bytes(bytes, last, patience),
            Source::Backend { call, take: Take::Exactly(length), tap: Tap::Opaque } => {
                Relay::body(call, self.calls.take_body(call), length, last, patience)
            }
            // No flow sends a hashed or an unbounded body to the client, or its own back.
            Source::Backend { .. } | Source::Client { .. } => Relay::nothing(),
        };
        self.relay = Some(relay);
    }

    fn step_relay(&mut self) {
        if let Some(relay) = &mut self.relay
            && let Some(moved) = relay.step(&mut self.reply)
        {
            if let Some((call, body)) = relay.rest() {
                self.calls.put_back(call, body);
            }
            self.relay = None;
            self.inbox.push_back(Input::Fed { to: To::Reply, moved });
        }
    }

    fn digest(&mut self, from: Source, hashing: &wharfinger_core::transfer::Hashing) {
        let body = match &from {
            Source::Backend { call, .. } => self.calls.take_body(*call),
            Source::Empty | Source::Bytes(_) | Source::Client { .. } => None,
        };
        let patience = self.world.config.limits.store_time_max;
        self.digest = Some(Digesting::new(from, body, hashing, self.world.blocks, patience));
    }
}
