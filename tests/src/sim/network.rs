//! Between the processes and Swift: requests take a while, and some meet a fault.

use bytes::Bytes;
use http::StatusCode;
use wharfinger_core::exchange::{CallId, Input};
use wharfinger_core::store::{Fault as StoreFault, Op};
use wharfinger_core::swift::{self, HttpHead, Token};
use wharfinger_core::transfer::md5_of;

use super::Mutant;
use super::fault::{Fault, Nature};
use super::host::Running;
use super::names::pick;
use super::oracle::Intent;
use super::swift::{Answer, Ask, Nodes, REPLICAS};
use super::world::{Event, World};

/// A request on its way.
#[derive(Debug)]
pub struct Arrival {
    pub exchange: u64,
    pub call: CallId,
    ask: Ask,
    nodes: Nodes,
    changes: bool,
    joins: bool,
    then: Then,
}

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Answer { late: u64, cut: bool },
    Trouble,
    Break,
    Silence,
}

impl World {
    /// Sends a request. Of a body that is streamed and does not get through, it tells how much did.
    pub fn request(
        &mut self,
        run: &mut Running,
        call: CallId,
        op: &Op,
        bytes: Bytes,
        streams: bool,
    ) -> Option<usize> {
        let nature = nature(op, streams, !bytes.is_empty());
        let ask = self.rendered(run, call, op, bytes, streams)?;
        let fault = self.fault_of(run.id, call, nature);
        let mut arrival = Arrival {
            exchange: run.id,
            call,
            nodes: [true; REPLICAS],
            changes: nature.changes,
            joins: nature.joins,
            then: Then::Answer { late: 0, cut: false },
            ask,
        };
        match fault {
            None => {}
            Some(Fault::Unreachable) => return self.broken(run.id, call, StoreFault::Unreachable),
            Some(Fault::LostRequest) => return self.broken(run.id, call, StoreFault::Broken),
            Some(Fault::CutRequest) => {
                self.broken(run.id, call, StoreFault::Broken);
                return Some(pick(&mut self.random, arrival.ask.body.len()));
            }
            Some(Fault::Early) => {
                let status = [401, 408, 413, 499, 503][pick(&mut self.random, 5)];
                self.refused(run.id, call, status, b"");
                return Some(pick(&mut self.random, arrival.ask.body.len()));
            }
            Some(Fault::Trouble) => return self.refused(run.id, call, 503, b""),
            Some(Fault::SlowDown) => {
                let status = [429, 498][pick(&mut self.random, 2)];
                return self.refused(run.id, call, status, b"Slow down");
            }
            Some(Fault::Full) => return self.refused(run.id, call, 413, b"Upload exceeds quota."),
            Some(Fault::NotStored) => return self.refused(run.id, call, 202, b""),
            Some(Fault::PartUnseen) => {
                // Once it may happen that Swift does not find what is there.
                let missed = !std::mem::replace(&mut run.part_missed, true) && self.chance(500);
                let reason = if missed { "404 Not Found" } else { "503 Service Unavailable" };
                let body = format!("{{\"Errors\":[[\"/a/b\",\"{reason}\"]]}}");
                return self.refused(run.id, call, 400, body.as_bytes());
            }
            Some(Fault::Silent) => return None,
            Some(Fault::SilentAfterDone) => arrival.then = Then::Silence,
            Some(Fault::LostAnswer) => arrival.then = Then::Break,
            Some(Fault::TroubleAfterDone) => arrival.then = Then::Trouble,
            Some(Fault::Late) => {
                let late = self.within(500_000, 45_000_000);
                arrival.then = Then::Answer { late, cut: false };
            }
            Some(Fault::CutAnswer) => arrival.then = Then::Answer { late: 0, cut: true },
            Some(Fault::Garbled) => arrival.ask.body = garbled(&arrival.ask.body),
            Some(Fault::OneServer) => {
                arrival.nodes = std::array::from_fn(|at| at == run.id as usize % REPLICAS)
            }
            Some(Fault::MissedByOne) => {
                arrival.nodes = std::array::from_fn(|at| at != run.id as usize % REPLICAS)
            }
        }
        self.depart(arrival);
        None
    }

