//! How many requests Swift gets of the component for each thing that a client does: as many as of the native server, and
//! those of the start of every instance.

use serde_json::json;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Connection;
use wharfinger_tests::image::{CONFIG, MANIFEST};
use wharfinger_tests::repository::{OCTETS, Repository, finishing};
use wharfinger_tests::swift::fault::FaultProxy;
use wharfinger_tests::wasi::Options;

use super::{berth, bytes, shared, start};

/// What the start of an instance asks: a login, its containers, and what Swift can do.
const START: [&str; 4] = [
    "GET /auth/v1.0",
    "GET /info",
    "PUT /v1/AUTH_test/wasi-counts",
    "PUT /v1/AUTH_test/wasi-counts-segments",
];

/// What passed since the last look, one `METHOD first/parts` each, sorted; without the requests of `starts` starts, which
/// are told beside it. A client that is quick finds the instance of its last request busy, and starts another one.
fn passed(proxy: &FaultProxy) -> (usize, Vec<String>) {
    let line = |exchange: wharfinger_tests::swift::fault::Exchange| {
        let path = exchange.target.split('?').next().unwrap_or_default().to_owned();
        let kind = path.split('/').nth(4).unwrap_or(&path).to_owned();
        format!("{} {kind}", exchange.method)
    };
    let (started, mut lines): (Vec<String>, Vec<String>) =
        proxy.take_log().into_iter().map(line).partition(|line| START.contains(&line.as_str()));
    lines.sort();
    let starts = started.iter().filter(|line| *line == START[0]).count();
    for request in START {
        assert_eq!(started.iter().filter(|line| *line == request).count(), starts, "{request}: {started:?}");
    }
    (starts, lines)
}

#[test]
fn every_operation_makes_the_requests_of_the_native_server_and_no_more() {
    let proxy = FaultProxy::start(shared().proxy()).expect("the proxy starts");
    let url = format!("http://{}/auth/v1.0", proxy.address());
    let options = || Options::default().on_swift(&berth("wasi-counts")).with("OS_AUTH_URL", &url);
    let component = start(options(), &[]);
    assert_eq!(passed(&proxy), (1, Vec::new()), "the start of the first instance");
    let operations = |line: &str| {
        let (_, lines) = passed(&proxy);
        println!("{line}: {lines:?}");
        lines
    };
    let repository = Repository::new(component.address(), "counted/app");

    let layer = bytes(1, 3 << 20);
    repository.push_pieces(&layer, layer.len()).and_then(|answer| answer.expect(201)).expect("pushed");
    assert_eq!(operations("POST, PATCH, PUT"), ["PUT blobs", "PUT links", "PUT segments"]);

    let config = bytes(2, 2000);
    let mut connection = repository.connect().expect("connects");
    let begun = repository.begin(&mut connection).expect("POST");
    assert_eq!(operations("POST alone"), [""; 0]);
    let put = connection.request("PUT", &finishing(&begun, &sha256(&config)), &[OCTETS], &config);
    put.and_then(|answer| answer.expect(201)).expect("pushed");
    assert_eq!(operations("a small blob in one PUT"), ["PUT blobs", "PUT links"]);

    let digest = sha256(&layer);
    assert_eq!(repository.stat(&digest).expect("HEAD"), Some(layer.len() as u64));
    assert_eq!(operations("HEAD of a blob").len(), 1);
    assert_eq!(repository.read(&digest).expect("GET"), Some(layer.clone()));
    assert_eq!(operations("GET of a blob").len(), 2);

    let described =
        |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": sha256(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let pushed = repository.push_manifest("v1", MANIFEST, &manifest);
    pushed.and_then(|answer| answer.expect(201)).expect("pushed");
    assert_eq!(operations("PUT of a manifest with 2 references").len(), 2 + 3);

    for (reference, name) in [("v1", "GET tags"), (sha256(&manifest).as_str(), "GET manifests")] {
        assert_eq!(repository.read_manifest(reference).expect("GET"), Some(manifest.clone()));
        assert_eq!(operations(name), [name]);
    }
    let tags = repository.ask("GET", "tags/list").and_then(|answer| answer.expect(200)).expect("GET");
    assert!(tags.text().contains("v1"), "{}", tags.text());
    assert_eq!(operations("tags/list").len(), 1);
    component.stop().expect("it stops well");

    // Without reuse every request of a client, even one that needs nothing of Swift, pays for a start.
    let component = start(Options { reuse: 1, ..options() }, &[]);
    passed(&proxy);
    for _ in 0..3 {
        let mut connection = Connection::open(component.address()).expect("connects");
        connection.request("GET", "/v2/", &[], b"").and_then(|answer| answer.expect(200)).expect("GET");
        assert_eq!(passed(&proxy), (1, Vec::new()));
    }
    component.stop().expect("it stops well");
}
