use std::fmt;
use std::io;

use super::TlsFault;
use crate::http1::{ChunkFault, HeadRefusal};

/// Why there is no answer, or not all of it.
#[derive(Debug)]
pub enum ClientError {
    /// The request cannot be sent as it is; what is wrong with it.
    Request(&'static str),
    /// The URL begins with `https://`, and this client has nothing to speak TLS with.
    NoTls,
    /// The server did not prove who it is, or TLS broke.
    Tls(TlsFault),
    /// The URL begins with `http://`, and the server speaks TLS.
    SpeaksTls,
    /// The server cannot be found or reached.
    Connect(io::Error),
    /// A time limit is over.
    Late(Late),
    /// The server closed the connection before a single byte of its answer.
    Closed,
    /// The head of the answer is no HTTP/1.1, too long, or can be understood in two ways.
    Head(HeadRefusal),
    /// The first line of the answer is no status line.
    StatusLine,
    /// Too many interim answers, or one that switches to another protocol.
    Interim,
    /// The chunked framing of the answer's body is broken.
    Chunk(ChunkFault),
    /// The answer ended before its announced end.
    Short,
    /// The answer's body is longer than the caller reads.
    TooLong,
    /// The body of the request ended early, is longer than announced, or cannot be read.
    Source(io::Error),
}

/// Which time limit is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Late {
    /// `connect_time`, before there was a connection.
    Connect,
    /// `connect_time`, before TLS was agreed upon.
    Handshake,
    /// `answer_time`.
    Answer,
    /// `body_idle_time`.
    Body,
    /// `write_idle_time`.
    Write,
}

impl ClientError {
    pub(super) fn into_surf(self) -> surf::Error {
        surf::Error::new(surf::StatusCode::BadGateway, self)
    }

    pub(super) fn from_surf(error: surf::Error) -> Self {
        error.downcast().unwrap_or(Self::Request("surf refused it"))
    }

    pub(super) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// What [`ClientError::into_io`] hid, if that is trouble with TLS.
    pub(super) fn tls_from_io(error: io::Error) -> Option<Self> {
        match error.downcast() {
            Ok(fault @ Self::Tls(_)) => Some(fault),
            Ok(_) | Err(_) => None,
        }
    }

    /// What [`ClientError::into_io`] hid; any other error is a connection that broke.
    pub(super) fn from_io(error: io::Error) -> Self {
        error.downcast().unwrap_or(Self::Short)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(why) => write!(f, "the request cannot be sent: {why}"),
            Self::NoTls => f.write_str("TLS is not spoken here; use a URL with http://"),
            Self::Tls(fault) => fault.fmt(f),
            Self::SpeaksTls => f.write_str("it speaks TLS; use a URL with https://"),
            Self::Connect(error) => write!(f, "it cannot be reached ({error}); check that it runs there"),
            Self::Late(Late::Connect) => {
                f.write_str("no connection within the time limit; check the address and the network")
            }
            Self::Late(Late::Handshake) => f.write_str(
                "it agreed on no TLS within the time limit; check that this port speaks TLS, and its load",
            ),
            Self::Late(Late::Answer) => {
                f.write_str("no answer within the time limit; check the server's load and log")
            }
            Self::Late(Late::Body) => {
                f.write_str("the answer stopped half way for too long; check the server's load and log")
            }
            Self::Late(Late::Write) => {
                f.write_str("the server takes nothing of the request; check its load and log")
            }
            Self::Closed => f.write_str(
                "the connection was closed without an answer; check the server's log, and whether it wants https://",
            ),
            Self::Head(refusal) => {
                write!(
                    f,
                    "the head of the answer is not sound HTTP/1.1 ({refusal:?}); check what answers there"
                )
            }
            Self::StatusLine => f.write_str("the answer is not HTTP/1.1; check what answers there"),
            Self::Interim => {
                f.write_str("interim answers without end, or of another protocol; check what answers there")
            }
            Self::Chunk(fault) => {
                write!(f, "the body of the answer is broken ({fault:?}); check what answers there")
            }
            Self::Short => f.write_str("the answer ended early; ask again"),
            Self::TooLong => f.write_str("the answer is too long; check what answers there"),
            Self::Source(error) => write!(f, "the body of the request broke off ({error}); send it again"),
        }
    }
}

impl std::error::Error for ClientError {}
