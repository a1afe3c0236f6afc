//! Each action of the fault proxy, once, before a real Swift.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;
use wharfinger_tests::http::Connection;
use wharfinger_tests::random::Random;
use wharfinger_tests::swift::client::Client;
use wharfinger_tests::swift::fault::{Action, FaultProxy, Rule};

use super::{container, shared, status};

/// Larger than what sockets keep for each other.
const LARGE_BYTES: usize = 1_000_000;

/// A proxy before Swift, a client that speaks to it and one that does not, and a container for both.
fn before_swift(name: &str) -> (FaultProxy, Client, Client) {
    let proxy = FaultProxy::start(shared().proxy()).expect("listens");
    let direct = container(shared(), name);
    let client = direct.clone().through(proxy.address());
    (proxy, client, direct)
}

/// Content of `LARGE_BYTES`.
fn large() -> Vec<u8> {
    Random::new(1).bytes(LARGE_BYTES)
}

/// Requests GET; returns how it ended and what came of the body before.
fn read_until_broken(client: &Client, path: &str) -> (Option<ErrorKind>, Vec<u8>) {
    let address = client.storage_url();
    let address = address.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let mut connection = Connection::open(address.parse().expect("an address")).expect("connects");
    let target = format!("{}{path}", client.account());
    connection.send_head("GET", &target, &[("X-Auth-Token", client.token())]).expect("sends");
    let head = connection.read_head().expect("a head");
    let mut body = Vec::new();
    let ended = connection.read_body(&head, &mut |piece| body.extend_from_slice(piece));
    (ended.err().map(|error| error.kind()), body)
}

#[test]
fn without_rules_all_passes_and_is_counted() {
    let (proxy, client, _) = before_swift("passes");
    let content = large();
    status(client.put("/passes/object", &content), 201);
    assert_eq!(status(client.get("/passes/object"), 200).body, content);
    status(client.head("/passes/object"), 200);
    status(client.delete("/passes/object"), 204);
    let log = proxy.take_log();
    let seen: Vec<_> = log
        .iter()
        .map(|seen| (seen.method.as_str(), seen.status, seen.request_bytes, seen.response_bytes))
        .collect();
    let size = LARGE_BYTES as u64;
    assert_eq!(
        seen[..3],
        [("PUT", Some(201), size, 0), ("GET", Some(200), 0, size), ("HEAD", Some(200), 0, 0)]
    );
    assert_eq!((seen[3].0, seen[3].1, seen.len()), ("DELETE", Some(204), 4));
    assert!(
        log[0].target.ends_with("/passes/object") && log[0].field("x-auth-token") == Some(client.token())
    );
    assert_eq!(proxy.log(), []);
}

#[test]
fn one_connection_carries_chunks_expectations_and_several_requests() {
    let (proxy, client, _) = before_swift("carries");
    let mut connection = Connection::open(proxy.address()).expect("connects");
    let target = format!("{}/carries/object", client.account());
    let fields =
        [("X-Auth-Token", client.token()), ("Transfer-Encoding", "chunked"), ("Expect", "100-continue")];
    connection.send_head("PUT", &target, &fields).expect("sends");
    assert_eq!(connection.read_head().expect("an interim head").status, 100);
    connection.send(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n").expect("sends");
    assert_eq!(connection.read_response("PUT").expect("an answer").status(), 201);
    let answer = connection.request("GET", &target, &[("X-Auth-Token", client.token())], b"");
    assert_eq!(status(answer, 200).text(), "hello world");
    assert_eq!(proxy.log().iter().map(|seen| seen.request_bytes).collect::<Vec<_>>(), [11, 0]);
}

#[test]
fn status_answers_without_swift() {
    let (proxy, client, direct) = before_swift("status");
    proxy.rule(
        Rule::new(Action::Status(503, vec![("Retry-After", "7".to_owned())])).method("PUT").skip(1).times(2),
    );
    let mut statuses = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let answer = client.put(&format!("/status/{name}"), &large()).expect("an answer");
        assert_eq!(answer.head.field("retry-after").is_some(), answer.status() == 503);
        statuses.push(answer.status());
    }
    assert_eq!(statuses, [201, 503, 503, 201]);
    assert_eq!(direct.names("status", "").expect("a listing"), ["a", "d"]);
    assert_eq!(proxy.log()[1].fault, Some("status"));
    assert_eq!(proxy.log()[1].request_bytes, LARGE_BYTES as u64);
}

#[test]
fn early_status_comes_before_the_body() {
    let (proxy, client, direct) = before_swift("early");
    proxy.rule(Rule::new(Action::EarlyStatus(412)));
    let mut connection = Connection::open(proxy.address()).expect("connects");
    let fields = [("X-Auth-Token", client.token()), ("Content-Length", "1000000")];
    connection.send_head("PUT", &format!("{}/early/object", client.account()), &fields).expect("sends");
    assert_eq!(connection.read_response("PUT").expect("an answer").status(), 412);
    assert_eq!(proxy.log()[0].request_bytes, 0);
    status(direct.head("/early/object"), 404);
}

#[test]
fn lost_reply_resets_after_the_commit() {
    let (proxy, client, direct) = before_swift("lost");
    proxy.rule(Rule::new(Action::LostReply).method("PUT"));
    let lost =
        client.put("/lost/object", &large()).map(|answer| answer.status()).map_err(|error| error.kind());
    assert_eq!(lost, Err(ErrorKind::ConnectionReset));
    assert_eq!(status(direct.get("/lost/object"), 200).body, large());
    assert_eq!((proxy.log()[0].status, proxy.log()[0].fault), (Some(201), Some("lost_reply")));
}

