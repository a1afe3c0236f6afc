use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future;
use smol::Timer;

use super::BodyLength;
use super::chunked::{ChunkDecoder, ChunkFault, Step};
use super::socket::{Patience, Waited, after};
use super::wire::Wire;

/// Size of the buffer that a body of unknown or larger length is read into, in bytes.
const BUFFER_BYTES: usize = 128 * 1024;
/// Bytes in which a client shows that it goes on: one that sends a byte now and then would hold its connection for ever.
const PACE_BYTES: usize = 32 * 1024;
/// Size of the first buffer, in bytes: only a body that fills it gets the large one.
const FIRST_BUFFER_BYTES: usize = 16 * 1024;
/// Smallest buffer for a body, in bytes.
const SMALL_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes that may be read without waiting before other tasks get their turn.
const TURN_BYTES: usize = 4 * 1024 * 1024;

/// The body of one request, decoded as it is read.
///
/// The buffer is allocated at the first read and goes with the reader. If the client asked for
/// `100 Continue`, it is sent at the first read that has to wait, unless the reply has begun.
#[derive(Debug)]
pub struct BodyReader {
    wire: Arc<Wire>,
    framing: Framing,
    buffer: Vec<u8>,
    /// How much is read at once.
    read_bytes: usize,
    /// Decoded bytes that the caller has not consumed.
    ready: Range<usize>,
    /// Bytes as they came, not decoded; always behind `ready`.
    raw: Range<usize>,
    fault: Option<BodyError>,
    patience: Patience,
    /// Time spent waiting since the client last showed that it goes on.
    waited: Duration,
    /// Bytes that came since then.
    paced_bytes: usize,
    turn_bytes: usize,
}

/// What [`BodyReader::fill_within`] came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled<'a> {
    /// Decoded bytes, at least one.
    Bytes(&'a [u8]),
    /// The body is whole and over.
    End,
    /// No byte came in the time given. The body is as good as before.
    Stalled,
}

/// Why a body cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyError {
    /// The client closed or broke the connection before the end.
    Short,
    /// The chunked framing is broken.
    Malformed(ChunkFault),
    /// Fewer than 32 KiB came within `body_idle_time` of waiting.
    Late,
}

#[derive(Debug)]
enum Framing {
    Exactly { left: u64 },
    Chunked(ChunkDecoder),
    Over,
}

impl BodyReader {
    /// `read_ahead`: what was read from the socket behind the head.
    pub(super) fn new(wire: Arc<Wire>, length: BodyLength, read_ahead: Vec<u8>) -> Self {
        let framing = match length {
            BodyLength::Exactly(0) => Framing::Over,
            BodyLength::Exactly(left) => Framing::Exactly { left },
            BodyLength::Chunked => Framing::Chunked(ChunkDecoder::new()),
        };
        let raw = 0..read_ahead.len();
        let mut body = Self {
            wire,
            framing,
            buffer: read_ahead,
            read_bytes: FIRST_BUFFER_BYTES,
            ready: 0..0,
            raw,
            fault: None,
            patience: Patience::default(),
            waited: Duration::ZERO,
            paced_bytes: 0,
            turn_bytes: 0,
        };
        if !body.is_over() && !body.raw.is_empty() {
            body.wire.body_arrives();
            // So that the reply knows from the start that a body which came with its head is read. A
            // fault is told to whoever reads.
            if let Err(fault) = body.decode() {
                body.fail(fault);
            }
        }
        body
    }

    /// Decoded bytes: those left of the last call, or else the next ones. An empty slice is the proper
    /// end of the body.
    ///
    /// # Errors
    /// See [`BodyError`]; once failed, always failed.
    pub async fn fill(&mut self) -> Result<&[u8], BodyError> {
        self.advance(None).await?;
        Ok(&self.buffer[self.ready.clone()])
    }

