//! TLS over a socket, as two halves that advance on their own.
//!
//! The halves share rustls' state under a lock that is held for one poll, and each has its own handle on the socket, so
//! that waiting to write never takes the place of waiting to read.

use std::future::poll_fn;
use std::io::{self, IoSlice, Read as _, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_lite::{AsyncRead, AsyncWrite};
use rustls::ClientConnection;
use smol::net::TcpStream;

use super::TlsFault;
use crate::client::ClientError;
use crate::client::connect::Link;

/// Bytes that are read from the socket at once. rustls by itself would ask for 4 KiB.
const RECEIVE_BYTES: usize = 32 * 1024;

/// Shakes hands.
pub(super) async fn agree(connection: ClientConnection, socket: TcpStream) -> Result<Link, ClientError> {
    let connection = Arc::new(Mutex::new(connection));
    let half =
        |socket| Half { socket, connection: connection.clone(), received: Vec::new(), taken: 0, fault: None };
    let (mut reading, writing) = (half(socket.clone()), half(socket));
    // Any other error is that of a socket that broke.
    poll_fn(|cx| reading.poll_agree(cx))
        .await
        .map_err(|error| ClientError::tls_from_io(error).unwrap_or(ClientError::Tls(TlsFault::Closed)))?;
    Ok(Link { reading: Box::new(reading), writing: Box::new(writing) })
}

/// One direction of a connection.
struct Half {
    socket: TcpStream,
    connection: Arc<Mutex<ClientConnection>>,
    /// What came from the socket; the first `taken` bytes are rustls' already.
    received: Vec<u8>,
    taken: usize,
    /// What came after the bytes that were handed out.
    fault: Option<io::Error>,
}

fn lock(connection: &Mutex<ClientConnection>) -> MutexGuard<'_, ClientConnection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Half {
    fn poll_agree(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let sent = self.poll_send(cx)?;
            if !lock(&self.connection).is_handshaking() {
                return sent.map(Ok);
            }
            if ready!(self.poll_receive(cx))? == 0 {
                return Poll::Ready(Err(ClientError::Tls(TlsFault::Closed).into_io()));
            }
        }
    }

    /// Hands what rustls has ready to the socket.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut connection = lock(&self.connection);
        while connection.wants_write() {
            match connection.write_tls(&mut Outlet { socket: &mut self.socket, cx }) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Hands the next bytes to rustls; 0 at the end of the socket.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.taken == self.received.len() {
            self.received.resize(RECEIVE_BYTES, 0);
            let read = Pin::new(&mut self.socket).poll_read(cx, &mut self.received);
            let count = if let Poll::Ready(Ok(count)) = read { count } else { 0 };
            self.received.truncate(count);
            self.taken = 0;
            ready!(read)?;
        }
        let mut connection = lock(&self.connection);
        let count = connection.read_tls(&mut &self.received[self.taken..])?;
        self.taken += count;
        let starting = connection.is_handshaking();
        let Err(error) = connection.process_new_packets() else { return Poll::Ready(Ok(count)) };
        drop(connection);
        // The server is told why, if it listens.
        let _ = self.poll_send(cx);
        let fault = if starting { TlsFault::at_start(error) } else { TlsFault::from_rustls(error) };
        Poll::Ready(Err(ClientError::Tls(fault).into_io()))
    }
}

impl AsyncRead for Half {
    /// An end that the server did not announce is an error: anybody on the way could have made it.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(fault) = self.fault.take() {
            return Poll::Ready(Err(fault));
        }
        let mut filled = 0;
        loop {
            let read = lock(&self.connection).reader().read(&mut buffer[filled..]);
            match read {
                Ok(0) => return Poll::Ready(Ok(filled)),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) if filled > 0 => return Poll::Ready(Ok(filled)),
                Err(error) => return Poll::Ready(Err(error)),
            }
            let at_hand = self.taken < self.received.len();
            if filled > 0 && (filled == buffer.len() || !at_hand) {
                return Poll::Ready(Ok(filled));
            }
            match self.poll_receive(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) if filled > 0 => {
                    self.fault = Some(error);
                    return Poll::Ready(Ok(filled));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl AsyncWrite for Half {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // What was taken before leaves first, so that rustls always has room.
        ready!(self.poll_send(cx))?;
        let count = lock(&self.connection).writer().write_vectored(parts)?;
        if let Poll::Ready(sent) = self.poll_send(cx) {
            sent?;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.connection).send_close_notify();
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

impl Drop for Half {
    /// The last half says good-bye, if the socket takes it at once.
    fn drop(&mut self) {
        if Arc::strong_count(&self.connection) == 1 {
            lock(&self.connection).send_close_notify();
            let _ = self.poll_send(&mut Context::from_waker(Waker::noop()));
        }
    }
}

/// The socket as rustls wants it.
struct Outlet<'a, 'b> {
    socket: &'a mut TcpStream,
    cx: &'a mut Context<'b>,
}

impl Write for Outlet<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match Pin::new(&mut *self.socket).poll_write_vectored(self.cx, parts) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
