//! What breaks between the registry and Swift, or before the registry.

use std::time::{Duration, Instant};

use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Connection;
use wharfinger_tests::repository::{Repository, finishing, location};
use wharfinger_tests::swift::fault::{Action, FaultProxy, Rule};

use super::{berth_through, bytes, shared};

/// How long an effect is waited for that comes by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stored segments that the proxy saw.
fn segments(proxy: &FaultProxy) -> usize {
    let stored = |exchange: &&wharfinger_tests::swift::fault::Exchange| {
        exchange.method == "PUT" && exchange.target.contains("/segments/") && exchange.status == Some(201)
    };
    proxy.log().iter().filter(stored).count()
}

fn send_chunk(connection: &mut Connection, bytes: &[u8]) {
    let text = format!("{:x}\r\n", bytes.len());
    for part in [text.as_bytes(), bytes, b"\r\n"] {
        connection.send(part).expect("the registry reads");
    }
}

#[test]
fn a_stalled_client_ends_a_segment_and_goes_on_in_another() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let berth = berth_through(&proxy, swift, "stall").with("  limits: {stall-seconds: 0.2}\n");
    let registry = berth.start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "stall/app");
    let blob = bytes(1, 400_000);
    let mut connection = repository.connect().expect("connects");
    let begun = repository.begin(&mut connection).expect("POST");
    let fields = [("Transfer-Encoding", "chunked"), ("Content-Type", "application/octet-stream")];
    connection.send_head("PATCH", &begun, &fields).expect("is sent");
    send_chunk(&mut connection, &blob[..150_000]);
    let until = Instant::now() + PATIENCE;
    while segments(&proxy) == 0 {
        assert!(Instant::now() < until, "no segment was ended");
        std::thread::sleep(Duration::from_millis(10));
    }
    send_chunk(&mut connection, &blob[150_000..]);
    connection.send(b"0\r\n\r\n").expect("is sent");
    let patched = connection.read_response("PATCH").and_then(|answer| answer.expect(202)).expect("PATCH");
    assert_eq!(patched.head.field("range"), Some("0-399999"));
    assert_eq!(segments(&proxy), 2);
    let target = finishing(&location(&patched).expect("a Location"), &sha256(&blob));
    connection.request("PUT", &target, &[], b"").and_then(|answer| answer.expect(201)).expect("PUT");
    assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob));
}

#[test]
fn a_client_that_leaves_in_mid_body_leaves_nothing_in_swift() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth_through(&proxy, swift, "left").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "left/app");
    for fields in [("Transfer-Encoding", "chunked"), ("Content-Length", "1000000")] {
        let mut connection = repository.connect().expect("connects");
        let begun = repository.begin(&mut connection).expect("POST");
        proxy.take_log();
        connection.send_head("PATCH", &begun, &[fields]).expect("is sent");
        match fields.1 {
            "chunked" => send_chunk(&mut connection, &bytes(1, 300_000)),
            _ => connection.send(&bytes(1, 300_000)).expect("the registry reads"),
        }
        let until = Instant::now() + PATIENCE;
        while !proxy.log().iter().any(|exchange| exchange.request_bytes > 0) {
            assert!(Instant::now() < until, "nothing was sent to Swift");
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(connection);
    }
    // The server ends only when every request has.
    registry.stop().expect("the registry stops well");
    let client = swift.client().expect("logs in");
    assert_eq!(client.names("left-segments", "").expect("a listing"), [""; 0]);
}

#[test]
fn an_answer_that_is_cut_short_never_ends_cleanly() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth_through(&proxy, swift, "cut").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "cut/app");
    let blob = bytes(1, 2_000_000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    for action in [Action::CutResponse(0), Action::CutResponse(1_000), Action::ResetResponse(100_000)] {
        proxy.rule(Rule::new(action.clone()).method("GET").target("/blobs/").always());
        let read = repository.ask("GET", &format!("blobs/{}", sha256(&blob)));
        assert!(read.is_err(), "{action:?} was not noticed");
        proxy.clear();
        assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob.clone()));
    }
}

#[test]
fn what_swift_did_not_store_is_never_told_to_be_stored() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth_through(&proxy, swift, "refusals").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "refusals/app");
    let early = |status| Action::EarlyStatus(status);
    let status = |status| Action::Status(status, Vec::new());
    let mut seed = 0;
    for action in [
        status(202),
        early(503),
        status(503),
        early(401),
        status(422),
        status(507),
        Action::LostReply,
        Action::Lie503,
        Action::ResetRequest(100_000),
        early(413),
    ] {
        seed += 1;
        let blob = bytes(seed, 1_500_000);
        proxy.rule(Rule::new(action.clone()).method("PUT").target("/segments/"));
        let answer = repository.push_pieces(&blob, blob.len()).expect("is answered");
        assert!(answer.status() >= 500, "{action:?} on a segment: {}", answer.status());
        assert_eq!(repository.stat(&sha256(&blob)).expect("HEAD"), None, "{action:?}");
        proxy.clear();
        let again = repository.push_pieces(&blob, blob.len()).expect("is answered");
        assert_eq!(again.status(), 201, "after {action:?}: {}", again.text());
        assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob), "{action:?}");
    }
    for action in [status(202), status(503), early(401), Action::LostReply, Action::Lie503] {
        seed += 1;
        let blob = bytes(seed, 1_500_000);
        proxy.rule(Rule::new(action.clone()).method("PUT").target("/blobs/"));
        let answer = repository.push_pieces(&blob, blob.len()).expect("is answered");
        assert_eq!(answer.status(), 201, "{action:?} on the large object: {}", answer.text());
        proxy.clear();
        assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob), "{action:?}");
    }
}

/// What a 413 to a large object means, its body says: nothing that is tried again, whoever sends it.
#[test]
fn a_quota_that_a_large_object_meets_is_told_as_one() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth_through(&proxy, swift, "quota").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "quota/app");
    let blob = bytes(900, 1_500_000);
    let full = Action::Status(413, Vec::new());
    proxy.rule(Rule::new(full).method("PUT").target("multipart-manifest").always());
    let answer = repository.push_pieces(&blob, blob.len()).expect("is answered");
    assert_eq!(answer.status(), 507, "{}", answer.text());
    let asked = proxy.log().iter().filter(|exchange| exchange.target.contains("multipart-manifest")).count();
    assert_eq!(asked, 1, "it was tried again");
}
