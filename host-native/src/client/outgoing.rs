use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_lite::{AsyncBufReadExt as _, AsyncWriteExt as _, future};
use smol::Timer;

use super::connect::Writing;
use super::{ClientError, Late};

/// What follows a request's head.
pub(super) enum Payload {
    Bytes(Bytes),
    Stream { body: surf::Body, length: Option<u64> },
}

/// A request on its way. It moves on whenever one of its clones is polled.
#[derive(Clone)]
pub(super) struct Sending(Arc<Mutex<State>>);

enum State {
    Going(Pin<Box<dyn Future<Output = Result<Writing, ClientError>> + Send>>),
    /// The sending half of the connection, until somebody takes it.
    Done(Option<Writing>),
    Broken,
}

impl Sending {
    pub fn new(writing: Writing, head: Vec<u8>, payload: Payload, write_idle_time: Duration) -> Self {
        let transmission = Transmission { writing, write_idle_time };
        Self(Arc::new(Mutex::new(State::Going(Box::pin(transmission.run(head, payload))))))
    }

    /// Ready when nothing is left to do. The reason of a failure is told once; from then on it is `Closed`.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = match &mut *state {
            State::Going(going) => ready!(going.as_mut().poll(cx)),
            State::Done(_) => return Poll::Ready(Ok(())),
            State::Broken => return Poll::Ready(Err(ClientError::Closed)),
        };
        *state = State::Broken;
        Poll::Ready(sent.map(|writing| *state = State::Done(Some(writing))))
    }

    /// The sending half of the connection, if the whole request has left. If not, it is broken off here.
    pub fn end(&self) -> Option<Writing> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Done(writing) = &mut *state {
            return writing.take();
        }
        *state = State::Broken;
        None
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sending")
    }
}

struct Transmission {
    writing: Writing,
    write_idle_time: Duration,
}

impl Transmission {
    async fn run(mut self, head: Vec<u8>, payload: Payload) -> Result<Writing, ClientError> {
        match payload {
            Payload::Bytes(bytes) => self.write([&head, &bytes, &[]]).await?,
            Payload::Stream { body, length: Some(length) } => {
                self.write([&head, &[], &[]]).await?;
                self.write_exactly(body, length).await?;
            }
            Payload::Stream { body, length: None } => {
                self.write([&head, &[], &[]]).await?;
                self.write_chunks(body).await?;
            }
        }
        Ok(self.writing)
    }

    async fn write_exactly(&mut self, mut body: surf::Body, length: u64) -> Result<(), ClientError> {
        let mut left = length;
        while left > 0 {
            let piece = body.fill_buf().await.map_err(ClientError::Source)?;
            let count = piece.len();
            if count == 0 || count as u64 > left {
                let why = "its length is not the one announced";
                return Err(ClientError::Source(io::Error::new(io::ErrorKind::InvalidData, why)));
            }
            self.write([piece, &[], &[]]).await?;
            body.consume(count);
            left -= count as u64;
        }
        Ok(())
    }

    async fn write_chunks(&mut self, mut body: surf::Body) -> Result<(), ClientError> {
        loop {
            let piece = body.fill_buf().await.map_err(ClientError::Source)?;
            if piece.is_empty() {
                return self.write([b"0\r\n\r\n", &[], &[]]).await;
            }
            let count = piece.len();
            self.write([format!("{count:x}\r\n").as_bytes(), piece, b"\r\n"]).await?;
            body.consume(count);
        }
    }

    async fn write(&mut self, parts: [&[u8]; 3]) -> Result<(), ClientError> {
        let mut slices = parts.map(IoSlice::new);
        let mut slices = &mut slices[..];
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            let count = in_time(self.write_idle_time, self.writing.write_vectored(slices)).await?;
            if count == 0 {
                return Err(ClientError::Closed);
            }
            IoSlice::advance_slices(&mut slices, count);
        }
        // What TLS holds back must not wait for a next piece that comes late.
        in_time(self.write_idle_time, self.writing.flush()).await
    }
}

async fn in_time<T>(time: Duration, write: impl Future<Output = io::Result<T>>) -> Result<T, ClientError> {
    let write = async { write.await.map_err(|_| ClientError::Closed) };
    let late = async {
        Timer::after(time).await;
        Err(ClientError::Late(Late::Write))
    };
    future::or(write, late).await
}
