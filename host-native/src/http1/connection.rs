use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Method};
use smol::Async;

use super::codec::decode_head;
use super::framing::Framing;
use super::head::{HeadSearch, RawHead};
use super::socket::{Patience, Socket, Waited, after};
use super::target::Target;
use super::wire::Wire;
use super::{BodyReader, HeadRefusal, Limits, Peer, ReplyWriter};

/// Bytes that are read at once while a head arrives.
const HEAD_READ_BYTES: usize = 4 * 1024;

/// A connection that waits for its next request.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    limits: Arc<Limits>,
    /// Bytes read and not yet understood; nothing is allocated while there are none.
    read_ahead: Vec<u8>,
}

/// What a connection brings next.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one lives per exchange, and is taken apart at once")]
pub enum Next {
    /// A request whose head is sound.
    Request {
        /// The head.
        request: Request,
        /// Reads the body.
        body: BodyReader,
        /// Takes the reply.
        reply: ReplyWriter,
    },
    /// Bytes that are no request. The caller may say so before it concludes.
    Refused {
        /// What is wrong.
        refusal: HeadRefusal,
        /// Takes the reply; the connection closes after it.
        reply: ReplyWriter,
    },
    /// The client left, or has been idle for too long.
    Closed,
}

/// A request head, checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Any token; the caller decides which it knows.
    pub method: Method,
    /// Path and query byte for byte as sent, or `*`.
    pub target: String,
    /// The client speaks HTTP/1.0.
    pub http10: bool,
    /// The fields, Host that of an absolute target if there was one.
    pub headers: HeaderMap,
    /// Length of the body.
    pub length: BodyLength,
    /// Who sent it.
    pub peer: Arc<Peer>,
}

/// How the end of a request body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyLength {
    /// By its length in bytes; 0 if there is no body.
    Exactly(u64),
    /// By the chunked coding.
    Chunked,
}

/// How the bytes of a head came in.
enum Arrival {
    /// A head stands in `read_ahead`, from and to.
    Head(usize, usize),
    Refused(HeadRefusal),
    Closed,
}

impl Connection {
    /// A connection just accepted.
    pub fn new(stream: impl Into<Arc<Async<TcpStream>>>, limits: Arc<Limits>) -> Self {
        Self { socket: Socket::new(stream.into()), limits, read_ahead: Vec::new() }
    }

