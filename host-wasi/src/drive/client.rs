use std::time::Duration;

use bytes::Bytes;
use wasip2::io::poll::{self, Pollable};
use wharfinger_core::exchange::{BodyLength, Collected};

use super::collect::{Body, Collect};
use super::timers::{after, is_past, ready_at};
use crate::wire::{Piece, Reader};

/// The body of the client's request.
#[derive(Debug)]
pub struct Client {
    body: Option<Reader>,
    /// So many bytes are still to come, if the client said how many there are.
    left: Option<u64>,
    /// It waits to be told to go on before it sends its body.
    expects: bool,
    /// A client that sends nothing for so long is given up.
    pub idle_time: Duration,
    /// A client that sends nothing for so long ends a segment early.
    pub stall_time: Duration,
}

impl Client {
    /// A body of that length.
    pub fn new(
        body: Option<Reader>,
        length: BodyLength,
        expects: bool,
        idle_time: Duration,
        stall_time: Duration,
    ) -> Self {
        let left = match length {
            BodyLength::Exactly(length) => Some(length),
            BodyLength::Unknown => None,
        };
        Self { body, left, expects, idle_time, stall_time }
    }

    /// At most `max` bytes, if there are any. The end of a body that did not say its length is found by reading on.
    pub fn read(&mut self, max: u64) -> Piece {
        if self.left == Some(0) {
            return Piece::End;
        }
        let Some(body) = &mut self.body else {
            return if self.left.is_none() { Piece::End } else { Piece::Broke };
        };
        let piece = body.read(max);
        // Reading tells it to go on.
        self.expects &= !matches!(piece, Piece::Bytes(_));
        match (piece, &mut self.left) {
            (Piece::Bytes(bytes), Some(left)) => {
                *left = left.saturating_sub(bytes.len() as u64);
                Piece::Bytes(bytes)
            }
            // More was promised.
            (Piece::End, Some(_)) => Piece::Broke,
            (piece, _) => piece,
        }
    }

    /// Whether all that was promised has been read.
    pub fn is_over(&self) -> bool {
        self.left == Some(0) || self.body.is_none()
    }

    /// Reads for core.
    pub fn collect(&mut self, collect: &mut Collect) -> Option<Collected> {
        collect.step(self)
    }

    /// Reads on for a while, and drops what comes. Who waits to be told to go on sends nothing more.
    pub fn linger(&mut self) {
        if self.expects {
            return;
        }
        let deadline = after(LINGER_TIME);
        while !is_past(deadline) {
            match self.read(LINGER_PIECE_BYTES) {
                Piece::Bytes(_) => {}
                Piece::NotYet => {
                    let Some(ready) = self.ready() else { return };
                    poll::poll(&[&ready, &ready_at(deadline)]);
                }
                Piece::End | Piece::Broke => return,
            }
        }
    }

    /// Ready when a read brings something.
    pub fn ready(&self) -> Option<Pollable> {
        self.body.as_ref().map(Reader::ready)
    }
}

impl Body for Client {
    fn read(&mut self, max: u64) -> Piece {
        Self::read(self, max)
    }

    /// What the client sends is collected whole: nothing comes back.
    fn give_back(&mut self, _: Bytes) {}
}

/// So long a client may read its reply before it has stopped sending.
const LINGER_TIME: Duration = Duration::from_secs(3);

const LINGER_PIECE_BYTES: u64 = 256 << 10;
