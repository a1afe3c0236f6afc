//! How many requests Swift gets for each thing that a client does. With no fault there is not one more.

use serde_json::json;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Connection;
use wharfinger_tests::image::{CONFIG, MANIFEST};
use wharfinger_tests::repository::{OCTETS, Repository, finishing};
use wharfinger_tests::swift::fault::FaultProxy;

use super::{berth_through, bytes, shared};

/// What passed since the last look, one `METHOD first/parts` each, sorted.
fn passed(proxy: &FaultProxy) -> Vec<String> {
    let line = |exchange: wharfinger_tests::swift::fault::Exchange| {
        let path = exchange.target.split('?').next().unwrap_or_default().to_owned();
        let kind = path.split('/').nth(4).unwrap_or(&path).to_owned();
        format!("{} {kind}", exchange.method)
    };
    let mut lines: Vec<String> = proxy.take_log().into_iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn every_operation_makes_the_requests_that_it_needs_and_no_more() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth_through(&proxy, swift, "counts").start().expect("the registry starts");
    assert_eq!(passed(&proxy).len(), 4, "a login, two containers, /info");
    let repository = Repository::new(registry.address(), "counted/app");

    let layer = bytes(1, 3 << 20);
    repository.push_pieces(&layer, layer.len()).and_then(|answer| answer.expect(201)).expect("pushed");
    assert_eq!(passed(&proxy), ["PUT blobs", "PUT links", "PUT segments"], "POST, PATCH, PUT");

    let config = bytes(2, 2000);
    let mut connection = repository.connect().expect("connects");
    let begun = repository.begin(&mut connection).expect("POST");
    assert_eq!(passed(&proxy), [""; 0], "POST alone");
    let put = connection.request("PUT", &finishing(&begun, &sha256(&config)), &[OCTETS], &config);
    put.and_then(|answer| answer.expect(201)).expect("pushed");
    assert_eq!(passed(&proxy), ["PUT blobs", "PUT links"], "a small blob in one PUT");

    let digest = sha256(&layer);
    assert_eq!(repository.stat(&digest).expect("HEAD"), Some(layer.len() as u64));
    assert_eq!(passed(&proxy), ["GET links"], "HEAD of a blob");
    assert_eq!(repository.read(&digest).expect("GET"), Some(layer.clone()));
    assert_eq!(passed(&proxy), ["GET blobs", "GET links"], "GET of a blob");

    let described =
        |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": sha256(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let pushed = repository.push_manifest("v1", MANIFEST, &manifest);
    pushed.and_then(|answer| answer.expect(201)).expect("pushed");
    assert_eq!(
        passed(&proxy),
        ["GET links", "GET links", "HEAD manifests", "PUT manifests", "PUT tags"],
        "PUT of a manifest with 2 references"
    );

    let subject = json!({"mediaType": MANIFEST, "digest": sha256(&manifest), "size": manifest.len()});
    let referrer = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)], "subject": subject,
    });
    let pushed = repository.push_manifest("v2", MANIFEST, referrer.to_string().as_bytes());
    pushed.and_then(|answer| answer.expect(201)).expect("pushed");
    assert_eq!(
        passed(&proxy),
        ["GET links", "GET links", "HEAD manifests", "PUT manifests", "PUT referrers", "PUT tags"],
        "PUT of a manifest with 2 references and a subject"
    );

    for (reference, name) in [("v1", "GET tags"), (sha256(&manifest).as_str(), "GET manifests")] {
        assert_eq!(repository.read_manifest(reference).expect("GET"), Some(manifest.clone()));
        assert_eq!(passed(&proxy), [name]);
        let path = format!("manifests/{reference}");
        repository.ask("HEAD", &path).and_then(|answer| answer.expect(200)).expect("HEAD");
        assert_eq!(passed(&proxy), [name], "HEAD");
    }
    for (path, shown) in [("tags/list", "v2"), ("tags/list?n=1", "v1"), ("tags/list?n=1&last=v1", "v2")] {
        let tags = repository.ask("GET", path).and_then(|answer| answer.expect(200)).expect("GET");
        assert!(tags.text().contains(shown), "{}", tags.text());
        assert_eq!(passed(&proxy).len(), 1, "{path}");
    }

    let mut connection = Connection::open(registry.address()).expect("connects");
    connection.request("GET", "/v2/", &[], b"").and_then(|answer| answer.expect(200)).expect("GET");
    assert_eq!(passed(&proxy), [""; 0], "GET /v2/");
}
