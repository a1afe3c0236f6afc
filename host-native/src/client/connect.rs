use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures_lite::{AsyncRead, AsyncWrite, future};
use smol::Timer;
use smol::net::TcpStream;

use super::{ClientError, Late, Settings};

pub(super) type Reading = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type Writing = Box<dyn AsyncWrite + Send + Unpin>;

/// A connection as two independent halves: of a socket, or of whatever is spoken over it.
pub(super) struct Link {
    pub reading: Reading,
    pub writing: Writing,
}

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// A name or an address; an IPv6 one without brackets.
    pub host: String,
    pub port: u16,
    /// Whether TLS is spoken.
    pub tls: bool,
}

impl Origin {
    pub fn of(url: &surf::Url) -> Result<Self, ClientError> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(ClientError::Request("its URL begins neither with http:// nor with https://")),
        };
        let host = url.host_str().ok_or(ClientError::Request("its URL has no host"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: url.port_or_known_default().unwrap_or(80), tls })
    }

    pub async fn connect(&self, settings: &Settings) -> Result<Link, ClientError> {
        let tls = match (self.tls, &settings.tls) {
            (true, None) => return Err(ClientError::NoTls),
            (true, Some(tls)) => Some(tls),
            (false, _) => None,
        };
        let end = Instant::now() + settings.connect_time;
        let connect =
            async { TcpStream::connect((self.host.as_str(), self.port)).await.map_err(ClientError::Connect) };
        let stream = before(end, connect, Late::Connect).await?;
        // Requests leave in as few writes as they can; none should wait for the ACK of an old one.
        let _ = stream.set_nodelay(true);
        match tls {
            None => Ok(Link { reading: Box::new(stream.clone()), writing: Box::new(stream) }),
            Some(tls) => before(end, tls.agree(&self.host, stream), Late::Handshake).await,
        }
    }
}

async fn before<T>(
    end: Instant,
    what: impl Future<Output = Result<T, ClientError>>,
    late: Late,
) -> Result<T, ClientError> {
    let over = async {
        Timer::at(end).await;
        Err(ClientError::Late(late))
    };
    future::or(what, over).await
}

impl Link {
    /// Whether the server has neither closed nor said anything since the last answer.
    pub fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        matches!(Pin::new(&mut self.reading).poll_read(&mut cx, &mut [0]), Poll::Pending)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}
