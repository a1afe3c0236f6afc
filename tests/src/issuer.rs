//! An issuer of OpenID Connect for tests: it signs any token, right or wrong, and hands out its keys as well or as badly as it
//! is told.

mod signing;

pub use signing::{Algorithm, SigningKey, sign_with_nothing};

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::net::{self, AddressFamily, SocketFlags, SocketType};
use serde_json::{Value, json};

/// How long is waited for a request to come.
const REQUEST_SECONDS_MAX: u64 = 60;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;

/// How the issuer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Well,
    /// With this status, and a body that says nothing.
    Status(u16),
    /// With 200 and this body, whatever is asked for.
    Body(Vec<u8>),
    /// It redirects to this URL.
    Redirect(String),
    /// Not at all, until it is told otherwise.
    Never,
    /// It closes the connection without an answer.
    Closed,
}

/// What was asked of an issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// For the discovery document.
    pub discovery: usize,
    /// For the keys.
    pub keys: usize,
}

/// An issuer on a loopback port of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Issuer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Told of every change of the state.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    url: String,
    manner: Option<Manner>,
    max_age: Option<u64>,
    asked: Asked,
    keys: Vec<SigningKey>,
    open: Vec<Weak<TcpStream>>,
    stopping: bool,
}

impl Issuer {
    /// Starts an issuer whose tokens are signed with these keys.
    ///
    /// # Errors
    /// Whatever listening fails with.
    pub fn start(keys: Vec<SigningKey>) -> io::Result<Self> {
        Place::take()?.start(keys)
    }