    pub(super) fn again(socket: Socket, limits: Arc<Limits>, read_ahead: Vec<u8>) -> Self {
        Self { socket, limits, read_ahead }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Arc<Peer> {
        &self.socket.peer
    }

    /// Waits for the next request. Dropping the future closes the connection.
    pub async fn next(mut self) -> Next {
        match self.receive().await {
            Arrival::Head(start, end) => {
                match read_head(&self.read_ahead[start..end], &self.limits, self.peer()) {
                    Ok((request, framing)) => self.begin(request, framing, end),
                    Err(refusal) => self.refuse(refusal),
                }
            }
            Arrival::Refused(refusal) => self.refuse(refusal),
            Arrival::Closed => Next::Closed,
        }
    }

    /// Waits for a request, only to refuse it.
    pub(super) async fn refuse_next(mut self, refusal: HeadRefusal) -> Next {
        match self.receive().await {
            Arrival::Head(..) | Arrival::Refused(_) => self.refuse(refusal),
            Arrival::Closed => Next::Closed,
        }
    }

    async fn receive(&mut self) -> Arrival {
        let mut search = HeadSearch::default();
        let mut patience = Patience::default();
        let began = Instant::now();
        let mut head_began = None;
        loop {
            match search.advance(&self.read_ahead, self.limits.head_bytes_max) {
                Ok(Some((start, end))) => return Arrival::Head(start, end),
                Ok(None) => {}
                Err(refusal) => return Arrival::Refused(refusal),
            }
            let until = if self.read_ahead.is_empty() {
                after(began, self.limits.idle_time)
            } else {
                after(*head_began.get_or_insert_with(Instant::now), self.limits.head_time)
            };
            // A client that sends byte by byte must not get past the limit by never pausing.
            if head_began.is_some() && Instant::now() >= until {
                return Arrival::Refused(HeadRefusal::HeadSlow);
            }
            match self.read_some(&mut patience, until).await {
                Ok(Waited::Ready) => {}
                Ok(Waited::Late) if self.read_ahead.is_empty() => return Arrival::Closed,
                Ok(Waited::Late) => return Arrival::Refused(HeadRefusal::HeadSlow),
                Err(_) => return Arrival::Closed,
            }
        }
    }

    /// Appends what comes next to `read_ahead`; an error is the end of the connection.
    async fn read_some(&mut self, patience: &mut Patience, until: Instant) -> io::Result<Waited> {
        loop {
            let length = self.read_ahead.len();
            self.read_ahead.resize(length + HEAD_READ_BYTES, 0);
            let read = self.socket.try_read(&mut self.read_ahead[length..]);
            self.read_ahead.truncate(length + read.as_ref().map_or(0, |count| count.unwrap_or(0)));
            match read? {
                Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(_) => return Ok(Waited::Ready),
                None => {}
            }
            if self.read_ahead.is_empty() {
                self.read_ahead = Vec::new();
            }
            // What came may bring nothing: records of TLS without content.
            if self.socket.readable(patience, until).await? == Waited::Late || Instant::now() >= until {
                return Ok(Waited::Late);
            }
        }
    }

    fn begin(self, request: Request, framing: Framing, head_end: usize) -> Next {
        let read_ahead = self.read_ahead[head_end..].to_vec();
        let wire = Wire::new(self.socket, self.limits, framing.length, framing.expects_continue);
        let wire = Arc::new(wire);
        let body = BodyReader::new(wire.clone(), framing.length, read_ahead);
        let reply = ReplyWriter::new(wire, request.method == Method::HEAD, framing.closes);
        Next::Request { request, body, reply }
    }

    fn refuse(self, refusal: HeadRefusal) -> Next {
        let to_head = self.read_ahead.starts_with(b"HEAD ");
        let wire = Wire::new(self.socket, self.limits, BodyLength::Exactly(0), false);
        Next::Refused { refusal, reply: ReplyWriter::new(Arc::new(wire), to_head, true) }
    }
}

fn read_head(bytes: &[u8], limits: &Limits, peer: &Arc<Peer>) -> Result<(Request, Framing), HeadRefusal> {
    let head = RawHead::parse(bytes, limits.headers_max)?;
    let target = Target::parse(head.method, head.target)?;
    let framing = Framing::read(&head, &target)?;
    let (method, mut headers) = decode_head(&head)?;
    if let Some(authority) = target.authority {
        let host = HeaderValue::from_str(authority).map_err(|_| HeadRefusal::Target)?;
        headers.insert(http::header::HOST, host);
    }
    let request = Request {
        method,
        target: target.origin,
        http10: head.http10,
        headers,
        length: framing.length,
        peer: peer.clone(),
    };
    Ok((request, framing))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"PUT http://h:1/v2/?a HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 18\r\n\
        Expect: 100-continue\r\nConnection: a, close\r\nAccept: b\r\n\r\n";

    /// A small generator of repeatable noise (xorshift).
    struct Noise(u64);

    impl Noise {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 >> 33).unwrap() % limit
        }
    }

    #[test]
    fn no_damage_to_a_head_gets_past_the_checks() {
        let limits = Limits::default();
        let peer = Arc::new(Peer::default());
        let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
        let (mut accepted, mut refused) = (0, 0);
        for _ in 0..30_000 {
            let mut bytes = GOOD.to_vec();
            for _ in 0..=noise.below(4) {
                let at = noise.below(bytes.len());
                match noise.below(4) {
                    0 => bytes[at] = u8::try_from(noise.below(256)).unwrap(),
                    1 => drop(bytes.remove(at)),
                    2 => bytes.insert(at, b" \t\r\n:,%/0\xc3"[noise.below(10)]),
                    _ => {
                        let end = (at + noise.below(30)).min(bytes.len());
                        let copy = bytes[at..end].to_vec();
                        bytes.splice(at..at, copy);
                    }
                }
            }
            let found = HeadSearch::default().advance(&bytes, limits.head_bytes_max);
            let Ok(Some((start, end))) = found else {
                refused += 1;
                continue;
            };
            match read_head(&bytes[start..end], &limits, &peer) {
                Ok((request, _)) => {
                    accepted += 1;
                    let host = request.headers.get_all("host").iter().count();
                    let is_ascii = |value: &HeaderValue| value.to_str().is_ok();
                    assert_eq!(host, 1, "{}", bytes.escape_ascii());
                    assert!(request.headers.values().all(is_ascii), "{}", bytes.escape_ascii());
                    assert!(request.target.starts_with('/') || request.target == "*");
                }
                Err(HeadRefusal::Undecodable) => panic!("{}", bytes.escape_ascii()),
                Err(_) => refused += 1,
            }
        }
        assert!(accepted > 1000 && refused > 1000, "{accepted} accepted, {refused} refused");
    }

    #[test]
    fn a_waiting_connection_is_small() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let limits = Arc::new(Limits::default());
        let connection = Connection::new(Async::new(stream).unwrap(), limits);
        let future = connection.next();
        assert!(size_of_val(&future) < 2048, "{} bytes", size_of_val(&future));
    }
}
