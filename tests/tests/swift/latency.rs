//! How many requests to Swift wait for others.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::image::{CONFIG, INDEX, MANIFEST};
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::fault::{Action, Exchange, FaultProxy, Rule};

use super::{berth_through, bytes, shared};

/// What is added to every request: much longer than anything else that is needed for one.
const DELAY: Duration = Duration::from_millis(200);

/// The longest chain of requests of which each began after the one before it had ended.
///
/// Whoever waits for a request begins after its end, so that the chain is never shorter than what depends on each other; and
/// independent ones that are made at once overlap for as long as `DELAY`, so that it is no longer either.
fn depth(log: &[Exchange]) -> usize {
    let mut spans: Vec<(Instant, Instant)> =
        log.iter().map(|exchange| (exchange.ended.expect("has ended"), exchange.begun)).collect();
    spans.sort();
    let (mut depth, mut end) = (0, None);
    for (ended, begun) in spans {
        if end.is_none_or(|end| begun >= end) {
            depth += 1;
            end = Some(ended);
        }
    }
    depth
}

struct Scene {
    proxy: FaultProxy,
    repository: Repository,
}

impl Scene {
    /// What is done with the delay in every request: the depth of the requests.
    fn measure(&self, what: impl FnOnce(&Repository)) -> usize {
        self.proxy.take_log();
        self.proxy.rule(Rule::new(Action::Delay(DELAY)).always());
        what(&self.repository);
        self.proxy.clear();
        // The answer reaches the registry before the proxy takes note of the end.
        let end = Instant::now() + Duration::from_secs(10);
        while self.proxy.log().iter().any(|exchange| exchange.ended.is_none()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        let log = self.proxy.take_log();
        let depth = depth(&log);
        eprintln!("{} requests, {depth} after another", log.len());
        depth
    }
}

fn part(kind: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": kind, "digest": sha256(bytes), "size": bytes.len()})
}

#[test]
fn requests_that_do_not_depend_on_each_other_are_made_at_once() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth_through(&proxy, swift, "latency").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "latency/app");
    let scene = Scene { proxy, repository };
    let stored = |answer: std::io::Result<wharfinger_tests::http::Response>| {
        answer.and_then(|answer| answer.expect(201)).expect("is stored");
    };
    let blobs: Vec<_> = (0..31).map(|number| bytes(number, 100)).collect();
    for blob in &blobs {
        stored(scene.repository.push_whole(blob));
    }
    let layers: Vec<Value> =
        blobs[1..].iter().map(|blob| part("application/vnd.oci.image.layer.v1.tar", blob)).collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": part(CONFIG, &blobs[0]), "layers": layers,
    });
    let manifest = manifest.to_string().into_bytes();

    let depth = scene.measure(|repository| stored(repository.push_manifest("v1", MANIFEST, &manifest)));
    assert!(depth <= 8, "the manifest of 30 layers: {depth} requests after another");
    let depth = scene.measure(|repository| stored(repository.push_whole(&bytes(100, 1000))));
    assert_eq!(depth, 2, "a small blob");
    let depth = scene.measure(|repository| stored(repository.push_pieces(&bytes(101, 2000), 2000)));
    assert_eq!(depth, 3, "a blob by PATCH");
    let digest = sha256(&blobs[1]);
    let depth = scene.measure(|repository| assert!(repository.read(&digest).expect("GET").is_some()));
    assert_eq!(depth, 1, "GET of a blob");
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [part(MANIFEST, &manifest)],
    });
    let index = index.to_string().into_bytes();
    let depth = scene.measure(|repository| stored(repository.push_manifest("all", INDEX, &index)));
    assert!(depth <= 5, "an index of one manifest: {depth} requests after another");
    let depth = scene.measure(|repository| {
        assert!(repository.read_manifest("v1").expect("GET").is_some());
    });
    assert_eq!(depth, 1, "GET of a manifest by tag");
}