    fn listen(listener: TcpListener, keys: Vec<SigningKey>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let state = State { url: format!("http://{address}"), keys, ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// Its URL, as it is in the `iss` of its tokens.
    pub fn url(&self) -> String {
        self.shared.state().url.clone()
    }

    /// From here on it is known by this URL: of a relay before it.
    pub fn go_by(&self, url: &str) {
        self.shared.state().url = url.to_owned();
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its keys.
    pub fn keys_url(&self) -> String {
        format!("{}{KEYS_PATH}", self.url())
    }

    /// From here on it answers in this manner; requests that wait are answered so as well.
    pub fn answer(&self, manner: Manner) {
        self.shared.state().manner = Some(manner);
        self.shared.changed.notify_all();
    }

    /// From here on it says that its keys may be kept for so many seconds.
    pub fn say_max_age(&self, seconds: u64) {
        self.shared.state().max_age = Some(seconds);
    }

    /// From here on it signs with other keys.
    pub fn rotate(&self, keys: Vec<SigningKey>) {
        self.shared.state().keys = keys;
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Asked {
        self.shared.state().asked
    }

    /// Waits until it has been asked so often for its discovery document.
    ///
    /// # Panics
    /// When that does not happen within a minute.
    pub fn await_discovery(&self, count: usize) {
        let end = Instant::now() + Duration::from_secs(REQUEST_SECONDS_MAX);
        let mut state = self.shared.state();
        while state.asked.discovery < count {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the issuer was asked {:?} only", state.asked);
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A token with these claims, and with `iss`, `iat` and `exp` unless they are among them, signed with its first key.
    ///
    /// # Panics
    /// When it has no key, or cannot sign.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&self.claims(claims))
    }

    /// The claims of [`Self::token`].
    pub fn claims(&self, claims: &Value) -> Value {
        let now = now();
        let mut all = json!({"iss": self.url(), "iat": now, "exp": now + TOKEN_SECONDS});
        if let (Some(all), Some(claims)) = (all.as_object_mut(), claims.as_object()) {
            all.extend(claims.clone());
        }
        all
    }

    /// A token with exactly these claims, signed with its first key.
    ///
    /// # Panics
    /// When it has no key, or cannot sign.
    pub fn sign(&self, claims: &Value) -> String {
        let state = self.shared.state();
        let key = state.keys.first().expect("an issuer that signs has a key");
        key.sign(&key.header(), claims)
    }

    /// A token with exactly these claims, authenticated with what everybody may know of its first key.
    ///
    /// # Panics
    /// When it has no key.
    pub fn sign_with_public_key(&self, claims: &Value) -> String {
        self.shared.state().keys.first().expect("an issuer has a key").sign_with_public_key(claims)
    }
}

/// A loopback port that is kept for an issuer: until that starts, connections are refused.
#[derive(Debug)]
pub struct Place(OwnedFd);

impl Place {
    /// Takes a free port.
    ///
    /// # Errors
    /// There is none.
    pub fn take() -> io::Result<Self> {
        let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Self(socket))
    }

    /// The URL of the issuer that will be there.
    ///
    /// # Errors
    /// Whatever asking the system fails with.
    pub fn url(&self) -> io::Result<String> {
        let address = SocketAddr::try_from(net::getsockname(&self.0)?)?;
        Ok(format!("http://{address}"))
    }

    /// Starts an issuer there.
    ///
    /// # Errors
    /// Whatever listening fails with.
    pub fn start(self, keys: Vec<SigningKey>) -> io::Result<Issuer> {
        net::listen(&self.0, BACKLOG)?;
        Issuer::listen(TcpListener::from(self.0), keys)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.stopping = true;
            for stream in state.open.iter().filter_map(Weak::upgrade) {
                // It may have ended by itself.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
        // It may be waiting for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps hold of a connection to end it with the issuer; `None` if that has ended.
    fn open(&self, stream: TcpStream) -> Option<Arc<TcpStream>> {
        let stream = Arc::new(stream);
        let mut state = self.state();
        state.open.retain(|known| known.strong_count() > 0);
        state.open.push(Arc::downgrade(&stream));
        (!state.stopping).then_some(stream)
    }

    /// Counts a request, and tells how to answer it once that is to be answered at all.
    fn ask(&self, path: &str) -> Option<Vec<u8>> {
        let mut state = self.state();
        match path {
            DISCOVERY_PATH => state.asked.discovery += 1,
            KEYS_PATH => state.asked.keys += 1,
            _ => {}
        }
        self.changed.notify_all();
        while state.manner == Some(Manner::Never) && !state.stopping {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stopping {
            return None;
        }
        Some(match state.manner.as_ref().unwrap_or(&Manner::Well) {
            Manner::Well => state.answer(path),
            Manner::Status(status) => answer(&format!("{status} Trouble"), &[], b"trouble"),
            Manner::Body(body) => answer("200 OK", &[], body),
            Manner::Redirect(url) => answer("302 Found", &[format!("Location: {url}")], b""),
            Manner::Never | Manner::Closed => return None,
        })
    }
}

impl State {
    fn answer(&self, path: &str) -> Vec<u8> {
        let body = match path {
            DISCOVERY_PATH => {
                json!({"issuer": self.url, "jwks_uri": format!("{}{KEYS_PATH}", self.url), "response_types_supported": ["id_token"]})
            }
            KEYS_PATH => key_set(&self.keys),
            _ => return answer("404 Not Found", &[], b""),
        };
        let kept: Vec<String> =
            self.max_age.iter().map(|seconds| format!("Cache-Control: max-age={seconds}")).collect();
        answer("200 OK", &kept, body.to_string().as_bytes())
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn key_set(keys: &[SigningKey]) -> Value {
    json!({"keys": keys.iter().map(SigningKey::public).collect::<Vec<_>>()})
}

fn accept(listener: &TcpListener, shared: &Shared) {
    std::thread::scope(|scope| {
        while let Ok((stream, _)) = listener.accept() {
            let Some(client) = shared.open(stream) else { return };
            scope.spawn(move || {
                // Who goes away gets no answer.
                let _ = serve(&client, shared);
                let _ = client.shutdown(Shutdown::Both);
            });
        }
    });
}

/// Answers one request.
fn serve(client: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    if let Some(answer) = shared.ask(path) {
        (&*client).write_all(&answer)?;
    }
    Ok(())
}

fn answer(status: &str, fields: &[String], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n");
    for field in fields {
        head.push_str(&format!("{field}\r\n"));
    }
    let mut answer = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// How long its tokens are good for.
const TOKEN_SECONDS: u64 = 600;

const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

const KEYS_PATH: &str = "/oidc/jwks";
