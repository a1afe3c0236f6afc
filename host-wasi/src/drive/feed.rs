use std::time::Duration;

use bytes::Bytes;
use wharfinger_core::transfer::{Blocks, End, Hasher, Moved, Take, Tap};

use super::client::Client;
use super::timers::{Moment, after, is_past, sooner};
use crate::files;
use crate::wire::{Broken, Piece, Writer};

/// Bytes on their way into a store call.
pub struct Feed {
    from: From,
    /// What was read and not yet written.
    pending: Bytes,
    bytes: u64,
    hasher: Option<Hasher>,
    /// Where they go; `None` before the first byte.
    sink: Option<Sink>,
    pub last: bool,
    /// When a client that sends nothing ends this body early, and when it is given up.
    stalls: Moment,
    idles: Moment,
    /// When a store that takes nothing is given up, while it takes nothing.
    jams: Option<Moment>,
    /// How long a store may take nothing.
    patience: Duration,
    /// It could go on, and lets others have their turn.
    rests: bool,
}

#[derive(Clone, Copy)]
enum From {
    Bytes,
    Client(Take),
}

/// Where the body of a call goes.
pub enum Sink {
    /// To a store over HTTP.
    Http(Writer),
    /// Into a file.
    File(files::Writer),
}

/// How a look at a feed went.
pub enum Step {
    /// It waits: for the client, or for the store to take more.
    Waits,
    /// The first bytes are there: the call is to be opened.
    Opens,
    /// It is over.
    Over(Moved, Option<Sink>),
}

impl Feed {
    /// Sends bytes that are at hand. A store that takes none of them for `patience` is given up.
    pub fn bytes(bytes: Bytes, last: bool, patience: Duration) -> Self {
        let count = bytes.len() as u64;
        Self {
            from: From::Bytes,
            pending: bytes,
            bytes: count,
            hasher: None,
            sink: None,
            last,
            stalls: 0,
            idles: 0,
            jams: None,
            patience,
            rests: false,
        }
    }

    /// Sends what the client sends.
    pub fn client(
        take: Take,
        tap: &Tap,
        last: bool,
        blocks: Blocks,
        client: &Client,
        patience: Duration,
    ) -> Self {
        let hasher = match tap {
            Tap::Opaque => None,
            Tap::Digest(hashing) => Some(Hasher::new(hashing, blocks)),
        };
        Self {
            from: From::Client(take),
            pending: Bytes::new(),
            bytes: 0,
            hasher,
            sink: None,
            last,
            stalls: after(client.stall_time),
            idles: after(client.idle_time),
            jams: None,
            patience,
            rests: false,
        }
    }

    /// The whole body, if it is at hand.
    pub fn held(&self) -> Option<&Bytes> {
        match self.from {
            From::Bytes => Some(&self.pending),
            From::Client(_) => None,
        }
    }

    /// Whether core wants to hear how it went: an empty body at hand is not fed.
    pub fn is_told(&self) -> bool {
        self.bytes > 0 || matches!(self.from, From::Client(_))
    }

    /// Gives it the opened call.
    pub fn open(&mut self, sink: Sink) {
        self.sink = Some(sink);
    }

    /// Moves what can be moved, but not for ever: the store may have answered meanwhile.
    pub fn step(&mut self, client: &mut Client) -> Step {
        self.rests = false;
        for _ in 0..TURN_PIECES {
            if !self.pending.is_empty() {
                let Some(sink) = &mut self.sink else { return Step::Opens };
                match sink.write(&mut self.pending) {
                    Err(Broken) => return self.over(End::SinkBroke),
                    Ok(0) if self.jams.is_some_and(is_past) => return self.over(End::SinkBroke),
                    Ok(count) if count > 0 || self.jams.is_none() => self.jams = Some(after(self.patience)),
                    Ok(_) => {}
                }
                if !self.pending.is_empty() {
                    return Step::Waits;
                }
                self.jams = None;
                // The client could send nothing while the store took nothing.
                self.await_client(client);
            }
            let From::Client(take) = self.from else { return self.over(End::Eof) };
            match self.read(take, client) {
                Ok(true) => {}
                Ok(false) => return Step::Waits,
                Err(end) => return self.over(end),
            }
        }
        self.rests = true;
        Step::Waits
    }

