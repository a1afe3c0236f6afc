use super::{Registry, assert_closed, assert_refused};

const LIMITS: &str = "head-bytes: 4096";

#[test]
fn heads_that_are_unsound_or_ambiguous_are_refused_and_end_their_connection() {
    let registry = Registry::start(LIMITS);
    let upload = "POST /v2/a/blobs/uploads/ HTTP/1.1|Host: h";
    let ping = "GET /v2/ HTTP/1.1|Host: h";
    let table = [
        (upload, "|Transfer-Encoding: gzip", 501),
        (upload, "|Transfer-Encoding: gzip, chunked", 501),
        (upload, "|Transfer-Encoding: identity", 501),
        (upload, "|Transfer-Encoding: xchunked", 501),
        (upload, "|Transfer-Encoding: chunked, chunked", 400),
        (upload, "|Transfer-Encoding: chunked|Transfer-Encoding: chunked", 400),
        (upload, "|Transfer-Encoding: chunked|Content-Length: 5", 400),
        (upload, "|Content-Length: 5|Transfer-Encoding: chunked", 400),
        (upload, "|Content-Length: 5|Content-Length: 5", 400),
        (upload, "|Content-Length: 5|Content-Length: 0", 400),
        (upload, "|Content-Length: 5, 5", 400),
        (upload, "|Content-Length: +5", 400),
        (upload, "|Content-Length: -1", 400),
        (upload, "|Content-Length: 18446744073709551616", 400),
        (upload, "|Expect: 200-ok", 417),
        (upload, "|Expect: 100-continue|Expect: x", 417),
        (ping, "|Accept: \u{e4}", 400),
        (ping, "|Accept: a\u{7f}b", 400),
        (ping, "|Accept: a\u{0}b", 400),
        (ping, "|Accept : b", 400),
        (ping, "|Accept", 400),
        (ping, "|Accept: a| folded", 400),
        (ping, "|: b", 400),
        (ping, "|Host: h", 400),
        (ping, "|Host: other", 400),
        ("GET /v2/ HTTP/1.1", "", 400),
        ("GET /v2/ HTTP/1.1|Host:", "", 400),
        ("GET /v2/ HTTP/1.1|Host: a b", "", 400),
        ("GET /v2/ HTTP/1.1|Host: h/../x", "", 400),
        ("GET /v2/ HTTP/1.1|Host: user@h", "", 400),
        ("GET /v2/ HTTP/1.1|Host: h\"", "", 400),
        ("GET  /v2/ HTTP/1.1|Host: h", "", 400),
        ("GET /v2/ HTTP/1.1 |Host: h", "", 400),
        ("GET /v2/|Host: h", "", 400),
        ("GET /v2/ HTTP/2.0|Host: h", "", 505),
        ("GET /v2/ HTTP/1.2|Host: h", "", 505),
        ("GET /v2/\u{e4} HTTP/1.1|Host: h", "", 400),
        ("GET v2/ HTTP/1.1|Host: h", "", 400),
        ("GET * HTTP/1.1|Host: h", "", 400),
        ("GET /v2/#x HTTP/1.1|Host: h", "", 400),
        ("GET ftp://h/v2/ HTTP/1.1|Host: h", "", 400),
        ("GET http://u@h/v2/ HTTP/1.1|Host: h", "", 400),
        ("G\u{e4}T /v2/ HTTP/1.1|Host: h", "", 400),
        ("CONNECT h:80 HTTP/1.1|Host: h", "", 501),
        ("PRI * HTTP/2.0||SM", "", 505),
    ];
    for (start, fields, status) in table {
        let mut connection = registry.connect();
        // What stands behind such a head must never be taken for a request.
        let smuggled = "0||GET /v2/harbour/chest/manifests/gold HTTP/1.1|Host: h||";
        let text = format!("{start}{fields}||{smuggled}").replace('|', "\r\n");
        connection.send(text.as_bytes()).expect("the registry reads");
        let response = connection.read_response("GET").expect(&text);
        assert_refused(response, status, &text);
        assert_closed(&mut connection);
        registry.check();
    }
    registry.end();
}

