use bytes::Bytes;
use wharfinger_core::exchange::{CallId, Collected, Input, To, Told as Answered};
use wharfinger_core::store::{Fault, Op, Reply};
use wharfinger_core::swift::HttpHead;
use wharfinger_core::transfer::{Blocks, End, Hashed, Hasher, Hashing, Moved, Source, Tap};

use super::answers::{Answer, answers};
use super::lock::misheard;
use super::news::{News, What};
use super::world::{Due, Filled, World};
use super::{Alone, Cost, Flaw, Mutant, Why};

impl World {
    /// Lets it happen.
    pub(super) fn happen(&mut self, model: &Alone, news: News) {
        self.left.pay(news.cost);
        match news.what {
            What::Answer(id, answer) => self.answer(model, id, answer),
            What::Reject(id) => {
                self.seen.why.insert(Why::Trouble);
                self.close(id);
                self.seen.sends.iter_mut().filter(|sent| sent.id == id).for_each(|sent| sent.renewed = true);
                let status = http::StatusCode::UNAUTHORIZED;
                let head = HttpHead::new(status, &http::HeaderMap::new());
                self.tell(model, Input::Answer { call: id, head });
            }
            What::Fail(id) => self.fail(model, id),
            What::Fire(slot) => {
                let Some(at) = self.timers.iter().position(|timer| timer.id.slot == slot) else { return };
                let timer = self.timers.remove(at).id;
                if news.cost == Cost::Trouble {
                    self.seen.why.insert(Why::Trouble);
                }
                self.tell(model, Input::Fired { timer });
            }
            What::Moved(at, bytes, end) => self.moved(model, at, bytes, end),
            What::Collected(at, outcome) => self.collect(model, at, outcome),
            What::Told(at, answer) => self.told(model, at, news.word, answer),
            What::Leave => {
                self.seen.gone = true;
                match model.mutant {
                    Some(Mutant::GoneUnheard) => {}
                    _ => self.tell(model, Input::ClientGone),
                }
            }
        }
        if model.mutant == Some(Mutant::RestLost) {
            self.timers.retain(|timer| timer.of != super::world::TimerOf::Rest);
        }
    }

    fn answer(&mut self, model: &Alone, id: CallId, said: Answer) {
        let Some(call) = self.call(id).cloned() else { return };
        let scene = model.scene(self);
        self.acknowledged(model, &call, &said);
        // What the exchange hears may be something else, by a built-in fault.
        let heard = match model.mutant {
            Some(Mutant::Misheard { of, said: word, heard })
                if word == said.word && of == call.label.to_string() =>
            {
                let all = answers(scene, &call, &self.expected(&call));
                let heard = all.into_iter().find(|answer| answer.word == heard).unwrap_or(said.clone());
                // The head is another one; the body, if there is one, is not.
                match said.bytes.is_empty() {
                    true => heard,
                    false => Answer { word: said.word, bytes: said.bytes, ..heard },
                }
            }
            _ => said,
        };
        let reads = matches!((&call.op, &heard.reply), (Op::Read { .. }, Reply::Found(_)));
        let expected = self.expected(&call);
        let fills = matches!(call.filled, Filled::Owed { .. });
        if let (true, Some(open)) = (reads, self.call_mut(id)) {
            open.answer = Some((heard.word, heard.bytes.clone()));
        } else if let (true, Reply::Written { .. }, Some(open)) = (fills, &heard.reply, self.call_mut(id)) {
            open.written = Some(expected);
        } else if !fills {
            self.close(id);
        }
        self.tell(model, Input::Head { call: id, reply: heard.reply });
        // A body that was not wanted is not waited for.
        if !reads && self.call(id).is_some_and(|open| open.written.is_none() && open.answer.is_none()) {
            self.flaw(Flaw::LeftOpen);
        }
    }

