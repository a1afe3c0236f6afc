//! Transfers through the component that go wrong: what is stored then, and what clients see.

#[path = "wasi_abort/downloads.rs"]
mod downloads;
#[path = "wasi_abort/files.rs"]
mod files;
#[path = "wasi_abort/memory.rs"]
mod memory;
#[path = "wasi_abort/pushing.rs"]
mod pushing;
#[path = "wasi_abort/silence.rs"]
mod silence;
#[path = "wasi_abort/stored.rs"]
mod stored;
#[path = "wasi_abort/uploads.rs"]
mod uploads;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use wharfinger_tests::random::Random;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::fault::FaultProxy;
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{self, Swift};
use wharfinger_tests::wasi::{Component, Options};

/// How long an effect is waited for that comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// The size of a segment in all of these tests, bytes.
const SEGMENT: usize = 1 << 20;

/// How often everything is tried.
fn tries() -> u64 {
    if std::env::var_os("WHARFINGER_LONG").is_some() { 100 } else { 10 }
}

fn bytes(seed: u64, length: usize) -> Vec<u8> {
    Random::new(seed).bytes(length)
}

/// The rig of all tests. It ends with the process.
fn rig() -> &'static Swift {
    static SWIFT: OnceLock<Swift> = OnceLock::new();
    SWIFT.get_or_init(|| Swift::start(&swift::Options::default()).expect("Swift starts"))
}

/// The component on a container of its own, with a proxy between it and Swift.
struct Stage {
    proxy: FaultProxy,
    component: Component,
    repository: Repository,
    container: String,
}

impl Stage {
    fn new(container: &str, settings: &[(&str, &str)]) -> Self {
        let proxy = FaultProxy::start(rig().proxy()).expect("the proxy starts");
        let url = format!("http://{}/auth/v1.0", proxy.address());
        let berth = Berth::v1(&url, rig().user(), rig().key(), container);
        let options = Options::default().on_swift(&berth).with("WHARFINGER_LIMITS_SEGMENT_BYTES", "1048576");
        let options = settings.iter().fold(options, |options, (name, value)| options.with(name, value));
        let component = Component::start(options).expect("the component starts");
        let repository = Repository::new(component.address(), &format!("{container}/app"));
        Self { proxy, component, repository, container: container.to_owned() }
    }

    /// Waits until nothing is on its way to Swift.
    fn settle(&self) {
        wait_until("Swift is still spoken to", || {
            self.proxy.log().iter().all(|exchange| exchange.ended.is_some())
        });
        let log = self.component.log();
        assert!(!log.contains("trap") && !log.contains("panicked"), "{log}");
        assert!(!log.contains("please report"), "{log}");
    }
}

/// Waits for what comes by itself.
fn wait_until(otherwise: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{otherwise}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
