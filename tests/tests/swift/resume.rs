//! Answers of Swift that break off in mid-body: the client gets the right bytes, or sees that it does not.

use std::time::{Duration, Instant};

use serde_json::json;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Response;
use wharfinger_tests::image::{CONFIG, MANIFEST};
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::Server;
use wharfinger_tests::swift::fault::{Action, FaultProxy, Rule};

use super::{berth_through, bytes, shared};

/// How long an effect is waited for that comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A registry whose large objects have segments of 1 MiB.
fn start(container: &str) -> (FaultProxy, Server, Repository) {
    let proxy = FaultProxy::start(shared().proxy()).expect("the proxy starts");
    let berth = berth_through(&proxy, shared(), container).with("  limits: {segment-bytes: 1048576}\n");
    let registry = berth.start().expect("the registry starts");
    let repository = Repository::new(registry.address(), &format!("{container}/app"));
    (proxy, registry, repository)
}

fn push(repository: &Repository, blob: &[u8]) -> String {
    repository.push_pieces(blob, blob.len()).and_then(|answer| answer.expect(201)).expect("it is stored");
    sha256(blob)
}

fn get(repository: &Repository, target: &str, range: Option<&str>) -> std::io::Result<Response> {
    let fields: Vec<_> = range.iter().map(|range| ("Range", *range)).collect();
    repository.connect()?.request("GET", target, &fields, b"")
}

/// The reads since the last look that asked for a certain object, by their Range.
fn resumed(proxy: &FaultProxy) -> Vec<String> {
    let log = proxy.take_log();
    let conditional = log.iter().filter(|exchange| exchange.field("if-match").is_some());
    conditional.map(|exchange| exchange.field("range").unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_large_blob_is_read_on_from_where_it_broke_off() {
    let (proxy, _registry, repository) = start("resume");
    let blob = bytes(1, 3_500_000);
    let digest = push(&repository, &blob);
    let target = format!("/v2/resume/app/blobs/{digest}");
    for at in [0, 1, 700_000, 1_048_576, 2_000_003, 3_499_999] {
        proxy.rule(Rule::new(Action::CutResponse(at)).method("GET").target("/blobs/"));
        proxy.take_log();
        let read = get(&repository, &target, None).and_then(|answer| answer.expect(200)).expect("GET");
        assert!(read.body == blob, "cut at {at}");
        assert_eq!(resumed(&proxy), [format!("bytes={at}-3499999")]);
        proxy.clear();
    }
    // More than once, and resets too.
    for action in [Action::CutResponse(1_000_000), Action::ResetResponse(1_000_000)] {
        proxy.rule(Rule::new(action).method("GET").target("/blobs/").times(3));
        proxy.take_log();
        let read = get(&repository, &target, None).and_then(|answer| answer.expect(200)).expect("GET");
        assert!(read.body == blob);
        assert_eq!(resumed(&proxy).len(), 3);
        proxy.clear();
    }
}

#[test]
fn ranges_are_read_on_too() {
    let (proxy, _registry, repository) = start("resume-ranges");
    let blob = bytes(2, 2_500_000);
    let target = format!("/v2/resume-ranges/app/blobs/{}", push(&repository, &blob));
    for at in [1, 600_000, 999_999] {
        proxy.rule(Rule::new(Action::CutResponse(at)).method("GET").target("/blobs/"));
        let read = get(&repository, &target, Some("bytes=1000000-1999999"));
        let read = read.and_then(|answer| answer.expect(206)).expect("GET");
        assert!(read.body == blob[1_000_000..2_000_000], "cut at {at}");
        assert_eq!(resumed(&proxy), [format!("bytes={}-1999999", 1_000_000 + at)]);
        proxy.clear();
    }
    let several = Some("bytes=0-199999,2400000-2499999,5-5");
    let parts = |answer: Response| {
        let answer = answer.expect(206).expect("a part of it");
        let kind = answer.head.field("content-type").expect("a type").to_owned();
        let boundary = kind.split_once("boundary=").expect("a boundary").1.as_bytes().to_vec();
        let mut body = answer.body;
        while let Some(at) = body.windows(boundary.len()).position(|window| window == boundary) {
            body.drain(at..at + boundary.len());
        }
        body
    };
    let whole = parts(get(&repository, &target, several).expect("GET"));
    for skip in [0, 1, 2] {
        proxy.take_log();
        let cut = if skip == 2 { 0 } else { 77_777 };
        proxy.rule(Rule::new(Action::CutResponse(cut)).method("GET").target("/blobs/").skip(skip));
        assert!(parts(get(&repository, &target, several).expect("GET")) == whole, "in part {skip}");
        assert_eq!(resumed(&proxy).len(), 1);
        proxy.clear();
    }
}

/// A manifest of about 60 kB.
fn manifest(repository: &Repository, note: &str) -> Vec<u8> {
    let config = note.as_bytes();
    repository.push_whole(config).and_then(|answer| answer.expect(201)).expect("it is stored");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": sha256(config), "size": config.len()},
        "layers": [], "annotations": {"note": note.repeat(60_000 / note.len())},
    });
    let manifest = manifest.to_string().into_bytes();
    let pushed = repository.push_manifest("v1", MANIFEST, &manifest);
    pushed.and_then(|answer| answer.expect(201)).expect("it is stored");
    manifest
}