    fn fail(&mut self, model: &Alone, id: CallId) {
        let Some(call) = self.call(id).cloned() else { return };
        self.seen.why.insert(Why::Trouble);
        if let Some(Mutant::Misheard { of, said: "breaks off", heard }) = model.mutant
            && of == call.label.to_string()
            && let Some(heard) = answers(model.scene(self), &call, &self.expected(&call))
                .into_iter()
                .find(|answer| answer.word == heard)
        {
            match call.filled {
                Filled::Owed { .. } => {
                    let expected = self.expected(&call);
                    self.call_mut(id).into_iter().for_each(|call| call.written = Some(expected.clone()));
                }
                Filled::Whole | Filled::Short => self.close(id),
            }
            return self.tell(model, Input::Head { call: id, reply: heard.reply });
        }
        self.untold(call.label);
        self.close(id);
        self.tell(model, Input::Failed { call: id, fault: Fault::Broken });
    }

    fn told(&mut self, model: &Alone, at: usize, said: &str, answer: Answered) {
        self.dues.remove(at);
        match answer {
            Answered::Denied => drop(self.seen.why.insert(Why::Denied)),
            Answered::Retry { call, granted: false } => drop(self.seen.denied.insert(call.slot)),
            Answered::Granted | Answered::Renewed | Answered::Retry { .. } | Answered::Location(_) => {}
            Answered::Password(_) | Answered::Keys(_) => self.vouched(&answer),
        }
        let answer = match (model.mutant, answer) {
            (Some(Mutant::DenialUnheard), Answered::Denied) => Answered::Granted,
            (Some(Mutant::DenialUnheard), Answered::Retry { call, .. }) => {
                Answered::Retry { call, granted: true }
            }
            (Some(mutant), answer) => misheard(mutant, said, answer),
            (None, answer) => answer,
        };
        self.tell(model, Input::Told { answer });
    }

    fn collect(&mut self, model: &Alone, at: usize, outcome: Collected) {
        let Due::Collect { from, .. } = self.dues.remove(at) else { return };
        match from {
            wharfinger_core::exchange::Side::Client => {
                match &outcome {
                    Collected::Whole(_) => self.body = Bytes::new(),
                    Collected::TooLong => {}
                    Collected::Broke => drop(self.seen.why.insert(Why::Broke)),
                    Collected::Late => drop(self.seen.why.insert(Why::Late)),
                }
                let outcome = match (model.mutant, outcome) {
                    (Some(Mutant::ShortIsWhole), Collected::Broke) => {
                        Collected::Whole(std::mem::take(&mut self.body))
                    }
                    (_, outcome) => outcome,
                };
                self.tell(model, Input::Collected { from, outcome });
            }
            wharfinger_core::exchange::Side::Backend(id) => {
                if let (Collected::Whole(bytes), Some(call)) = (&outcome, self.call_mut(id)) {
                    let left = call.answer.take().map(|(word, left)| (word, left.slice(bytes.len()..)));
                    call.answer = left.filter(|(_, left)| !left.is_empty());
                    // Nothing is left to be read: for the host that call is over.
                    if call.answer.is_none() {
                        self.close(id);
                    }
                } else {
                    let why = if outcome == Collected::TooLong { Why::Wrong } else { Why::Trouble };
                    self.seen.why.insert(why);
                }
                self.tell(model, Input::Collected { from, outcome });
            }
        }
    }

    fn moved(&mut self, model: &Alone, at: usize, bytes: u64, end: End) {
        match self.dues.remove(at) {
            Due::Held(call, _) => {
                let moved = Moved { bytes, end, hashed: None };
                self.tell(model, Input::Fed { to: To::Call(call), moved });
            }
            Due::Feed { call, tap, .. } => self.filled(model, call, &tap, bytes, end),
            Due::Reply(source) => self.sent_on(model, &source, bytes, end),
            Due::Digest { from, hashing } => {
                let (all, end) = match &from {
                    Source::Bytes(all) => (all.clone(), end),
                    Source::Backend { call, .. } => self.taken(model, *call, bytes, end),
                    Source::Empty | Source::Client { .. } => (Bytes::new(), end),
                };
                let hashed = Some(Box::new(hashed(&hashing, &all)));
                self.tell(model, Input::Hashed { moved: Moved { bytes: all.len() as u64, end, hashed } });
            }
            Due::Collect { .. }
            | Due::Memory
            | Due::Location
            | Due::Password
            | Due::Keys
            | Due::Token(_)
            | Due::Retry(_) => {}
        }
    }

