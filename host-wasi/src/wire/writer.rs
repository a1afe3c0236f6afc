use wasip2::http::types::OutgoingBody;
use wasip2::io::poll::Pollable;
use wasip2::io::streams::{OutputStream, StreamError};

use super::Reader;

/// A body on its way out. Dropped, it is abandoned: who receives it sees that it is not whole.
#[derive(Debug)]
pub struct Writer {
    stream: OutputStream,
    body: OutgoingBody,
}

/// Whoever was to receive the body takes no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// How a splice went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spliced {
    /// So many bytes were moved, at least one.
    Moved(u64),
    /// There is nothing to read yet.
    SourceWaits,
    /// There is no room yet.
    SinkWaits,
    /// There is nothing more to read.
    SourceEnded,
    /// Reading failed.
    SourceBroke,
    /// Writing failed.
    SinkBroke,
}

impl Writer {
    /// `None` if the body was taken before.
    pub fn new(body: OutgoingBody) -> Option<Self> {
        let stream = body.write().ok()?;
        Some(Self { stream, body })
    }

    /// How many bytes can be written at once.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn room(&self) -> Result<u64, Broken> {
        self.stream.check_write().map_err(|_| Broken)
    }

    /// Writes bytes, no more than there is room for.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn write(&self, bytes: &[u8]) -> Result<(), Broken> {
        self.stream.write(bytes).map_err(|_| Broken)
    }

    /// Moves up to `max` bytes from a body to this one, without their passing through this component.
    pub fn splice(&self, from: &mut Reader, max: u64) -> Spliced {
        let room = match self.room() {
            Err(Broken) => return Spliced::SinkBroke,
            Ok(0) => return Spliced::SinkWaits,
            Ok(room) => room,
        };
        let held = from.take_held(room.min(max));
        if !held.is_empty() {
            return match self.write(&held) {
                Ok(()) => Spliced::Moved(held.len() as u64),
                Err(Broken) => Spliced::SinkBroke,
            };
        }
        let max = from.left().map_or(max, |left| left.min(max));
        if max == 0 {
            return Spliced::SourceEnded;
        }
        match self.stream.splice(from.stream(), max) {
            Ok(0) => Spliced::SourceWaits,
            Ok(moved) => {
                from.took(moved);
                Spliced::Moved(moved)
            }
            // Either side may be meant: ask the one that can be asked.
            Err(_) if self.room().is_err() => Spliced::SinkBroke,
            Err(StreamError::Closed) => Spliced::SourceEnded,
            Err(StreamError::LastOperationFailed(_)) => Spliced::SourceBroke,
        }
    }

    /// Ready when there is room.
    pub fn ready(&self) -> Pollable {
        self.stream.subscribe()
    }

    /// Ready when a splice can move something: the side that lacks is asked, never both, or the other one would be ready
    /// for ever.
    pub fn ready_to_splice(&self, from: &Reader) -> Pollable {
        match self.room() {
            Ok(0) => self.ready(),
            Ok(_) | Err(Broken) => from.ready(),
        }
    }

    /// Ends the body as whole.
    ///
    /// # Errors
    /// [`Broken`] if it is not as long as its head says, or nobody takes it.
    pub fn finish(self) -> Result<(), Broken> {
        let Self { stream, body } = self;
        drop(stream);
        OutgoingBody::finish(body, None).map_err(|_| Broken)
    }
}