#[test]
fn a_manifest_is_read_on_from_every_replica() {
    let (proxy, _registry, repository) = start("resume-manifest");
    let manifest = manifest(&repository, "first");
    for (reference, kind) in [("v1".to_owned(), "/tags/"), (sha256(&manifest), "/manifests/")] {
        for at in [300, 30_000, 60_000] {
            proxy.take_log();
            proxy.rule(Rule::new(Action::CutResponse(at)).method("GET").target(kind));
            assert_eq!(repository.read_manifest(&reference).expect("GET"), Some(manifest.clone()));
            let log = proxy.take_log();
            assert_eq!(log.len(), 2, "{log:?}");
            assert!(log[1].field("if-match").is_some());
            assert!(log.iter().all(|exchange| exchange.field("x-newest") == Some("true")));
            proxy.clear();
        }
    }
}

/// Reads while the first answer is cut and the request for its rest is held back; `change` happens meanwhile.
fn read_while(proxy: &FaultProxy, kind: &str, cut: u64, read: impl Fn() -> bool + Sync, change: impl Fn()) {
    proxy.take_log();
    proxy.rule(Rule::new(Action::CutResponse(cut)).method("GET").target(kind));
    proxy.rule(Rule::new(Action::Delay(Duration::from_secs(5))).method("GET").target(kind));
    std::thread::scope(|scope| {
        let reading = scope.spawn(&read);
        let until = Instant::now() + PATIENCE;
        while !proxy.log().iter().any(|exchange| exchange.field("if-match").is_some()) {
            assert!(Instant::now() < until, "nobody asks for the rest");
            std::thread::sleep(Duration::from_millis(5));
        }
        change();
        assert!(!reading.join().expect("the reader ends"), "a torn body ended cleanly");
    });
    proxy.clear();
}

#[test]
fn what_was_written_again_meanwhile_is_cut_visibly() {
    let (proxy, _registry, repository) = start("resume-changed");
    let client = shared().client().expect("logs in");
    let blob = bytes(3, 2_500_000);
    let digest = push(&repository, &blob);
    let hex = digest.split_once(':').expect("an algorithm").1;
    let target = format!("/v2/resume-changed/app/blobs/{digest}");
    let path = format!("/resume-changed/blobs/sha256/{}/{hex}", &hex[..2]);
    read_while(
        &proxy,
        "/blobs/",
        700_000,
        || get(&repository, &target, None).is_ok(),
        || drop(client.put(&path, &blob[1..]).and_then(|answer| answer.expect(201)).expect("PUT")),
    );
    push(&repository, &blob);
    read_while(
        &proxy,
        "/blobs/",
        700_000,
        || get(&repository, &target, None).is_ok(),
        || drop(client.delete(&path).and_then(|answer| answer.expect(204)).expect("DELETE")),
    );
    manifest(&repository, "first");
    read_while(
        &proxy,
        "/tags/",
        30_000,
        || repository.read_manifest("v1").is_ok(),
        || drop(manifest(&repository, "other")),
    );
    assert!(repository.read_manifest("v1").expect("GET").is_some());
}
