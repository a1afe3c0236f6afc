//! The registry on a Swift with three replicas, of which some fail, lag, and come back.

#[path = "swift_replicas/loss.rs"]
mod loss;
#[path = "swift_replicas/nemesis.rs"]
mod nemesis;
#[path = "swift_replicas/stale.rs"]
mod stale;
#[path = "swift_replicas/statements.rs"]
mod statements;

use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Response;
use wharfinger_tests::image::{CONFIG, MANIFEST};
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::fault::FaultProxy;
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{Options, Swift};

/// How long an effect is waited for that comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// The replicas.
const NUMBERS: [u8; 3] = [1, 2, 3];

/// The rig of all these tests, one after the other. It ends with the process.
fn rig() -> MutexGuard<'static, Swift> {
    static SWIFT: OnceLock<Mutex<Swift>> = OnceLock::new();
    let options = Options { replicas: 3, node_timeout: Duration::from_secs(3), ..Options::default() };
    SWIFT
        .get_or_init(|| Mutex::new(Swift::start(&options).expect("Swift starts")))
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// A registry on a container of its own, which speaks to Swift through the proxy.
fn berth(swift: &Swift, proxy: &FaultProxy, container: &str) -> Berth {
    let url = format!("http://{}/auth/v1.0", proxy.address());
    Berth::v1(&url, swift.user(), swift.key(), container)
}

fn bytes(seed: u64, length: usize) -> Vec<u8> {
    Random::new(seed).bytes(length)
}

/// Runs one pass of a daemon on each node.
fn once(swift: &Swift, daemon: &str) {
    for number in NUMBERS {
        swift.once(&format!("{daemon}{number}")).expect("the rig does it");
    }
}

/// The answer, which must have this status.
fn status(answer: io::Result<Response>, status: u16) -> Response {
    answer.and_then(|answer| answer.expect(status)).expect("the expected answer")
}

/// A manifest without layers, of which there is no other with the same text; what it needs is pushed.
fn manifest(repository: &Repository, text: &str) -> Vec<u8> {
    let config = text.as_bytes();
    status(repository.push_whole(config), 201);
    let config = json!({"mediaType": CONFIG, "digest": sha256(config), "size": config.len()});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": config});
    manifest.to_string().into_bytes()
}

/// Waits until `found`.
fn until(what: &str, found: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !found() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
