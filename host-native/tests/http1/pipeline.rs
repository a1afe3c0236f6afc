//! Several requests on one connection, all sent at once.

use crate::client::Client;
use crate::server::{Server, generous};

#[test]
fn three_requests_in_one_write_are_answered_in_order() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\nGET /c HTTP/1.1\r\nHost: h\r\n\r\n");
    for path in ["/a", "/b", "/c"] {
        let reply = client.reply();
        assert_eq!(reply.text(), format!("GET {path}\nhost: h\n"));
        assert!(!reply.says_close());
    }
}

#[test]
fn bodies_and_heads_do_not_run_into_each_other() {
    let server = Server::start(generous());
    let requests = "PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nfirst\
         PUT /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3;x\r\nond\r\n0\r\nA: b\r\n\r\n\
         GET /c HTTP/1.1\r\nHost: h\r\n\r\n\
         PUT /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
         PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n\
         PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nlast";
    let expected = ["first", "second", "GET /c\nhost: h\n", "", "", "last"];
    for by_byte in [false, true] {
        let mut client = Client::connect(server.address);
        if by_byte {
            client.send_by_byte(requests)
        } else {
            client.send(requests)
        };
        for text in expected {
            assert_eq!(client.reply().text(), text);
        }
    }
}

#[test]
fn unread_short_bodies_are_skipped() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    let body = "x".repeat(30_000);
    let put = format!("PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    client.send(format!("{put}{put}GET /c HTTP/1.1\r\nHost: h\r\n\r\n"));
    for status in [401, 401, 200] {
        let reply = client.reply();
        assert_eq!((reply.status, reply.says_close()), (status, false));
    }
}

#[test]
fn nothing_is_read_behind_a_request_that_closes() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    client.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    let reply = client.reply();
    assert_eq!((reply.text(), reply.says_close()), ("GET /a\nconnection: close\nhost: h\n", true));
    client.assert_closed_after_half();
}

#[test]
fn many_pipelined_requests_fit_between_heads_and_bodies() {
    let server = Server::start(generous());
    let mut client = Client::connect(server.address);
    let one = "PUT /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    client.send(one.repeat(500));
    for _ in 0..500 {
        assert_eq!(client.reply().text(), "hello");
    }
}