    /// Ends it because the store has answered.
    pub fn stop(&mut self) -> Moved {
        self.moved(End::SinkBroke)
    }

    /// Reads a piece; `false` if there is none yet.
    fn read(&mut self, take: Take, client: &mut Client) -> Result<bool, End> {
        let (left, exactly) = match take {
            Take::Exactly(count) => (count.saturating_sub(self.bytes), true),
            Take::UpTo(count) => (count.saturating_sub(self.bytes), false),
            Take::ToEnd => (u64::MAX, false),
        };
        if left == 0 {
            return Err(if client.is_over() { End::Eof } else { End::Taken });
        }
        match client.read(left.min(PIECE_BYTES)) {
            Piece::Bytes(piece) => {
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&piece);
                }
                self.bytes += piece.len() as u64;
                self.pending = piece;
                self.await_client(client);
                Ok(true)
            }
            Piece::NotYet if self.ends_early() && is_past(self.stalls) => Err(End::Stalled),
            Piece::NotYet if is_past(self.idles) => Err(End::SourceLate),
            Piece::NotYet => Ok(false),
            Piece::End if exactly => Err(End::SourceBroke),
            Piece::End => Err(End::Eof),
            Piece::Broke => Err(End::SourceBroke),
        }
    }

    fn await_client(&mut self, client: &Client) {
        self.stalls = after(client.stall_time);
        self.idles = after(client.idle_time);
    }

    /// A file waits for its client as long as the client may pause; a store over HTTP does not, if it may get less.
    fn ends_early(&self) -> bool {
        let less = !matches!(self.from, From::Client(Take::Exactly(_)));
        less && self.bytes > 0 && matches!(self.sink, Some(Sink::Http(_)))
    }

    fn over(&mut self, end: End) -> Step {
        let sink = self.sink.take();
        Step::Over(self.moved(end), sink)
    }

    fn moved(&mut self, end: End) -> Moved {
        let hashed = self.hasher.take().map(|hasher| Box::new(hasher.finish()));
        Moved { bytes: self.bytes, end, hashed }
    }

    /// The next moment that matters.
    pub fn deadline(&self) -> Option<Moment> {
        match self.from {
            From::Client(_) if self.rests => Some(0),
            From::Client(_) if self.pending.is_empty() => {
                sooner(Some(self.idles), self.ends_early().then_some(self.stalls))
            }
            From::Client(_) | From::Bytes => self.jams,
        }
    }

    /// What it waits for, if that is the store.
    pub fn blocked_on(&self) -> Option<&Writer> {
        match &self.sink {
            Some(Sink::Http(writer)) if !self.pending.is_empty() => Some(writer),
            Some(Sink::Http(_) | Sink::File(_)) | None => None,
        }
    }

    /// Whether it waits for the client.
    pub fn reads_client(&self) -> bool {
        self.pending.is_empty() && matches!(self.from, From::Client(_))
    }
}

impl Sink {
    /// Takes from the front of `bytes` what can be written; returns how much that is.
    fn write(&mut self, bytes: &mut Bytes) -> Result<usize, Broken> {
        match self {
            Self::Http(writer) => {
                let room = writer.room()?;
                let count = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                let piece = bytes.split_to(count);
                if count > 0 {
                    writer.write(&piece)?;
                }
                Ok(count)
            }
            Self::File(writer) => {
                let piece = std::mem::take(bytes);
                writer.write(&piece)?;
                Ok(piece.len())
            }
        }
    }
}

const PIECE_BYTES: u64 = 256 << 10;

/// So many pieces are moved before anything else is looked at.
const TURN_PIECES: u32 = 16;
