use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use futures_lite::future;
use smol::block_on;
use wharfinger::client::{Body, Client, ClientError, FeedGone};

use super::server::{Server, script};
use super::{send, settings};

const OK: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
const PIECE: Bytes = Bytes::from_static(&[7; 50_000]);
const PIECES: usize = 100;

#[test]
fn a_fed_body_arrives_whole_in_chunks_or_by_its_length() {
    let whole = PIECE.repeat(PIECES);
    for length in [None, Some(whole.len() as u64)] {
        let expected = whole.clone();
        let server = Server::start(vec![script(move |peer| {
            let head = peer.head();
            let body = if head.contains("transfer-encoding: chunked\r\n") {
                peer.chunks()
            } else {
                assert!(head.contains("content-length: 5000000\r\n"), "{head}");
                peer.exactly(expected.len())
            };
            assert!(body == expected);
            peer.say(OK);
        })]);
        block_on(async {
            let (feed, body) = Body::fed(length);
            let feeding = async {
                for _ in 0..PIECES {
                    feed.write(PIECE).await.expect("the body is wanted");
                }
                // One of known length may be over before it is said so.
                let _ = feed.finish().await;
            };
            let client = Client::new(settings());
            let (response, ()) = future::zip(send(&client, "PUT", server.at, body), feeding).await;
            assert_eq!(response.expect("an answer").status, 201);
        });
        server.end();
    }
}

#[test]
fn bytes_at_hand_and_no_bytes_say_their_length() {
    let server = Server::start(
        ["PUT", "POST", "PUT", "GET", "DELETE"]
            .into_iter()
            .enumerate()
            .map(|(at, method)| {
                script(move |peer| {
                    let head = peer.head();
                    assert!(head.starts_with(method), "{head}");
                    let length = if at == 0 { "content-length: 5\r\n" } else { "content-length: 0\r\n" };
                    assert_eq!(head.contains(length), at < 3, "{head}");
                    assert!(!head.contains("transfer-encoding"), "{head}");
                    if at == 0 {
                        assert_eq!(peer.exactly(5), b"hello");
                    }
                    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                })
            })
            .collect(),
    );
    block_on(async {
        let client = Client::new(settings());
        let table = [("PUT", &b"hello"[..]), ("POST", b""), ("PUT", b""), ("GET", b""), ("DELETE", b"")];
        for (method, bytes) in table {
            let body = Body::Bytes(Bytes::from_static(bytes));
            assert_eq!(send(&client, method, server.at, body).await.expect(method).status, 200);
        }
    });
    server.end();
}

#[test]
fn a_broken_off_body_is_never_taken_for_whole() {
    for (length, fed) in [(None, 1), (Some(100_001), 2), (Some(99_999), 2)] {
        let (told, heard) = mpsc::channel();
        let server = Server::start(vec![script(move |peer| {
            peer.head();
            told.send(peer.rest()).expect("the test listens");
        })]);
        let error = block_on(async {
            let (feed, body) = Body::fed(length);
            let feeding = async move {
                for _ in 0..fed {
                    let _ = feed.write(PIECE).await;
                }
                if length.is_some() {
                    let _ = feed.finish().await;
                }
            };
            let client = Client::new(settings());
            let (answered, ()) = future::zip(send(&client, "PUT", server.at, body), feeding).await;
            answered.expect_err("nothing was answered")
        });
        assert!(matches!(error, ClientError::Source(_)), "{error:?}");
        let sent = heard.recv().expect("the server ran");
        assert!(!sent.ends_with(b"0\r\n\r\n"));
        assert!(length.is_none_or(|length| (sent.len() as u64) < length), "{} bytes", sent.len());
        server.end();
    }
}

