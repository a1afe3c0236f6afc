use bytes::Bytes;
use wasip2::io::poll::Pollable;
use wharfinger_core::exchange::Input;
use wharfinger_core::transfer::{Blocks, End, Hasher, Hashing, Moved, Source, Take};

use crate::wire::{Piece, Reader};

/// Bytes that are hashed and go nowhere.
pub struct Digesting {
    /// `None` once the outcome was told.
    hasher: Option<Hasher>,
    body: From,
    take: Take,
    bytes: u64,
}

enum From {
    Bytes(Bytes),
    Body(Option<Reader>),
}

impl Digesting {
    /// Hashes bytes, or the body of a store's answer.
    pub fn new(from: Source, body: Option<Reader>, hashing: &Hashing, blocks: Blocks) -> Self {
        let hasher = Some(Hasher::new(hashing, blocks));
        let (body, take) = match from {
            Source::Backend { take, .. } => (From::Body(body), take),
            Source::Bytes(bytes) => (From::Bytes(bytes), Take::ToEnd),
            Source::Empty | Source::Client { .. } => (From::Bytes(Bytes::new()), Take::ToEnd),
        };
        Self { hasher, body, take, bytes: 0 }
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
            From::Body(None) => End::SourceBroke,
            From::Body(Some(body)) => loop {
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
                    }
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

    /// Ready when there is more to hash.
    pub fn ready(&self) -> Option<Pollable> {
        match &self.body {
            From::Body(Some(body)) => Some(body.ready()),
            From::Body(None) | From::Bytes(_) => None,
        }
    }
}

const PIECE_BYTES: u64 = 1 << 20;
