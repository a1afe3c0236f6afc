//! A client that sends bytes as they are and reads replies by their Content-Length.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Far longer than any reply takes; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Client {
    stream: TcpStream,
    read_ahead: Vec<u8>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read_ahead: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Sends until all is sent or the server does not take more.
    pub fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub fn send_by_byte(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        for byte in bytes.as_ref() {
            self.send([*byte]);
        }
        self
    }

    pub fn shut_sending(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    pub fn reply(&mut self) -> Reply {
        self.read_reply(true)
    }

    /// A reply to HEAD.
    pub fn reply_without_body(&mut self) -> Reply {
        self.read_reply(false)
    }

    /// Some bytes as they come; none at the end.
    pub fn read_some(&mut self, bytes_max: usize) -> std::io::Result<Vec<u8>> {
        if !self.read_ahead.is_empty() {
            return Ok(std::mem::take(&mut self.read_ahead));
        }
        let mut bytes = vec![0; bytes_max];
        let count = self.stream.read(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// All up to the end of the connection, which a reset is as well.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.read_some(64 * 1024) {
                Ok(bytes) if bytes.is_empty() => return all,
                Ok(bytes) => all.extend(bytes),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return all,
                Err(error) => panic!("the server neither sends nor closes: {error}"),
            }
        }
    }

    pub fn assert_closed(&mut self) {
        let rest = self.read_to_end();
        assert!(rest.is_empty(), "unexpected: {}", rest.escape_ascii());
    }

    /// Closed, if need be after the server has waited for this end to close.
    pub fn assert_closed_after_half(&mut self) {
        self.shut_sending();
        self.assert_closed();
    }

    fn read_reply(&mut self, with_body: bool) -> Reply {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            let more = self.read_some(64 * 1024).unwrap();
            assert!(!more.is_empty(), "closed within a head: {}", bytes.escape_ascii());
            bytes.extend(more);
        };
        let mut body = bytes.split_off(head_end);
        let head = String::from_utf8(bytes).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let length = if with_body && status != 304 { length } else { 0 };
        while body.len() < length {
            let more = self.read_some(64 * 1024).unwrap();
            assert!(!more.is_empty(), "closed within a body of {length} after {}", body.len());
            body.extend(more);
        }
        self.read_ahead = body.split_off(length);
        Reply { status, head, body }
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub fn says_close(&self) -> bool {
        self.header("connection") == Some("close")
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut values = head.split("\r\n").filter_map(|line| line.split_once(": ")).filter(|(n, _)| *n == name);
    let value = values.next().map(|(_, value)| value);
    assert!(values.next().is_none(), "{name} twice in {head}");
    value
}
