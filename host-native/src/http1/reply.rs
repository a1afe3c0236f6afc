use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Instant;

use futures_lite::future;
use http::{HeaderMap, StatusCode};

use super::codec::encode_head;
use super::socket::{Patience, Waited, after};
use super::wire::Wire;

/// Most bytes given to one sendfile(2) call, so that a slow disk does not hold up a thread for long.
const SENDFILE_BYTES: u64 = 512 * 1024;
/// Size of the buffer for files that sendfile(2) cannot read or that must be encrypted, in bytes.
const COPY_BYTES: usize = 128 * 1024;
/// Bytes that may be written without waiting before other tasks get their turn.
const TURN_BYTES: u64 = 4 * 1024 * 1024;

/// Length of a reply's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyLength {
    /// So many bytes follow. In a reply to HEAD, and with 304, they are announced and may be written,
    /// but are not sent.
    Exactly(u64),
    /// No Content-Length: 204, 304, and replies to HEAD whose length is not known.
    None,
    /// So many bytes would have followed: replies to HEAD and 304.
    HeadOnly(u64),
}

/// Why a reply cannot be sent as told.
#[derive(Debug)]
pub enum ReplyError {
    /// The client took no byte for `write_idle_time`.
    Late,
    /// The connection broke.
    Gone(io::Error),
    /// The file to be sent cannot be read; the connection still stands.
    Source(io::Error),
    /// Status and length do not go together, or the status is an interim one.
    LengthMismatch,
    /// The head was given twice, or none was.
    OutOfOrder,
    /// More bytes than announced; nothing of the excess was sent.
    TooLong,
    /// Fewer bytes than announced; the connection was cut.
    Short,
}

/// The reply to one request. Its head waits for the first bytes of the body, so that a small reply
/// leaves in one write.
#[derive(Debug)]
pub struct ReplyWriter {
    wire: Arc<Wire>,
    /// Head bytes that are not sent.
    head: Vec<u8>,
    progress: Progress,
    /// The request was HEAD.
    to_head: bool,
    closes: bool,
    body_bytes_sent: u64,
    patience: Patience,
    turn_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Unbegun,
    Body {
        left: u64,
    },
    /// The rest of the body is taken, but not sent.
    Muted,
    Broken,
}

impl ReplyWriter {
    pub(super) fn new(wire: Arc<Wire>, to_head: bool, closes: bool) -> Self {
        Self {
            wire,
            head: Vec::new(),
            progress: Progress::Unbegun,
            to_head,
            closes,
            body_bytes_sent: 0,
            patience: Patience::default(),
            turn_bytes: 0,
        }
    }

    /// Decides the head. It says `Connection: close` if the client asked for that, if `headers` say so,
    /// or if the rest of the request body may be too long to be read. Fields that frame the message are
    /// taken from `length`, never from `headers`. No `100 Continue` is sent after this call.
    ///
    /// # Errors
    /// `LengthMismatch` and `OutOfOrder`; both leave the reply as it was.
    pub fn head(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        length: ReplyLength,
    ) -> Result<(), ReplyError> {
        if self.progress != Progress::Unbegun {
            return Err(ReplyError::OutOfOrder);
        }
        let (announced, progress) = plan(status, length, self.to_head)?;
        self.closes |= asks_to_close(headers) || !self.wire.rest_is_short();
        self.head = self.wire.begin_reply().to_vec();
        self.head.extend_from_slice(&encode_head(status, headers, announced, self.closes));
        self.progress = progress;
        Ok(())
    }

    /// Whether the head has been decided.
    pub fn has_begun(&self) -> bool {
        self.progress != Progress::Unbegun
    }

    /// Body bytes handed to the network.
    pub fn body_bytes_sent(&self) -> u64 {
        self.body_bytes_sent
    }

    /// Sends what waits, for a reply whose body takes its time.
    ///
    /// # Errors
    /// `OutOfOrder` without a head; `Late` and `Gone`.
    pub async fn flush(&mut self) -> Result<(), ReplyError> {
        self.claim(0)?;
        self.send(&[]).await
    }