#[test]
fn bytes_that_are_no_head_are_refused_and_end_their_connection() {
    let registry = Registry::start(LIMITS);
    let long_field = format!("GET /v2/ HTTP/1.1\r\nHost: h\r\nAccept: {}\r\n\r\n", "x".repeat(5000));
    let long_target = format!("GET /v2/{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(5000));
    let endless = vec![b'x'; 5000];
    let many = format!("GET /v2/ HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(200));
    let table: &[&[u8]] = &[
        long_field.as_bytes(),
        long_target.as_bytes(),
        &endless,
        many.as_bytes(),
        b"GET /v2/ HTTP/1.1\nHost: h\n\n",
        b"GET /v2/ HTTP/1.1\r\nHost: h\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: h\r\nAccept: a\rb\r\n\r\n",
        b"\r\n\r\n\r\n\r\n\r\n\r\nGET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0",
        b"\xff\xfe\r\n\r\n",
        b" GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n",
    ];
    for bytes in table {
        let what = bytes.escape_ascii().to_string();
        let mut connection = registry.connect();
        connection.send(bytes).expect("the registry reads");
        assert_refused(connection.read_response("GET").expect(&what), 400, &what);
        assert_closed(&mut connection);
        registry.check();
    }
    registry.end();
}

#[test]
fn refusals_of_head_requests_have_no_body() {
    let registry = Registry::start(LIMITS);
    for target in ["/v2/\u{e4}", "/v2/ /x", "ftp://h/"] {
        let mut connection = registry.connect();
        let text = format!("HEAD {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        connection.send(text.as_bytes()).expect("the registry reads");
        assert_eq!(connection.read_head().expect(target).status, 400);
        assert_closed(&mut connection);
    }
    // Where the connection survives, a body would be taken for the head of the next answer.
    let mut connection = registry.connect();
    for target in ["/v2/a/../b/manifests/x", "/nothing", "/v2/A/manifests/x", "/v2/a/blobs/sha256:0"] {
        let response = connection.request("HEAD", target, &[], b"").expect(target);
        assert!(matches!(response.status(), 400 | 404), "{target}: {}", response.status());
        connection.request("GET", "/v2/", &[], b"").and_then(|answer| answer.expect(200)).expect(target);
    }
    registry.end();
}

#[test]
fn unknown_methods_are_told_which_are_known() {
    let registry = Registry::start(LIMITS);
    let blob = format!("/v2/harbour/chest/blobs/sha256:{}", "0".repeat(64));
    let paths = [
        ("/v2/", "GET, HEAD"),
        ("/v2/_catalog", "GET, HEAD"),
        ("/v2/harbour/chest/tags/list", "GET, HEAD"),
        ("/v2/harbour/chest/manifests/gold", "GET, HEAD, PUT, DELETE"),
        (&blob, "GET, HEAD, DELETE"),
        ("/v2/harbour/chest/blobs/uploads/", "POST"),
    ];
    let mut connection = registry.connect();
    for (path, allow) in paths {
        for method in ["BREW", "get", "TRACE", "OPTIONS", "PROPFIND", "!#$%&'*+-.^_`|~09"] {
            let response = connection.request(method, path, &[], b"").expect(path);
            assert_eq!(response.head.field("allow"), Some(allow), "{method} {path}");
            assert_refused(response, 405, &format!("{method} {path}"));
        }
    }
    for (method, target) in [("OPTIONS", "*"), ("BREW", "/"), ("BREW", "/v2/a/../b/manifests/x")] {
        let response = connection.request(method, target, &[], b"").expect(target);
        assert_refused(response, 404, &format!("{method} {target}"));
    }
    registry.end();
}
