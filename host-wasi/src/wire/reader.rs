use bytes::Bytes;
use wasip2::filesystem::types::Descriptor;
use wasip2::http::types::IncomingBody;
use wasip2::io::poll::Pollable;
use wasip2::io::streams::{InputStream, StreamError};

/// The bytes of a body, as they come.
#[derive(Debug)]
pub struct Reader {
    stream: InputStream,
    /// Bytes that were read and given back.
    held: Bytes,
    /// So many more bytes of the stream belong to the body; `None` if the stream's end tells.
    left: Option<u64>,
    _owner: Owner,
}

/// What a stream reads from, and must outlive it.
#[derive(Debug)]
enum Owner {
    Body(#[allow(dead_code, reason = "it is kept for its drop")] IncomingBody),
    File(#[allow(dead_code, reason = "it is kept for its drop")] Descriptor),
}

/// What a look at a body brought.
#[derive(Debug)]
pub enum Piece {
    /// Bytes, at least one.
    Bytes(Bytes),
    /// None yet.
    NotYet,
    /// The body is over. Whether it is whole is told by the count.
    End,
    /// It broke off.
    Broke,
}

impl Reader {
    /// The body of a request or an answer; `None` if it was taken before.
    pub fn of_body(body: IncomingBody) -> Option<Self> {
        let stream = body.stream().ok()?;
        Some(Self { stream, held: Bytes::new(), left: None, _owner: Owner::Body(body) })
    }

    /// `length` bytes of a file.
    pub fn of_file(file: Descriptor, stream: InputStream, length: u64) -> Self {
        Self { stream, held: Bytes::new(), left: Some(length), _owner: Owner::File(file) }
    }

    /// At most `max` bytes, if there are any.
    pub fn read(&mut self, max: u64) -> Piece {
        if !self.held.is_empty() {
            return Piece::Bytes(self.take_held(max));
        }
        let max = self.left.map_or(max, |left| left.min(max));
        if max == 0 {
            return Piece::End;
        }
        match self.stream.read(max) {
            Ok(bytes) if bytes.is_empty() => Piece::NotYet,
            Ok(bytes) => {
                self.took(bytes.len() as u64);
                Piece::Bytes(bytes.into())
            }
            Err(StreamError::Closed) => Piece::End,
            Err(StreamError::LastOperationFailed(_)) => Piece::Broke,
        }
    }

    /// Gives bytes back that were read last: they come again first.
    pub fn give_back(&mut self, bytes: Bytes) {
        self.held = bytes;
    }

    /// Ready when a read brings something.
    pub fn ready(&self) -> Pollable {
        self.stream.subscribe()
    }

    /// At most `max` of the bytes that were given back.
    pub(super) fn take_held(&mut self, max: u64) -> Bytes {
        let count = usize::try_from(max).unwrap_or(usize::MAX).min(self.held.len());
        self.held.split_to(count)
    }

    pub(super) fn stream(&self) -> &InputStream {
        &self.stream
    }

    pub(super) fn left(&self) -> Option<u64> {
        self.left
    }

    pub(super) fn took(&mut self, bytes: u64) {
        self.left = self.left.map(|left| left.saturating_sub(bytes));
    }
}
