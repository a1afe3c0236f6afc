use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::{self, Pollable};
use wharfinger_core::store::Fault;
use wharfinger_core::swift::Rendered;

use crate::wire::{self, Answered, Piece, Reader, Times, Waiting, Writer};

/// A whole answer.
#[derive(Debug)]
pub struct Fetched {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Empty if it was longer than anything that is read here.
    pub body: Vec<u8>,
}

/// Asks all at once and waits for the answers, in the order of the requests.
pub fn fetch(requests: Vec<Rendered>, time_max: Duration) -> Vec<Result<Fetched, Fault>> {
    let nanoseconds = u64::try_from(time_max.as_nanos()).unwrap_or(u64::MAX);
    let deadline = monotonic_clock::now().saturating_add(nanoseconds);
    let times = Times { connect: time_max, answer: time_max };
    let mut fetches: Vec<Fetch> =
        requests.into_iter().map(|rendered| Fetch::start(rendered, times)).collect();
    loop {
        for fetch in &mut fetches {
            fetch.step();
        }
        let wanted: Vec<Pollable> = fetches.iter().filter_map(Fetch::ready).collect();
        if wanted.is_empty() || monotonic_clock::now() >= deadline {
            // What they wait for may not go before them.
            drop(wanted);
            return fetches.into_iter().map(Fetch::outcome).collect();
        }
        let late = monotonic_clock::subscribe_instant(deadline);
        let wanted: Vec<&Pollable> = wanted.iter().chain([&late]).collect();
        poll::poll(&wanted);
    }
}

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
            let (next, goes_on) = match std::mem::replace(self, Self::Over(Err(Fault::Broken))) {
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

    fn outcome(self) -> Result<Fetched, Fault> {
        match self {
            Self::Over(outcome) => outcome,
            Self::Sending { .. } | Self::Waiting(_) | Self::Reading { .. } => Err(Fault::Late),
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

const PIECE_BYTES: u64 = 64 << 10;

/// No answer that is read here is longer.
const BODY_BYTES_MAX: usize = wharfinger_core::swift::keystone::ANSWER_BYTES_MAX as usize;
