//! A client of HTTP/1.1 over TLS that does as it is told.

use super::PATIENCE;
use super::pair::Pair;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

pub struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    read_ahead: Vec<u8>,
    /// How long it waits before it reads.
    pause: Duration,
}

/// What a client proves with who it is.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    Nothing,
    Certificate(&'a Pair),
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of the field of that name, in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.split("\r\n").filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
    }
}

impl Client {
    /// Connects, and agrees on TLS with `localhost` there, whom this authority has certified.
    pub fn connect(
        address: SocketAddr,
        authority: &str,
        shown: Shown<'_>,
        version: Option<&'static SupportedProtocolVersion>,
    ) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM")).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = match version {
            None => builder.with_safe_default_protocol_versions(),
            Some(version) => builder.with_protocol_versions(&[version]),
        };
        let builder = builder.expect("versions").with_root_certificates(roots);
        let mut config = match shown {
            Shown::Nothing => builder.with_no_client_auth(),
            Shown::Certificate(pair) => {
                let chain = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("PEM");
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("PEM");
                builder.with_client_auth_cert(vec![chain], key).expect("a pair")
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
        Ok(Self { stream, read_ahead: Vec::new(), pause: Duration::ZERO })
    }

    /// The certificate that the server has shown.
    pub fn certificate(&self) -> Vec<u8> {
        self.stream.conn.peer_certificates().expect("a handshake")[0].to_vec()
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Sends a head; the caller sends the body that the fields announce.
    pub fn send_head(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> io::Result<()> {
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").as_bytes())
    }

    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let length = body.len().to_string();
        let framing = ("Content-Length", length.as_str());
        let fields: Vec<_> = fields.iter().copied().chain((!body.is_empty()).then_some(framing)).collect();
        self.send_head(method, target, &fields)?;
        self.send(body)?;
        self.reply(method)
    }

    /// The next reply, interim ones left out.
    pub fn reply(&mut self, method: &str) -> io::Result<Reply> {
        loop {
            let reply = self.read_reply(method)?;
            if reply.status >= 200 {
                return Ok(reply);
            }
        }
    }

    /// The next head, of an interim reply too; its body stays.
    pub fn read_head(&mut self) -> io::Result<Reply> {
        let end = loop {
            if let Some(at) = self.read_ahead.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more()?;
        };
        let rest = self.read_ahead.split_off(end);
        let head = String::from_utf8(std::mem::replace(&mut self.read_ahead, rest)).expect("a head in ASCII");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Ok(Reply { status, head, body: Vec::new() })
    }

    /// The next reply, read with pauses.
    pub fn reply_slowly(&mut self) -> io::Result<Reply> {
        self.pause = Duration::from_millis(1);
        let reply = self.reply("GET");
        self.pause = Duration::ZERO;
        reply
    }

    fn read_reply(&mut self, method: &str) -> io::Result<Reply> {
        let mut reply = self.read_head()?;
        let length = reply.field("content-length").map_or(0, |length| length.parse().expect("a length"));
        let length = if method == "HEAD" { 0 } else { length };
        while self.read_ahead.len() < length {
            self.read_more()?;
        }
        let rest = self.read_ahead.split_off(length);
        reply.body = std::mem::replace(&mut self.read_ahead, rest);
        Ok(reply)
    }

    /// Some more bytes. An end that was announced is [`ErrorKind::ConnectionAborted`], any other [`ErrorKind::UnexpectedEof`].
    pub fn read_more(&mut self) -> io::Result<()> {
        let mut bytes = vec![0; 64 * 1024];
        if !self.pause.is_zero() {
            std::thread::sleep(self.pause);
        }
        match self.stream.read(&mut bytes)? {
            0 => Err(ErrorKind::ConnectionAborted.into()),
            count => {
                self.read_ahead.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }

    /// Fails unless the server has announced the end, and said nothing more.
    #[track_caller]
    pub fn assert_closed(&mut self) {
        let error = self.read_more().expect_err("the end");
        assert_eq!((error.kind(), self.read_ahead.len()), (ErrorKind::ConnectionAborted, 0), "{error}");
    }

    /// Announces the end of what this client says.
    pub fn announce_end(&mut self) -> io::Result<()> {
        self.stream.conn.send_close_notify();
        self.stream.flush()
    }

    /// Ends what this client says without a word of TLS, as somebody on the way could.
    pub fn shut_sending(&mut self) {
        self.stream.sock.shutdown(Shutdown::Write).expect("a socket");
    }

    /// Sends what looks like a record and cannot be decrypted.
    pub fn send_garbled(&mut self) {
        let mut record = b"\x17\x03\x03\x00\x40".to_vec();
        record.extend_from_slice(&[0x5a; 0x40]);
        self.stream.sock.write_all(&record).expect("it reads");
    }
}
