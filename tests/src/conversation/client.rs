//! A small HTTP/1.1 client over a raw socket. It sends what it is told to, right or wrong, and is strict about what
//! comes back: status line, header lines, framing, and not one byte more.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may be silent.
const SILENCE_SECONDS_MAX: u64 = 30;
/// The longest reply head.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A request, ready for the wire.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method; it decides whether a reply has a body.
    pub method: String,
    /// Request line and header lines with the empty line at the end.
    pub head: Vec<u8>,
    /// The body as framed, each piece written on its own.
    pub body: Vec<Vec<u8>>,
    /// Whether the body waits for a 100.
    pub expects_100: bool,
    /// Whether the server is asked to close the connection.
    pub closes: bool,
}

/// A reply as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Statuses of the interim replies before it.
    pub interim: Vec<u16>,
    /// The final status.
    pub status: u16,
    /// Header lines in order, names as they came.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// The server closed the connection after it.
    pub closed: bool,
}

impl Reply {
    /// The values of all lines of that name.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(line, _)| line.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str()).collect()
    }
}

/// One connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Opens a connection.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let limit = Some(Duration::from_secs(SILENCE_SECONDS_MAX));
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(limit)?;
        stream.set_write_timeout(limit)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a request and leaves.
    pub fn send_and_leave(mut self, request: &Request) -> Result<(), String> {
        let sent = self
            .stream
            .write_all(&request.head)
            .and_then(|()| request.body.iter().try_for_each(|piece| self.stream.write_all(piece)));
        sent.and_then(|()| self.stream.shutdown(Shutdown::Both)).map_err(|error| format!("sending: {error}"))
    }

    /// Sends a request and reads the whole reply.
    pub fn exchange(&mut self, request: &Request) -> Result<Reply, String> {
        self.stream.write_all(&request.head).map_err(|error| format!("sending the head: {error}"))?;
        if request.expects_100 {
            let first = self.read_reply(&request.method)?;
            if first.status != 100 {
                return self.finish(first, request.closes);
            }
            let mut reply = self.send_body_and_read(request)?;
            reply.interim.insert(0, 100);
            return Ok(reply);
        }
        self.send_body_and_read(request)
    }

    /// The body leaves on its own thread: a server may answer before it has read all of it.
    fn send_body_and_read(&mut self, request: &Request) -> Result<Reply, String> {
        let mut writer = self.stream.try_clone().map_err(|error| format!("cloning the socket: {error}"))?;
        let (reply, sent) = std::thread::scope(|scope| {
            let sending =
                scope.spawn(move || request.body.iter().try_for_each(|piece| writer.write_all(piece)));
            let reply = self.read_final(&request.method).and_then(|reply| self.finish(reply, request.closes));
            if reply.as_ref().map_or(true, |reply| reply.closed) {
                // Nobody reads the rest of the body: the writer must not wait for room.
                let _ = self.stream.shutdown(Shutdown::Both);
            }
            (reply, sending.join())
        });
        match (reply, sent) {
            (Err(error), Ok(Err(sending))) => Err(format!("{error} (and sending the body: {sending})")),
            (reply, _) => reply,
        }
    }

    fn read_final(&mut self, method: &str) -> Result<Reply, String> {
        let mut interim = Vec::new();
        loop {
            let mut reply = self.read_reply(method)?;
            if reply.status >= 200 {
                reply.interim = interim;
                return Ok(reply);
            }
            interim.push(reply.status);
        }
    }

    /// When the server says or was asked to close, sees that it does, and that nothing else comes before.
    fn finish(&mut self, mut reply: Reply, asked: bool) -> Result<Reply, String> {
        let says = |value: &str| value.split(',').any(|token| token.trim().eq_ignore_ascii_case("close"));
        if !asked && !reply.values("connection").iter().any(|value| says(value)) {
            return Ok(reply);
        }
        while self.fill()? {}
        if !self.buffer.is_empty() {
            return Err(format!(
                "{} bytes after the end of the reply: {}",
                self.buffer.len(),
                shown(&self.buffer)
            ));
        }
        reply.closed = true;
        Ok(reply)
    }

    fn read_reply(&mut self, method: &str) -> Result<Reply, String> {
        let mut reply = self.read_head()?;
        let lengths = reply.values("content-length");
        let codings = reply.values("transfer-encoding");
        let bodiless = reply.status < 200 || reply.status == 204 || reply.status == 304 || method == "HEAD";
        if reply.status < 200 || reply.status == 204 {
            if !lengths.is_empty() || !codings.is_empty() {
                return Err(format!(
                    "a {} must carry neither Content-Length nor Transfer-Encoding",
                    reply.status
                ));
            }
        } else if lengths.len() + codings.len() > 1 {
            return Err(format!(
                "more than one framing: Content-Length {lengths:?}, Transfer-Encoding {codings:?}"
            ));
        }
        let length = match lengths.first() {
            Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse::<usize>().map(Some).map_err(|_| format!("Content-Length {text} is too large"))?
            }
            Some(text) => return Err(format!("Content-Length `{text}` is not a number")),
            None => None,
        };
        if bodiless {
            return Ok(reply);
        }
        reply.body = match (length, codings.first().copied()) {
            (Some(length), _) => self.take(length)?,
            (None, Some("chunked")) => self.read_chunks()?,
            (None, Some(other)) => return Err(format!("Transfer-Encoding `{other}` is not known")),
            (None, None) => {
                return Err("a reply with a body needs Content-Length or chunked framing".to_owned());
            }
        };
        Ok(reply)
    }

    fn read_head(&mut self) -> Result<Reply, String> {
        let status_line = self.line()?;
        let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| {
            let (code, _reason) = rest.split_once(' ')?;
            code.parse::<u16>().ok().filter(|status| code.len() == 3 && (100..600).contains(status))
        });
        let Some(status) = status else {
            return Err(format!(
                "expected a status line, came `{}`: the reply before carried more than it said, or had a body that \
                 it must not have",
                shown(status_line.as_bytes())
            ));
        };
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Reply { status, headers, ..Reply::default() });
            }
            match line.split_once(':') {
                Some((name, value)) if is_token(name) => {
                    headers.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
                }
                _ => return Err(format!("`{line}` is not a header line")),
            }
        }
    }

    fn read_chunks(&mut self) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let digits = line.split(';').next().unwrap_or_default();
            let size =
                usize::from_str_radix(digits, 16).map_err(|_| format!("chunk size `{line}` is wrong"))?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(size)?);
            if !self.line()?.is_empty() {
                return Err("a chunk is longer than its size says".to_owned());
            }
        }
    }

    /// One line, without its CR LF.
    fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(|error| format!("a line that is not text: {error}"));
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(format!("no end of line in {HEAD_BYTES_MAX} bytes"));
            }
            if !self.fill()? {
                return Err(format!("the server closed the connection after `{}`", shown(&self.buffer)));
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, String> {
        while self.buffer.len() < length {
            if !self.fill()? {
                return Err(format!("the body ended after {} of {length} bytes", self.buffer.len()));
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// Reads what is there; false at the end of the connection.
    fn fill(&mut self) -> Result<bool, String> {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(format!("nothing came for {SILENCE_SECONDS_MAX} s"))
            }
            Err(error) => Err(format!("reading: {error}")),
        }
    }
}

fn is_token(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

/// Bytes for a person to look at, shortened.
pub fn shown(bytes: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 400;
    let head = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
    let more = if head.len() < bytes.len() { format!(" ... ({} bytes)", bytes.len()) } else { String::new() };
    format!("{}{more}", head.escape_ascii())
}