    /// Some of the client's body has gone into a call.
    fn filled(&mut self, model: &Alone, id: CallId, tap: &Tap, bytes: u64, end: End) {
        let piece = self.body.split_to(bytes as usize);
        let (mut bytes, mut end) = (bytes, end);
        match end {
            End::SourceBroke => drop(self.seen.why.insert(Why::Broke)),
            End::SourceLate => drop(self.seen.why.insert(Why::Late)),
            End::SinkBroke => drop(self.seen.why.insert(Why::Trouble)),
            End::Eof | End::Taken | End::Stalled => {}
        }
        if model.mutant == Some(Mutant::ShortIsWhole) && end == End::SourceBroke {
            (bytes, end) = (bytes + self.body.len() as u64, End::Eof);
        }
        let whole = matches!(end, End::Eof | End::Taken | End::Stalled) && bytes > 0;
        let hashed = match tap {
            Tap::Digest(hashing) => Some(Box::new(hashed(hashing, &piece))),
            Tap::Opaque => None,
        };
        if let Some(call) = self.call_mut(id) {
            call.body = piece;
            call.filled = if whole { Filled::Whole } else { Filled::Short };
            let call = call.clone();
            if let Some(expected) = &call.written {
                // It has not got what it says to have stored.
                if *expected != call.body {
                    self.seen.why.insert(Why::Trouble);
                }
                // Both halves are done, so that the call is over; what came of it is known only here.
                self.close(id);
                if whole {
                    self.holds(model, &call);
                }
            } else if bytes == 0 && end != End::SinkBroke {
                // It was never opened.
                self.close(id);
            }
        }
        self.tell(model, Input::Fed { to: To::Call(id), moved: Moved { bytes, end, hashed } });
    }

    /// Something went into the reply.
    fn sent_on(&mut self, model: &Alone, source: &Source, bytes: u64, end: End) {
        let (sent, end) = match source {
            Source::Bytes(all) => (all.slice(..bytes as usize), end),
            Source::Backend { call, .. } => self.taken(model, *call, bytes, end),
            Source::Empty | Source::Client { .. } => (Bytes::new(), end),
        };
        self.arrived = [self.arrived.clone(), sent.clone()].concat().into();
        if self.told.as_ref().is_none_or(|told| self.arrived.len() as u64 > told.length) {
            self.flaw(Flaw::WrongLength);
        }
        let mut moved = Moved { bytes: sent.len() as u64, end, hashed: None };
        if let (Some(Mutant::ShortIsWhole), Some(told)) = (model.mutant, &self.told)
            && end == End::SourceBroke
        {
            moved = Moved { bytes: told.length, end: End::Taken, hashed: None };
        }
        self.tell(model, Input::Fed { to: To::Reply, moved });
    }

    /// Takes some of what a call's answer has.
    fn taken(&mut self, model: &Alone, id: CallId, bytes: u64, end: End) -> (Bytes, End) {
        if matches!(end, End::SourceBroke | End::SourceLate) {
            self.seen.why.insert(Why::Trouble);
        }
        let Some(call) = self.call_mut(id) else { return (Bytes::new(), End::SourceBroke) };
        let Some((object, left)) = &mut call.answer else { return (Bytes::new(), End::SourceBroke) };
        let piece = left.split_to(bytes as usize);
        // Young or old, it is the same object.
        let object = object.strip_suffix(" old").unwrap_or(object);
        let object = if model.mutant == Some(Mutant::OtherBytes) { "something else" } else { object };
        match self.seen.relayed {
            Some(before) if before != object => self.flaw(Flaw::MixedBytes),
            _ if object != "found" && bytes > 0 => self.flaw(Flaw::MixedBytes),
            _ => self.seen.relayed = Some(object),
        }
        (piece, end)
    }
}

fn hashed(hashing: &Hashing, bytes: &[u8]) -> Hashed {
    let mut hasher = Hasher::new(hashing, Blocks::default());
    hasher.update(bytes);
    hasher.finish()
}
