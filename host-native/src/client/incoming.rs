use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_lite::{AsyncBufRead, AsyncRead};
use smol::Timer;

use super::connect::{Link, Origin, Reading};
use super::outgoing::Sending;
use super::pool::Pool;
use super::{ClientError, Late};
use crate::http1::{ChunkDecoder, Step};

/// Size of the buffer for a body, in bytes.
const BUFFER_BYTES: usize = 128 * 1024;
/// Bytes that may be read without waiting before other tasks get their turn.
const TURN_BYTES: usize = 4 * 1024 * 1024;

/// How the end of an answer's body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerLength {
    /// By its length in bytes; 0 if there is no body, as in answers to HEAD.
    Exactly(u64),
    /// By the chunked coding.
    Chunked,
    /// By the end of the connection, so that nobody can tell whether it is whole.
    UntilClose,
}

/// The body of an answer, decoded as it is read. The connection goes back to the pool at its end.
pub(super) struct Incoming {
    reading: Option<Reading>,
    sending: Sending,
    framing: Framing,
    buffer: Vec<u8>,
    /// Decoded bytes that the caller has not consumed.
    ready: Range<usize>,
    /// Bytes as they came, not decoded; always behind `ready`.
    raw: Range<usize>,
    idle: Option<Timer>,
    body_idle_time: Duration,
    home: Option<Home>,
    turn_bytes: usize,
}

/// Where a connection goes that can be used again.
pub(super) struct Home {
    pub pool: Arc<Pool>,
    pub origin: Origin,
}

enum Framing {
    Exactly { left: u64 },
    Chunked(ChunkDecoder),
    UntilClose,
    Over,
}

impl Incoming {
    /// `read_ahead`: what came behind the head. Without a `home` the connection is closed at the end.
    pub fn new(
        reading: Reading,
        sending: Sending,
        length: AnswerLength,
        read_ahead: Vec<u8>,
        body_idle_time: Duration,
        home: Option<Home>,
    ) -> Self {
        let framing = match length {
            AnswerLength::Exactly(left) => Framing::Exactly { left },
            AnswerLength::Chunked => Framing::Chunked(ChunkDecoder::new()),
            AnswerLength::UntilClose => Framing::UntilClose,
        };
        let raw = 0..read_ahead.len();
        let reading = Some(reading);
        Self {
            reading,
            sending,
            framing,
            buffer: read_ahead,
            ready: 0..0,
            raw,
            idle: None,
            body_idle_time,
            home,
            turn_bytes: 0,
        }
    }

    /// Makes the next bytes at hand ready, if there are any.
    fn decode(&mut self) -> Result<(), ClientError> {
        let count = match &mut self.framing {
            Framing::Over => 0,
            Framing::UntilClose => self.raw.len(),
            Framing::Exactly { left } => {
                let count = usize::try_from(*left).map_or(self.raw.len(), |left| left.min(self.raw.len()));
                *left -= count as u64;
                if *left == 0 {
                    self.framing = Framing::Over;
                }
                count
            }
            Framing::Chunked(decoder) => {
                let (used, step) =
                    decoder.step(&self.buffer[self.raw.clone()]).map_err(ClientError::Chunk)?;
                self.raw.start += used;
                match step {
                    Step::Data(count) => {
                        decoder.take(count);
                        count
                    }
                    Step::More => 0,
                    Step::End => {
                        self.framing = Framing::Over;
                        0
                    }
                }
            }
        };
        self.ready = self.raw.start..self.raw.start + count;
        self.raw.start = self.ready.end;
        Ok(())
    }

    /// Returns the connection to the pool, or closes it: if the request has not left whole, nobody will say more.
    fn go_home(&mut self) {
        let writing = self.sending.end();
        if let (Some(reading), Some(writing), Some(home), true) =
            (self.reading.take(), writing, self.home.take(), self.raw.is_empty())
        {
            home.pool.put(home.origin, Link { reading, writing });
        }
    }

    /// Makes `ready` non-empty unless the body is over.
    fn poll_advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        // The answer counts, however the rest of the request fares.
        let _ = self.sending.poll(cx);
        loop {
            if !self.ready.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if let Err(error) = self.decode() {
                return Poll::Ready(Err(self.fail(error)));
            }
            if !self.ready.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if matches!(self.framing, Framing::Over) {
                self.go_home();
                return Poll::Ready(Ok(()));
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.fail(error))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn fail(&mut self, error: ClientError) -> ClientError {
        self.reading = None;
        self.sending.end();
        error
    }

    /// One read. Nothing is ready and nothing raw: the decoder has taken it all.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        let Some(reading) = &mut self.reading else { return Poll::Ready(Err(ClientError::Short)) };
        let wanted = match self.framing {
            Framing::Exactly { left } => {
                usize::try_from(left).map_or(BUFFER_BYTES, |left| left.min(BUFFER_BYTES))
            }
            Framing::Chunked(_) | Framing::UntilClose | Framing::Over => BUFFER_BYTES,
        };
        if self.buffer.len() < wanted {
            self.buffer = vec![0; wanted];
        }
        (self.ready, self.raw) = (0..0, 0..0);
        if self.turn_bytes > TURN_BYTES {
            self.turn_bytes = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match Pin::new(reading).poll_read(cx, &mut self.buffer[..wanted]) {
            Poll::Ready(Ok(0)) if matches!(self.framing, Framing::UntilClose) => self.framing = Framing::Over,
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(ClientError::Short)),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(ClientError::from_io(error))),
            Poll::Ready(Ok(count)) => {
                self.raw = 0..count;
                self.turn_bytes += count;
            }
            Poll::Pending => {
                self.turn_bytes = 0;
                let idle = self.idle.get_or_insert_with(|| Timer::after(self.body_idle_time));
                return Pin::new(idle).poll(cx).map(|_| Err(ClientError::Late(Late::Body)));
            }
        }
        self.idle = None;
        Poll::Ready(Ok(()))
    }
}

impl Drop for Incoming {
    /// An answer whose body is at hand and nobody wanted leaves a good connection.
    fn drop(&mut self) {
        while self.reading.is_some() && self.decode().is_ok() {
            if matches!(self.framing, Framing::Over) {
                return self.go_home();
            }
            if self.ready.is_empty() {
                return;
            }
        }
    }
}

/// An answer's body in the shape that surf asks for: shared by nobody, although its type must allow it.
pub(super) struct Unshared(Mutex<Incoming>);

impl Unshared {
    pub fn new(incoming: Incoming) -> Self {
        Self(Mutex::new(incoming))
    }

    fn incoming(&mut self) -> &mut Incoming {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncBufRead for Unshared {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut().incoming();
        match this.poll_advance(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(&this.buffer[this.ready.clone()])),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into_io())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        let ready = &mut self.incoming().ready;
        ready.start += count.min(ready.len());
    }
}

impl AsyncRead for Unshared {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Poll::Ready(Ok(count))
    }
}