#[test]
fn lie_503_answers_after_the_commit() {
    let (proxy, client, direct) = before_swift("lie");
    proxy.rule(Rule::new(Action::Lie503).target("/lie/"));
    status(client.put("/lie/object", b"content"), 503);
    assert_eq!(status(direct.get("/lie/object"), 200).text(), "content");
    status(client.delete("/lie/object"), 204);
}

#[test]
fn reset_request_cuts_it_and_nothing_is_stored() {
    let (proxy, client, direct) = before_swift("cut-request");
    proxy.rule(Rule::new(Action::ResetRequest(300_000)).method("PUT"));
    assert!(client.put("/cut-request/object", &large()).is_err());
    assert!(proxy.log()[0].request_bytes >= 300_000 && proxy.log()[0].status.is_none());
    status(direct.head("/cut-request/object"), 404);
}

#[test]
fn answers_are_cut_reset_stalled_and_corrupted_where_told() {
    let (proxy, client, direct) = before_swift("answers");
    let content = large();
    status(direct.put("/answers/object", &content), 201);

    proxy.rule(Rule::new(Action::CutResponse(100_001)));
    let (ended, body) = read_until_broken(&client, "/answers/object");
    assert_eq!((ended, body.as_slice()), (Some(ErrorKind::UnexpectedEof), &content[..100_001]));

    proxy.rule(Rule::new(Action::ResetResponse(100_001)));
    let (ended, body) = read_until_broken(&client, "/answers/object");
    assert_eq!(ended, Some(ErrorKind::ConnectionReset));
    assert!(body.len() <= 100_001 && content.starts_with(&body));

    let pause = Duration::from_millis(300);
    proxy.rule(Rule::new(Action::StallResponse(100_001, pause)));
    let begun = Instant::now();
    assert_eq!(read_until_broken(&client, "/answers/object"), (None, content.clone()));
    assert!(begun.elapsed() >= pause);

    proxy.rule(Rule::new(Action::CorruptResponse(100_001)));
    let (ended, body) = read_until_broken(&client, "/answers/object");
    let differ: Vec<_> = (0..content.len()).filter(|at| body[*at] != content[*at]).collect();
    assert_eq!((ended, differ.as_slice()), (None, [100_001].as_slice()));
    assert_eq!(proxy.log().last().map(|seen| seen.response_bytes), Some(LARGE_BYTES as u64));
}

#[test]
fn a_request_is_corrupted_where_told() {
    let (proxy, client, direct) = before_swift("corrupted");
    let content = large();
    proxy.rule(Rule::new(Action::CorruptRequest(100_001)).method("PUT"));
    status(client.put("/corrupted/object", &content), 201);
    let body = status(direct.get("/corrupted/object"), 200).body;
    let differ: Vec<_> = (0..content.len()).filter(|at| body[*at] != content[*at]).collect();
    assert_eq!((body.len(), differ), (content.len(), vec![100_001]));
}

#[test]
fn a_field_of_an_answer_is_replaced() {
    let (proxy, client, direct) = before_swift("fields");
    status(direct.put("/fields/object", b"content"), 201);
    let date = "Sun, 06 Nov 1994 08:49:37 GMT".to_owned();
    proxy.rule(Rule::new(Action::ReplaceField("date", date.clone())));
    let answer = status(client.get("/fields/object"), 200);
    assert_eq!((answer.head.field("date"), answer.text().as_str()), (Some(date.as_str()), "content"));
    let whole = status(client.get("/fields/object"), 200);
    assert_eq!(answer.head.fields.len(), whole.head.fields.len());
    let ended =
        |seen: &wharfinger_tests::swift::fault::Exchange| seen.ended.is_some_and(|end| end > seen.begun);
    assert!(proxy.log()[0].fault.is_some() && ended(&proxy.log()[0]));
}

#[test]
fn delays_come_before_swift_or_after_it() {
    let (proxy, client, direct) = before_swift("delays");
    let pause = Duration::from_millis(300);
    for action in [Action::Delay(pause), Action::DelayReply(pause)] {
        let name = format!("/delays/{}", action.name());
        proxy.rule(Rule::new(action));
        let begun = Instant::now();
        status(client.put(&name, b"content"), 201);
        assert!(begun.elapsed() >= pause);
        status(direct.head(&name), 200);
    }
}

#[test]
fn stale_listing_hides_and_adds_rows() {
    let (proxy, client, direct) = before_swift("stale");
    for name in ["a", "b", "d"] {
        status(direct.put(&format!("/stale/{name}"), b""), 201);
    }
    let add = vec![json!({"name": "c", "bytes": 0})];
    proxy.rule(Rule::new(Action::StaleListing { hide: vec!["b".to_owned()], add }).target("format=json"));
    assert_eq!(client.names("stale", "").expect("a listing"), ["a", "c", "d"]);
    assert_eq!(client.names("stale", "").expect("a listing"), ["a", "b", "d"]);
}

#[test]
fn a_dropped_proxy_cuts_what_passes() {
    let (proxy, client, _) = before_swift("dropped");
    proxy.rule(Rule::new(Action::Delay(Duration::from_secs(3600))));
    let address = proxy.address();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.get("/dropped").is_err());
        assert!(super::becomes(|| proxy.log().len() == 1));
        drop(proxy);
        assert!(waiting.join().expect("no panic"));
    });
    assert!(std::net::TcpStream::connect(address).is_err());
}
