use std::fmt;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use rustls::ServerConfig;
use smol::Async;

use super::conclude::close;
use super::secure::{HandshakeFault, Secure, Step};
use super::socket::{Patience, Socket, Waited, after};
use super::{Connection, HeadRefusal, Limits, Next};

/// Bytes that are read at once until it is known what the client speaks.
const FIRST_BYTES: usize = 4 * 1024;
/// First byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// What came of a connection to a port for TLS.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one lives per connection, and is taken apart at once")]
pub enum Agreed {
    /// TLS is spoken from here on.
    Secure(Connection),
    /// The client speaks HTTP without TLS: [`Next::Refused`], for the caller to say so, or [`Next::Closed`].
    Plain(Next),
}

/// Why there is no TLS with a client. The connection is closed.
#[derive(Debug)]
pub enum Disagreement {
    /// The client left before it had said anything.
    Silent,
    /// The connection ended in the middle.
    Broken(io::Error),
    /// The handshake did not end within `head_time`.
    Late,
    /// What the client said, or has shown, does not do. It was told.
    Refused(rustls::Error),
}

impl Connection {
    /// Agrees on TLS with the client of a connection just accepted, within `head_time`.
    ///
    /// # Errors
    /// See [`Disagreement`].
    pub async fn agree(
        stream: impl Into<Arc<Async<TcpStream>>>,
        config: Arc<ServerConfig>,
        limits: Arc<Limits>,
    ) -> Result<Agreed, Disagreement> {
        let socket = Socket::new(stream.into());
        let until = after(Instant::now(), limits.head_time);
        let mut patience = Patience::default();
        let received = first_bytes(&socket, &mut patience, until).await?;
        if received.first() != Some(&TLS_HANDSHAKE) {
            let plain = Self::again(socket, limits, received);
            return Ok(Agreed::Plain(plain.refuse_next(HeadRefusal::Plain).await));
        }
        let secure = Secure::new(socket.stream().clone(), config, received).map_err(Disagreement::Refused)?;
        match shake_hands(&socket, &secure, &mut patience, until).await {
            Ok(()) => Ok(Agreed::Secure(Self::again(socket.secured(Arc::new(secure)), limits, Vec::new()))),
            Err(disagreement) => {
                if let Disagreement::Refused(_) = &disagreement {
                    // A socket closed over unread bytes would be reset, and the client might lose the alert.
                    close(&socket, after(Instant::now(), limits.linger_time)).await;
                }
                Err(disagreement)
            }
        }
    }
}

async fn first_bytes(
    socket: &Socket,
    patience: &mut Patience,
    until: Instant,
) -> Result<Vec<u8>, Disagreement> {
    loop {
        let mut bytes = vec![0; FIRST_BYTES];
        match socket.try_read(&mut bytes).map_err(Disagreement::Broken)? {
            Some(0) => return Err(Disagreement::Silent),
            Some(count) => {
                bytes.truncate(count);
                return Ok(bytes);
            }
            None => {}
        }
        drop(bytes);
        wait(socket.readable(patience, until).await)?;
    }
}

async fn shake_hands(
    socket: &Socket,
    secure: &Secure,
    patience: &mut Patience,
    until: Instant,
) -> Result<(), Disagreement> {
    loop {
        // A client that sends byte by byte must not get past the limit by never pausing.
        if Instant::now() >= until {
            return Err(Disagreement::Late);
        }
        match secure.try_agree() {
            Ok(Some(Step::Agreed)) => return Ok(()),
            Ok(Some(Step::On)) => {}
            Ok(Some(Step::Full)) => wait(socket.writable(patience, until).await)?,
            Ok(None) => wait(socket.readable(patience, until).await)?,
            Err(HandshakeFault::Broken(error)) => return Err(Disagreement::Broken(error)),
            Err(HandshakeFault::Refused(error)) => return Err(Disagreement::Refused(error)),
        }
    }
}

fn wait(waited: io::Result<Waited>) -> Result<(), Disagreement> {
    match waited.map_err(Disagreement::Broken)? {
        Waited::Ready => Ok(()),
        Waited::Late => Err(Disagreement::Late),
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("the client left without a word; nothing is wrong here"),
            Self::Broken(error) => {
                write!(f, "the connection broke within the TLS handshake ({error}); see what the client says")
            }
            Self::Late => f.write_str("the TLS handshake took too long; see what holds up the client"),
            Self::Refused(error) => {
                write!(f, "no TLS with this client: {error}; see what it trusts, speaks and shows")
            }
        }
    }
}

impl std::error::Error for Disagreement {}