    fn fault_of(&mut self, exchange: u64, call: CallId, nature: Nature) -> Option<Fault> {
        let calm = self.is_calm();
        let fault = if calm { None } else { self.faults.draw(nature, &mut self.random) }?;
        self.count("fault", fault.name(), 0);
        self.log(|| format!("{exchange} {call:?} meets {fault:?}"));
        Some(fault)
    }

    fn rendered(
        &mut self,
        run: &mut Running,
        call: CallId,
        op: &Op,
        bytes: Bytes,
        streams: bool,
    ) -> Option<Ask> {
        let writes = matches!(op, Op::Write { .. });
        let md5 = (writes && !streams).then(|| md5_of(&bytes));
        let length = (!streams).then_some(bytes.len() as u64);
        let text = self.processes[run.process].token.clone();
        let token = Token::new(&text)?;
        run.tokens[usize::from(call.slot)] = Some((call, text));
        let rendered = swift::render(op, length, md5, &self.endpoint, &token)?;
        Some(Ask::new(&rendered.request, rendered.body.unwrap_or(bytes)))
    }

    fn depart(&mut self, mut arrival: Arrival) {
        if arrival.joins {
            let joining = self.joining.entry(arrival.ask.path.clone()).or_default();
            *joining += 1;
            if self.plan.mutant == Some(Mutant::JoinTakenForDone) && *joining > 1 {
                *joining -= 1;
                let answer = said_to_be_done(&arrival.ask, self.now);
                let (exchange, call) = (arrival.exchange, arrival.call);
                self.soon(Event::Answered { exchange, call, answer: Box::new(answer) });
                return;
            }
        }
        if arrival.changes {
            *self.pending.entry(arrival.exchange).or_default() += 1;
        }
        let mut time = self.latency();
        if self.plan.mutant == Some(Mutant::ContentLate)
            && arrival.changes
            && arrival.ask.path.contains("/blobs/")
        {
            let answer = said_to_be_done(&arrival.ask, self.now);
            let (exchange, call) = (arrival.exchange, arrival.call);
            self.after(time, Event::Answered { exchange, call, answer: Box::new(answer) });
            arrival.then = Then::Silence;
            time += 2_000_000;
        }
        self.after(time, Event::Arrive(Box::new(arrival)));
    }

    /// A request has come to Swift.
    pub fn arrive(&mut self, arrival: Arrival) {
        let Arrival { exchange, call, ask, nodes, changes, joins, then } = arrival;
        if joins && let Some(joining) = self.joining.get_mut(&ask.path) {
            *joining -= 1;
        }
        let waited_for = self.running.get(&exchange).is_some_and(|run| run.is_open(call));
        let late_content = self.plan.mutant == Some(Mutant::ContentLate) && then == Then::Silence;
        // What nobody waits for any more may have been broken off on its way.
        let carried_out = waited_for || late_content || self.chance(500);
        if carried_out {
            self.check_removal(exchange, &ask);
            let mut answer = self.swift.answer(&ask, self.now, nodes);
            self.oracle.looked(exchange, self.step);
            self.log(|| {
                format!("{exchange} {call:?} at Swift: {} {} -> {}", ask.method, ask.path, answer.status)
            });
            self.count("swift", name_of(&ask), answer.status);
            self.note_hidden(exchange);
            match then {
                Then::Answer { late, cut } => {
                    if cut && !answer.body.is_empty() {
                        let kept = pick(&mut self.random, answer.body.len());
                        answer.body.truncate(kept);
                        answer.broken = true;
                    }
                    let time = late + self.latency();
                    self.after(time, Event::Answered { exchange, call, answer: Box::new(answer) });
                }
                Then::Trouble => drop(self.refused(exchange, call, 503, b"")),
                Then::Break => drop(self.broken(exchange, call, StoreFault::Broken)),
                Then::Silence => {}
            }
        }
        if changes {
            self.settled_one(exchange);
        }
        self.check_changed();
    }

