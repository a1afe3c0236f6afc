use std::time::Duration;

use bytes::Bytes;
use wasip2::io::poll::Pollable;
use wharfinger_core::exchange::{CallId, Input};
use wharfinger_core::transfer::{Blocks, End, Hasher, Hashing, Moved, Source, Take};

use super::timers::{Moment, after, is_past, sooner};
use crate::wire::{Piece, Reader};

/// Bytes that are hashed and go nowhere.
pub struct Digesting {
    /// `None` once the outcome was told.
    hasher: Option<Hasher>,
    body: From,
    take: Take,
    bytes: u64,
    /// How long a store may send nothing, and until when that is.
    patience: Duration,
    deadline: Moment,
}

enum From {
    Bytes(Bytes),
    Body(CallId, Option<Reader>),
}

impl Digesting {
    /// Hashes bytes, or the body of a store's answer.
    pub fn new(
        from: Source,
        body: Option<Reader>,
        hashing: &Hashing,
        blocks: Blocks,
        patience: Duration,
    ) -> Self {
        let hasher = Some(Hasher::new(hashing, blocks));
        let (body, take) = match from {
            Source::Backend { take, call, .. } => (From::Body(call, body), take),
            Source::Bytes(bytes) => (From::Bytes(bytes), Take::ToEnd),
            Source::Empty | Source::Client { .. } => (From::Bytes(Bytes::new()), Take::ToEnd),
        };
        Self { hasher, body, take, bytes: 0, patience, deadline: after(patience) }
    }

    /// Whether it reads the body of the answer to this call.
    pub fn is_of(&self, id: CallId) -> bool {
        matches!(self.body, From::Body(call, _) if call == id)
    }

    /// Hashes what there is; the outcome at the end.
    pub fn step(&mut self) -> Option<Input> {
        let hasher = self.hasher.as_mut()?;
        let end = match &mut self.body {
            From::Bytes(bytes) => {
                hasher.update(bytes);
                self.bytes = bytes.len() as u64;
                End::Eof
            }
            From::Body(_, None) => End::SourceBroke,
            From::Body(_, Some(body)) => loop {
                let left = match self.take {
                    Take::Exactly(count) | Take::UpTo(count) => count.saturating_sub(self.bytes),
                    Take::ToEnd => u64::MAX,
                };
                if left == 0 {
                    break End::Taken;
                }
                match body.read(left.min(PIECE_BYTES)) {
                    Piece::Bytes(piece) => {
                        hasher.update(&piece);
                        self.bytes += piece.len() as u64;
                        self.deadline = after(self.patience);
                    }
                    Piece::NotYet if is_past(self.deadline) => break End::SourceLate,
                    Piece::NotYet => return None,
                    Piece::End if matches!(self.take, Take::Exactly(_)) => break End::SourceBroke,
                    Piece::End => break End::Eof,
                    Piece::Broke => break End::SourceBroke,
                }
            },
        };
        let hasher = self.hasher.take()?;
        let hashed = Some(Box::new(hasher.finish()));
        Some(Input::Hashed { moved: Moved { bytes: self.bytes, end, hashed } })
    }

    /// What to wait for.
    pub fn want(&self, wanted: &mut Vec<Pollable>, deadline: &mut Option<Moment>) {
        if let From::Body(_, Some(body)) = &self.body {
            wanted.push(body.ready());
            *deadline = sooner(*deadline, Some(self.deadline));
        }
    }
}

const PIECE_BYTES: u64 = 1 << 20;
