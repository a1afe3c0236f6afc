//! The real server against many hostile clients at once, and much of everything. What it costs is printed.

#[path = "hostile_load/crowd.rs"]
mod crowd;
#[path = "hostile_load/leaving.rs"]
mod leaving;
#[path = "hostile_load/manifests.rs"]
mod manifests;
#[path = "hostile_load/standing.rs"]
mod standing;
#[path = "hostile_load/tags.rs"]
mod tags;
#[path = "hostile_load/tokens.rs"]
mod tokens;
#[path = "hostile_load/watch.rs"]
mod watch;

use std::sync::{Mutex, MutexGuard, PoisonError};
use watch::Usage;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Connection;
use wharfinger_tests::server::{Options, Server};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry that has the machine for itself: what is measured in one test is not the load of another.
struct Harbour {
    server: Server,
    _turn: MutexGuard<'static, ()>,
}

impl Harbour {
    /// Starts a registry with these limits, once its turn has come.
    fn start(limits: &str) -> Self {
        Self::start_with(&format!("registry:\n  limits: {{{limits}}}\n"))
    }

    fn start_with(config: &str) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // A line for each of a hundred thousand requests is of no use in the log of a test.
        let args = vec!["--log-level".to_owned(), "warn".to_owned()];
        let options = Options { config: Some(config.to_owned()), args, ..Options::default() };
        Self { server: Server::start(options).expect("the registry starts"), _turn: turn }
    }

    fn connect(&self) -> Connection {
        Connection::open(self.server.address()).expect("the registry accepts")
    }

    fn usage(&self) -> Usage {
        Usage::of(self.server.pid())
    }

    /// Fails unless it still serves, never panicked, and ends in good order.
    #[track_caller]
    fn end(self) {
        let answer = self.connect().request("GET", "/v2/", &[], b"").and_then(|answer| answer.expect(200));
        assert!(answer.is_ok(), "GET /v2/: {answer:?}; log:\n{}", self.server.log());
        assert!(!self.server.log().contains("panicked"), "{}", self.server.log());
        self.server.stop().expect("it ends in good order");
    }
}

/// An image manifest with this config and these layers.
fn image(config: &[u8], layers: &[&[u8]]) -> String {
    let descriptor = |kind: &str, bytes: &[u8]| {
        let (digest, size) = (sha256(bytes), bytes.len());
        format!(r#"{{"mediaType":"application/vnd.oci.image.{kind}","digest":"{digest}","size":{size}}}"#)
    };
    let layers: Vec<_> = layers.iter().map(|layer| descriptor("layer.v1.tar", layer)).collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
        descriptor("config.v1+json", config),
        layers.join(",")
    )
}