    /// Who only reads removes no link whose content stands: somebody may just have been told of it.
    fn check_removal(&mut self, exchange: u64, ask: &Ask) {
        let reads =
            self.running.get(&exchange).is_some_and(|run| matches!(run.intent, Intent::ReadBlob { .. }));
        if reads
            && ask.method == "DELETE"
            && self.oracle.must_be(&ask.path, self.step)
            && self.stands(&ask.path)
        {
            self.fail(format!("exchange {exchange} reads, and removes {}, whose content stands", ask.path));
        }
    }

    /// An answer has come to a process.
    pub fn answered(&mut self, exchange: u64, call: CallId, mut answer: Answer) {
        let Some(run) = self.running.get_mut(&exchange) else { return };
        let Some(op) = run.op(call) else { return };
        let puts = matches!(op, Op::Write { .. } | Op::Join { .. });
        match (self.plan.mutant, answer.status) {
            (Some(Mutant::AcceptedIsCreated), 202) | (Some(Mutant::TroubleIsCreated), 503) if puts => {
                answer.status = 201;
            }
            _ => {}
        }
        let success = (200..300).contains(&answer.status);
        let wanted = match op {
            Op::Read { .. } | Op::List { .. } => success,
            Op::Join { .. } => matches!(answer.status, 400 | 413),
            Op::Stat { .. }
            | Op::Write { .. }
            | Op::Copy { .. }
            | Op::Touch { .. }
            | Op::Release { .. }
            | Op::Remove { .. } => false,
        };
        if wanted {
            run.keep(call, answer.body, answer.broken);
        }
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.tell(exchange, Input::Answer { call, head: HttpHead::new(status, &answer.fields) });
    }

    fn broken(&mut self, exchange: u64, call: CallId, fault: StoreFault) -> Option<usize> {
        let time = self.within(200, 2_000_000);
        self.after(time, Event::Tell { exchange, input: Input::Failed { call, fault } });
        None
    }

    /// Answers without doing anything.
    fn refused(&mut self, exchange: u64, call: CallId, status: u16, body: &[u8]) -> Option<usize> {
        let mut answer = Answer::new(status, self.now).with("content-length", &body.len().to_string());
        if status == 429 || (status == 503 && self.chance(300)) {
            let seconds = 1 + pick(&mut self.random, 4);
            answer = answer.with("retry-after", &seconds.to_string());
        }
        answer.body = Bytes::copy_from_slice(body);
        let time = self.latency();
        self.after(time, Event::Answered { exchange, call, answer: Box::new(answer) });
        None
    }
}

/// What Swift would answer if it had done it.
fn said_to_be_done(ask: &Ask, now: u64) -> Answer {
    let etag = ask.field("etag").map(str::to_owned);
    Answer::new(201, now).with("etag", &etag.unwrap_or_default())
}

fn garbled(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    if let Some(byte) = bytes.last_mut() {
        *byte ^= 1;
    }
    bytes.into()
}

fn nature(op: &Op, streams: bool, has_body: bool) -> Nature {
    let (puts, joins, reads, changes) = match op {
        Op::Read { .. } | Op::List { .. } => (false, false, true, false),
        Op::Stat { .. } | Op::Release { .. } => (false, false, false, false),
        Op::Write { .. } | Op::Copy { .. } => (true, false, false, true),
        Op::Join { .. } => (true, true, false, true),
        Op::Touch { .. } | Op::Remove { .. } => (false, false, false, true),
    };
    Nature { puts, joins, streams, has_body, reads, changes }
}

fn name_of(ask: &Ask) -> &'static str {
    match ask.method.as_str() {
        "PUT" if ask.query("multipart-manifest").is_some() => "PUT large",
        "PUT" => "PUT",
        "GET" if ask.query("prefix").is_some() => "GET listing",
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        _ => "DELETE",
    }
}
