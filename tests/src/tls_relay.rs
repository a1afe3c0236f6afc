//! A relay that ends TLS before a server that speaks none, as the load balancers of clouds do.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

/// How long a silent peer is waited for.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// Bytes that are passed on at once: fewer than rustls holds.
const PIECE_BYTES: usize = 16 * 1024;

/// A certificate authority of the test's own.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a relay proves with who it is.
#[derive(Clone, Debug)]
pub struct Certified(Arc<ServerConfig>);

impl Authority {
    /// An authority of that name.
    ///
    /// # Errors
    /// When no key or certificate can be made.
    pub fn new(name: &str) -> Result<Self, String> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = KeyPair::generate().and_then(|key| CertifiedIssuer::self_signed(params, key));
        issuer.map(Self).map_err(|error| format!("making the authority {name}: {error}"))
    }

    /// Its certificate, as PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names and addresses.
    ///
    /// # Errors
    /// When a name is none, or no key or certificate can be made.
    pub fn certify(&self, names: &[&str]) -> Result<Certified, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = KeyPair::generate().and_then(|key| {
            let certificate = CertificateParams::new(names)?.signed_by(&key, &self.0)?;
            Ok((certificate.der().clone(), key.serialize_der()))
        });
        let (certificate, key) = made.map_err(|error| format!("making a certificate: {error}"))?;
        let key = PrivateKeyDer::try_from(key).map_err(str::to_owned)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config =
            config.and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
        let mut config = config.map_err(|error| format!("using a certificate: {error}"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Certified(Arc::new(config)))
    }
}

/// A running relay on a loopback port of its own. Dropping it ends it, and cuts what passes.
#[derive(Debug)]
pub struct TlsRelay {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl TlsRelay {
    /// Starts a relay before the server at `upstream`.
    ///
    /// # Errors
    /// Whatever listening fails with.
    pub fn start(upstream: SocketAddr, certified: &Certified) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            config: certified.0.clone(),
            state: Mutex::default(),
            handshakes: AtomicUsize::new(0),
        });
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the next answer that is so long after so many bytes, without a word of TLS.
    pub fn cut_after(&self, bytes: u64) {
        self.shared.state().cut_after = Some(bytes);
    }

    /// Answers that were cut.
    pub fn cuts(&self) -> usize {
        self.shared.state().cuts
    }

    /// Connections on which TLS was agreed.
    pub fn handshakes(&self) -> usize {
        self.shared.handshakes.load(Ordering::Relaxed)
    }
}

impl Drop for TlsRelay {
    fn drop(&mut self) {
        self.shared.stop();
        // It may be waiting for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    config: Arc<ServerConfig>,
    state: Mutex<State>,
    handshakes: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    open: Vec<Weak<TcpStream>>,
    stopping: bool,
    cut_after: Option<u64>,
    cuts: usize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a connection, so that it ends with the relay.
    fn open(&self, stream: TcpStream) -> io::Result<Arc<TcpStream>> {
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        stream.set_nodelay(true)?;
        let mut state = self.state();
        if state.stopping {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let stream = Arc::new(stream);
        state.open.retain(|open| open.strong_count() > 0);
        state.open.push(Arc::downgrade(&stream));
        Ok(stream)
    }

    fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        for stream in state.open.iter().filter_map(Weak::upgrade) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How much of an answer's `count` bytes may pass after `before` others; all, unless it is to be cut there.
    fn allow(&self, before: u64, count: usize) -> usize {
        let mut state = self.state();
        match state.cut_after.and_then(|after| usize::try_from(after.saturating_sub(before)).ok()) {
            Some(left) if left < count => {
                state.cut_after = None;
                state.cuts += 1;
                left
            }
            Some(_) | None => count,
        }
    }
}

fn accept(listener: &TcpListener, shared: &Shared) {
    std::thread::scope(|scope| {
        while let Ok((stream, _)) = listener.accept() {
            match shared.open(stream) {
                Ok(client) => drop(scope.spawn(move || serve(&client, shared))),
                Err(_) => return,
            }
        }
    });
}

/// Serves a client until one side has enough, then ends both.
fn serve(client: &TcpStream, shared: &Shared) {
    let Ok(connection) = ServerConnection::new(shared.config.clone()) else { return };
    let session = Session {
        client,
        connection: Mutex::new(connection),
        turn: Mutex::default(),
        answered_bytes: AtomicU64::new(0),
    };
    let passed = session.agree().and_then(|early| {
        shared.handshakes.fetch_add(1, Ordering::Relaxed);
        let server = shared.open(TcpStream::connect_timeout(&shared.upstream, SILENCE_MAX)?)?;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let down = session.pass_down(&server, shared);
                let _ = client.shutdown(if down.is_ok() { Shutdown::Write } else { Shutdown::Both });
            });
            let up = session.pass_up(&early, &server);
            let _ = server.shutdown(if up.is_ok() { Shutdown::Write } else { Shutdown::Both });
        });
        Ok(())
    });
    if passed.is_err() {
        let _ = client.shutdown(Shutdown::Both);
    }
}

/// TLS with a client. Its two directions share rustls' state, but neither waits for the client while it holds that.
struct Session<'a> {
    client: &'a TcpStream,
    connection: Mutex<ServerConnection>,
    /// Held by who sends to the client.
    turn: Mutex<()>,
    /// Bytes that were sent since something came from the client.
    answered_bytes: AtomicU64,
}

impl Session<'_> {
    fn connection(&self) -> MutexGuard<'_, ServerConnection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shakes hands; returns what came together with the end of that.
    fn agree(&self) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        while self.connection().is_handshaking() {
            content.extend(self.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?);
        }
        Ok(content)
    }

    /// What the client sent next, decrypted; `None` at its end.
    fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let mut raw = vec![0; PIECE_BYTES];
        let count = { self.client }.read(&mut raw)?;
        let mut rest = &raw[..count];
        let mut content = Vec::new();
        let mut over = count == 0;
        while !rest.is_empty() {
            let mut connection = self.connection();
            connection.read_tls(&mut rest)?;
            let processed = connection.process_new_packets();
            if let Ok(state) = &processed {
                let start = content.len();
                content.resize(start + state.plaintext_bytes_to_read(), 0);
                connection.reader().read_exact(&mut content[start..])?;
                over |= state.peer_has_closed();
            }
            drop(connection);
            self.send()?;
            processed.map_err(io::Error::other)?;
            if over {
                break;
            }
        }
        Ok(if over && content.is_empty() { None } else { Some(content) })
    }

    /// Sends what rustls has ready.
    fn send(&self) -> io::Result<()> {
        let mut bytes = Vec::new();
        if !self.connection().wants_write() {
            return Ok(());
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = self.connection();
        while connection.wants_write() {
            connection.write_tls(&mut bytes)?;
        }
        drop(connection);
        { self.client }.write_all(&bytes)
    }

    fn pass_up(&self, early: &[u8], mut server: &TcpStream) -> io::Result<()> {
        server.write_all(early)?;
        while let Some(content) = self.receive()? {
            self.answered_bytes.store(0, Ordering::Relaxed);
            server.write_all(&content)?;
        }
        Ok(())
    }

    fn pass_down(&self, mut server: &TcpStream, shared: &Shared) -> io::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let count = server.read(&mut piece)?;
            if count == 0 {
                self.connection().send_close_notify();
                return self.send();
            }
            let before = self.answered_bytes.fetch_add(count as u64, Ordering::Relaxed);
            let allowed = shared.allow(before, count);
            self.connection().writer().write_all(&piece[..allowed])?;
            self.send()?;
            if allowed < count {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
    }
}
