//! A proxy that passes HTTP/1.1 on, counts it, and breaks it where its rules say so.

mod message;
mod relay;
mod rule;

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use rule::{Action, Rule};

/// How long a silent peer is waited for.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// What passed, or was meant to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The method of the request.
    pub method: String,
    /// The target of the request, as it was sent.
    pub target: String,
    /// The fields of the request: names in lower case, with their values.
    pub fields: Vec<(String, String)>,
    /// The status that the server gave, or that a rule gave in its place; `None` if it gave none.
    pub status: Option<u16>,
    /// Bytes of the request's body that came, without framing.
    pub request_bytes: u64,
    /// Bytes of the response's body that were passed on, without framing.
    pub response_bytes: u64,
    /// The name of the action of the rule that applied, if one did.
    pub fault: Option<&'static str>,
    /// When the head of the request had come.
    pub begun: Instant,
    /// When all of it was over for the client; `None` before that.
    pub ended: Option<Instant>,
}

impl Exchange {
    /// The value of the first field of the request with that name (in lower case).
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A running proxy on a loopback port of its own. Dropping it ends it, and cuts what passes.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Starts a proxy without rules before the server at `upstream`.
    ///
    /// # Errors
    /// Whatever listening fails with.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        Self::start_at(SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0)), upstream)
    }

    /// Starts a proxy without rules at `address`, before the server at `upstream`.
    ///
    /// # Errors
    /// Whatever listening fails with.
    pub fn start_at(address: SocketAddr, upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { upstream, state: Mutex::default(), stopped: Condvar::new() });
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

    /// Adds a rule. Of several that apply to a request the first one added wins.
    pub fn rule(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// Forgets all rules.
    pub fn clear(&self) {
        self.shared.state().rules.clear();
    }

    /// All requests so far, in the order in which their heads came.
    pub fn log(&self) -> Vec<Exchange> {
        self.shared.state().log.clone()
    }

    /// All requests so far, which are forgotten.
    pub fn take_log(&self) -> Vec<Exchange> {
        let mut state = self.shared.state();
        state.forgotten += state.log.len();
        std::mem::take(&mut state.log)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.stop();
        // It may be waiting for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Shared) {
    std::thread::scope(|scope| {
        while let Ok((stream, _)) = listener.accept() {
            match shared.open(stream) {
                Ok(client) => drop(scope.spawn(move || relay::serve(&client, shared))),
                Err(_) => return,
            }
        }
    });
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    state: Mutex<State>,
    stopped: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    log: Vec<Exchange>,
    /// Exchanges before the first one of `log`.
    forgotten: usize,
    open: BTreeMap<u64, Weak<TcpStream>>,
    opened: u64,
    stopping: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a connection, so that it ends with the proxy.
    fn open(&self, stream: TcpStream) -> io::Result<Arc<TcpStream>> {
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        stream.set_nodelay(true)?;
        let mut state = self.state();
        if state.stopping {
            return Err(stopping());
        }
        let stream = Arc::new(stream);
        state.open.retain(|_, open| open.strong_count() > 0);
        state.opened += 1;
        let number = state.opened;
        state.open.insert(number, Arc::downgrade(&stream));
        Ok(stream)
    }

    fn connect(&self) -> io::Result<Arc<TcpStream>> {
        self.open(TcpStream::connect_timeout(&self.upstream, SILENCE_MAX)?)
    }

    /// Notes a request; returns its number and what is to be done to it.
    fn begin(&self, exchange: Exchange) -> (usize, Option<Action>) {
        let mut state = self.state();
        let action = state.rules.iter_mut().find_map(|rule| rule.apply(&exchange));
        let fault = action.as_ref().map(Action::name);
        state.log.push(Exchange { fault, ..exchange });
        (state.forgotten + state.log.len() - 1, action)
    }

    /// Changes what was noted of a request, unless that is forgotten.
    fn note(&self, number: usize, change: impl FnOnce(&mut Exchange)) {
        let mut state = self.state();
        let index = number.checked_sub(state.forgotten);
        if let Some(exchange) = index.and_then(|index| state.log.get_mut(index)) {
            change(exchange);
        }
    }

    /// Waits, but not longer than the proxy runs.
    fn pause(&self, time: Duration) -> io::Result<()> {
        let waited = self.stopped.wait_timeout_while(self.state(), time, |state| !state.stopping);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.stopping { Err(stopping()) } else { Ok(()) }
    }

    fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        for stream in state.open.values().filter_map(Weak::upgrade) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.stopped.notify_all();
    }
}

fn stopping() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the proxy ends")
}
