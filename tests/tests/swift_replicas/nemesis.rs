//! Pushes and pulls go on while the object servers are killed and restarted, one after the other.

use std::io::ErrorKind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wharfinger_tests::digest::sha256;
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::fault::FaultProxy;

use super::{NUMBERS, berth, bytes, once, rig, until};

/// How long it goes on, at least.
const LIFE: Duration = Duration::from_secs(10);
const WRITERS: u64 = 2;
const READERS: u64 = 2;

/// What was told to be stored.
#[derive(Default)]
struct History {
    /// The digest and size of each blob.
    stored: Mutex<Vec<(String, u64)>>,
    pushed: AtomicU64,
    refused: AtomicU64,
    pulled: AtomicU64,
    cut: AtomicU64,
    over: AtomicBool,
}

impl History {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn write(&self, repository: &Repository, writer: u64) {
        for round in 0.. {
            if self.is_over() {
                return;
            }
            let blob = bytes(writer * 1_000_000 + round, 20_000 + 40_000 * (round as usize % 8));
            let answer = match round % 2 {
                0 => repository.push_pieces(&blob, 100_000),
                _ => repository.push_whole(&blob),
            };
            let answer = answer.expect("an answer");
            let digest = sha256(&blob);
            if answer.status() == 201 {
                assert_eq!(repository.stat(&digest).expect("HEAD after a 201"), Some(blob.len() as u64));
                self.stored.lock().expect("nobody panicked").push((digest, blob.len() as u64));
                self.pushed.fetch_add(1, Ordering::SeqCst);
            } else {
                assert!(answer.status() >= 500, "{}: {}", answer.status(), answer.text());
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    fn read(&self, repository: &Repository, reader: u64) {
        let mut random = Random::new(reader);
        while !self.is_over() {
            let any = {
                let stored = self.stored.lock().expect("nobody panicked");
                let number = u64::from_le_bytes(random.bytes(8).try_into().expect("8 bytes"));
                number.checked_rem(stored.len() as u64).map(|at| stored[at as usize].clone())
            };
            let Some((digest, size)) = any else { continue };
            assert_eq!(repository.stat(&digest).expect("HEAD"), Some(size));
            match repository.ask("GET", &format!("blobs/{digest}")) {
                Ok(answer) => {
                    assert_eq!((answer.status(), sha256(&answer.body)), (200, digest), "{}", answer.text());
                    self.pulled.fetch_add(1, Ordering::SeqCst);
                }
                // The server that sent it was killed, and the client can see that it is not whole.
                Err(error) => {
                    let cut = matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset);
                    assert!(cut, "GET: {error}");
                    self.cut.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }

    /// Lets some be pushed and pulled.
    fn go_on(&self) {
        let (pushed, pulled) = (self.pushed.load(Ordering::SeqCst), self.pulled.load(Ordering::SeqCst));
        until("pushes and pulls go on", || {
            self.is_over()
                || self.pushed.load(Ordering::SeqCst) > pushed + 1
                    && self.pulled.load(Ordering::SeqCst) > pulled + 1
        });
    }
}

/// Has the others end even if this thread panics.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn pushes_and_pulls_go_on_while_servers_are_killed_in_turn() {
    let swift = rig();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth(&swift, &proxy, "nemesis").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "nemesis/app");
    let history = History::default();
    std::thread::scope(|scope| {
        let (history, repository) = (&history, &repository);
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let _end = End(&history.over);
                history.write(repository, writer);
            });
        }
        for reader in 0..READERS {
            scope.spawn(move || {
                let _end = End(&history.over);
                history.read(repository, reader);
            });
        }
        let _end = End(&history.over);
        let begun = Instant::now();
        for number in NUMBERS.into_iter().cycle() {
            history.go_on();
            swift.kill9(&format!("object{number}")).expect("the rig does it");
            history.go_on();
            swift.restart(&format!("object{number}")).expect("the rig does it");
            if history.is_over() || (begun.elapsed() > LIFE && number == 3) {
                break;
            }
        }
    });
    let stored = history.stored.into_inner().expect("nobody panicked");
    eprintln!(
        "{} pushed, {} refused, {} pulled, {} cut",
        stored.len(),
        history.refused.into_inner(),
        history.pulled.into_inner(),
        history.cut.into_inner()
    );
    once(&swift, "object-replicator");
    once(&swift, "object-updater");
    for (digest, size) in &stored {
        assert_eq!(repository.stat(digest).expect("HEAD"), Some(*size));
        assert!(repository.read(digest).expect("GET").is_some(), "{digest}");
    }
}