    /// Like [`BodyReader::fill`], but comes back after `patience` without a byte, and the body can be
    /// read on. The time counts for `body_idle_time` all the same.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub async fn fill_within(&mut self, patience: Duration) -> Result<Filled<'_>, BodyError> {
        if !self.advance(Some(patience)).await? {
            return Ok(Filled::Stalled);
        }
        let bytes = &self.buffer[self.ready.clone()];
        Ok(if bytes.is_empty() { Filled::End } else { Filled::Bytes(bytes) })
    }

    /// Marks the first `count` bytes of the last fill as used.
    pub fn consume(&mut self, count: usize) {
        self.ready.start += count.min(self.ready.len());
    }

    /// Bytes of the body not yet consumed, when that is known: with Content-Length, or at the end.
    pub fn remaining_known(&self) -> Option<u64> {
        let ready = self.ready.len() as u64;
        match &self.framing {
            Framing::Exactly { left } => Some(left.saturating_add(ready)),
            Framing::Chunked(_) => None,
            Framing::Over => Some(ready),
        }
    }

    /// The longest pause that the client may make.
    pub fn body_idle_time(&self) -> Duration {
        self.wire.limits.body_idle_time
    }

    /// Waits until the client leaves, for a caller that is busy with something else once the body has
    /// been read. Never returns while there is something to read: reading tells about the client then.
    pub async fn client_gone(&mut self) {
        if !self.is_over() || !self.raw.is_empty() {
            std::future::pending().await
        }
        self.wire.socket.gone().await;
    }

    /// Reads and drops a short remainder, within `linger_time`. Returns the bytes that follow the body,
    /// or `None` if the connection cannot be used again.
    pub(super) async fn drain(mut self) -> Option<Vec<u8>> {
        if !self.is_over() {
            let linger_time = self.wire.limits.linger_time;
            let drained = future::or(self.read_and_drop(), async {
                Timer::after(linger_time).await;
                false
            });
            if !drained.await {
                return None;
            }
        }
        let rest = self.fault.is_none().then_some(self.raw)?;
        Some(self.buffer[rest].to_vec())
    }

    async fn read_and_drop(&mut self) -> bool {
        let mut dropped = 0;
        loop {
            let left = self.remaining_known().unwrap_or(0);
            if dropped + left > self.wire.limits.drain_bytes_max {
                return false;
            }
            match self.fill().await {
                Ok([]) => return true,
                Ok(bytes) => {
                    let count = bytes.len();
                    dropped += count as u64;
                    self.consume(count);
                }
                Err(_) => return false,
            }
        }
    }

    /// Makes `ready` non-empty unless the body is over. False: no byte came in `within`.
    async fn advance(&mut self, within: Option<Duration>) -> Result<bool, BodyError> {
        loop {
            if !self.ready.is_empty() {
                return Ok(true);
            }
            if let Some(fault) = self.fault {
                return Err(fault);
            }
            if let Err(fault) = self.decode() {
                self.fail(fault);
            } else if self.ready.is_empty() && self.is_over() {
                return Ok(true);
            } else if self.ready.is_empty() {
                match self.read_some(within).await {
                    Ok(Waited::Ready) => {}
                    Ok(Waited::Late) => return Ok(false),
                    Err(fault) => self.fail(fault),
                }
            }
        }
    }

    fn fail(&mut self, fault: BodyError) {
        self.fault = Some(fault);
        self.wire.body_is_lost();
    }

    fn is_over(&self) -> bool {
        match self.framing {
            Framing::Over => true,
            Framing::Exactly { .. } | Framing::Chunked(_) => false,
        }
    }

    /// Decodes all that has been read, moving payloads of several chunks together.
    fn decode(&mut self) -> Result<(), BodyError> {
        loop {
            match &mut self.framing {
                Framing::Over => {
                    self.wire.set_unread(0);
                    return Ok(());
                }
                Framing::Exactly { left } => {
                    let count =
                        usize::try_from(*left).map_or(self.raw.len(), |left| left.min(self.raw.len()));
                    *left -= count as u64;
                    self.wire.set_unread(*left);
                    if *left == 0 {
                        self.framing = Framing::Over;
                    }
                    self.make_ready(count);
                    return Ok(());
                }
                Framing::Chunked(decoder) => {
                    let (used, step) =
                        decoder.step(&self.buffer[self.raw.clone()]).map_err(BodyError::Malformed)?;
                    if let Step::Data(count) = step {
                        decoder.take(count);
                    }
                    self.raw.start += used;
                    match step {
                        Step::Data(count) => self.make_ready(count),
                        Step::More => return Ok(()),
                        Step::End => self.framing = Framing::Over,
                    }
                }
            }
        }
    }

    fn make_ready(&mut self, count: usize) {
        let payload = self.raw.start..self.raw.start + count;
        self.raw.start = payload.end;
        if self.ready.is_empty() {
            self.ready = payload;
        } else {
            let end = self.ready.end;
            self.buffer.copy_within(payload, end);
            self.ready.end = end + count;
        }
    }

    /// One successful read. Nothing is ready and nothing raw: the decoder has taken it all.
    async fn read_some(&mut self, within: Option<Duration>) -> Result<Waited, BodyError> {
        let wanted = match self.framing {
            Framing::Exactly { left } => {
                usize::try_from(left).map_or(self.read_bytes, |left| left.min(self.read_bytes))
            }
            Framing::Chunked(_) | Framing::Over => self.read_bytes,
        };
        if self.buffer.len() < wanted {
            self.buffer = vec![0; wanted.max(SMALL_BUFFER_BYTES)];
        }
        (self.ready, self.raw) = (0..0, 0..0);
        if self.turn_bytes > TURN_BYTES {
            self.turn_bytes = 0;
            future::yield_now().await;
        }
        let mut within = within;
        loop {
            match self.wire.socket.try_read(&mut self.buffer[..wanted]) {
                Ok(Some(0)) | Err(_) => return Err(BodyError::Short),
                Ok(Some(count)) => {
                    self.raw = 0..count;
                    if count == self.read_bytes {
                        self.read_bytes = BUFFER_BYTES;
                    }
                    self.paced_bytes += count;
                    if self.paced_bytes >= PACE_BYTES {
                        (self.waited, self.paced_bytes) = (Duration::ZERO, 0);
                    }
                    self.turn_bytes += count;
                    self.wire.body_arrives();
                    return Ok(Waited::Ready);
                }
                Ok(None) => {
                    self.turn_bytes = 0;
                    if self.wait(&mut within).await? == Waited::Late {
                        return Ok(Waited::Late);
                    }
                }
            }
        }
    }

    /// Waits for bytes, or for room to ask for them. Late: `within` is used up.
    async fn wait(&mut self, within: &mut Option<Duration>) -> Result<Waited, BodyError> {
        let idle_left = self.wire.limits.body_idle_time.saturating_sub(self.waited);
        let limit = within.map_or(idle_left, |within| within.min(idle_left));
        let began = Instant::now();
        let until = after(began, limit);
        let asked = self.wire.try_continue().map_err(|_| BodyError::Short)?;
        let waited = if asked {
            self.wire.socket.readable(&mut self.patience, until).await
        } else {
            self.wire.socket.writable(&mut self.patience, until).await
        };
        let took = began.elapsed();
        self.waited += took;
        if let Some(within) = within {
            *within = within.saturating_sub(took);
        }
        match waited.map_err(|_| BodyError::Short)? {
            Waited::Ready => Ok(Waited::Ready),
            Waited::Late if self.waited >= self.wire.limits.body_idle_time => Err(BodyError::Late),
            Waited::Late => Ok(Waited::Late),
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("the body ended before its announced end; send it again"),
            Self::Malformed(fault) => fault.fmt(f),
            Self::Late => f.write_str("the body came too slowly; send it without pauses"),
        }
    }
}

impl std::error::Error for BodyError {}
