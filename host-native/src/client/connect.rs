use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::{AsyncRead, AsyncWrite, future};
use smol::Timer;
use smol::net::TcpStream;

use super::{ClientError, Late};

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
}

impl Origin {
    pub fn of(url: &surf::Url) -> Result<Self, ClientError> {
        match url.scheme() {
            "http" => {}
            "https" => return Err(ClientError::Tls),
            _ => return Err(ClientError::Request("its URL does not begin with http://")),
        }
        let host = url.host_str().ok_or(ClientError::Request("its URL has no host"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: url.port_or_known_default().unwrap_or(80) })
    }

    pub async fn connect(&self, connect_time: Duration) -> Result<Link, ClientError> {
        let connect =
            async { TcpStream::connect((self.host.as_str(), self.port)).await.map_err(ClientError::Connect) };
        let late = async {
            Timer::after(connect_time).await;
            Err(ClientError::Late(Late::Connect))
        };
        let stream = future::or(connect, late).await?;
        // Requests leave in as few writes as they can; none should wait for the ACK of an old one.
        let _ = stream.set_nodelay(true);
        Ok(Link { reading: Box::new(stream.clone()), writing: Box::new(stream) })
    }
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
