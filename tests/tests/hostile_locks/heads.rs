//! Heads that break out of what they stand in.

use super::{basic, connect, start};
use wharfinger_tests::http::Response;

/// Sends a head as it stands; `None` if the server hangs up without a reply.
fn send(server: &wharfinger_tests::server::Server, head: &str) -> Option<Response> {
    let mut connection = connect(server);
    connection.send(head.as_bytes()).expect("it is sent");
    connection.read_response("GET").ok()
}

#[test]
fn no_head_is_split_by_what_is_told_again() {
    let server = start("");
    for (name, value) in [
        ("Host", "evil\r\nX-Injected: 1"),
        ("Host", "evil\rX-Injected: 1"),
        ("Host", "evil\nX-Injected: 1"),
        ("X-Forwarded-Host", "evil\r\nX-Injected: 1"),
        ("X-Forwarded-Host", "evil\", error=\"x"),
        ("Authorization", "Bearer a\r\n X-Injected: 1"),
        ("Authorization", "Bearer a\u{b}b"),
        ("Authorization", "Basic \u{0}"),
        ("X-Forwarded-Proto", "https\nX-Injected: 1"),
    ] {
        for target in ["/v2/", "/auth/token?scope=repository:a%0d%0aX-Injected:%201:pull"] {
            let host = if name == "Host" { "" } else { "Host: registry\r\n" };
            let head = format!("GET {target} HTTP/1.1\r\n{host}{name}: {value}\r\nConnection: close\r\n\r\n");
            let Some(response) = send(&server, &head) else { continue };
            assert!([400, 401, 200].contains(&response.status()), "{head:?}: {}", response.status());
            assert!(response.head.field("x-injected").is_none(), "{head:?}");
            for (_, field) in &response.head.fields {
                assert!(!field.contains("Injected") && !field.contains("error=\"x"), "{head:?}: {field}");
            }
            assert!(!response.text().contains("Injected"), "{head:?}: {}", response.text());
        }
    }
    server.stop().expect("it stops well");
}

#[test]
fn of_two_credentials_none_counts() {
    let server = start("");
    let good = basic("ci", "passci");
    for (fields, status) in [
        (format!("Authorization: {good}\r\n"), 200),
        (format!("authorization: {good}\r\n"), 200),
        (format!("AUTHORIZATION: {good}\r\n"), 200),
        (format!("Authorization: {good}\r\nAuthorization: {good}\r\n"), 401),
        (format!("Authorization: {good}\r\nauthorization: Bearer x\r\n"), 401),
        (format!("Authorization: {good}, {good}\r\n"), 401),
        (format!("Proxy-Authorization: {good}\r\n"), 401),
        (format!("Authorization : {good}\r\n"), 400),
        (format!("X: y\r\n Authorization: {good}\r\n"), 400),
    ] {
        let head = format!("GET /v2/ HTTP/1.1\r\nHost: h\r\n{fields}Connection: close\r\n\r\n");
        assert_eq!(send(&server, &head).map(|response| response.status()), Some(status), "{fields:?}");
    }
    let long =
        format!("GET /v2/ HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n\r\n", "a".repeat(1 << 20));
    if let Some(response) = send(&server, &long) {
        assert!([400, 401, 431].contains(&response.status()), "{}", response.status());
    }
    server.stop().expect("it stops well");
}
