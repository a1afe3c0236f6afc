use std::time::Duration;

use wasip2::io::poll::Pollable;
use wharfinger_core::exchange::{BodyLength, Collected};

use super::collect::Collect;
use crate::wire::{Piece, Reader};

/// The body of the client's request.
#[derive(Debug)]
pub struct Client {
    body: Option<Reader>,
    /// So many bytes are still to come, if the client said how many there are.
    left: Option<u64>,
    /// It sends nothing before it is told to go on, which the first read does.
    waits: bool,
    /// A client that sends nothing for so long is given up.
    pub idle_time: Duration,
    /// A client that sends nothing for so long ends a segment early.
    pub stall_time: Duration,
}

impl Client {
    /// A body of that length.
    pub fn new(body: Option<Reader>, length: BodyLength, idle_time: Duration, stall_time: Duration) -> Self {
        let left = match length {
            BodyLength::Exactly(length) => Some(length),
            BodyLength::Unknown => None,
        };
        Self { body, left, waits: false, idle_time, stall_time }
    }

    /// One that waits to be told to go on (RFC 9110 section 10.1.1), if `waits`.
    #[must_use]
    pub fn that_waits(self, waits: bool) -> Self {
        Self { waits, ..self }
    }

    /// Whether the body may be read to its end without telling the client to send it.
    pub fn is_under_way(&self) -> bool {
        !self.waits && !self.is_over()
    }

    /// At most `max` bytes, if there are any. The end of a body that did not say its length is found by reading on.
    pub fn read(&mut self, max: u64) -> Piece {
        if self.left == Some(0) {
            return Piece::End;
        }
        self.waits = false;
        let Some(body) = &mut self.body else { return Piece::End };
        let piece = body.read(max);
        if let (Piece::Bytes(bytes), Some(left)) = (&piece, &mut self.left) {
            *left = left.saturating_sub(bytes.len() as u64);
        }
        piece
    }

    /// Whether all that was promised has been read.
    pub fn is_over(&self) -> bool {
        self.left == Some(0) || self.body.is_none()
    }

    /// Reads for core.
    pub fn collect(&mut self, collect: &mut Collect) -> Option<Collected> {
        self.waits = false;
        match &mut self.body {
            Some(body) => collect.step(body),
            None => Some(collect.end()),
        }
    }

    /// Ready when a read brings something.
    pub fn ready(&self) -> Option<Pollable> {
        self.body.as_ref().map(Reader::ready)
    }
}
