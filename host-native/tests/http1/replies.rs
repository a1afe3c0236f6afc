//! Replies: heads, files, early refusals, and that a broken one is seen to be broken.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use wharfinger::http1::Limits;

use crate::client::Client;
use crate::server::{Event, FILE_BYTES, Server, file_byte, generous, limits};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn replies_without_a_body_carry_no_length() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    for (path, line) in
        [("/status/204", "HTTP/1.1 204 No Content"), ("/status/304", "HTTP/1.1 304 Not Modified")]
    {
        let reply = client.send(get(path)).reply();
        assert_eq!(reply.head.split("\r\n").next(), Some(line));
        assert_eq!((reply.header("content-length"), reply.header("x")), (None, Some("y")));
        assert!(reply.header("date").is_some_and(|date| date.ends_with(" GMT")));
    }
    assert_eq!(client.send(get("/x")).reply().text(), "GET /x\nhost: h\n");
}

#[test]
fn replies_to_head_announce_a_body_and_send_none() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    let head = "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n";
    let reply = client.send(format!("{head}{head}")).reply_without_body();
    assert_eq!(reply.header("content-length"), Some("16"));
    assert!(client.reply_without_body().body.is_empty());
    let reply = client.send("HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n").reply_without_body();
    assert_eq!(reply.header("content-length"), Some((FILE_BYTES - 2).to_string().as_str()));
    assert_eq!(client.send(get("/x")).reply().status, 200);
}

#[test]
fn a_large_file_reaches_a_slow_reader_whole() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    client.send(get("/file"));
    let mut received = Vec::with_capacity(FILE_BYTES + 1000);
    let length = loop {
        let some = client.read_some(256 * 1024).unwrap();
        assert!(!some.is_empty());
        received.extend(some);
        if received.len() < FILE_BYTES / 16 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let head_end = received.windows(4).take(1000).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        if received.len() >= head_end + FILE_BYTES - 2 {
            received.drain(..head_end);
            break received.len();
        }
    };
    assert_eq!(length, FILE_BYTES - 2);
    assert!(received[..90_000].iter().enumerate().all(|(at, &byte)| byte == file_byte(at + 3)));
    let tail = &received[length - 90_001..length - 1];
    assert!(tail.iter().enumerate().all(|(at, &byte)| byte == file_byte(at + 10_000)));
    assert_eq!(received.last(), Some(&b'!'));
    assert_eq!(server.event(), Event::Reply(Ok(FILE_BYTES as u64 - 2)));
    assert_eq!(client.send(get("/x")).reply().status, 200);
}

#[test]
fn a_reader_that_stops_is_cut_off() {
    let server = Server::start(limits());
    let mut client = Client::connect(server.address);
    client.send(get("/file"));
    assert_eq!(server.event(), Event::Reply(Err("Late".to_owned())));
    assert_eq!(server.event(), Event::Ended);
    assert!(client.read_to_end().len() < FILE_BYTES);
}

#[test]
fn a_reader_that_leaves_ends_the_reply() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    client.send(get("/file"));
    assert!(!client.read_some(1).unwrap().is_empty());
    drop(client);
    assert_eq!(server.event(), Event::Reply(Err("Gone".to_owned())));
    assert_eq!(server.event(), Event::Ended);
}

#[test]
fn a_short_reply_is_cut_visibly() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    client.send(get("/short")).send(get("/x"));
    let bytes = client.read_to_end();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("content-length: 10\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\nfour"), "{text}");
    assert_eq!(server.event(), Event::Reply(Err("Short".to_owned())));
    assert_eq!(server.event(), Event::Ended);
}

#[test]
fn no_reply_at_all_closes() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    client.send(get("/nothing")).assert_closed();
    assert_eq!(server.event(), Event::Ended);
}

#[test]
fn more_than_announced_is_never_sent() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    assert_eq!(client.send(get("/long")).reply().text(), "four");
    assert_eq!(client.send(get("/x")).reply().text(), "GET /x\nhost: h\n");
}

#[test]
fn an_early_refusal_is_readable_by_a_client_that_still_sends() {
    let server = Server::start(Limits { linger_time: Duration::from_secs(20), ..generous() });
    for head in [
        "PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\n",
        "PUT /refuse HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7A1200\r\n",
        "PUT /refuse HTTP/1.1\r\nContent-Length: 8000000\r\n\r\n",
    ] {
        let mut client = Client::connect(server.address);
        client.send(head);
        // Far more than fits the buffers in between, and all of it before the first look at the reply.
        client.send(vec![b'x'; 8_000_000]);
        let reply = client.reply();
        assert!(matches!(reply.status, 400 | 401));
        assert!(reply.says_close());
        client.assert_closed_after_half();
    }
}

#[test]
fn lingering_ends_in_time() {
    let server = Server::start(Limits { linger_time: Duration::from_millis(200), ..generous() });
    let mut client = Client::connect(server.address);
    client.send("PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\n");
    assert_eq!(client.reply().status, 401);
    let began = Instant::now();
    let error = loop {
        match client.try_send(b"x") {
            Ok(()) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => break error.kind(),
        }
    };
    assert!(matches!(error, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(server.event(), Event::Ended);
}
