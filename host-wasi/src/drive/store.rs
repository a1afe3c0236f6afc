//! Store calls: sent, fed, answered.

use bytes::Bytes;
use wasip2::io::poll::Pollable;
use wharfinger_core::exchange::{CallId, Input, Side, To};
use wharfinger_core::store::{Fault, Op, Reply};
use wharfinger_core::swift::HttpHead;
use wharfinger_core::transfer::{End, Source, md5_of};

use super::Drive;
use super::calls::Call;
use super::feed::{Feed, Sink, Step};
use super::timers::{Moment, sooner};
use crate::swift::{Sent, Swift};
use crate::wire::{Answered, Writer};
use crate::world::Store;

impl Drive<'_> {
    pub(super) fn send(&mut self, id: CallId, op: Op, length: Option<u64>) {
        let writes = matches!(op, Op::Write { .. });
        let world = self.world;
        world.retries.borrow_mut().count_call();
        let Some(call) = self.calls.open(id, op) else { return };
        if writes {
            // It is opened when its body comes.
            if length == Some(0) {
                self.feed(id, Source::Empty, true);
            }
            return;
        }
        match &world.store {
            Store::Files(files) => {
                let (reply, body) = files.carry_out(&call.op);
                call.body = body;
                self.inbox.push_back(Input::Head { call: id, reply });
            }
            Store::Swift(swift) if self.errands.lets_send(swift, false) => self.ask(swift, id),
            Store::Swift(_) => call.waits_for_login = true,
        }
    }

    /// Sends what needs no feeding to Swift.
    fn ask(&mut self, swift: &Swift, id: CallId) {
        let Some(call) = self.calls.find(id) else { return };
        match swift.send(&call.op, Some(0), None) {
            Ok(Some(Sent { waiting, writer, body, token })) => {
                call.waiting = Some(waiting);
                call.token = token;
                let patience = self.world.config.limits.store_time_max;
                let mut feed = Feed::bytes(body.unwrap_or_default(), true, patience);
                feed.open(Sink::Http(writer));
                call.feed = Some(feed);
            }
            Ok(None) => self.inbox.push_back(Input::Head { call: id, reply: Reply::Done }),
            Err(fault) => self.inbox.push_back(Input::Failed { call: id, fault }),
        }
    }

    /// Sends what waited for a login, whatever came of that.
    pub(super) fn send_waiting(&mut self, swift: &Swift) {
        for slot in 0..self.calls.0.len() {
            let Some(call) = &mut self.calls.0[slot] else { continue };
            if std::mem::take(&mut call.waits_for_login) {
                let id = call.id;
                match call.op {
                    Op::Write { .. } => self.open_call(id),
                    Op::Read { .. }
                    | Op::Stat { .. }
                    | Op::Join { .. }
                    | Op::Copy { .. }
                    | Op::Touch { .. }
                    | Op::Release { .. }
                    | Op::Remove { .. }
                    | Op::List { .. } => self.ask(swift, id),
                }
            }
        }
    }

    pub(super) fn feed(&mut self, id: CallId, body: Source, last: bool) {
        let patience = self.world.config.limits.store_time_max;
        let feed = match body {
            Source::Empty => Feed::bytes(Bytes::new(), last, patience),
            Source::Bytes(bytes) => Feed::bytes(bytes, last, patience),
            Source::Client { take, tap } => {
                Feed::client(take, &tap, last, self.world.blocks, &self.client, patience)
            }
            // No flow copies from one object to another through a host.
            Source::Backend { .. } => {
                return self.inbox.push_back(Input::Failed { call: id, fault: Fault::Unreachable });
            }
        };
        let Some(call) = self.calls.find(id) else { return };
        let at_hand = !feed.reads_client();
        call.feed = Some(feed);
        if at_hand {
            self.open_with_token(id);
        }
    }

    /// Opens a Write, or has it wait for a login. A body that is not at hand cannot be sent again with another token.
    fn open_with_token(&mut self, id: CallId) {
        let Some(call) = self.calls.find(id) else { return };
        let streamed = call.feed.as_ref().is_some_and(|feed| feed.held().is_none());
        if let Store::Swift(swift) = &self.world.store
            && !self.errands.lets_send(swift, streamed)
        {
            call.waits_for_login = true;
            return;
        }
        self.open_call(id);
    }

    /// Opens a Write whose first bytes are there. Of a body at hand, length and MD5 are known.
    fn open_call(&mut self, id: CallId) {
        let world = self.world;
        let Some(call) = self.calls.find(id) else { return };
        let Some(feed) = &mut call.feed else { return };
        let held = feed.held();
        let opened = match &world.store {
            Store::Files(files) => {
                files.create().map(Sink::File).map_err(|reply| Input::Head { call: id, reply })
            }
            Store::Swift(swift) => {
                let (length, md5) = (held.map(|bytes| bytes.len() as u64), held.map(|bytes| md5_of(bytes)));
                match swift.send(&call.op, length, md5) {
                    Ok(Some(Sent { waiting, writer, token, .. })) => {
                        call.waiting = Some(waiting);
                        call.token = token;
                        Ok(Sink::Http(writer))
                    }
                    Ok(None) => Err(Input::Head { call: id, reply: Reply::Done }),
                    Err(fault) => Err(Input::Failed { call: id, fault }),
                }
            }
        };
        match opened {
            Ok(sink) => feed.open(sink),
            Err(input) => {
                let moved = feed.stop();
                call.feed = None;
                self.inbox.push_back(Input::Fed { to: To::Call(id), moved });
                self.inbox.push_back(input);
            }
        }
    }

    pub(super) fn step_calls(&mut self) {
        for slot in 0..self.calls.0.len() {
            self.step_feed(slot);
            self.step_answer(slot);
            let Some(call) = &mut self.calls.0[slot] else { continue };
            if let (Some(collect), Some(body)) = (&mut call.collect, &mut call.body)
                && let Some(outcome) = collect.step(body)
            {
                call.collect = None;
                self.inbox.push_back(Input::Collected { from: Side::Backend(call.id), outcome });
            }
        }
    }

    fn step_feed(&mut self, slot: usize) {
        loop {
            let Some(call) = &mut self.calls.0[slot] else { return };
            if call.waits_for_login {
                return;
            }
            let Some(feed) = &mut call.feed else { return };
            match feed.step(&mut self.client) {
                Step::Waits => return,
                Step::Opens => {
                    let id = call.id;
                    self.open_with_token(id);
                }
                Step::Over(mut moved, sink) => {
                    let (last, told) = (feed.last, feed.is_told());
                    call.feed = None;
                    let whole = last && matches!(moved.end, End::Eof | End::Taken | End::Stalled);
                    let mut head = None;
                    match sink {
                        Some(Sink::Http(writer)) if whole => {
                            if writer.finish().is_err() {
                                moved.end = End::SinkBroke;
                            }
                        }
                        Some(Sink::File(writer)) if whole => head = Some(writer.commit(&call.op)),
                        Some(Sink::File(writer)) if moved.end == End::SinkBroke => {
                            head = Some(writer.failure())
                        }
                        // Dropped, it is abandoned.
                        Some(Sink::Http(_) | Sink::File(_)) | None => {}
                    }
                    if !whole && moved.end != End::SinkBroke {
                        call.waiting = None;
                    }
                    let id = call.id;
                    if told && matches!(call.op, Op::Write { .. }) {
                        self.inbox.push_back(Input::Fed { to: To::Call(id), moved });
                    }
                    self.inbox.extend(head.map(|reply| Input::Head { call: id, reply }));
                    return;
                }
            }
        }
    }

    fn step_answer(&mut self, slot: usize) {
        let Some(call) = &mut self.calls.0[slot] else { return };
        let Some(answer) = call.waiting.as_ref().and_then(|waiting| waiting.get()) else { return };
        call.waiting = None;
        let id = call.id;
        self.asked.answered(id, call.token);
        // The answer came while the body left: nobody takes the rest.
        if let Some(mut feed) = call.feed.take()
            && matches!(call.op, Op::Write { .. })
        {
            let moved = feed.stop();
            self.inbox.push_back(Input::Fed { to: To::Call(id), moved });
        }
        match answer {
            Ok(Answered { status, headers, body }) => {
                let head = HttpHead::new(status, &headers);
                if let Store::Swift(swift) = &self.world.store {
                    swift.advise(&call.op, &head, call.token);
                }
                call.body = body;
                self.inbox.push_back(Input::Answer { call: id, head });
            }
            Err(fault) => {
                eprintln!("warning: a call to Swift failed: {fault:?}, {:?}", call.op);
                self.inbox.push_back(Input::Failed { call: id, fault });
            }
        }
    }

    pub(super) fn want_calls(&self, wanted: &mut Vec<Pollable>, deadline: &mut Option<Moment>) {
        let mut reads_client = false;
        for Call { waiting, feed, body, collect, .. } in self.calls.0.iter().flatten() {
            if let Some(waiting) = waiting {
                wanted.push(waiting.ready());
            }
            if let Some(feed) = feed {
                reads_client |= feed.reads_client();
                wanted.extend(feed.blocked_on().map(Writer::ready));
                *deadline = sooner(*deadline, feed.deadline());
            }
            if let (Some(_), Some(body)) = (collect, body) {
                wanted.push(body.ready());
            }
        }
        if reads_client {
            wanted.extend(self.client.ready());
        }
    }
}
