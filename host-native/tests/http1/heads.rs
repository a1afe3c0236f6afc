//! Request heads: what is let in, what is refused, and that nothing is misread afterwards.

use std::time::{Duration, Instant};

use wharfinger::http1::{HeadRefusal, Limits};

use crate::client::Client;
use crate::server::{Event, Server, generous, limits};

/// Sends bytes followed by a request that would be answered if the connection went on.
fn assert_refused(server: &Server, bytes: &[u8], status: u16) {
    let mut client = Client::connect(server.address);
    // The server may have closed already when the second request is sent.
    let _ = client.try_send(bytes);
    let _ = client.try_send(b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
    let reply = client.reply();
    assert_eq!(reply.status, status, "{}", bytes.escape_ascii());
    assert!(reply.says_close(), "{}", bytes.escape_ascii());
    assert!(!reply.body.is_empty());
    client.assert_closed_after_half();
    assert!(matches!(server.event(), Event::Refused(_)));
    assert_eq!(server.event(), Event::Ended);
}

fn show(server: &Server, head: &str) -> String {
    let mut client = Client::connect(server.address);
    let reply = client.send(head).reply();
    assert_eq!(reply.status, 200, "{head}: {}", reply.text());
    reply.text().to_owned()
}

#[test]
fn hostile_heads_are_refused_and_the_connection_closed() {
    let server = Server::start(generous());
    let table: &[(&[u8], u16)] = &[
        // Values and names that panic async-h1.
        (b"GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: \xc3\xa4\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: \xff\xfe\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\n\xc3\xa4: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400),
        // Lengths.
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", 400),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nabcde", 400),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nabcde", 400),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\n", 400),
        // Codings.
        (b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
        (
            b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (b"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        // Host.
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h:99999\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: user@h/../\r\n\r\n", 400),
        // Targets.
        (b"GET v2/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET /a\x01b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501),
        // Request lines, line ends, protocols.
        (b"G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/1.1\nHost: h\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\rA: b\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400),
        (b"\0\0\0\0", 400),
        (b"\r\n\r\n\r\n\r\n\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: x\r\n\r\n", 417),
    ];
    for (bytes, status) in table {
        assert_refused(&server, bytes, *status);
    }
}

#[test]
fn heads_over_the_limits_are_400() {
    let server = Server::start(Limits { linger_time: Duration::from_secs(20), ..generous() });
    let long_value = format!("GET / HTTP/1.1\r\nHost: h\r\nA: {}\r\n\r\n", "x".repeat(20_000));
    let endless_line = "x".repeat(1_000_000);
    let many = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "a: b\r\n".repeat(50));
    for bytes in [&long_value, &endless_line, &many] {
        assert_refused(&server, bytes.as_bytes(), 400);
    }
}

#[test]
fn a_refused_head_request_gets_no_body() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    let reply = client.send("HEAD / HTTP/1.1\r\n\r\n").reply_without_body();
    assert_eq!(reply.status, 400);
    client.assert_closed_after_half();
}

#[test]
fn good_heads_come_through_to_the_letter() {
    let server = Server::start(generous());
    let table = [
        (
            "GET /a/../b%2Fc//d?x=%zz&y=/.. HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /a/../b%2Fc//d?x=%zz&y=/..\nhost: h\n",
        ),
        ("\r\n\r\nGET / HTTP/1.1\r\nHOST:  h:80\t\r\n\r\n", "GET /\nhost: h:80\n"),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nAccept: b\r\nX:\r\nACCEPT: a, c\r\n\r\n",
            "GET /\naccept: b\naccept: a, c\nhost: h\nx: \n",
        ),
        ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS *\nhost: h\n"),
        ("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", "BREW /pot\nhost: h\n"),
        ("get / HTTP/1.1\r\nHost: h\r\n\r\n", "get /\nhost: h\n"),
        ("GET http://b:1/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET /x?y\nhost: b:1\n"),
        ("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\nhost: b\n"),
    ];
    for (head, expected) in table {
        assert_eq!(show(&server, head), expected);
    }
}

#[test]
fn heads_longer_than_the_decoder_takes_come_through() {
    let server = Server::start(generous());
    let token = "t".repeat(12_000);
    let query = "q".repeat(3_000);
    let text = show(
        &server,
        &format!("GET /?{query} HTTP/1.1\r\nA: 1\r\nAuthorization: {token}\r\nHost: h\r\nA: 2\r\n\r\n"),
    );
    assert_eq!(text, format!("GET /?{query}\na: 1\na: 2\nauthorization: {token}\nhost: h\n"));
}

#[test]
fn a_head_may_come_byte_by_byte() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    let head = "\r\nGET /x HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
    for _ in 0..2 {
        assert_eq!(client.send_by_byte(head).reply().text(), "GET /x\na: b\nhost: h\n");
    }
}

#[test]
fn http10_is_answered_and_closed() {
    let server = Server::start(generous());
    for head in ["GET /x HTTP/1.0\r\n\r\n", "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"] {
        let mut client = Client::connect(server.address);
        let reply = client.send(head).reply();
        assert_eq!((reply.status, reply.says_close()), (200, true));
        client.assert_closed();
    }
    let mut client = Client::connect(server.address);
    let reply = client.send("PUT /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello").reply();
    assert_eq!((reply.text(), reply.says_close()), ("hello", true));
    client.assert_closed();
}

#[test]
fn a_slow_head_is_408_however_busy() {
    let server = Server::start(Limits { linger_time: Duration::from_secs(20), ..limits() });
    let mut silent = Client::connect(server.address);
    silent.send("GET / HTTP/1.1\r\nHost:");
    assert_eq!(silent.reply().status, 408);
    assert_eq!(server.event(), Event::Refused(HeadRefusal::HeadSlow));

    let mut busy = Client::connect(server.address);
    let began = Instant::now();
    busy.send("GET / HTTP/1.1\r\nHost: h\r\nA: ");
    while busy.try_send(b"x").is_ok() && began.elapsed() < limits().head_time * 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(busy.reply().status, 408);
}

#[test]
fn idle_connections_are_closed_quietly() {
    let server = Server::start(limits());
    let mut fresh = Client::connect(server.address);
    let began = Instant::now();
    fresh.assert_closed();
    assert!(began.elapsed() >= limits().idle_time / 2);

    let mut used = Client::connect(server.address);
    assert_eq!(used.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").reply().status, 200);
    used.assert_closed();
    assert_eq!(server.event(), Event::Ended);
    assert_eq!(server.event(), Event::Ended);
}

#[test]
fn a_client_that_leaves_within_a_head_is_forgotten() {
    let server = Server::start(generous());
    for part in ["", "\r\n", "GET", "GET / HTTP/1.1\r\nHost: h\r\n"] {
        Client::connect(server.address).send(part);
        assert_eq!(server.event(), Event::Ended, "{part}");
    }
}
