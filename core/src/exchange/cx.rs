use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::attempts::{Attempts, Payload, Want};
use super::{Ask, Collected, Outcome, Output, ReplyHead, Side, Slot, To, Told, Until};
use crate::config::Config;
use crate::oci::{ByteRange, DOCKER_DISTRIBUTION_API_VERSION, Refusal};
use crate::store::{Found, Key, Op, Reply};
use crate::swift::SecretText;
use crate::transfer::{Hashing, Moved, Source};

/// What a flow hears.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// A call was answered. After a Read that was Found, the flow moves its body.
    Answered { slot: Slot, reply: Reply },
    /// An object, or its first line, was read.
    Read { slot: Slot, found: Found, bytes: Bytes },
    /// A feed of a call's body ended.
    Fed { slot: Slot, moved: Moved },
    /// A feed of the reply's body ended.
    Replied { moved: Moved },
    /// The client's body was read.
    Collected { outcome: Collected },
    /// A digest ended.
    Hashed { moved: Moved },
    /// A service answered. That a call may be tried again is heard of those that [`Cx::send_warily`] sent alone.
    Told { answer: Told },
}

/// What is known of who sends a request, for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Sender {
    pub(super) user: Option<Box<str>>,
    pub(super) reason: Option<&'static str>,
}

/// How a flow ends its exchange.
pub(super) enum Finish {
    /// The body of the reply is on its way.
    Replying { promised: u64 },
    /// Nothing follows.
    Over(Outcome),
}

/// What a flow acts through.
pub(crate) struct Cx<'a> {
    /// The registry's configuration.
    pub(crate) config: &'a Config,
    head_only: bool,
    attempts: &'a mut Attempts,
    outbox: &'a mut VecDeque<Output>,
    finish: Option<Finish>,
    found: Sender,
}

impl<'a> Cx<'a> {
    pub(super) fn new(
        config: &'a Config,
        head_only: bool,
        attempts: &'a mut Attempts,
        outbox: &'a mut VecDeque<Output>,
    ) -> Self {
        Self { config, head_only, attempts, outbox, finish: None, found: Sender::default() }
    }

    /// How the flow ended the exchange, if it did, and what it found out of its sender.
    pub(super) fn finish(self) -> (Option<Finish>, Sender) {
        (self.finish, self.found)
    }

    /// Says who is served.
    pub(crate) fn tell_user(&mut self, user: Option<Box<str>>) {
        self.found.user = user;
    }

    /// Says what is wrong with what the sender showed, for the log.
    pub(crate) fn tell_reason(&mut self, reason: &'static str) {
        self.found.reason = Some(reason);
    }

    /// Whether the request is a HEAD.
    pub(crate) fn head_only(&self) -> bool {
        self.head_only
    }

    /// Sends an op without a body; of a Read that is Found, the flow moves the body.
    pub(crate) fn send(&mut self, op: Op) -> Slot {
        self.begin(op, Payload::Held(Bytes::new()), Want::Head)
    }

    /// Sends an op that may be wrong to repeat by the time at which it could be. After trouble and a rest,
    /// [`Told::Retry`] says that it may be sent again: by [`Self::send_again`], if it is not dropped by [`Self::close`]. Until
    /// then it stays open, and is answered if the time to try again runs out.
    pub(crate) fn send_warily(&mut self, op: Op) -> Slot {
        let slot = self.send(op);
        self.attempts.make_wary(slot);
        slot
    }

    /// Sends an op again that may be.
    pub(crate) fn send_again(&mut self, slot: Slot) {
        self.attempts.send_again(slot, self.config, self.outbox);
    }

    /// Sends an op whose body is at hand.
    pub(crate) fn write(&mut self, op: Op, bytes: Bytes) -> Slot {
        self.begin(op, Payload::Held(bytes), Want::Head)
    }

    /// Sends an op whose body the flow feeds.
    pub(crate) fn open(&mut self, op: Op) -> Slot {
        self.begin(op, Payload::Fed, Want::Head)
    }

    /// Reads an object of at most `max` bytes.
    pub(crate) fn read(&mut self, key: Key, max: u32) -> Slot {
        self.begin(read_whole(key), Payload::Held(Bytes::new()), Want::Body(max, Until::End))
    }

    /// Reads a range of an object, or all of it, of at most `max` bytes.
    pub(crate) fn read_range(&mut self, key: Key, range: Option<ByteRange>, max: u32) -> Slot {
        let op = Op::Read { key, range, if_match: None };
        self.begin(op, Payload::Held(Bytes::new()), Want::Body(max, Until::End))
    }

    /// Reads the first line of an object; the rest can be relayed.
    pub(crate) fn read_line(&mut self, key: Key, max: u32) -> Slot {
        self.begin(read_whole(key), Payload::Held(Bytes::new()), Want::Body(max, Until::Line))
    }

    /// Feeds the body of an opened call.
    pub(crate) fn feed(&mut self, slot: Slot, body: Source, last: bool) {
        let to = To::Call(self.attempts.call(slot));
        self.outbox.push_back(Output::Feed { to, body, last });
    }

    /// Reads the client's body, of at most `max` bytes.
    pub(crate) fn collect(&mut self, max: u32) {
        self.outbox.push_back(Output::Collect { from: Side::Client, max, until: Until::End });
    }

    /// Hashes bytes.
    pub(crate) fn digest(&mut self, from: Source, hashing: Hashing) {
        self.outbox.push_back(Output::Digest { from, hashing: Box::new(hashing) });
    }

    /// Hashes the body of a call's answer, of `length` bytes.
    pub(crate) fn digest_body(&mut self, slot: Slot, length: u64, hashing: Hashing) {
        self.attempts.digest(slot, length, hashing, self.outbox);
    }

