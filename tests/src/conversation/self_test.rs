//! The runner tried on itself: a server that says what the test gives it, right and wrong.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread::JoinHandle;

use super::{Conversation, Failure};

/// A server for one conversation: each canned reply answers one request, and requests are given back.
struct Canned {
    address: SocketAddr,
    thread: JoinHandle<Vec<Vec<u8>>>,
}

impl Canned {
    fn start(replies: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let replies: Vec<String> = replies.iter().map(|reply| (*reply).to_owned()).collect();
        let thread = std::thread::spawn(move || {
            let mut requests = Vec::new();
            let mut stream = listener.accept().expect("a client").0;
            let mut waiting = 0;
            for reply in replies {
                requests.push(read_request(&mut stream, &mut waiting));
                if stream.write_all(reply.as_bytes()).is_err() || reply.contains("Connection: close") {
                    break;
                }
            }
            requests
        });
        Self { address, thread }
    }
}

/// Reads up to the empty line, then as much body as is announced; a body that waits for a 100 is the next request.
fn read_request(stream: &mut impl Read, waiting: &mut usize) -> Vec<u8> {
    let mut bytes = vec![0; std::mem::take(waiting)];
    if !bytes.is_empty() {
        return if stream.read_exact(&mut bytes).is_ok() { bytes } else { Vec::new() };
    }
    if !read_until(stream, &mut bytes, b"\r\n\r\n") {
        return bytes;
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
    if head.contains("expect: 100-continue") {
        *waiting = length.unwrap_or(0);
    } else if head.contains("transfer-encoding: chunked") {
        read_until(stream, &mut bytes, b"0\r\n\r\n");
    } else if let Some(length) = length {
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_ok() {
            bytes.extend(body);
        }
    }
    bytes
}

fn read_until(stream: &mut impl Read, bytes: &mut Vec<u8>, end: &[u8]) -> bool {
    let mut byte = [0];
    while !bytes.ends_with(end) {
        match stream.read(&mut byte) {
            Ok(1) => bytes.push(byte[0]),
            Ok(_) | Err(_) => return false,
        }
    }
    true
}

const LAST: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Holds a conversation of one reply and the closing request; gives back what was sent.
fn hold(text: &str, replies: &[&str]) -> (Result<(), Failure>, Vec<String>) {
    let server = Canned::start(replies);
    let conversation = Conversation::parse(Path::new("x/self-test.txt"), text).expect("parses");
    let outcome = conversation.run(server.address);
    // A runner that gave up early leaves the server waiting for a client or a request: this ends both.
    drop(std::net::TcpStream::connect(server.address));
    let sent = server.thread.join().expect("the server's thread");
    (outcome, sent.iter().map(|request| String::from_utf8_lossy(request).into_owned()).collect())
}

const REPLY: &str =
    "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nVary: a\r\nVary: b, c\r\nContent-Length: 12\r\n\r\n{\"a\":[1,{}]}";

#[test]
fn right_expectations_hold() {
    for stated in [
        "< 200",
        "< 200\n< ETag: \"x\"",
        "< 200\n< Vary: a\n< Vary: b, c",
        "< 200\n< Vary has c\n< ETag ~ \"*\"\n< no Link\n< maybe ETag: \"x\"\n< maybe Link: y",
        "< 200\n<< json {\"a\": [1, {}]}",
        "< 200\n<< has {\"a\": [1, {}]}",
        "< 200\n<< has {\"a\": [{}, 1]}",
        "< 200\n<< bytes {\"a\":[1,{}]}",
        "< 200\n<< any",
    ] {
        let (outcome, _) = hold(&format!("> GET /x\n{stated}\n"), &[REPLY, LAST]);
        assert_eq!(outcome, Ok(()), "{stated}");
    }
}

#[test]
fn wrong_expectations_fail_at_their_line() {
    for (stated, line) in [
        ("< 201", 2),
        ("< 100\n< 200", 3),
        ("< 200\n< ETag: x", 3),
        ("< 200\n< ETag: \"x\"\n< ETag: \"x\"", 3),
        ("< 200\n< Vary: a", 3),
        ("< 200\n< Vary has d", 3),
        ("< 200\n< Vary ~ a", 3),
        ("< 200\n< no ETag", 3),
        ("< 200\n< maybe ETag: y", 3),
        ("< 200\n< Link: y", 3),
        ("< 200\n< Link -> link", 3),
        ("< 200\n< closed", 2),
        ("< 200\n<< nothing", 3),
        ("< 200\n<< bytes {", 3),
        ("< 200\n<< json {\"a\": [1]}", 3),
        ("< 200\n<< has {\"a\": [1, {\"b\": 1}]}", 3),
        ("< 200\n<< has {\"a\": [1, 1]}", 3),
        ("< 200\n<< has {\"a\": [1]}", 3),
        ("< 200\n<< digest sha256:00", 3),
        ("< 200\n<< error", 3),
        ("< 200\n<< parts 2", 3),
        ("< 200\n<< part bytes 0-1/2 = ab", 3),
    ] {
        let (outcome, _) = hold(&format!("> GET /x\n{stated}\n"), &[REPLY, LAST]);
        let failure = outcome.expect_err(stated).text;
        assert!(failure.contains(&format!("x/self-test.txt:{line}: ")), "{stated}: {failure}");
        assert!(failure.contains("> GET /x HTTP/1.1") && failure.contains("< ETag: \"x\""), "{failure}");
    }
}

#[test]
fn what_no_reply_may_do_fails_unasked() {
    let json = "Content-Type: application/json\r\n";
    let cases = [
        ("200", "Location: http://h/x\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("200", "Location: v2/x\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("200", "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("200", "Content-Length: 0\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("200", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()),
        ("200", "Content-Length: +1\r\n\r\na".to_owned()),
        ("200", "Content-Length: 1\r\n\r\nabc".to_owned()),
        ("200", "No colon\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("200", "\r\n".to_owned()),
        ("204", "Content-Length: 0\r\n\r\n".to_owned()),
        ("200", "Connection: close\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("404", "Content-Length: 2\r\n\r\n{}".to_owned()),
        ("404", format!("{json}Content-Length: 2\r\n\r\n{{}}")),
        ("404", format!("{json}Content-Length: 13\r\n\r\n{{\"errors\":[]}}")),
        ("404", format!("{json}Content-Length: 26\r\n\r\n{{\"errors\":[{{\"code\":\"A_B\"}}]}}")),
    ];
    for (status, rest) in cases {
        let reply = format!("HTTP/1.1 {status} Some Reason\r\n{rest}");
        let (outcome, _) = hold(&format!("> GET /x\n< {status}\n"), &[&reply, LAST]);
        assert!(outcome.is_err(), "{reply}");
    }
}

#[test]
fn a_body_after_head_is_found() {
    let reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}";
    let (outcome, _) = hold("> HEAD /x\n< 404\n", &[reply, LAST]);
    let failure = outcome.expect_err("a body after HEAD").text;
    assert!(failure.contains("came `{}HTTP/1.1 200 OK`"), "{failure}");
    let bare = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(hold("> HEAD /x\n< 404\n", &[bare, LAST]).0, Ok(()));
}

#[test]
fn requests_go_out_as_written() {
    let text = "let a = text abc\n> PUT /x?y=1 & digest=${a.size}\n> X-Odd:  twice\n> X-Odd: twice\n>> ${a}\n>> def\n< 200\n\
                > PATCH /x & z\n> Transfer-Encoding: chunked\n>> ${a}\n>>\n>> defg\n< 200\n> POST /y\n< 200\n";
    let ok = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    let (outcome, sent) = hold(text, &[ok, ok, ok, LAST]);
    assert_eq!(outcome, Ok(()));
    assert!(sent[0].starts_with("PUT /x?y=1&digest=3 HTTP/1.1\r\nHost: 127.0.0.1:"), "{}", sent[0]);
    assert!(
        sent[0].ends_with("\r\nX-Odd: twice\r\nX-Odd: twice\r\nContent-Length: 6\r\n\r\nabcdef"),
        "{}",
        sent[0]
    );
    assert!(sent[1].starts_with("PATCH /x?z HTTP/1.1\r\n"), "{}", sent[1]);
    assert!(sent[1].ends_with("\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), "{}", sent[1]);
    assert!(sent[2].ends_with("\r\nContent-Length: 0\r\n\r\n"), "{}", sent[2]);
}

#[test]
fn captures_and_repetitions_are_used() {
    let located = "HTTP/1.1 202 Accepted\r\nLocation: /u?s=1\r\nContent-Length: 0\r\n\r\n";
    let text = "> POST /x\n< 202\n< Location -> where\nfor v in a b\n> PATCH ${where} & v=${v}\n< 202\n";
    let (outcome, sent) = hold(text, &[located, located, located, LAST]);
    assert_eq!(outcome, Ok(()));
    assert!(sent[1].starts_with("PATCH /u?s=1&v=a HTTP"), "{}", sent[1]);
    assert!(sent[2].starts_with("PATCH /u?s=1&v=b HTTP"), "{}", sent[2]);
}

#[test]
fn a_body_waits_for_its_100() {
    let text = "> PUT /x\n> Expect: 100-continue\n>> abc\n< 100\n< 200\n";
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (outcome, sent) = hold(text, &["HTTP/1.1 100 Continue\r\n\r\n", ok, LAST]);
    assert_eq!(outcome, Ok(()));
    assert_eq!(sent[1], "abc");
    // A final reply comes first: the body is never sent.
    let (outcome, sent) = hold(&text.replace("< 100\n< 200", "< 200\n< closed"), &[LAST]);
    assert_eq!(outcome, Ok(()));
    assert!(sent[0].ends_with("\r\n\r\n"), "{}", sent[0]);
}

#[test]
fn every_shipped_conversation_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "txt") {
            Conversation::read(&path).unwrap_or_else(|failure| panic!("{failure}"));
            count += 1;
        }
    }
    assert!(count > 30, "only {count} conversations");
}
