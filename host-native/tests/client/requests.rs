use smol::block_on;
use wharfinger::client::{Body, Client, ClientError};

use super::server::{Server, script};
use super::settings;

fn refused(uri: &str) -> ClientError {
    let request = http::Request::get(uri).body(()).expect("a URI");
    block_on(Client::new(settings()).send(request, Body::Empty)).expect_err(uri)
}

#[test]
fn a_request_is_sent_as_it_is() {
    let server = Server::start(vec![script(|peer| {
        let head = peer.head();
        let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
        assert_eq!(lines.remove(0), "PUT /v1/a%2Fb/%C3%A4/~.a?x=%20&y=a/../b HTTP/1.1");
        assert!(lines.remove(0).starts_with("host: 127.0.0.1:"), "{head}");
        lines.sort_unstable();
        let expected =
            ["content-length: 2", "content-type: x/y", "x-twice: a, b", "x-twice: c", "x-weird: \t\"~"];
        assert_eq!(lines, expected, "{head}");
        assert_eq!(peer.exactly(2), b"ok");
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    })]);
    let request = http::Request::put(format!("http://{}/v1/a%2Fb/%C3%A4/~.a?x=%20&y=a/../b", server.at))
        .header("x-twice", "a, b")
        .header("x-twice", "c")
        .header("content-type", "x/y")
        .header("x-weird", "\t\"~")
        .header("host", "elsewhere")
        .header("connection", "close")
        .header("content-length", "99")
        .header("transfer-encoding", "gzip")
        .header("expect", "100-continue")
        .body(())
        .expect("a sound request");
    let body = Body::Bytes("ok".into());
    assert_eq!(block_on(Client::new(settings()).send(request, body)).expect("an answer").status, 200);
    server.end();
}

#[test]
fn a_url_that_would_be_changed_is_refused() {
    for uri in [
        "http://h/a/../b",
        "http://h/a/%2e%2E/b",
        "http://h/./",
        "http://user@h/",
        "http://user:secret@h/",
        "/only/a/path",
        "ftp://h/",
    ] {
        let error = refused(uri);
        assert!(matches!(error, ClientError::Request(_)), "{uri}: {error:?}");
    }
}

#[test]
fn tls_is_refused_in_plain_words() {
    let error = refused("https://127.0.0.1/");
    assert!(matches!(error, ClientError::NoTls), "{error:?}");
    assert_eq!(error.to_string(), "TLS is not spoken here; use a URL with http://");
}

#[test]
fn headers_and_methods_that_surf_cannot_hold_are_refused() {
    let client = Client::new(settings());
    let value = http::HeaderValue::from_bytes(b"\xc3\xa4").expect("a value");
    let odd_value = http::Request::get("http://h/").header("x", value);
    let odd_method = http::Request::builder().method("get").uri("http://h/");
    for request in [odd_value, odd_method] {
        let request = request.body(()).expect("a sound request");
        let error = block_on(client.send(request, Body::Empty)).expect_err("refused");
        assert!(matches!(error, ClientError::Request(_)), "{error:?}");
    }
}
