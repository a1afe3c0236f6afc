//! Bodies and headers that no Swift sends.

use http::{HeaderMap, HeaderValue, StatusCode};
use wharfinger_core::store::Reply;
use wharfinger_core::swift::keystone::{self, Choice};
use wharfinger_core::swift::{HttpHead, Info, Verdict, classify, v1_auth};

use crate::support::{head, ops};

fn bodies() -> Vec<Vec<u8>> {
    let mut bodies = vec![
        Vec::new(),
        b"\0".to_vec(),
        b"\xff".repeat(1000),
        b"[".repeat(100_000),
        b"{\"Errors\":".repeat(50_000),
        b"{\"token\":{\"catalog\":".repeat(50_000),
        b"[{\"name\":".repeat(50_000),
        format!("[{}]", vec!["{}"; 1_000_000].join(",")).into_bytes(),
        format!("{{\"Errors\":[{}]}}", vec!["[\"\",\"\"]"; 300_000].join(",")).into_bytes(),
        format!("{{\"token\":{{\"catalog\":[{}]}}}}", vec!["{\"type\":\"\"}"; 100_000].join(","))
            .into_bytes(),
        format!("[{}]", "9".repeat(1_000_000)).into_bytes(),
        format!("\"{}\"", "a".repeat(1_000_000)).into_bytes(),
        b"{\"swift\":{\"max_file_size\":1e400}}".to_vec(),
        b"{\"swift\":[1,2],\"slo\":[3],\"token\":[null,null]}".to_vec(),
        b"{\"error\":{\"message\":17}}".to_vec(),
    ];
    let good = br#"[{"name":"manifests/a","bytes":1},{"subdir":"manifests/b!"}]"#;
    bodies.extend((0..good.len()).map(|cut| good[..cut].to_vec()));
    bodies
}

#[test]
fn no_body_is_taken_for_what_it_is_not() {
    for body in bodies() {
        for op in ops() {
            for status in [200, 201, 204, 300, 400, 401, 404, 409, 413, 422, 500, 999] {
                match classify(&op, &head(status, &[]), Some(&body), 0) {
                    Verdict::Body { .. } => panic!("{op:?} {status}: the body is there"),
                    Verdict::Reply(Reply::Page(page)) => assert!(page.rows.is_empty() && status == 204),
                    Verdict::Reply(Reply::Found(_)) => panic!("{op:?} {status}: nothing tells a size"),
                    Verdict::Reply(_) | Verdict::TokenRejected => {}
                }
            }
        }
        for status in [200, 201, 300, 401, 500] {
            let status = StatusCode::from_u16(status).unwrap();
            let fields = HeaderMap::new();
            assert!(keystone::read(status, &fields, &body, &Choice::default(), 0).is_err());
            assert!(v1_auth::read(status, &fields, 0).is_err());
            if let Ok(info) = Info::read(status, &body) {
                assert!(body.starts_with(b"{\"swift\":["), "{info:?}");
            }
        }
    }
}

#[test]
fn no_header_breaks_it() {
    let names = [
        "content-length",
        "content-range",
        "etag",
        "x-timestamp",
        "last-modified",
        "date",
        "retry-after",
        "x-auth-token",
        "x-storage-url",
        "x-auth-token-expires",
        "x-subject-token",
    ];
    let values: [&[u8]; 14] = [
        b"",
        b" ",
        b"\xff\xfe",
        b"-",
        b"/",
        b"bytes ",
        b"bytes -/",
        b"bytes 18446744073709551615-18446744073709551615/18446744073709551615",
        b"99999999999999999999999999999999",
        b"18446744073709551615",
        b"\"",
        b", :: GMT",
        b"Sun, 99 Foo 9999 99:99:99 GMT",
        b"Fri, 31 Dec 9999 23:59:60 GMT",
    ];
    for value in values {
        let value = HeaderValue::from_bytes(value).unwrap();
        let fields: HeaderMap = names.iter().map(|name| (name.parse().unwrap(), value.clone())).collect();
        for status in [200, 201, 206, 300, 404, 416, 503] {
            let status = StatusCode::from_u16(status).unwrap();
            let head = HttpHead::new(status, &fields);
            for op in ops() {
                for now in [0, u64::MAX] {
                    if let Verdict::Reply(Reply::Found(found)) = classify(&op, &head, None, now) {
                        assert_eq!(Some(found.size), head.length.or(head.range.map(|range| range.size)));
                    }
                }
            }
            let session = v1_auth::read(status, &fields, u64::MAX);
            assert!(session.is_err() || status.is_success());
            let session = keystone::read(status, &fields, b"{\"token\":{}}", &Choice::default(), u64::MAX);
            assert!(session.is_err());
        }
    }
}