    /// Sends the next bytes of the body.
    ///
    /// # Errors
    /// `TooLong` before anything is sent; `OutOfOrder` without a head; `Late` and `Gone` half way.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ReplyError> {
        self.claim(bytes.len() as u64)?;
        let bytes = if self.progress == Progress::Muted { &[] } else { bytes };
        self.send(bytes).await
    }

    /// Sends `length` bytes of `file` from `offset` as the next bytes of the body, without copying them
    /// where the system can. Returns how many: fewer if the file ends early.
    ///
    /// # Errors
    /// As [`ReplyWriter::write`], and `Source` if the file cannot be read; see
    /// [`ReplyWriter::body_bytes_sent`] for what was sent until then.
    pub async fn send_file(&mut self, file: &File, offset: u64, length: u64) -> Result<u64, ReplyError> {
        self.claim(length)?;
        if self.progress == Progress::Muted {
            return Ok(length);
        }
        if self.wire.socket.must_encrypt() {
            return self.copy_file(file, offset, length).await;
        }
        self.send_head_before_more(length).await?;
        let mut at = offset;
        let end = offset.saturating_add(length);
        while at < end {
            let count = usize::try_from((end - at).min(SENDFILE_BYTES)).unwrap_or(COPY_BYTES);
            match self.wire.socket.try_send_file(file, &mut at, count) {
                Ok(Some(0)) => break,
                Ok(Some(count)) => self.count_body(count as u64).await,
                Ok(None) => self.wait().await?,
                Err(error) if is_about_file(&error) => return Err(ReplyError::Source(error)),
                Err(error) if has_no_sendfile(&error) => {
                    let sent = at - offset;
                    return Ok(sent + self.copy_file(file, at, end - at).await?);
                }
                Err(error) => return Err(self.gone(error)),
            }
        }
        Ok(at - offset)
    }

    /// Ends the reply.
    ///
    /// # Errors
    /// `Short` if bytes are missing, and `OutOfOrder` if there is no head: the connection is cut then,
    /// so that nobody takes the reply for whole. `Late` and `Gone` as everywhere.
    pub async fn finish(&mut self) -> Result<(), ReplyError> {
        match self.progress {
            Progress::Muted | Progress::Body { left: 0 } => {
                self.send(&[]).await?;
                self.wire.socket.said_all();
                Ok(())
            }
            Progress::Body { .. } => {
                self.cut();
                Err(ReplyError::Short)
            }
            Progress::Unbegun | Progress::Broken => {
                self.cut();
                Err(ReplyError::OutOfOrder)
            }
        }
    }

    /// Breaks the connection at once, for a reply that must not be taken for whole.
    pub fn cut(&mut self) {
        self.progress = Progress::Broken;
        self.closes = true;
        self.wire.socket.shut(Shutdown::Both);
    }

    pub(super) fn closes(&self) -> bool {
        self.closes
    }

    pub(super) fn into_wire(self) -> Arc<Wire> {
        self.wire
    }

    /// Whether so many more bytes were announced.
    fn claim(&self, count: u64) -> Result<(), ReplyError> {
        match self.progress {
            Progress::Body { left } if count > left => Err(ReplyError::TooLong),
            Progress::Body { .. } | Progress::Muted => Ok(()),
            Progress::Unbegun | Progress::Broken => Err(ReplyError::OutOfOrder),
        }
    }

    async fn send(&mut self, mut bytes: &[u8]) -> Result<(), ReplyError> {
        while !self.head.is_empty() || !bytes.is_empty() {
            match self.wire.socket.try_write(&[IoSlice::new(&self.head), IoSlice::new(bytes)]) {
                Ok(Some(0)) => return Err(self.gone(io::ErrorKind::WriteZero.into())),
                Ok(Some(count)) => {
                    let of_head = count.min(self.head.len());
                    self.head_sent(of_head);
                    bytes = bytes.get(count - of_head..).unwrap_or_default();
                    self.count_body((count - of_head) as u64).await;
                }
                Ok(None) => self.wait().await?,
                Err(error) => return Err(self.gone(error)),
            }
        }
        loop {
            match self.wire.socket.try_flush() {
                Ok(true) => return Ok(()),
                Ok(false) => self.wait().await?,
                Err(error) => return Err(self.gone(error)),
            }
        }
    }

    /// Sends the head so that the system puts the beginning of the body into the same packet.
    async fn send_head_before_more(&mut self, body_bytes: u64) -> Result<(), ReplyError> {
        while body_bytes > 0 && !self.head.is_empty() {
            match self.wire.socket.try_write_more(&self.head) {
                Ok(Some(0)) => return Err(self.gone(io::ErrorKind::WriteZero.into())),
                Ok(Some(count)) => self.head_sent(count),
                Ok(None) => self.wait().await?,
                Err(error) => return Err(self.gone(error)),
            }
        }
        Ok(())
    }

    async fn copy_file(&mut self, file: &File, offset: u64, length: u64) -> Result<u64, ReplyError> {
        let mut buffer = vec![0; COPY_BYTES];
        let mut copied = 0;
        while copied < length {
            let wanted = usize::try_from(length - copied).map_or(COPY_BYTES, |left| left.min(COPY_BYTES));
            match file.read_at(&mut buffer[..wanted], offset + copied) {
                Ok(0) => break,
                Ok(count) => {
                    self.send(&buffer[..count]).await?;
                    copied += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ReplyError::Source(error)),
            }
        }
        Ok(copied)
    }

    fn head_sent(&mut self, count: usize) {
        if count == self.head.len() {
            self.head = Vec::new();
        } else {
            self.head.drain(..count);
        }
    }

    async fn count_body(&mut self, count: u64) {
        self.body_bytes_sent += count;
        if let Progress::Body { left } = &mut self.progress {
            *left = left.saturating_sub(count);
        }
        self.turn_bytes += count;
        if self.turn_bytes > TURN_BYTES {
            self.turn_bytes = 0;
            future::yield_now().await;
        }
    }

    async fn wait(&mut self) -> Result<(), ReplyError> {
        self.turn_bytes = 0;
        let until = after(Instant::now(), self.wire.limits.write_idle_time);
        match self.wire.socket.writable(&mut self.patience, until).await {
            Ok(Waited::Ready) => Ok(()),
            Ok(Waited::Late) => {
                self.cut();
                Err(ReplyError::Late)
            }
            Err(error) => Err(self.gone(error)),
        }
    }

    fn gone(&mut self, error: io::Error) -> ReplyError {
        self.cut();
        ReplyError::Gone(error)
    }
}

