use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_lite::{AsyncBufRead, AsyncRead, Stream as _};
use smol::channel::{Receiver, Sender, bounded};

/// The body of a request.
#[derive(Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// At hand, so that it can be sent again.
    Bytes(Bytes),
    /// As it comes, and only once.
    Stream(Stream),
}

/// The far end of a [`Feed`].
#[derive(Debug)]
pub struct Stream {
    pub(super) reader: FeedReader,
    pub(super) length: Option<u64>,
}

/// Takes a body piece by piece, one in flight. Dropped unfinished, it breaks the request off, so that no server takes
/// it for whole.
#[derive(Debug)]
pub struct Feed {
    pieces: Sender<Piece>,
}

/// The request is over: it was answered for good, or it broke. The reason is told where the answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedGone;

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    End,
}

#[derive(Debug)]
pub(super) struct FeedReader {
    pieces: Pin<Box<Receiver<Piece>>>,
    at_hand: Bytes,
    over: bool,
}

impl Body {
    /// A body that is fed while it is sent. Without a length it goes in chunks; one of known length is whole with its
    /// last byte, finished or not.
    pub fn fed(length: Option<u64>) -> (Feed, Self) {
        let (sender, receiver) = bounded(1);
        let reader = FeedReader { pieces: Box::pin(receiver), at_hand: Bytes::new(), over: false };
        (Feed { pieces: sender }, Self::Stream(Stream { reader, length }))
    }
}

impl Feed {
    /// Hands the next bytes over; waits while those before are on their way.
    ///
    /// # Errors
    /// Nobody takes them any more.
    pub async fn write(&self, bytes: Bytes) -> Result<(), FeedGone> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.pieces.send(Piece::Bytes(bytes)).await.map_err(|_| FeedGone)
    }

    /// Says that the body is whole.
    ///
    /// # Errors
    /// Nobody hears it any more.
    pub async fn finish(self) -> Result<(), FeedGone> {
        self.pieces.send(Piece::End).await.map_err(|_| FeedGone)
    }
}

impl AsyncBufRead for FeedReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.at_hand.is_empty() && !this.over {
            match ready!(this.pieces.as_mut().poll_next(cx)) {
                Some(Piece::Bytes(bytes)) => this.at_hand = bytes,
                Some(Piece::End) => this.over = true,
                None => return Poll::Ready(Err(io::Error::other("it was dropped unfinished"))),
            }
        }
        Poll::Ready(Ok(&this.at_hand))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        let count = count.min(self.at_hand.len());
        self.at_hand.advance(count);
    }
}

impl AsyncRead for FeedReader {
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

impl fmt::Display for FeedGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request is over; look at its answer")
    }
}

impl std::error::Error for FeedGone {}
