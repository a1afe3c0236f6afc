//! One keep-alive HTTP/1.1 client connection, as much of it as the benches need.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const BUFFER_BYTES: usize = 256 * 1024;
/// What container clients written in Go copy at a time, hence the size of the chunks they send.
const CHUNK_BYTES: usize = 32 * 1024;
const FIRST_WRITE_BYTES: usize = 64 * 1024;
const SILENCE_MAX: Duration = Duration::from_secs(60);
const QUOTED_BODY_BYTES_MAX: usize = 300;

/// A connection that is opened when first used, and again after the server has closed it.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    token: Option<String>,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    opened: u64,
}

/// The body of a request.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// No body, and no header about it.
    None,
    /// With Content-Length.
    Whole(&'a [u8]),
    /// In chunked coding.
    Chunked(&'a [u8]),
}

/// An answer whose body has been read.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Bytes of the body.
    pub body_bytes: u64,
    /// Whether the body was the one that was expected.
    pub matches: bool,
    quoted: Vec<u8>,
}

impl Connection {
    /// A connection to be.
    pub fn new(address: SocketAddr, token: Option<String>) -> Self {
        let buffer = vec![0; BUFFER_BYTES];
        Connection { address, token, stream: None, buffer, start: 0, end: 0, opened: 0 }
    }

    /// How often it had to be opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// The head of a request, to be made once and sent often; `fields` are whole lines, each with its line end.
    pub fn head(&self, method: &str, target: &str, fields: &str) -> String {
        let authorization =
            self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n{authorization}{fields}", self.address)
    }

    /// Sends one request and reads its answer, comparing the body with `expected`.
    ///
    /// # Errors
    /// A sentence about what broke on the way. A status is never an error here.
    pub fn exchange(&mut self, head: &str, body: Body, expected: &[u8]) -> Result<Response, String> {
        let request = head.lines().next().unwrap_or_default().to_owned();
        self.open().map_err(|e| format!("cannot connect to {}: {e}", self.address))?;
        let sent = self.send(head, body);
        // A server that refuses early closes while the body is still leaving: its answer says more than the reset.
        let answer = self.receive(head.starts_with("HEAD "), expected);
        match (sent, answer) {
            (Ok(()), Ok(response)) => Ok(response),
            (Ok(()), Err(e)) => Err(format!("{request}: reading the answer: {e}")),
            (Err(e), Ok(response)) => {
                Err(format!("{request}: answered {} and then broke: {e}", response.describe()))
            }
            (Err(e), Err(_)) => Err(format!("{request}: sending the request: {e}")),
        }
    }

    fn open(&mut self) -> std::io::Result<()> {
        if self.stream.is_none() {
            let stream = TcpStream::connect_timeout(&self.address, SILENCE_MAX)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(SILENCE_MAX))?;
            stream.set_write_timeout(Some(SILENCE_MAX))?;
            self.stream = Some(stream);
            self.start = 0;
            self.end = 0;
            self.opened += 1;
        }
        Ok(())
    }

    fn send(&mut self, head: &str, body: Body) -> std::io::Result<()> {
        let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
        let mut out = Vec::with_capacity(FIRST_WRITE_BYTES + head.len() + 64);
        out.extend_from_slice(head.as_bytes());
        match body {
            Body::None => {
                out.extend_from_slice(b"\r\n");
                stream.write_all(&out)
            }
            Body::Whole(bytes) => {
                let (first, rest) = bytes.split_at(bytes.len().min(FIRST_WRITE_BYTES));
                write!(out, "Content-Length: {}\r\n\r\n", bytes.len())?;
                out.extend_from_slice(first);
                stream.write_all(&out)?;
                stream.write_all(rest)
            }
            Body::Chunked(bytes) => {
                out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in bytes.chunks(CHUNK_BYTES) {
                    write!(out, "{:x}\r\n", chunk.len())?;
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                    stream.write_all(&out)?;
                    out.clear();
                }
                out.extend_from_slice(b"0\r\n\r\n");
                stream.write_all(&out)
            }
        }
    }

    fn receive(&mut self, bodiless: bool, expected: &[u8]) -> Result<Response, String> {
        let mut response = loop {
            let response = self.receive_head()?;
            if response.status >= 200 {
                break response;
            }
        };
        if response.header("transfer-encoding").is_some() {
            self.stream = None;
            return Err(format!("status {} in chunked coding, which no answer here needs", response.status));
        }
        let length = match response.header("content-length") {
            _ if bodiless || response.status == 204 || response.status == 304 => Some(0),
            Some(text) => Some(text.parse::<u64>().map_err(|_| format!("Content-Length: {text}"))?),
            None => None,
        };
        self.receive_body(&mut response, length, expected)?;
        let close = response.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
        if close || length.is_none() {
            self.stream = None;
        }
        Ok(response)
    }

    fn receive_head(&mut self) -> Result<Response, String> {
        let (end, text) = loop {
            let seen = &self.buffer[self.start..self.end];
            if let Some(at) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
                break (at + 4, String::from_utf8_lossy(&seen[..at]).into_owned());
            }
            if seen.len() > 64 * 1024 {
                return Err("the head of the answer is over 64 KiB".into());
            }
            if self.fill()? == 0 {
                return Err("the connection was closed without an answer".into());
            }
        };
        self.start += end;
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(|| format!("not an HTTP/1.1 status line: {first}"))?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Response { status, headers, body_bytes: 0, matches: true, quoted: Vec::new() })
    }

    /// Reads `length` bytes, or to the end of the connection, against what is expected.
    fn receive_body(
        &mut self,
        response: &mut Response,
        length: Option<u64>,
        expected: &[u8],
    ) -> Result<(), String> {
        let mut read = 0_u64;
        let mut expected_rest = expected;
        while length.is_none_or(|length| read < length) {
            if self.start == self.end && self.fill()? == 0 {
                match length {
                    None => break,
                    Some(length) => return Err(format!("closed after {read} of {length} bytes")),
                }
            }
            let wanted = length.map_or(u64::MAX, |length| length - read);
            let available = (self.end - self.start).min(usize::try_from(wanted).unwrap_or(usize::MAX));
            let piece = &self.buffer[self.start..self.start + available];
            let room = QUOTED_BODY_BYTES_MAX.saturating_sub(response.quoted.len());
            if response.status >= 300 {
                response.quoted.extend_from_slice(&piece[..piece.len().min(room)]);
            }
            match expected_rest.split_at_checked(piece.len()) {
                Some((front, back)) if front == piece => expected_rest = back,
                _ => response.matches = false,
            }
            read += available as u64;
            self.start += available;
        }
        response.body_bytes = read;
        response.matches &= expected_rest.is_empty();
        Ok(())
    }

    fn fill(&mut self) -> Result<usize, String> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let stream = self.stream.as_mut().ok_or("the connection is closed")?;
        let count = stream.read(&mut self.buffer[self.end..]).map_err(|e| e.to_string())?;
        self.end += count;
        Ok(count)
    }
}

impl Response {
    /// The value of a header named in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Status and the beginning of the body, for a message.
    pub fn describe(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.quoted)).trim_end().to_owned()
    }
}
