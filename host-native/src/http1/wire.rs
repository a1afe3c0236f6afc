use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::socket::Socket;
use super::{BodyLength, Limits};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// Stands for a remainder of unknown length.
const UNKNOWN: u64 = u64::MAX;

/// What the two halves of one exchange share: the socket, and what each must know of the other.
#[derive(Debug)]
pub(super) struct Wire {
    pub socket: Socket,
    pub limits: Arc<Limits>,
    /// Bytes of the request body that have not been read from the socket.
    unread: AtomicU64,
    interim: Mutex<Interim>,
}

/// The course of `100 Continue`.
#[derive(Debug, PartialEq, Eq)]
enum Interim {
    /// The client did not ask, or its body began to arrive unasked.
    Needless,
    /// The client may be waiting for it.
    Due,
    /// So many of its bytes are sent.
    Begun(usize),
    /// The reply has begun without it.
    Withheld,
}

impl Wire {
    pub fn new(socket: Socket, limits: Arc<Limits>, length: BodyLength, expects_continue: bool) -> Self {
        let unread = match length {
            BodyLength::Exactly(length) => length,
            BodyLength::Chunked => UNKNOWN,
        };
        let interim = if expects_continue { Interim::Due } else { Interim::Needless };
        Self { socket, limits, unread: AtomicU64::new(unread), interim: Mutex::new(interim) }
    }

    pub fn set_unread(&self, bytes: u64) {
        self.unread.store(bytes, Ordering::Release);
    }

    /// The rest of the body cannot be read, so the connection cannot be used again.
    pub fn body_is_lost(&self) {
        self.set_unread(UNKNOWN);
    }

    /// Whether the rest of the body is sure to come and short enough to be read and dropped.
    pub fn rest_is_short(&self) -> bool {
        let unread = self.unread.load(Ordering::Acquire);
        unread == 0
            || (unread != UNKNOWN
                && unread <= self.limits.drain_bytes_max
                && !matches!(*self.interim(), Interim::Due | Interim::Withheld))
    }

    /// The body begins to arrive, so nobody is waiting for `100 Continue`.
    pub fn body_arrives(&self) {
        let mut interim = self.interim();
        if *interim == Interim::Due {
            *interim = Interim::Needless;
        }
    }

    /// Sends `100 Continue` if it is due and the reply has not begun. False: the socket is full.
    pub fn try_continue(&self) -> io::Result<bool> {
        let mut interim = self.interim();
        let sent = match *interim {
            Interim::Needless | Interim::Withheld => return Ok(true),
            Interim::Due => 0,
            Interim::Begun(sent) => sent,
        };
        let mut sent = sent;
        if sent < CONTINUE.len() {
            let Some(count) = self.socket.try_write(&[IoSlice::new(&CONTINUE[sent..])])? else {
                return Ok(false);
            };
            sent += count;
            *interim = Interim::Begun(sent);
        }
        let whole = sent == CONTINUE.len() && self.socket.try_flush()?;
        if whole {
            *interim = Interim::Needless;
        }
        Ok(whole)
    }

    /// From here on the socket's sending side belongs to the reply. Returns what must stand before it.
    pub fn begin_reply(&self) -> &'static [u8] {
        let mut interim = self.interim();
        match *interim {
            Interim::Needless | Interim::Withheld => &[],
            Interim::Due => {
                *interim = Interim::Withheld;
                &[]
            }
            Interim::Begun(sent) => {
                *interim = Interim::Needless;
                &CONTINUE[sent..]
            }
        }
    }

    fn interim(&self) -> std::sync::MutexGuard<'_, Interim> {
        self.interim.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{TcpListener, TcpStream};

    use smol::Async;

    use super::*;

    fn wire(length: BodyLength, expects_continue: bool) -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let socket = Socket::new(Arc::new(Async::new(stream).unwrap()));
        (Wire::new(socket, Arc::new(Limits::default()), length, expects_continue), client)
    }

    #[test]
    fn only_a_short_rest_that_is_sure_to_come_keeps_the_connection() {
        let most = Limits::default().drain_bytes_max;
        let table = [
            (BodyLength::Exactly(0), false, true),
            (BodyLength::Exactly(most), false, true),
            (BodyLength::Exactly(most + 1), false, false),
            (BodyLength::Exactly(u64::MAX), false, false),
            (BodyLength::Chunked, false, false),
            (BodyLength::Exactly(1), true, false),
        ];
        for (length, expects_continue, is_short) in table {
            let (wire, _client) = wire(length, expects_continue);
            assert_eq!(wire.rest_is_short(), is_short, "{length:?}");
            wire.begin_reply();
            assert_eq!(wire.rest_is_short(), is_short, "{length:?}");
            wire.set_unread(0);
            assert!(wire.rest_is_short());
        }
    }

    #[test]
    fn a_reply_withholds_or_completes_the_interim_answer() {
        let (wire, mut client) = wire(BodyLength::Chunked, true);
        *wire.interim() = Interim::Begun(10);
        assert_eq!(wire.begin_reply(), &CONTINUE[10..]);
        assert!(wire.try_continue().unwrap());

        *wire.interim() = Interim::Due;
        assert_eq!(wire.begin_reply(), b"");
        assert!(wire.try_continue().unwrap());

        *wire.interim() = Interim::Begun(20);
        assert!(wire.try_continue().unwrap());
        assert_eq!(wire.begin_reply(), b"");

        wire.socket.shut(std::net::Shutdown::Both);
        let mut sent = Vec::new();
        client.read_to_end(&mut sent).unwrap();
        assert_eq!(sent, &CONTINUE[20..]);
    }
}
