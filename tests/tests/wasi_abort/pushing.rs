//! A client that pushes a part of a blob.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::{Repository, finishing};

/// How a client leaves.
#[derive(Clone, Copy, Debug)]
pub enum Leave {
    /// With a FIN.
    Close,
    /// With a FIN in its direction alone, reading on.
    Half,
    /// With an RST.
    Reset,
}

/// How the body of a push is framed.
#[derive(Clone, Copy, Debug)]
pub enum Framing {
    /// A PUT with the digest and Content-Length.
    Length,
    /// A PATCH in chunks.
    Chunked,
}

/// Sends `sent` bytes of a body, and leaves; answers what it was told.
pub fn push_part(
    address: SocketAddr,
    name: &str,
    body: &[u8],
    sent: usize,
    framing: Framing,
    leave: Leave,
) -> io::Result<String> {
    let repository = Repository::new(address, name);
    let target = repository.begin(&mut repository.connect()?)?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    match framing {
        Framing::Length => {
            let (target, length) = (finishing(&target, &sha256(body)), body.len());
            write!(stream, "PUT {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n")?;
            stream.write_all(&body[..sent])?;
        }
        Framing::Chunked => {
            write!(stream, "PATCH {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for piece in body[..sent].chunks(70_000) {
                write!(stream, "{:x}\r\n", piece.len())?;
                stream.write_all(piece)?;
                stream.write_all(b"\r\n")?;
            }
        }
    }
    let mut told = Vec::new();
    match leave {
        Leave::Close => {}
        Leave::Half => {
            stream.shutdown(Shutdown::Write)?;
            // A reset says as well that nobody listens any more.
            let _ = stream.read_to_end(&mut told);
        }
        Leave::Reset => rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?,
    }
    Ok(String::from_utf8_lossy(&told).into_owned())
}
