//! Request bodies: framing, limits, `100 Continue`, and clients that leave.

use std::time::Duration;

use wharfinger::http1::{BodyError, ChunkFault, Limits};

use crate::client::Client;
use crate::server::{Event, Server, generous, limits};

const CHUNKED: &str = "PUT /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
const EXPECTING: &str = "PUT /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[test]
fn broken_chunks_are_refused_and_the_connection_closed() {
    let server = Server::start(generous());
    let long_extension = format!("5;{}", "x".repeat(5_000));
    let long_trailer = format!("0\r\nA: {}", "x".repeat(10_000));
    let many_trailers = format!("0\r\n{}", "a: b\r\n".repeat(3_000));
    let table = [
        ("\r\n", ChunkFault::Size),
        ("5\r\nhello\r\n\r\n", ChunkFault::Size),
        ("+5\r\nhello\r\n0\r\n\r\n", ChunkFault::Size),
        ("-5\r\nhello\r\n0\r\n\r\n", ChunkFault::Size),
        ("0x5\r\nhello\r\n0\r\n\r\n", ChunkFault::Size),
        ("5 \r\nhello\r\n0\r\n\r\n", ChunkFault::Size),
        ("10000000000000005\r\nhello\r\n0\r\n\r\n", ChunkFault::Size),
        ("ffffffffffffffffffffffffff\r\nhello\r\n0\r\n\r\n", ChunkFault::Size),
        ("5\nhello\n0\n\n", ChunkFault::Size),
        ("5\r\nhello0\r\n\r\n", ChunkFault::LineEnd),
        ("5\r\nhello!!0\r\n\r\n", ChunkFault::LineEnd),
        ("0\r\n\n", ChunkFault::LineEnd),
        (&long_extension, ChunkFault::Extension),
        (&long_trailer, ChunkFault::TrailerTooLong),
        (&many_trailers, ChunkFault::TrailerTooLong),
    ];
    for (raw, fault) in table {
        let mut client = Client::connect(server.address);
        let _ = client.try_send(CHUNKED.as_bytes());
        let _ = client.try_send(raw.as_bytes());
        let _ = client.try_send(b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
        let reply = client.reply();
        assert_eq!((reply.status, reply.says_close()), (400, true), "{raw}");
        client.assert_closed_after_half();
        assert_eq!(server.event(), Event::Body(Err(BodyError::Malformed(fault))), "{raw}");
        assert_eq!(server.event(), Event::Ended);
    }
}

#[test]
fn trailers_may_come_in_pieces() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    client.send(CHUNKED);
    for piece in [
        "5\r\nhel",
        "lo",
        "\r\n0",
        "\r\nA",
        ": b\r",
        "\n",
        "C: d\r\n\r",
        "\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        client.send(piece);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(client.reply().text(), "hello");
    assert_eq!(client.reply().text(), "GET /next\nhost: h\n");
}

#[test]
fn large_bodies_are_whole_in_either_framing() {
    let server = Server::start(generous());
    let body: Vec<u8> = (0..3_000_000u32).map(|at| (at % 253) as u8).collect();
    let mut chunks = Vec::new();
    for (at, piece) in body.chunks(7_001).enumerate() {
        chunks.extend_from_slice(
            format!("{:x}{}\r\n", piece.len(), if at % 3 == 0 { ";e=1" } else { "" }).as_bytes(),
        );
        chunks.extend_from_slice(piece);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    let exact = format!("PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut client = Client::connect(server.address);
    for _ in 0..2 {
        let reply = client.send(&exact).send(&body).reply();
        assert!(reply.body == body);
        let reply = client.send(CHUNKED).send(&chunks).reply();
        assert!(reply.body == body);
    }
}

#[test]
fn body_and_reply_move_at_the_same_time() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    client.send("PUT /relay HTTP/1.1\r\nHost: h\r\nContent-Length: 300\r\n\r\n0");
    // Each byte is sent only after the one before came back.
    let mut seen = Vec::new();
    for sent in 1..300 {
        while !seen.ends_with(b"0") || seen.iter().rev().take_while(|&&byte| byte == b'0').count() < sent {
            let some = client.read_some(1024).unwrap();
            assert!(!some.is_empty());
            seen.extend(some);
            if let Some(at) = seen.windows(4).position(|window| window == b"\r\n\r\n") {
                seen.drain(..at + 4);
            }
        }
        client.send("0");
    }
    assert_eq!(server.event(), Event::Body(Ok(0)));
    assert_eq!(server.event(), Event::Reply(Ok(300)));
}

#[test]
fn a_slow_body_is_late() {
    let server = Server::start(limits());
    for head in [CHUNKED, "PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", EXPECTING] {
        let mut client = Client::connect(server.address);
        client.send(head);
        if head == EXPECTING {
            assert_eq!(client.read_some(CONTINUE.len()).unwrap(), CONTINUE);
        } else {
            client.send("1");
        }
        let reply = client.reply();
        assert_eq!((reply.status, reply.says_close()), (408, true));
        assert_eq!(server.event(), Event::Body(Err(BodyError::Late)));
        client.assert_closed_after_half();
        assert_eq!(server.event(), Event::Ended);
    }
}

#[test]
fn a_body_that_keeps_coming_is_not_late() {
    let server = Server::start(Limits { body_idle_time: Duration::from_secs(1), ..generous() });
    let mut client = Client::connect(server.address);
    let piece = "x".repeat(32 * 1024);
    let length = 20 * piece.len();
    client.send(format!("PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n"));
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(60));
        client.send(&piece);
    }
    assert_eq!(client.reply().text(), piece.repeat(20));
}

