use std::mem;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use wasip2::io::poll::{self, Pollable};
use wharfinger_core::store::Fault;
use wharfinger_core::swift::Rendered;

use crate::drive::timers::{Moment, is_past, ready_at, sooner};
use crate::wire::{self, Answered, Piece, Reader, Times, Waiting, Writer};

/// A whole answer.
#[derive(Debug)]
pub struct Fetched {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Empty if it was longer than anything that is read here.
    pub body: Vec<u8>,
}

/// A request whose whole answer is waited for, until a moment.
#[derive(Debug)]
pub struct Fetching {
    fetch: Fetch,
    deadline: Moment,
}

/// Asks all at once and waits for the answers, in the order of the requests.
pub fn fetch(requests: Vec<Rendered>, deadline: Moment) -> Vec<Result<Fetched, Fault>> {
    let mut all: Vec<(Fetching, Option<Result<Fetched, Fault>>)> =
        requests.into_iter().map(|rendered| (Fetching::until(rendered, deadline), None)).collect();
    loop {
        let mut wanted = Vec::new();
        for (fetching, outcome) in &mut all {
            if outcome.is_none() {
                *outcome = fetching.step();
            }
            if outcome.is_none() {
                fetching.want(&mut wanted, &mut None);
            }
        }
        if wanted.is_empty() {
            return all.into_iter().map(|(_, outcome)| outcome.unwrap_or(Err(Fault::Broken))).collect();
        }
        wanted.push(ready_at(deadline));
        poll::poll(&wanted.iter().collect::<Vec<_>>());
    }
}

impl Fetching {
    /// Sends a request.
    pub fn until(rendered: Rendered, deadline: Moment) -> Self {
        Self { fetch: Fetch::start(rendered, Times { connect: WORLD_TIME, answer: WORLD_TIME }), deadline }
    }

    /// Goes on as far as it can; the outcome at the end, once.
    pub fn step(&mut self) -> Option<Result<Fetched, Fault>> {
        self.fetch.step();
        let late = is_past(self.deadline);
        match mem::replace(&mut self.fetch, Fetch::Over(Err(Fault::Broken))) {
            Fetch::Over(outcome) => Some(outcome),
            Fetch::Sending { .. } | Fetch::Waiting(_) | Fetch::Reading { .. } if late => {
                Some(Err(Fault::Late))
            }
            on_its_way @ (Fetch::Sending { .. } | Fetch::Waiting(_) | Fetch::Reading { .. }) => {
                self.fetch = on_its_way;
                None
            }
        }
    }

    /// Whether it has its own bytes to send still.
    pub fn is_sending(&self) -> bool {
        matches!(self.fetch, Fetch::Sending { .. })
    }

    /// Whether its time is over, and no answer came in it.
    pub fn is_late(&mut self) -> bool {
        self.fetch.step();
        is_past(self.deadline) && !matches!(self.fetch, Fetch::Over(_))
    }

    /// What to wait for.
    pub fn want(&self, wanted: &mut Vec<Pollable>, deadline: &mut Option<Moment>) {
        wanted.extend(self.fetch.ready());
        *deadline = sooner(*deadline, Some(self.deadline));
    }
}

#[derive(Debug)]
enum Fetch {
    Sending { writer: Writer, body: Bytes, waiting: Waiting },
    Waiting(Waiting),
    Reading { reader: Reader, fetched: Fetched },
    Over(Result<Fetched, Fault>),
}

impl Fetch {
    fn start(rendered: Rendered, times: Times) -> Self {
        let Rendered { request, body, length } = rendered;
        match wire::send(&request, length, times) {
            Ok((waiting, writer)) => Self::Sending { writer, body: body.unwrap_or_default(), waiting },
            Err(fault) => Self::Over(Err(fault)),
        }
    }

    /// Goes on as far as it can.
    fn step(&mut self) {
        loop {
            let (next, goes_on) = match mem::replace(self, Self::Over(Err(Fault::Broken))) {
                Self::Sending { writer, body, waiting } => send(writer, body, waiting),
                Self::Waiting(waiting) => match waiting.get() {
                    None => (Self::Waiting(waiting), false),
                    Some(Err(fault)) => (Self::Over(Err(fault)), false),
                    Some(Ok(Answered { status, headers, body })) => {
                        let fetched = Fetched { status, headers, body: Vec::new() };
                        match body {
                            Some(reader) => (Self::Reading { reader, fetched }, true),
                            None => (Self::Over(Ok(fetched)), false),
                        }
                    }
                },
                Self::Reading { reader, fetched } => read(reader, fetched),
                over @ Self::Over(_) => (over, false),
            };
            *self = next;
            if !goes_on {
                return;
            }
        }
    }

    fn ready(&self) -> Option<Pollable> {
        match self {
            Self::Sending { writer, .. } => Some(writer.ready()),
            Self::Waiting(waiting) => Some(waiting.ready()),
            Self::Reading { reader, .. } => Some(reader.ready()),
            Self::Over(_) => None,
        }
    }
}

fn send(writer: Writer, mut body: Bytes, waiting: Waiting) -> (Fetch, bool) {
    while !body.is_empty() {
        match writer.room() {
            Ok(0) => return (Fetch::Sending { writer, body, waiting }, false),
            Ok(room) => {
                let piece = body.split_to(body.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
                if writer.write(&piece).is_err() {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    // Whoever takes no more says why in the answer.
    if body.is_empty() {
        let _ = writer.finish();
    } else {
        drop(writer);
    }
    (Fetch::Waiting(waiting), true)
}

fn read(mut reader: Reader, mut fetched: Fetched) -> (Fetch, bool) {
    match reader.read(PIECE_BYTES) {
        Piece::Bytes(piece) if fetched.body.len() + piece.len() <= BODY_BYTES_MAX => {
            fetched.body.extend_from_slice(&piece);
            (Fetch::Reading { reader, fetched }, true)
        }
        Piece::Bytes(_) => {
            fetched.body.clear();
            (Fetch::Over(Ok(fetched)), false)
        }
        Piece::NotYet => (Fetch::Reading { reader, fetched }, false),
        Piece::End => (Fetch::Over(Ok(fetched)), false),
        Piece::Broke => (Fetch::Over(Err(Fault::Broken)), false),
    }
}

/// The world's own limits; whoever waits has a shorter one.
const WORLD_TIME: Duration = Duration::from_secs(3600);

const PIECE_BYTES: u64 = 64 << 10;

/// No answer that is read here is longer.
const BODY_BYTES_MAX: usize = wharfinger_core::swift::keystone::ANSWER_BYTES_MAX as usize;
