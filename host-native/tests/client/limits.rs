use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use futures_lite::future;
use smol::block_on;
use wharfinger::client::{Body, Client, ClientError, Late, Settings};

use super::server::{Peer, Server, script};
use super::{ask, send, settings};

const SHORT: Duration = Duration::from_millis(100);

/// Runs a script against a client, and lets it end only when the client has.
fn fault(settings: Settings, body: Body, act: impl FnOnce(&mut Peer) + Send + 'static) -> ClientError {
    let (done, waiting) = mpsc::channel::<()>();
    let server = Server::start(vec![script(move |peer| {
        peer.head();
        act(peer);
        let _ = waiting.recv();
    })]);
    let error = block_on(async {
        let client = Client::new(settings);
        let mut response = send(&client, "PUT", server.at, body).await?;
        response.collect(1 << 20).await
    });
    drop(done);
    server.end();
    error.expect_err("the server never ends its answer")
}

#[track_caller]
fn assert_late(error: &ClientError, late: Late) {
    assert!(matches!(error, ClientError::Late(which) if *which == late), "{error:?}");
}

#[test]
fn a_server_that_says_nothing_is_late() {
    let settings = Settings { answer_time: SHORT, ..settings() };
    assert_late(&fault(settings.clone(), Body::Empty, |_| {}), Late::Answer);
    assert_late(&fault(settings, Body::Empty, |peer| peer.say(b"HTTP/1.1 200 OK\r\nA:")), Late::Answer);
}

#[test]
fn a_head_that_drips_is_late() {
    let settings = Settings { answer_time: SHORT, ..settings() };
    let error = fault(settings, Body::Empty, |peer| {
        peer.say(b"HTTP/1.1 200 OK\r\nA:");
        // Each byte comes in time; all of them do not.
        for _ in 0..30 {
            peer.say(b"x");
            std::thread::sleep(SHORT / 10);
        }
    });
    assert_late(&error, Late::Answer);
}

#[test]
fn a_body_that_stops_is_late() {
    let settings = Settings { body_idle_time: SHORT, ..settings() };
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello",
        "HTTP/1.1 200 OK\r\n\r\nhello",
    ] {
        assert_late(
            &fault(settings.clone(), Body::Empty, move |peer| peer.say(answer.as_bytes())),
            Late::Body,
        );
    }
}

#[test]
fn a_server_that_takes_nothing_is_late() {
    let settings = Settings { write_idle_time: SHORT, ..settings() };
    let body = Body::Bytes(Bytes::from(vec![0; 64 << 20]));
    assert_late(&fault(settings, body, |_| {}), Late::Write);
}

#[test]
fn a_caller_that_takes_its_time_is_not_the_servers_fault() {
    let settings = Settings {
        answer_time: SHORT * 4,
        body_idle_time: SHORT * 4,
        write_idle_time: SHORT * 4,
        ..settings()
    };
    let server = Server::start(vec![script(|peer| {
        peer.head();
        assert_eq!(peer.chunks(), b"onetwo");
        peer.say(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    })]);
    block_on(async {
        let (feed, body) = Body::fed(None);
        let feeding = async move {
            feed.write(Bytes::from_static(b"one")).await.expect("wanted");
            smol::Timer::after(SHORT * 6).await;
            feed.write(Bytes::from_static(b"two")).await.expect("wanted");
            feed.finish().await.expect("wanted");
        };
        let client = Client::new(settings);
        let (response, ()) = future::zip(send(&client, "PUT", server.at, body), feeding).await;
        assert_eq!(response.expect("an answer").status, 201);
    });
    server.end();
}

#[test]
fn a_server_that_accepts_nobody_is_late() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    // The shortest queue; the system makes room for one or two all the same.
    rustix::net::listen(&listener, 0).expect("a shorter queue");
    let at = listener.local_addr().expect("an address");
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&at, SHORT * 5) {
        queue.push(stream);
        assert!(queue.len() < 100, "the queue never fills");
    }
    let settings = Settings { connect_time: SHORT, ..settings() };
    let error = block_on(ask(&Client::new(settings), "GET", at)).expect_err("nobody accepts");
    assert_late(&error, Late::Connect);
}

#[test]
fn nobody_there_is_told_with_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at: SocketAddr = listener.local_addr().expect("an address");
    drop(listener);
    let error = block_on(ask(&Client::new(settings()), "GET", at)).expect_err("nobody listens");
    assert!(error.to_string().contains("Connection refused"), "{error}");
    let request = http::Request::get("http://host.invalid/").body(()).expect("a sound request");
    let error = block_on(Client::new(settings()).send(request, Body::Empty)).expect_err("no such host");
    assert!(matches!(error, ClientError::Connect(_)), "{error:?}");
}
