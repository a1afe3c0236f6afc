//! A plain HTTP/1.1 client that does as it is told: one request at a time, nothing followed, nothing retried.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a silent peer is waited for.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// The longest line of a response head, bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// The first line and the fields of a response.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Field names, in lower case, with their values.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// The value of the first field of that name (in lower case).
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The stated length of the body, if one is stated.
    pub fn length(&self) -> Option<u64> {
        self.field("content-length").and_then(|value| value.parse().ok())
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its head.
    pub head: Head,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The response, if its status is `status`; an error with what came otherwise.
    ///
    /// # Errors
    /// `InvalidData` when another status came.
    pub fn expect(self, status: u16) -> io::Result<Self> {
        if self.status() == status {
            return Ok(self);
        }
        Err(broken(&format!("expected {status}, got {}: {}", self.status(), self.text())))
    }
}

/// One connection, kept until dropped.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Whatever connecting fails with.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::with_capacity(256 * 1024, stream), host: address.to_string() })
    }

    /// Sends a request head; the caller sends the body that the fields announce.
    ///
    /// # Errors
    /// Whatever writing fails with.
    pub fn send_head(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> io::Result<()> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send(head.as_bytes())
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// Whatever writing fails with.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// Reads one response head, an interim one (1xx) included.
    ///
    /// # Errors
    /// `UnexpectedEof` when the peer closed, `InvalidData` when it sent something else.
    pub fn read_head(&mut self) -> io::Result<Head> {
        let first = self.read_line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| broken(&format!("not a status line: {first}")))?;
        let mut fields = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok(Head { status, fields });
            }
            let (name, value) =
                line.split_once(':').ok_or_else(|| broken(&format!("not a field: {line}")))?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads the body that belongs to `head`, giving each piece to `sink`; answers its length.
    ///
    /// # Errors
    /// `UnexpectedEof` when it is shorter than promised.
    pub fn read_body(&mut self, head: &Head, sink: &mut dyn FnMut(&[u8])) -> io::Result<u64> {
        if head.status < 200 || head.status == 204 || head.status == 304 {
            return Ok(0);
        }
        if head.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.read_chunks(sink);
        }
        self.read_exactly(head.length(), sink)
    }

    /// Sends a request and reads its final response. A peer that answers before it has read the whole body, or that closes
    /// after its answer, is understood.
    ///
    /// # Errors
    /// Whatever writing or reading fails with.
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        let length = body.len().to_string();
        let mut all = vec![("Content-Length", length.as_str())];
        all.extend_from_slice(fields);
        if body.is_empty() && matches!(method, "GET" | "HEAD" | "DELETE") {
            all.remove(0);
        }
        self.send_head(method, target, &all)?;
        let mut writer = self.reader.get_ref().try_clone()?;
        std::thread::scope(|scope| {
            let sent = scope.spawn(move || writer.write_all(body));
            let response = self.read_response(method);
            let sent = sent.join().map_err(|_| broken("the sending thread panicked"))?;
            // The answer matters more than how the rest of the body fared: an early refusal closes the connection.
            match (response, sent) {
                (Ok(response), Ok(()) | Err(_)) => Ok(response),
                (Err(error), Ok(())) | (Err(_), Err(error)) => Err(error),
            }
        })
    }

    /// Reads the final response to a request of `method`, skipping interim ones.
    ///
    /// # Errors
    /// Whatever reading fails with.
    pub fn read_response(&mut self, method: &str) -> io::Result<Response> {
        let mut head = self.read_head()?;
        while head.status < 200 {
            head = self.read_head()?;
        }
        let mut body = Vec::new();
        if method != "HEAD" {
            self.read_body(&head, &mut |piece| body.extend_from_slice(piece))?;
        }
        Ok(Response { head, body })
    }

    fn read_exactly(&mut self, length: Option<u64>, sink: &mut dyn FnMut(&[u8])) -> io::Result<u64> {
        let mut moved = 0;
        while length.is_none_or(|length| moved < length) {
            let room =
                length.map_or(usize::MAX, |length| usize::try_from(length - moved).unwrap_or(usize::MAX));
            let piece = self.reader.fill_buf()?;
            if piece.is_empty() {
                let short = length.map(|length| format!("the body ended after {moved} of {length} bytes"));
                return short.map_or(Ok(moved), |text| Err(Error::new(ErrorKind::UnexpectedEof, text)));
            }
            let taken = piece.len().min(room);
            sink(&piece[..taken]);
            self.reader.consume(taken);
            moved += taken as u64;
        }
        Ok(moved)
    }

    fn read_chunks(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<u64> {
        let mut moved = 0;
        loop {
            let line = self.read_line()?;
            let size = line.split(';').next().unwrap_or_default();
            let size =
                u64::from_str_radix(size, 16).map_err(|_| broken(&format!("not a chunk size: {line}")))?;
            moved += self.read_exactly(Some(size), sink)?;
            if !self.read_line()?.is_empty() {
                return Err(broken("a chunk does not end with an empty line"));
            }
            if size == 0 {
                return Ok(moved);
            }
        }
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        let Some(line) = line.strip_suffix(b"\r\n") else {
            let kind = if line.is_empty() { ErrorKind::UnexpectedEof } else { ErrorKind::InvalidData };
            return Err(Error::new(kind, format!("no whole line, but {:?}", String::from_utf8_lossy(&line))));
        };
        String::from_utf8(line.to_vec()).map_err(|_| broken("a head that is not text"))
    }
}

fn broken(text: &str) -> Error {
    Error::new(ErrorKind::InvalidData, text)
}
