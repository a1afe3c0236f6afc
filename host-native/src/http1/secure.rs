//! TLS on an accepted socket, in the manner of the socket itself: what cannot go on without waiting says so, and the
//! caller waits for the socket.
//!
//! Both directions share rustls' state under a lock that is never held while somebody waits. Between two requests there is
//! no buffer but those of rustls, which are a few KiB.

use std::io::{self, IoSlice, Read as _, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;
use rustls::{IoState, ServerConfig, ServerConnection};
use smol::Async;

use super::socket::attempt;

/// Bytes that are read from the socket at once. rustls by itself would ask for 4 KiB.
const RECEIVE_BYTES: usize = 32 * 1024;
/// Most encrypted bytes that wait for the socket to take them.
const SEND_BYTES_MAX: usize = 256 * 1024;
/// Reads from the socket that may bring no byte of content before other tasks get their turn.
const EMPTY_READS_MAX: usize = 8;

/// One connection's TLS.
#[derive(Debug)]
pub(super) struct Secure {
    stream: Arc<Async<TcpStream>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tls: ServerConnection,
    /// What came from the socket; the first `taken` bytes are rustls' already.
    received: Vec<u8>,
    taken: usize,
    /// Why nothing more can be read.
    fault: Option<rustls::Error>,
    /// A message of ours is under way: an end that is announced would make it look whole.
    halfway: bool,
}

impl Secure {
    /// `received`: what was read from the socket.
    pub fn new(
        stream: Arc<Async<TcpStream>>,
        config: Arc<ServerConfig>,
        received: Vec<u8>,
    ) -> Result<Self, rustls::Error> {
        let mut tls = ServerConnection::new(config)?;
        tls.set_buffer_limit(Some(SEND_BYTES_MAX));
        let state = State { tls, received, taken: 0, fault: None, halfway: false };
        Ok(Self { stream, state: Mutex::new(state) })
    }

    /// One step of the handshake, for which both directions have to go on. What was ready is sent, unless the socket is
    /// full. `None`: nothing has come.
    pub fn try_agree(&self) -> Result<Option<Step>, HandshakeFault> {
        let mut state = self.state();
        let sent = state.try_send(&self.stream).map_err(HandshakeFault::Broken)?;
        if !sent {
            return Ok(Some(Step::Full));
        }
        if !state.tls.is_handshaking() {
            return Ok(Some(Step::Agreed));
        }
        if state.taken == state.received.len() {
            match state.try_receive(&self.stream).map_err(HandshakeFault::Broken)? {
                None => return Ok(None),
                Some(0) => return Err(HandshakeFault::Broken(io::ErrorKind::UnexpectedEof.into())),
                Some(_) => {}
            }
        }
        match state.process(&self.stream).map_err(HandshakeFault::Broken)? {
            Ok(_) => Ok(Some(Step::On)),
            Err(error) => Err(HandshakeFault::Refused(error)),
        }
    }

    /// The certificate that the client has shown.
    pub fn client_certificate(&self) -> Option<CertificateDer<'static>> {
        Some(self.state().tls.peer_certificates()?.first()?.clone().into_owned())
    }

    /// As [`super::socket::Socket::try_read`]. The end is `Some(0)` only if the client has announced it: any other one could
    /// have been made by somebody on the way, and is an error.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let state = &mut *self.state();
        let (mut filled, mut empty_reads) = (0, 0);
        loop {
            match state.tls.reader().read(&mut buffer[filled..]) {
                Ok(0) => return Ok(Some(filled)),
                Ok(count) => {
                    filled += count;
                    if filled == buffer.len() {
                        return Ok(Some(filled));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // It is told again at the next read.
                Err(_) if filled > 0 => return Ok(Some(filled)),
                Err(error) => return Err(error),
            }
            if let Some(fault) = state.fault.clone() {
                return if filled > 0 { Ok(Some(filled)) } else { Err(broken(fault)) };
            }
            if state.taken == state.received.len() {
                if filled == 0 && empty_reads == EMPTY_READS_MAX {
                    return Ok(None);
                }
                empty_reads += 1;
                match state.try_receive(&self.stream) {
                    Ok(Some(_)) => {}
                    Ok(None) => return Ok(Some(filled).filter(|filled| *filled > 0)),
                    Err(_) if filled > 0 => return Ok(Some(filled)),
                    Err(error) => return Err(error),
                }
            }
            match state.process(&self.stream) {
                Ok(Ok(_) | Err(_)) => {}
                Err(_) if filled > 0 => return Ok(Some(filled)),
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`super::socket::Socket::try_write`]. What is taken may still have to be sent; see [`Secure::try_flush`].
    pub fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        let mut state = self.state();
        // What was taken before leaves first, so that there is room.
        if !state.try_send(&self.stream)? {
            return Ok(None);
        }
        state.halfway = true;
        let count = state.tls.writer().write_vectored(slices)?;
        state.try_send(&self.stream)?;
        Ok(Some(count))
    }

    /// Sends what was taken. False: the socket is full.
    pub fn try_flush(&self) -> io::Result<bool> {
        self.state().try_send(&self.stream)
    }

    /// What was written so far is whole: should nothing follow, the end may be announced.
    pub fn said_all(&self) {
        self.state().halfway = false;
    }

    /// Announces the end. False: the socket is full.
    pub fn try_close(&self) -> io::Result<bool> {
        let mut state = self.state();
        state.tls.send_close_notify();
        state.try_send(&self.stream)
    }

    /// Whether the client has closed or broken the connection; `None` while bytes of it lie unread, so that nobody can see
    /// that. False: it has done neither so far.
    pub fn try_see_end(&self) -> Option<bool> {
        let mut state = self.state();
        loop {
            // What lies unread leaves no room for more, and that is no end.
            if state.tls.process_new_packets().is_ok_and(|io| io.plaintext_bytes_to_read() > 0) {
                return None;
            }
            match state.process(&self.stream) {
                Ok(Ok(io)) if io.plaintext_bytes_to_read() > 0 => return None,
                Ok(Ok(io)) if io.peer_has_closed() => return Some(true),
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return Some(true),
            }
            if state.taken < state.received.len() {
                continue;
            }
            match state.try_receive(&self.stream) {
                Ok(None) => return Some(false),
                Ok(Some(0)) | Err(_) => return Some(true),
                Ok(Some(_)) => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a step of the handshake led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more to do.
    On,
    /// The socket takes no more for the time being.
    Full,
    /// Both sides agree, and all is sent that says so.
    Agreed,
}

/// Why there is no agreement.
#[derive(Debug)]
pub(super) enum HandshakeFault {
    /// What the client said does not do.
    Refused(rustls::Error),
    /// The connection ended.
    Broken(io::Error),
}

impl State {
    /// Hands what rustls has ready to the socket. False: it takes no more.
    fn try_send(&mut self, stream: &Async<TcpStream>) -> io::Result<bool> {
        while self.tls.wants_write() {
            match attempt(|| self.tls.write_tls(&mut Outlet(stream.get_ref())))? {
                Some(0) => return Err(io::ErrorKind::WriteZero.into()),
                Some(_) => {}
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// One read from the socket, when rustls has taken what came before. At the end, which is `Some(0)`, rustls knows of it.
    fn try_receive(&mut self, stream: &Async<TcpStream>) -> io::Result<Option<usize>> {
        self.received.resize(RECEIVE_BYTES, 0);
        self.taken = 0;
        let read = attempt(|| stream.get_ref().read(&mut self.received));
        let count = if let Ok(Some(count)) = read { count } else { 0 };
        self.received.truncate(count);
        if count == 0 {
            self.received = Vec::new();
        }
        if let Ok(Some(0)) = read {
            self.tls.read_tls(&mut io::empty())?;
        }
        read
    }

    /// Has rustls take some of what was received, understand it, and say what it has to say by itself, such as why it does
    /// not go on. If the socket is full, that goes before what is said next.
    fn process(&mut self, stream: &Async<TcpStream>) -> io::Result<Result<IoState, rustls::Error>> {
        if self.taken < self.received.len() {
            self.taken += self.tls.read_tls(&mut &self.received[self.taken..])?;
        }
        let processed = self.tls.process_new_packets();
        if let Err(fault) = &processed {
            self.fault = Some(fault.clone());
            // The client may be gone already.
            let _ = self.try_send(stream);
        } else if !self.tls.is_handshaking() {
            self.try_send(stream)?;
        }
        Ok(processed)
    }
}

fn broken(fault: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}

impl Drop for Secure {
    /// Says good-bye, if the socket takes it at once and nothing was broken off.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !state.halfway && !state.tls.is_handshaking() {
            state.tls.send_close_notify();
            let _ = state.try_send(&self.stream);
        }
    }
}

/// The socket as rustls wants it.
struct Outlet<'a>(&'a TcpStream);

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