    /// Asks a shared service.
    pub(crate) fn ask(&mut self, what: Ask) {
        self.outbox.push_back(Output::Ask { what });
    }

    /// How many more calls may be opened.
    pub(crate) fn free_calls(&self) -> usize {
        self.attempts.free()
    }

    /// Drops a call.
    pub(crate) fn close(&mut self, slot: Slot) {
        self.attempts.close(slot, self.outbox);
    }

    /// Drops all calls.
    pub(crate) fn close_all(&mut self) {
        self.attempts.abort_all_but(None, self.outbox);
    }

    /// Ends the exchange with a reply whose body is at hand, or of which a HEAD asks the length only.
    pub(crate) fn reply(&mut self, answer: Answer) {
        let Answer { head, body } = answer;
        let length = body.len() as u64;
        self.attempts.abort_all_but(None, self.outbox);
        self.outbox.push_back(Output::Respond { head, length });
        self.end_with(Source::Bytes(body), length);
    }

    /// Ends the exchange with the body of a call's answer.
    pub(crate) fn relay(&mut self, answer: Answer, slot: Slot, length: u64) {
        self.attempts.abort_all_but(Some(slot), self.outbox);
        self.outbox.push_back(Output::Respond { head: answer.head, length });
        if length == 0 || self.head_only {
            self.finish = Some(Finish::Over(Outcome::Complete));
        } else {
            self.attempts.relay(slot, length, true, self.outbox);
            self.finish = Some(Finish::Replying { promised: length });
        }
    }

    /// Ends the exchange on a HEAD request with the length that a GET would have.
    pub(crate) fn reply_length(&mut self, answer: Answer, length: u64) {
        self.outbox.push_back(Output::Respond { head: answer.head, length });
        self.finish = Some(Finish::Over(Outcome::Complete));
    }

    /// Starts a reply whose body the flow feeds, piece by piece.
    pub(crate) fn begin_reply(&mut self, answer: Answer, length: u64) {
        self.outbox.push_back(Output::Respond { head: answer.head, length });
    }

    /// Feeds a piece of a begun reply; [`Event::Replied`] tells how it went.
    pub(crate) fn feed_reply(&mut self, body: Source, last: bool) {
        self.outbox.push_back(Output::Feed { to: To::Reply, body, last });
    }

    /// Feeds the body of a call's answer, of `length` bytes, as a piece of a begun reply.
    pub(crate) fn relay_piece(&mut self, slot: Slot, length: u64) {
        self.attempts.relay(slot, length, false, self.outbox);
    }

    /// Ends the exchange.
    pub(crate) fn done(&mut self, outcome: Outcome) {
        self.finish = Some(Finish::Over(outcome));
    }

    /// Ends the exchange with a refusal.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        self.reply(Answer::refusal(refusal));
    }

    fn end_with(&mut self, body: Source, length: u64) {
        if length == 0 || self.head_only {
            self.finish = Some(Finish::Over(Outcome::Complete));
        } else {
            self.feed_reply(body, true);
            self.finish = Some(Finish::Replying { promised: length });
        }
    }

    fn begin(&mut self, op: Op, payload: Payload, want: Want) -> Slot {
        let begun = self.attempts.begin(op, payload, want, self.config, self.outbox);
        debug_assert!(begun.is_some(), "a flow opens no more calls than there are");
        begun.unwrap_or_else(|| {
            self.finish = Some(Finish::Over(Outcome::Cut));
            Slot(u8::MAX)
        })
    }
}

fn read_whole(key: Key) -> Op {
    Op::Read { key, range: None, if_match: None }
}

/// A reply in the making.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Answer {
    head: ReplyHead,
    body: Bytes,
}

impl Answer {
    /// A reply without a body.
    pub(crate) fn new(status: StatusCode) -> Self {
        let fields = vec![(DOCKER_DISTRIBUTION_API_VERSION, API_VERSION)];
        Self { head: ReplyHead { status, fields }, body: Bytes::new() }
    }

    /// A reply with a JSON body.
    pub(crate) fn json(status: StatusCode, body: Bytes) -> Self {
        Self { body, ..Self::new(status).with_static(header::CONTENT_TYPE, "application/json") }
    }

    /// What a refused client is told.
    pub(crate) fn refusal(refusal: &Refusal) -> Self {
        let mut answer = Self::json(refusal.status(), refusal.body());
        if let Some(after) = refusal.retry_after() {
            answer = answer.with(header::RETRY_AFTER, &after.as_millis().div_ceil(1000).max(1).to_string());
        }
        if let Some(challenge) = refusal.challenge() {
            answer = answer.with(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(allow) = refusal.allow() {
            answer = answer.with_static(header::ALLOW, allow);
        }
        if let Refusal::RangeNotSatisfiable { size } = refusal {
            answer = answer.with(header::CONTENT_RANGE, &format!("bytes */{size}"));
        }
        answer
    }

    /// Adds a field. A value that cannot stand in a head is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.head.fields.push((name, value));
        }
        self
    }

    /// Adds a field whose value is not shown where the head is.
    pub(crate) fn with_secret(mut self, name: HeaderName, value: &SecretText) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value.expose()) {
            value.set_sensitive(true);
            self.head.fields.push((name, value));
        }
        self
    }

    /// Adds a field.
    pub(crate) fn with_static(mut self, name: HeaderName, value: &'static str) -> Self {
        self.head.fields.push((name, HeaderValue::from_static(value)));
        self
    }

    /// Puts a field in the place of the one of that name.
    pub(crate) fn replacing(mut self, name: HeaderName, value: &str) -> Self {
        self.head.fields.retain(|(field, _)| *field != name);
        self.with(name, value)
    }

    /// Sets the body.
    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }
}

const API_VERSION: HeaderValue = HeaderValue::from_static("registry/2.0");
