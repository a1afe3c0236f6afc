use bytes::Bytes;
use wharfinger_core::exchange::{CallId, Input, To, Told};
use wharfinger_core::store::{Fault, Op, Reply};
use wharfinger_core::transfer::{End, Moved, Source};

use super::calls::{Body, Write};
use super::{Drive, News, Store, swift_pump};
use crate::swift::{Answer, Swift};

impl Drive<'_> {
    /// Carries out any op but a Write.
    pub(super) fn send_to_swift(&mut self, swift: &Swift, call: CallId, op: Op) {
        // A large object keeps pointing at its segments.
        if let Op::Release { .. } = op {
            self.inbox.push_back(Input::Head { call, reply: Reply::Done });
            return;
        }
        let swift = swift.clone();
        let work = async move {
            let answer = swift.ask(&op, Bytes::new()).await;
            News::SwiftAnswered { call, fed: None, answer }
        };
        self.work.push((Some(call), Box::pin(work)));
    }

    /// Moves the body of a Write.
    pub(super) fn feed_to_swift(
        &mut self,
        swift: &Swift,
        call: CallId,
        write: Write,
        body: Source,
        last: bool,
    ) {
        let swift = swift.clone();
        match body {
            Source::Empty => self.store_bytes(swift, call, write, Bytes::new()),
            Source::Bytes(bytes) => self.store_bytes(swift, call, write, bytes),
            Source::Client { take, tap } => {
                let feeding = swift_pump::Feeding {
                    client: self.client.clone(),
                    take,
                    tap,
                    blocks: self.registry.blocks,
                    stall_time: self.registry.stall_time,
                    last,
                };
                let work = swift_pump::store_client(swift, call, write, feeding);
                self.work.push((Some(call), Box::pin(work)));
            }
            // No flow copies from one object to another through a host.
            Source::Backend { .. } => self.inbox.push_back(Input::Failed { call, fault: Fault::Unreachable }),
        }
    }

    /// Keeps the body of an answer and hands its head on.
    pub(super) fn take_from_swift(&mut self, call: CallId, answer: Result<Answer, Fault>) {
        match answer {
            Ok(Answer { head, body, token }) => {
                if let Some(slot) = self.tokens.get_mut(usize::from(call.slot)) {
                    *slot = Some((call, token));
                }
                if let Some(body) = body {
                    self.calls.put_back(call, Body::Answer(body));
                }
                self.inbox.push_back(Input::Answer { call, head });
            }
            Err(fault) => self.inbox.push_back(Input::Failed { call, fault }),
        }
    }

    /// Core asks for another token right after the answer to `call` that refused the one before.
    pub(super) fn renew_token(&mut self, call: CallId) {
        let swift = match &self.registry.store {
            Store::Swift(swift) => Some(swift.clone()),
            Store::Files(_) => None,
        };
        // At once: the exchange may be over before the work is.
        let stale = self.tokens.iter().flatten().find(|(answered, _)| *answered == call);
        if let (Some(swift), Some((_, stale))) = (&swift, stale) {
            swift.reject(*stale);
        }
        let work = async move {
            if let Some(swift) = swift {
                swift.renew().await;
            }
            News::Inputs(vec![Input::Told { answer: Told::Renewed }])
        };
        self.work.push((None, Box::pin(work)));
    }

    fn store_bytes(&mut self, swift: Swift, call: CallId, write: Write, bytes: Bytes) {
        let work = async move {
            let length = bytes.len() as u64;
            let answer = swift.ask(&write.into(), bytes).await;
            let end = if answer.is_ok() { End::Eof } else { End::SinkBroke };
            let moved = Moved { bytes: length, end, hashed: None };
            let fed = (length > 0).then_some(Input::Fed { to: To::Call(call), moved });
            News::SwiftAnswered { call, fed, answer }
        };
        self.work.push((Some(call), Box::pin(work)));
    }
}
