use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long a test's server waits for its client.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What is done on one connection.
pub type Script = Box<dyn FnOnce(&mut Peer) + Send>;

/// The client's connection, seen from the server.
pub struct Peer(BufReader<Socket>);

enum Socket {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    Cut,
}

/// A server that takes one connection for each of its scripts, in this order.
pub struct Server {
    pub at: SocketAddr,
    thread: JoinHandle<()>,
}

pub fn script(script: impl FnOnce(&mut Peer) + Send + 'static) -> Script {
    Box::new(script)
}

impl Server {
    pub fn start(scripts: Vec<Script>) -> Self {
        Self::start_with(None, scripts)
    }

    /// One that speaks TLS.
    pub fn start_with(tls: Option<Arc<ServerConfig>>, scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let at = listener.local_addr().expect("an address");
        let thread = std::thread::spawn(move || {
            let run = |script: Script| {
                let (stream, _) = listener.accept().expect("a client");
                stream.set_read_timeout(Some(SILENCE_MAX)).expect("a time limit");
                stream.set_nodelay(true).expect("no delay");
                let socket = match &tls {
                    None => Socket::Plain(stream),
                    Some(config) => {
                        let connection =
                            ServerConnection::new(config.clone()).expect("a sound configuration");
                        Socket::Tls(Box::new(StreamOwned::new(connection, stream)))
                    }
                };
                std::thread::spawn(move || script(&mut Peer(BufReader::new(socket))))
            };
            let running: Vec<_> = scripts.into_iter().map(run).collect();
            for script in running {
                script.join().expect("the script ran to its end");
            }
        });
        Self { at, thread }
    }

    /// One connection with one request, and these bytes for an answer.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(vec![script(move |peer| {
            peer.head();
            peer.say(&answer);
        })])
    }

    /// Fails if a script failed, or was not asked for.
    pub fn end(self) {
        self.thread.join().expect("all scripts of the server ran to their ends");
    }
}

impl Peer {
    /// The head of the next request; empty if the client closed instead.
    pub fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).expect("a head") == 0 {
                assert_eq!(head, "", "the client closed in the middle of a head");
                break;
            }
        }
        head
    }

    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("bytes");
        bytes
    }

    /// A chunked body, decoded.
    pub fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a chunk size");
            let size = usize::from_str_radix(line.trim_end(), 16).expect("a hexadecimal size");
            body.extend(self.exactly(size));
            assert_eq!(self.exactly(2), b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    /// All that comes until the client closes or breaks the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = self.0.read(&mut piece) {
            bytes.extend_from_slice(&piece[..count]);
        }
        bytes
    }

    /// Sends bytes, as far as the client takes them.
    pub fn say(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    /// Ends the connection without a word of TLS.
    pub fn cut(&mut self) {
        *self.0.get_mut() = Socket::Cut;
    }

    /// What TLS agreed on, after the first byte.
    pub fn agreed(&mut self) -> &ServerConnection {
        match self.0.get_mut() {
            Socket::Tls(stream) => &stream.conn,
            Socket::Plain(_) | Socket::Cut => panic!("no TLS is spoken"),
        }
    }

    /// Sends bytes one by one.
    pub fn drip(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.say(std::slice::from_ref(byte));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Socket::Tls(stream) = self.0.get_mut() {
            stream.conn.send_close_notify();
            // The client may be gone.
            let _ = stream.flush();
        }
    }
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
            Self::Cut => Ok(0),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
            Self::Cut => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
            Self::Cut => Ok(()),
        }
    }
}
