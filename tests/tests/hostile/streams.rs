use super::{Registry, assert_closed, assert_refused};
use wharfinger_tests::http::Connection;
use wharfinger_tests::repository::location;

const LIMITS: &str = "drain-bytes: 4096";
const PING: &str = "GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n";

#[track_caller]
fn assert_ping(connection: &mut Connection) {
    let answer = connection.read_response("GET").expect("an answer");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "{}"));
}

/// Where an upload goes on whose blob is never finished.
fn upload(registry: &Registry) -> String {
    let answer = registry.connect().request("POST", "/v2/a/blobs/uploads/", &[], b"");
    location(&answer.expect("an answer")).expect("an upload begins")
}

#[test]
fn requests_in_one_write_are_answered_in_order() {
    let registry = Registry::start(LIMITS);
    let target = upload(&registry);
    let patch = |framing: &str| format!("PATCH {target} HTTP/1.1\r\nHost: h\r\n{framing}");
    let post = "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: h\r\n\r\n".to_owned();
    let wrong = "PUT /v2/a/manifests/x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n{{{".to_owned();
    let nowhere = "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nGET".to_owned();
    for (request, status) in [
        (post, 202),
        (patch("Content-Length: 5\r\n\r\nhello"), 202),
        (patch("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n"), 202),
        (patch("Content-Length: 0\r\n\r\n"), 202),
        (wrong, 400),
        (nowhere, 404),
    ] {
        let mut connection = registry.connect();
        let whole = format!("{request}{PING}{PING}");
        connection.send(whole.as_bytes()).expect("the registry reads");
        let first = connection.read_response("POST").expect(&whole);
        assert_eq!(first.status(), status, "{whole}: {}", first.text());
        assert_ping(&mut connection);
        assert_ping(&mut connection);
        connection.send(PING.as_bytes()).expect("the connection stands");
        assert_ping(&mut connection);
    }
    registry.end();
}

#[test]
fn bytes_may_come_one_by_one() {
    let registry = Registry::start(LIMITS);
    let target = upload(&registry);
    let chunked = "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n";
    let text = format!("PATCH {target} HTTP/1.1\r\nHost: h\r\n{chunked}{PING}");
    let mut connection = registry.connect();
    for byte in text.as_bytes() {
        connection.send(std::slice::from_ref(byte)).expect("the registry reads");
    }
    let patched = connection.read_response("PATCH").and_then(|answer| answer.expect(202)).expect("an answer");
    assert_eq!(patched.head.field("range"), Some("0-4"));
    assert_ping(&mut connection);
    registry.end();
}

#[test]
fn broken_chunks_are_refused_and_end_their_connection() {
    let registry = Registry::start(LIMITS);
    let target = upload(&registry);
    let long_extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(5000));
    let long_trailer = format!("5\r\nhello\r\n0\r\nA: {}\r\n\r\n", "x".repeat(20_000));
    for body in [
        "\r\n",
        "x\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "11112222333344445\r\n",
        "5\nhello\n0\n\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        &long_extension,
        &long_trailer,
    ] {
        let what = body.get(..60.min(body.len())).unwrap_or_default();
        let mut connection = registry.connect();
        let text =
            format!("PATCH {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}{PING}");
        connection.send(text.as_bytes()).expect("the registry reads");
        assert_refused(connection.read_response("PATCH").expect(what), 400, what);
        assert_closed(&mut connection);
        registry.check();
    }
    // Nothing of all that counts: the upload is where it began.
    let mut connection = registry.connect();
    let patched = connection.request("PATCH", &target, &[], b"hello").and_then(|answer| answer.expect(202));
    assert_eq!(patched.expect("an answer").head.field("range"), Some("0-4"));
    registry.end();
}

#[test]
fn an_unwanted_body_is_dropped_or_ends_its_connection() {
    let registry = Registry::start(LIMITS);
    for (length, survives) in [(4096, true), (4097, false), (1 << 20, false)] {
        let mut connection = registry.connect();
        let head = format!("POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
        connection.send(head.as_bytes()).expect("the registry reads");
        let answer = connection.read_response("POST").expect("an early answer");
        assert_eq!(answer.head.field("connection") != Some("close"), survives, "{length}");
        assert_refused(answer, 404, &head);
        // The registry may be gone before all of it is sent.
        let sent = connection.send(&vec![b'x'; length]).and_then(|()| connection.send(PING.as_bytes()));
        if survives {
            sent.expect("the registry reads on");
            assert_ping(&mut connection);
        } else {
            assert_closed(&mut connection);
        }
        registry.check();
    }
    registry.end();
}

#[test]
fn old_clients_are_answered_once() {
    let registry = Registry::start(LIMITS);
    let target = upload(&registry);
    let patch = format!("PATCH {target} HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello");
    for (request, status) in [
        ("GET /v2/ HTTP/1.0\r\n\r\n", 200),
        ("GET /v2/ HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", 200),
        ("GET /v2/a/manifests/x HTTP/1.0\r\n\r\n", 404),
        (&patch, 202),
    ] {
        let mut connection = registry.connect();
        connection.send(format!("{request}{PING}").as_bytes()).expect("the registry reads");
        let answer = connection.read_response("GET").expect(request);
        assert_eq!(answer.status(), status, "{request}");
        assert_eq!(answer.head.field("connection"), Some("close"), "{request}");
        assert_closed(&mut connection);
    }
    let mut connection = registry.connect();
    let chunked = "POST /v2/a/blobs/uploads/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    connection.send(chunked.as_bytes()).expect("the registry reads");
    assert_refused(connection.read_response("POST").expect("an answer"), 400, chunked);
    registry.end();
}
