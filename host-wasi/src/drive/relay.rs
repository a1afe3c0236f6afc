use std::time::Duration;

use bytes::Bytes;
use wasip2::io::poll::Pollable;
use wharfinger_core::exchange::CallId;
use wharfinger_core::transfer::{End, Moved};

use super::timers::{Moment, after, is_past, sooner};
use crate::wire::{Reader, Reply, Spliced};

/// Bytes on their way into the reply.
#[derive(Debug)]
pub struct Relay {
    from: From,
    left: u64,
    bytes: u64,
    last: bool,
    patience: Patience,
    /// Who is waited for, and until when.
    waits: Option<(Side, Moment)>,
}

/// How long each side of a relay may let the other one wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// With a store that sends nothing.
    pub store: Duration,
    /// With a client that takes nothing.
    pub client: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Store,
    Client,
}

#[derive(Debug)]
enum From {
    Bytes(Bytes),
    Body(CallId, Reader),
    Nothing,
}

impl Relay {
    /// Sends bytes.
    pub fn bytes(bytes: Bytes, last: bool, patience: Patience) -> Self {
        let left = bytes.len() as u64;
        Self { from: From::Bytes(bytes), left, bytes: 0, last, patience, waits: None }
    }

    /// Sends `length` bytes of the body of a store's answer.
    pub fn body(call: CallId, body: Option<Reader>, length: u64, last: bool, patience: Patience) -> Self {
        let from = body.map_or(From::Nothing, |body| From::Body(call, body));
        Self { from, left: length, bytes: 0, last, patience, waits: None }
    }

    /// Stands for a body that is not there.
    pub fn nothing() -> Self {
        let patience = Patience { store: Duration::ZERO, client: Duration::ZERO };
        Self { from: From::Nothing, left: 1, bytes: 0, last: false, patience, waits: None }
    }

    /// Moves what can be moved; the outcome at the end.
    pub fn step(&mut self, reply: &mut Reply) -> Option<Moved> {
        let end = loop {
            if self.left == 0 {
                break End::Taken;
            }
            let Some(writer) = reply.writer() else { break End::SinkBroke };
            let spliced = match &mut self.from {
                From::Nothing => Spliced::SourceBroke,
                From::Body(_, body) => writer.splice(body, self.left.min(SPLICE_BYTES)),
                From::Bytes(bytes) => match writer.room() {
                    Err(_) => Spliced::SinkBroke,
                    Ok(0) => Spliced::SinkWaits,
                    Ok(room) => {
                        let count = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                        let piece = bytes.split_to(count);
                        match writer.write(&piece) {
                            Ok(()) => Spliced::Moved(count as u64),
                            Err(_) => Spliced::SinkBroke,
                        }
                    }
                },
            };
            match spliced {
                Spliced::SourceWaits if self.is_late(Side::Store) => break End::SourceLate,
                Spliced::SinkWaits if self.is_late(Side::Client) => break End::SinkBroke,
                Spliced::SourceWaits | Spliced::SinkWaits => return None,
                Spliced::Moved(count) => {
                    self.left = self.left.saturating_sub(count);
                    self.bytes += count;
                    self.waits = None;
                }
                Spliced::SourceEnded | Spliced::SourceBroke => break End::SourceBroke,
                Spliced::SinkBroke => break End::SinkBroke,
            }
        };
        let end = if self.last && end == End::Taken && !reply.finish() { End::SinkBroke } else { end };
        // What was not taken to its end did not arrive whole, whatever the count.
        let bytes = if end == End::Taken {
            self.bytes
        } else {
            self.bytes.min((self.bytes + self.left).saturating_sub(1))
        };
        Some(Moved { bytes, end, hashed: None })
    }

    /// Whether that side has let the other one wait for too long. Its time begins when it is the one that lacks.
    fn is_late(&mut self, side: Side) -> bool {
        match self.waits {
            Some((waits, deadline)) if waits == side => is_past(deadline),
            Some(_) | None => {
                let patience = match side {
                    Side::Store => self.patience.store,
                    Side::Client => self.patience.client,
                };
                self.waits = Some((side, after(patience)));
                false
            }
        }
    }

    /// What is left of the body.
    pub fn rest(&mut self) -> Option<(CallId, Reader)> {
        match std::mem::replace(&mut self.from, From::Nothing) {
            From::Body(call, body) => Some((call, body)),
            From::Bytes(_) | From::Nothing => None,
        }
    }

    /// What to wait for.
    pub fn want(&self, reply: &Reply, wanted: &mut Vec<Pollable>, deadline: &mut Option<Moment>) {
        if let Some(writer) = reply.writer() {
            match &self.from {
                From::Body(_, body) => wanted.push(writer.ready_to_splice(body)),
                From::Bytes(_) => wanted.push(writer.ready()),
                From::Nothing => {}
            }
            *deadline = sooner(*deadline, self.waits.map(|(_, deadline)| deadline));
        }
    }
}

const SPLICE_BYTES: u64 = 1 << 20;