/// The Content-Length to announce and what is to follow (RFC 9110 sections 6.4.1 and 8.6).
fn plan(
    status: StatusCode,
    length: ReplyLength,
    to_head: bool,
) -> Result<(Option<u64>, Progress), ReplyError> {
    let never_has_body = status == StatusCode::NO_CONTENT;
    let sends_no_body = to_head || status == StatusCode::NOT_MODIFIED;
    match length {
        _ if status.is_informational() => Err(ReplyError::LengthMismatch),
        ReplyLength::None | ReplyLength::Exactly(0) | ReplyLength::HeadOnly(0) if never_has_body => {
            Ok((None, Progress::Muted))
        }
        ReplyLength::None if sends_no_body => Ok((None, Progress::Muted)),
        ReplyLength::Exactly(length) | ReplyLength::HeadOnly(length) if sends_no_body && !never_has_body => {
            Ok((Some(length), Progress::Muted))
        }
        ReplyLength::Exactly(length) if !never_has_body => {
            Ok((Some(length), Progress::Body { left: length }))
        }
        ReplyLength::Exactly(_) | ReplyLength::None | ReplyLength::HeadOnly(_) => {
            Err(ReplyError::LengthMismatch)
        }
    }
}

fn asks_to_close(headers: &HeaderMap) -> bool {
    headers
        .get_all(http::header::CONNECTION)
        .iter()
        .any(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

fn is_about_file(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::IO, Errno::ISDIR, Errno::OVERFLOW, Errno::BADF]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn has_no_sendfile(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("the client took no byte of the reply for too long; it may ask again"),
            Self::Gone(error) => write!(f, "the client's connection broke ({error}); it may ask again"),
            Self::Source(error) => write!(f, "the file to be sent cannot be read ({error}); check the disk"),
            Self::LengthMismatch => {
                f.write_str("status and length of the reply do not go together; correct the caller")
            }
            Self::OutOfOrder => {
                f.write_str("a reply needs exactly one head, before its body; correct the caller")
            }
            Self::TooLong => f.write_str("the reply is longer than announced; correct the caller"),
            Self::Short => f.write_str("the reply is shorter than announced, so its connection was cut"),
        }
    }
}

impl std::error::Error for ReplyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fit_their_status() {
        use ReplyLength::{Exactly, HeadOnly, None as Unsaid};
        let body = |left| Some((Some(left), Progress::Body { left }));
        let muted = |length| Some((length, Progress::Muted));
        let table = [
            (200, Exactly(0), body(0), muted(Some(0))),
            (200, Exactly(7), body(7), muted(Some(7))),
            (200, HeadOnly(7), None, muted(Some(7))),
            (200, Unsaid, None, muted(None)),
            (204, Exactly(0), muted(None), muted(None)),
            (204, Exactly(7), None, None),
            (204, HeadOnly(7), None, None),
            (204, HeadOnly(0), muted(None), muted(None)),
            (204, Unsaid, muted(None), muted(None)),
            (304, Exactly(7), muted(Some(7)), muted(Some(7))),
            (304, HeadOnly(7), muted(Some(7)), muted(Some(7))),
            (304, Unsaid, muted(None), muted(None)),
            (100, Unsaid, None, None),
            (101, Exactly(0), None, None),
        ];
        for (status, length, to_get, to_head) in table {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(plan(status, length, false).ok(), to_get, "{status} {length:?}");
            assert_eq!(plan(status, length, true).ok(), to_head, "{status} {length:?} to HEAD");
        }
    }
}
