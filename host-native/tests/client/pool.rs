use std::sync::mpsc;
use std::time::Duration;

use smol::block_on;
use wharfinger::client::{Body, Client, Settings};

use super::server::{Peer, Server, script};
use super::{SCHEME, ask, send, settings};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers `count` requests on one connection, then expects it to be closed.
fn answers(peer: &mut Peer, answer: &str, count: usize) {
    for _ in 0..count {
        assert_ne!(peer.head(), "", "the connection is used again");
        peer.say(answer.as_bytes());
    }
    assert_eq!(peer.head(), "", "the connection is used no more");
}

#[test]
fn a_connection_is_used_again_after_a_whole_answer() {
    for answer in [
        OK,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let server = Server::start(vec![script(move |peer| answers(peer, answer, 4))]);
        block_on(async {
            let client = Client::new(settings());
            // An answer of which nothing is read is as good, if all of it is there.
            drop(send(&client.clone(), "GET", server.at, Body::Empty).await.expect("an answer"));
            for method in ["GET", "PUT", "PUT"] {
                ask(&client, method, server.at).await.expect(method);
            }
        });
        server.end();
    }
}

#[test]
fn a_connection_is_not_used_again_when_that_could_go_wrong() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, Close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil",
    ] {
        let server = Server::start((0..2).map(|_| script(|peer| answers(peer, answer, 1))).collect());
        block_on(async {
            let client = Client::new(settings());
            for _ in 0..2 {
                assert_ne!(ask(&client, "GET", server.at).await.expect(answer).1, b"evil");
            }
        });
        server.end();
    }
}

#[test]
fn stray_bytes_of_an_idle_connection_are_nobodys_answer() {
    let (go, waiting) = mpsc::channel::<()>();
    let (said, heard) = mpsc::channel();
    let server = Server::start(vec![
        script(move |peer| {
            peer.head();
            peer.say(OK.as_bytes());
            waiting.recv().expect("the first answer is read");
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
            said.send(()).expect("the test listens");
            assert_eq!(peer.rest(), b"", "the connection is used no more");
        }),
        script(|peer| answers(peer, OK, 1)),
    ]);
    block_on(async {
        let client = Client::new(settings());
        assert_eq!(ask(&client, "GET", server.at).await.expect("an answer").1, b"ok");
        go.send(()).expect("the server waits");
        heard.recv().expect("the server speaks");
        assert_eq!(ask(&client, "GET", server.at).await.expect("an answer").1, b"ok");
    });
    server.end();
}

#[test]
fn a_connection_that_was_closed_while_idle_is_replaced() {
    let server = Server::start(vec![
        script(|peer| {
            peer.head();
            peer.say(OK.as_bytes());
            // It closes only when the next request has come: the client cannot know before.
            assert!(peer.head().starts_with("GET "));
        }),
        script(|peer| answers(peer, OK, 2)),
    ]);
    block_on(async {
        let client = Client::new(settings());
        for _ in 0..3 {
            assert_eq!(ask(&client, "GET", server.at).await.expect("an answer").1, b"ok");
        }
    });
    server.end();
}

#[test]
fn what_must_not_be_sent_twice_gets_a_new_connection() {
    let server = Server::start((0..5).map(|_| script(|peer| answers(peer, OK, 1))).collect());
    block_on(async {
        let at = server.at;
        let client = Client::new(Settings { pool_connections_max: 1, ..settings() });
        ask(&client, "GET", at).await.expect("an answer");
        ask(&client, "POST", at).await.expect("an answer");
        // What was deleted is not found the second time.
        ask(&client, "DELETE", at).await.expect("an answer");
        let request = http::Request::put(format!("{SCHEME}://{at}/")).header("if-none-match", "*");
        let request = request.body(()).expect("a sound request");
        drop(client.send(request, Body::Empty).await.expect("an answer"));
        let (feed, body) = Body::fed(Some(0));
        drop(send(&client, "POST", at, body).await.expect("an answer"));
        drop(feed);
    });
    server.end();
}

#[test]
fn a_connection_is_not_used_after_its_idle_time() {
    let server = Server::start((0..2).map(|_| script(|peer| answers(peer, OK, 1))).collect());
    block_on(async {
        let client = Client::new(Settings { pool_idle_time: Duration::from_millis(20), ..settings() });
        ask(&client, "GET", server.at).await.expect("an answer");
        smol::Timer::after(Duration::from_millis(40)).await;
        ask(&client, "GET", server.at).await.expect("an answer");
    });
    server.end();
}