#[test]
fn an_early_answer_is_seen_while_the_body_is_leaving() {
    let (go, waiting) = mpsc::channel::<()>();
    let server = Server::start(vec![script(move |peer| {
        peer.head();
        peer.say(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
        waiting.recv().expect("the test goes on");
        peer.rest();
    })]);
    block_on(async {
        let client = Client::new(settings());
        let (feed, body) = Body::fed(None);
        let mut response = send(&client, "PUT", server.at, body).await.expect("an answer");
        assert_eq!(response.status, 401);
        assert_eq!(feed.write(PIECE).await, Ok(()));
        assert_eq!(response.collect(2).await.expect("a body"), b"no");
        assert!(response.sent().await.is_err(), "the end of the answer ends the request");
        assert_eq!(feed.write(PIECE).await, Err(FeedGone));
        drop(response);
        go.send(()).expect("the server waits");
    });
    server.end();
}

#[test]
fn an_early_answer_is_seen_though_the_connection_breaks_behind_it() {
    for _ in 0..20 {
        let server = Server::start(vec![script(|peer| {
            peer.head();
            peer.exactly(1000);
            // Closing over unread bytes resets the connection.
            peer.say(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
        })]);
        block_on(async {
            let client = Client::new(settings());
            let (feed, body) = Body::fed(None);
            let feeding = async { while feed.write(PIECE).await.is_ok() {} };
            let asking = async {
                let mut response = send(&client, "PUT", server.at, body).await.expect("an answer");
                (response.status.as_u16(), response.collect(4).await.expect("a body"))
            };
            let (answer, ()) = future::zip(asking, feeding).await;
            assert_eq!(answer, (503, b"busy".to_vec()));
        });
        server.end();
    }
}

#[test]
fn a_request_can_go_on_after_its_answer() {
    let (told, heard) = mpsc::channel();
    let server = Server::start(vec![script(move |peer| {
        peer.head();
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        told.send(peer.chunks().len()).expect("the test listens");
    })]);
    block_on(async {
        let client = Client::new(settings());
        let (feed, body) = Body::fed(None);
        let mut response = send(&client, "PUT", server.at, body).await.expect("an answer");
        let feeding = async move {
            for _ in 0..PIECES {
                feed.write(PIECE).await.expect("the body is wanted");
            }
            feed.finish().await.expect("the end is wanted");
        };
        let (sent, ()) = future::zip(response.sent(), feeding).await;
        sent.expect("all has left");
        assert_eq!(response.collect(2).await.expect("a body"), b"ok");
    });
    assert_eq!(heard.recv(), Ok(PIECE.len() * PIECES));
    server.end();
}

#[test]
fn both_directions_may_be_full_at_once() {
    let total = PIECE.len() * PIECES;
    let server = Server::start(vec![script(move |peer| {
        peer.head();
        peer.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n").as_bytes());
        // An echo: it takes the next bytes only after it got rid of the last ones.
        for _ in 0..PIECES {
            let piece = peer.exactly(PIECE.len());
            peer.say(&piece);
        }
    })]);
    block_on(async {
        let client = Client::new(settings());
        let (feed, body) = Body::fed(Some(total as u64));
        let feeding = async move {
            for _ in 0..PIECES {
                feed.write(PIECE).await.expect("the body is wanted");
            }
        };
        let asking = async {
            let mut response = send(&client, "PUT", server.at, body).await.expect("an answer");
            response.collect(total).await.expect("the echo").len()
        };
        assert_eq!(future::zip(asking, feeding).await.0, total);
    });
    server.end();
}

#[test]
fn a_dropped_answer_closes_its_connection() {
    let (told, heard) = mpsc::channel();
    let server = Server::start(vec![script(move |peer| {
        peer.head();
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello");
        told.send(peer.rest()).expect("the test listens");
    })]);
    let client = Client::new(settings());
    block_on(async {
        let mut response = send(&client, "GET", server.at, Body::Empty).await.expect("an answer");
        assert_eq!(response.fill().await.expect("bytes")[0], b'h');
    });
    assert_eq!(heard.recv_timeout(Duration::from_secs(20)), Ok(Vec::new()));
    server.end();
}
