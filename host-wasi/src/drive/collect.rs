use std::time::Duration;

use bytes::Bytes;
use wharfinger_core::exchange::{Collected, Input, Side, Until};

use super::timers::{Moment, after, is_past};
use crate::wire::{Piece, Reader};

/// What is read from.
pub trait Body {
    /// At most `max` bytes, if there are any.
    fn read(&mut self, max: u64) -> Piece;

    /// Gives bytes back that were read last: they come again first.
    fn give_back(&mut self, bytes: Bytes);
}

/// A small body that is read for core.
#[derive(Debug)]
pub struct Collect {
    max: usize,
    until: Until,
    bytes: Vec<u8>,
    deadline: Option<Moment>,
}

impl Collect {
    /// Reads up to `max` bytes, within a time if one is given.
    pub fn new(max: u32, until: Until, time: Option<Duration>) -> Self {
        Self { max: max as usize, until, bytes: Vec::new(), deadline: time.map(after) }
    }

    /// When it is too late.
    pub fn deadline(&self) -> Option<Moment> {
        self.deadline
    }

    /// Reads what there is. What follows a line is given back.
    pub fn step(&mut self, body: &mut impl Body) -> Option<Collected> {
        loop {
            match body.read(PIECE_BYTES) {
                Piece::Bytes(mut piece) => {
                    let line = match self.until {
                        Until::Line => piece.iter().position(|byte| *byte == b'\n'),
                        Until::End => None,
                    };
                    if let Some(at) = line {
                        body.give_back(piece.split_off(at + 1));
                    }
                    self.bytes.extend_from_slice(&piece);
                    if self.bytes.len() > self.max {
                        return Some(Collected::TooLong);
                    }
                    if line.is_some() {
                        return Some(self.whole());
                    }
                }
                Piece::NotYet if self.deadline.is_some_and(is_past) => return Some(Collected::Late),
                Piece::NotYet => return None,
                Piece::End => return Some(self.end()),
                Piece::Broke => return Some(Collected::Broke),
            }
        }
    }

    fn end(&mut self) -> Collected {
        match self.until {
            Until::End => self.whole(),
            Until::Line => Collected::TooLong,
        }
    }

    fn whole(&mut self) -> Collected {
        Collected::Whole(Bytes::from(std::mem::take(&mut self.bytes)))
    }
}

impl Body for Reader {
    fn read(&mut self, max: u64) -> Piece {
        Self::read(self, max)
    }

    fn give_back(&mut self, bytes: Bytes) {
        Self::give_back(self, bytes);
    }
}

/// What is told of a body that is not there.
pub fn nothing(from: Side) -> Input {
    Input::Collected { from, outcome: Collected::Broke }
}

const PIECE_BYTES: u64 = 64 << 10;
