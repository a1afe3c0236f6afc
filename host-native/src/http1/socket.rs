use std::future::poll_fn;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::net::SendFlags;
use smol::{Async, Timer};

use super::secure::Secure;
use super::{ClientCertificate, Peer};

const DECADES: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// A non-blocking TCP socket whose two directions may be used at the same time, with or without TLS on it.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    stream: Arc<Async<TcpStream>>,
    secure: Option<Arc<Secure>>,
    pub peer: Arc<Peer>,
}

/// How a wait came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    Ready,
    Late,
}

/// Waits with a time limit at the cost of one timer per limit, not per wait: a timer that fires before
/// the limit of the wait at hand is set anew, and one that is not needed stays.
#[derive(Debug, Default)]
pub(super) struct Patience {
    timer: Option<(Timer, Instant)>,
}

impl Socket {
    pub fn new(stream: Arc<Async<TcpStream>>) -> Self {
        // Heads and bodies leave in as few writes as they can; none should wait for an old one's ACK.
        // A socket that cannot do this still works.
        let _ = stream.get_ref().set_nodelay(true);
        let address = stream.get_ref().peer_addr().ok();
        Self { stream, secure: None, peer: Arc::new(Peer { address, ..Peer::default() }) }
    }

    /// The same with TLS, which both sides have agreed on.
    pub fn secured(self, secure: Arc<Secure>) -> Self {
        let certificate = secure.client_certificate().map(|der| ClientCertificate::read(&der));
        let peer = Peer { address: self.peer.address, secure: true, certificate };
        Self { stream: self.stream, secure: Some(secure), peer: Arc::new(peer) }
    }

    pub fn stream(&self) -> &Arc<Async<TcpStream>> {
        &self.stream
    }

    /// Whether the system cannot send a file by itself.
    pub fn must_encrypt(&self) -> bool {
        self.secure.is_some()
    }

    /// Reads what is there; `None` if that is nothing, `Some(0)` at the end.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match &self.secure {
            None => self.try_read_raw(buffer),
            Some(secure) => secure.try_read(buffer),
        }
    }

    /// The same without regard for TLS, for bytes that nobody wants.
    pub fn try_read_raw(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        attempt(|| self.stream.get_ref().read(buffer))
    }

    /// Writes what fits; `None` if that is nothing.
    pub fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        match &self.secure {
            None => attempt(|| self.stream.get_ref().write_vectored(slices)),
            Some(secure) => secure.try_write(slices),
        }
    }

    /// Sends what was taken to be encrypted. False: the socket is full.
    pub fn try_flush(&self) -> io::Result<bool> {
        self.secure.as_ref().map_or(Ok(true), |secure| secure.try_flush())
    }

    /// What was written so far is a whole message, which is to be seen at the end of the connection.
    pub fn said_all(&self) {
        if let Some(secure) = &self.secure {
            secure.said_all();
        }
    }

    /// Announces the end of what is sent, where there is a way to. False: the socket is full.
    pub fn try_close(&self) -> io::Result<bool> {
        self.secure.as_ref().map_or(Ok(true), |secure| secure.try_close())
    }

    /// Like [`Socket::try_write`], for bytes that are followed at once by others.
    pub fn try_write_more(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        if let Some(secure) = &self.secure {
            return secure.try_write(&[IoSlice::new(bytes)]);
        }
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        attempt(|| Ok(rustix::net::send(self.stream.get_ref(), bytes, flags)?))
    }

    /// sendfile(2): moves `offset` along; `Some(0)` at the end of the file. Not for a socket that must encrypt.
    pub fn try_send_file(
        &self,
        file: &std::fs::File,
        offset: &mut u64,
        count: usize,
    ) -> io::Result<Option<usize>> {
        debug_assert!(!self.must_encrypt(), "a file would leave in the clear");
        attempt(|| Ok(rustix::fs::sendfile(self.stream.get_ref(), file, Some(&mut *offset), count)?))
    }

    pub async fn readable(&self, patience: &mut Patience, until: Instant) -> io::Result<Waited> {
        patience.wait(self.stream.readable(), until).await
    }

    pub async fn writable(&self, patience: &mut Patience, until: Instant) -> io::Result<Waited> {
        patience.wait(self.stream.writable(), until).await
    }

    /// Waits for the client to close or break the connection. While bytes of it lie unread, nobody can
    /// see that.
    pub async fn gone(&self) {
        loop {
            match self.try_see_end() {
                Some(true) => return,
                Some(false) => {}
                None => std::future::pending().await,
            }
            if self.stream.readable().await.is_err() {
                return;
            }
        }
    }

    /// Whether the client has closed or broken the connection; `None` while bytes of it lie unread.
    fn try_see_end(&self) -> Option<bool> {
        if let Some(secure) = &self.secure {
            return secure.try_see_end();
        }
        match attempt(|| self.stream.get_ref().peek(&mut [0])) {
            Ok(Some(0)) | Err(_) => Some(true),
            Ok(Some(_)) => None,
            Ok(None) => Some(false),
        }
    }

    /// Ends one direction or both. A socket that is gone already is as good.
    pub fn shut(&self, how: Shutdown) {
        let _ = self.stream.get_ref().shutdown(how);
    }
}

impl Patience {
    async fn wait(
        &mut self,
        event: impl Future<Output = io::Result<()>>,
        until: Instant,
    ) -> io::Result<Waited> {
        let mut event = pin!(event);
        poll_fn(|context| {
            if let Poll::Ready(ready) = event.as_mut().poll(context) {
                return Poll::Ready(ready.map(|()| Waited::Ready));
            }
            loop {
                let (timer, _) = match &mut self.timer {
                    Some(armed) if armed.1 <= until => armed,
                    slot => slot.insert((Timer::at(until), until)),
                };
                if Pin::new(timer).poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.timer = None;
                if Instant::now() >= until {
                    return Poll::Ready(Ok(Waited::Late));
                }
            }
        })
        .await
    }
}

/// The instant `time` after `from`; a time beyond all instants counts as decades.
pub(super) fn after(from: Instant, time: Duration) -> Instant {
    from.checked_add(time).unwrap_or(from + DECADES)
}

pub(super) fn attempt(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match call() {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