#[test]
fn a_body_that_drips_is_late() {
    let server = Server::start(limits());
    let mut client = Client::connect(server.address);
    client.send("PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
    let began = std::time::Instant::now();
    // Each byte comes well in time; the server stops reading in the end.
    while began.elapsed() < Duration::from_millis(600) {
        std::thread::sleep(Duration::from_millis(10));
        client.send("x");
    }
    assert_eq!(client.reply().status, 408);
}

#[test]
fn a_stall_is_told_and_does_not_break_the_body() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    let head = "PUT /patient HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n";
    client.send(head).send("hello");
    assert_eq!(server.event(), Event::Stalled);
    assert_eq!(client.send("world").reply().text(), "helloworld");
    assert_eq!(client.send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n").reply().status, 200);
}

#[test]
fn stalls_add_up_to_late() {
    let server = Server::start(limits());
    let mut client = Client::connect(server.address);
    client.send("PUT /patient HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello");
    let reply = client.reply();
    assert_eq!((reply.text(), reply.says_close()), ("Late", true));
}

#[test]
fn continue_is_sent_when_the_body_is_wanted() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    for _ in 0..2 {
        client.send(EXPECTING);
        assert_eq!(client.read_some(CONTINUE.len()).unwrap(), CONTINUE);
        let reply = client.send("hello").reply();
        assert_eq!((reply.text(), reply.says_close()), ("hello", false));
    }
}

#[test]
fn continue_is_not_sent_for_a_body_that_is_there_or_empty() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    let reply = client.send(format!("{EXPECTING}hello")).reply();
    assert_eq!((reply.status, reply.text()), (200, "hello"));
    let empty = "PUT /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(client.send(empty).reply().status, 200);
}

#[test]
fn continue_is_not_sent_when_the_reply_comes_first() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    let reply = client.send(EXPECTING.replace("/echo", "/refuse")).reply();
    assert_eq!((reply.status, reply.says_close()), (401, true));
    client.assert_closed_after_half();

    // A handler that answers and then reads gets no 100 either; the body may still come.
    let mut client = Client::connect(server.address);
    let reply = client.send(EXPECTING.replace("/echo", "/early")).reply();
    assert_eq!((reply.status, reply.says_close()), (200, true));
    client.send("hello");
    client.assert_closed_after_half();
    let mut events = [server.event(), server.event(), server.event()];
    events.sort_by_key(|event| *event == Event::Ended);
    assert_eq!(events, [Event::Body(Ok(5)), Event::Ended, Event::Ended]);
}

#[test]
fn a_client_that_leaves_within_a_body_makes_it_short() {
    let server = Server::start(generous());
    let exact = "PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n";
    for start in [
        exact.to_owned(),
        format!("{exact}hell"),
        CHUNKED.to_owned(),
        format!("{CHUNKED}5\r\nhel"),
        format!("{CHUNKED}5\r\nhello"),
        format!("{CHUNKED}5\r\nhello\r\n"),
        format!("{CHUNKED}5\r\nhello\r\n0\r\n"),
        format!("{CHUNKED}5\r\nhello\r\n0\r\nA: b\r\n"),
    ] {
        Client::connect(server.address).send(&start);
        assert_eq!(server.event(), Event::Body(Err(BodyError::Short)), "{start}");
        assert_eq!(server.event(), Event::Ended);
    }
}

#[test]
fn a_client_that_leaves_during_the_work_is_noticed() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    client.send("PUT /gone HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(server.event(), Event::Body(Ok(5)));
    drop(client);
    assert_eq!(server.event(), Event::ClientGone);
    assert_eq!(server.event(), Event::Ended);
}
