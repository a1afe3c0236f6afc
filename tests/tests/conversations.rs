//! Holds every conversation in `tests/conversations` with a registry, and counts them as tests.
//!
//! `cargo test -p wharfinger-tests --test conversations -- WORD` holds those whose name has the word in it.
//! `WHARFINGER_URL=127.0.0.1:5000` (and `WHARFINGER_URL_SPARSE`, `_LOCKED`, `_READERS`) name a registry
//! that runs already.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use wharfinger_tests::conversation::{Conversation, Kind};
use wharfinger_tests::server::{Options, Server};

/// How many conversations are held at a time.
const THREADS: usize = 2;

/// What comes before the settings of the kind.
const CONFIG: &str =
    "registry:\n  secret: not-a-secret-of-anybody\n  storage:\n    driver: filesystem\n    root: ${data}\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (flags, words): (Vec<_>, Vec<_>) =
        arguments.into_iter().partition(|argument| argument.starts_with('-'));
    let (chosen, total) = match conversations(&words) {
        Ok(found) => found,
        Err(message) => return failed(&message),
    };
    if flags.iter().any(|flag| flag == "--list") {
        chosen.iter().for_each(|conversation| println!("{}: test", conversation.name()));
        return ExitCode::SUCCESS;
    }
    let servers = match Servers::start(&chosen) {
        Ok(servers) => servers,
        Err(message) => return failed(&message),
    };
    let start = Instant::now();
    println!("\nrunning {} tests", chosen.len());
    let failures = hold_all(&chosen, &servers);
    for (name, text) in &failures {
        println!("\n---- {name} ----\n{text}");
    }
    let stopped = servers.stop();
    let passed = chosen.len() - failures.len();
    let word = if failures.is_empty() && stopped.is_ok() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        failures.len(),
        total - chosen.len(),
        start.elapsed().as_secs_f64()
    );
    match stopped {
        Err(message) => failed(&message),
        Ok(()) if !failures.is_empty() => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
    }
}

fn failed(message: &str) -> ExitCode {
    println!("{message}");
    ExitCode::FAILURE
}

/// The conversations whose names have one of the words in them, by name, and how many there are in all.
fn conversations(words: &[String]) -> Result<(Vec<Conversation>, usize), String> {
    let mut all = Conversation::all()?;
    let total = all.len();
    all.retain(|conversation| {
        words.is_empty() || words.iter().any(|word| conversation.name().contains(word))
    });
    Ok((all, total))
}

/// Holds them on a few threads; gives the name and text of each that failed.
fn hold_all(chosen: &[Conversation], servers: &Servers) -> Vec<(String, String)> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(conversation) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = conversation.run(servers.address(conversation.server()));
                    println!(
                        "test {} ... {}",
                        conversation.name(),
                        if outcome.is_ok() { "ok" } else { "FAILED" }
                    );
                    if let Err(failure) = outcome {
                        let mut failures = failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        failures.push((conversation.name(), failure.text));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failures.sort();
    failures
}

/// One server per kind.
struct Servers {
    addresses: BTreeMap<Kind, SocketAddr>,
    started: Vec<Server>,
}

impl Servers {
    /// Starts those that these conversations need.
    fn start(chosen: &[Conversation]) -> Result<Self, String> {
        let mut servers = Self { addresses: BTreeMap::new(), started: Vec::new() };
        for kind in chosen.iter().map(Conversation::server) {
            if servers.addresses.contains_key(&kind) {
                continue;
            }
            let variable = match kind {
                Kind::Plain => "WHARFINGER_URL",
                Kind::Sparse => "WHARFINGER_URL_SPARSE",
                Kind::Locked => "WHARFINGER_URL_LOCKED",
                Kind::Readers => "WHARFINGER_URL_READERS",
            };
            let address = match std::env::var(variable) {
                Ok(address) => {
                    let address = address.trim_start_matches("http://").trim_end_matches('/');
                    address.parse().map_err(|_| format!("{variable}: `{address}` is not ADDRESS:PORT"))?
                }
                Err(_) => {
                    let config = Some(format!("{CONFIG}{}", kind.lines()));
                    let server = Server::start(Options { config, ..Options::default() })?;
                    let address = server.address();
                    servers.started.push(server);
                    address
                }
            };
            servers.addresses.insert(kind, address);
        }
        Ok(servers)
    }

    fn address(&self, kind: Kind) -> SocketAddr {
        self.addresses[&kind]
    }

    /// Stops those that were started; each has to end well.
    fn stop(self) -> Result<(), String> {
        self.started.into_iter().try_for_each(Server::stop)
    }
}
