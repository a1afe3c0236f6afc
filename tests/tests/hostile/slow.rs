use super::{Registry, assert_closed, assert_refused};
use std::time::{Duration, Instant};
use wharfinger_tests::repository::location;

const LIMITS: &str = "head-seconds: 0.3, body-idle-seconds: 0.3, idle-seconds: 0.5, connections: 16";
/// How soon whoever is too slow must hear it; the limits are far shorter, but the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_head_that_never_ends_is_refused_in_time() {
    let registry = Registry::start(LIMITS);
    for start in [
        "G",
        "GET /v2/ HTTP/1.1\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: h\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: h\r\n\r",
    ] {
        let began = Instant::now();
        let mut connection = registry.connect();
        connection.send(start.as_bytes()).expect("the registry reads");
        assert_refused(connection.read_response("GET").expect(start), 408, start);
        assert_closed(&mut connection);
        assert!(began.elapsed() < PATIENCE, "{start}: {:?}", began.elapsed());
        registry.check();
    }
    registry.end();
}

#[test]
fn a_head_that_drips_is_refused_in_time() {
    let registry = Registry::start(LIMITS);
    let mut connection = registry.connect();
    let began = Instant::now();
    connection.send(b"GET /v2/ HTTP/1.1\r\nHost: h\r\nX: ").expect("the registry reads");
    // Each byte comes well in time; the registry stops reading in the end.
    while began.elapsed() < Duration::from_millis(600) && connection.send(b"x").is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_refused(connection.read_response("GET").expect("an answer"), 408, "a dripping head");
    registry.end();
}

#[test]
fn a_body_that_stops_is_refused_in_time() {
    let registry = Registry::start(LIMITS);
    let begin = || {
        let answer = registry.connect().request("POST", "/v2/a/blobs/uploads/", &[], b"")?;
        location(&answer.expect(202)?)
    };
    let manifest = || Ok("/v2/a/manifests/x".to_owned());
    let bodies = [("Content-Length: 10", "abc"), ("Transfer-Encoding: chunked", "3\r\nabc\r\n")];
    for (framing, part) in bodies {
        for method in ["PATCH", "PUT"] {
            let began = Instant::now();
            let target = if method == "PATCH" { begin() } else { manifest() }.expect("an upload begins");
            let mut connection = registry.connect();
            let text = format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n{part}");
            connection.send(text.as_bytes()).expect("the registry reads");
            assert_refused(connection.read_response(method).expect(method), 408, &text);
            assert_closed(&mut connection);
            assert!(began.elapsed() < PATIENCE, "{text}: {:?}", began.elapsed());
            registry.check();
        }
    }
    registry.end();
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let registry = Registry::start(LIMITS);
    let began = Instant::now();
    let mut fresh = registry.connect();
    let mut used = registry.connect();
    used.request("GET", "/v2/", &[], b"").and_then(|answer| answer.expect(200)).expect("an answer");
    assert_closed(&mut fresh);
    assert_closed(&mut used);
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    registry.end();
}

#[test]
fn more_slow_clients_than_places_keep_nobody_out_for_long() {
    let registry = Registry::start(LIMITS);
    let mut slow: Vec<_> = (0..24).map(|_| registry.connect()).collect();
    for (at, connection) in slow.iter_mut().enumerate() {
        let start: &[u8] = if at % 2 == 0 { b"GET /v2/ HTT" } else { b"" };
        connection.send(start).expect("the system takes it");
    }
    let began = Instant::now();
    registry.check();
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    registry.end();
}
