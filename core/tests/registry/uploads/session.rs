//! The URL of an upload and what it tells.

use crate::support::{Body, Registry, content, sha256, sha512};

#[test]
fn an_upload_goes_on_where_its_location_says() {
    let mut registry = Registry::new();
    let reply = registry.send("POST", "/v2/a/b/blobs/uploads/", &[], ());
    assert_eq!((reply.status, reply.length), (202, 0));
    assert_eq!(reply.field("range"), Some("0-0"));
    assert_eq!(reply.field("docker-distribution-api-version"), Some("registry/2.0"));
    assert_eq!(reply.field("oci-chunk-min-length"), None);
    let id = reply.field("docker-upload-uuid").unwrap();
    let location = reply.location();
    assert!(location.starts_with(&format!("/v2/a/b/blobs/uploads/{id}?state=")), "{location}");
    assert!(reply.ops.is_empty());

    let reply = registry.send("PATCH", &location, &[], Body::chunked(b"0123456789"));
    assert_eq!((reply.status, reply.field("range")), (202, Some("0-9")));
    assert_eq!(reply.ops, ["Write segment 0"]);
    let location = reply.location();
    let reply = registry.get(&location);
    assert_eq!((reply.status, reply.field("range"), reply.length), (204, Some("0-9"), 0));
    let fields = [("content-range", "10-12")];
    let reply = registry.send("PATCH", &reply.location(), &fields, b"abc");
    assert_eq!((reply.status, reply.field("range")), (202, Some("0-12")));

    let digest = sha256(b"0123456789abc");
    let reply = registry.put(&reply.location(), &digest, ());
    assert_eq!((reply.status, reply.length), (201, 0));
    assert_eq!(reply.field("location"), Some(format!("/v2/a/b/blobs/{digest}").as_str()));
    assert_eq!(reply.field("docker-content-digest"), Some(digest.to_string().as_str()));
    assert_eq!(reply.ops, ["Join blob of 2", "Write link a/b", "Release 2"]);
    assert_eq!(registry.get(&format!("/v2/a/b/blobs/{digest}")).body, b"0123456789abc");
    assert_eq!(registry.store.names("segments/"), [""; 0]);
}

#[test]
fn a_small_blob_is_one_write() {
    let mut registry = Registry::new();
    let bytes = content(1 << 20);
    let digest = sha256(&bytes);
    let location = registry.begin("a");
    assert_eq!(registry.put(&location, &digest, &bytes).ops, ["Write blob", "Write link a"]);
    let bytes = content((1 << 20) + 1);
    let digest = sha256(&bytes);
    let location = registry.begin("a");
    let reply = registry.put(&location, &digest, &bytes);
    assert_eq!(reply.ops, ["Write segment 0", "Join blob of 1", "Write link a", "Release 1"]);
}

#[test]
fn a_post_with_a_digest_is_a_whole_push() {
    let mut registry = Registry::new();
    for digest in [sha256(b"bytes"), sha512(b"bytes")] {
        let target = format!("/v2/a/blobs/uploads/?digest={digest}");
        let reply = registry.send("POST", &target, &[], b"bytes");
        assert_eq!(reply.status, 201);
        assert_eq!(reply.ops, ["Write blob", "Write link a"]);
        let reply = registry.send("POST", &target, &[], Body::chunked(b"bytes"));
        assert_eq!(reply.status, 201);
        assert_eq!(reply.ops, ["Write segment 0", "Join blob of 1", "Write link a", "Release 1"]);
        assert_eq!(registry.get(&format!("/v2/a/blobs/{digest}")).body, b"bytes");
        // Without a body it is the start of an upload.
        assert_eq!(registry.send("POST", &target, &[], ()).status, 202);
    }
}

#[test]
fn the_empty_blob_can_be_pushed_in_every_way() {
    for digest in [sha256(b""), sha512(b"")] {
        for body in [Body::from(()), Body::chunked(b"")] {
            let mut registry = Registry::new();
            let target = format!("/v2/a/blobs/uploads/?digest={digest}");
            let reply = registry.send("POST", &target, &[], body.clone());
            assert_eq!(reply.status, 201);
            let location = registry.begin("a");
            assert_eq!(registry.put(&location, &digest, body.clone()).status, 201);
            let location = registry.patch(&location, body.clone());
            let reply = registry.put(&location, &digest, body);
            assert_eq!(reply.status, 201);
            assert_eq!(reply.ops.last_chunk(), Some(&["Write blob".into(), "Write link a".into()]));
            assert_eq!(registry.get(&format!("/v2/a/blobs/{digest}")).length, 0);
            assert_eq!(registry.store.names("segments/"), [""; 0]);
        }
    }
}

#[test]
fn what_is_told_about_chunks_and_algorithms() {
    let mut registry = Registry::new();
    registry.config.limits.chunk_bytes_min = 4096;
    let target = "/v2/a/blobs/uploads/";
    let reply = registry.send("POST", target, &[], ());
    assert_eq!(reply.field("oci-chunk-min-length"), Some("4096"));
    let reply = registry.send("POST", &format!("{target}?digest-algorithm=md5"), &[], ());
    assert_eq!(reply.refusal(), (400, "DIGEST_INVALID".to_owned()));
    let reply = registry.send("POST", &format!("{target}?digest-algorithm=sha512"), &[], ());
    let location = registry.patch(&reply.location(), b"bytes");
    let reply = registry.put(&location, &sha512(b"bytes"), ());
    assert_eq!(reply.ops, ["Join blob of 1", "Write link a", "Release 1"]);
    for (query, status, code) in [
        ("digest=sha256:00", 400, "DIGEST_INVALID"),
        ("digest=md5:d41d8cd98f00b204e9800998ecf8427e", 400, "DIGEST_INVALID"),
    ] {
        let reply = registry.send("POST", &format!("{target}?{query}"), &[], b"x");
        assert_eq!(reply.refusal(), (status, code.to_owned()), "{query}");
    }
}

#[test]
fn an_upload_is_opened_by_its_own_url_alone() {
    let mut registry = Registry::new();
    let location = registry.begin("a");
    let (path, token) = location.split_once("?state=").unwrap();
    let id = path.rsplit('/').next().unwrap();
    for target in [
        path.to_owned(),
        format!("{path}?state="),
        format!("{path}?state={}", &token[1..]),
        format!("/v2/b/blobs/uploads/{id}?state={token}"),
        format!("/v2/a/blobs/uploads/{}?state={token}", "0".repeat(32)),
    ] {
        for method in ["GET", "PATCH", "PUT", "DELETE"] {
            let reply = registry.send(method, &target, &[], ());
            assert_eq!(reply.refusal(), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()), "{method} {target}");
            assert!(reply.ops.is_empty());
        }
    }
    // Clients parse the query and write it again, in another order.
    let mixed = format!("{path}?ns=docker.io&digest={}&state={token}", sha256(b"x"));
    assert_eq!(registry.send("PUT", &mixed, &[], b"x").status, 201);
    registry.now += registry.config.limits.upload_age_seconds_max;
    assert_eq!(registry.get(&location).status, 204);
    registry.now += 1;
    assert_eq!(registry.get(&location).status, 404);
    assert_eq!(registry.send("PATCH", &location, &[], b"x").status, 404);
}

#[test]
fn a_cancelled_upload_removes_nothing() {
    let mut registry = Registry::new();
    let location = registry.begin("a");
    let location = registry.patch(&location, b"bytes");
    let reply = registry.delete(&location);
    assert_eq!((reply.status, reply.length), (204, 0));
    assert!(reply.ops.is_empty());
    assert_eq!(registry.store.names("segments/").len(), 1);
}

#[test]
fn a_chunk_begins_where_the_upload_ends() {
    let mut registry = Registry::new();
    let first = registry.begin("a");
    let second = registry.patch(&first, b"0123456789");
    for method in ["PATCH", "PUT"] {
        let target = |location: &str| format!("{location}&digest={}", sha256(b""));
        for range in ["0-2", "9-11", "11-13"] {
            let reply = registry.send(method, &target(&second), &[("content-range", range)], b"abc");
            assert_eq!(reply.refusal(), (416, "BLOB_UPLOAD_INVALID".to_owned()), "{range}");
            assert_eq!(reply.field("range"), Some("0-9"));
            assert_eq!(registry.get(&reply.location()).field("range"), Some("0-9"));
            assert!(reply.ops.is_empty());
        }
        let reply = registry.send(method, &target(&first), &[("content-range", "5-7")], b"abc");
        assert_eq!((reply.status, reply.field("range")), (416, None));
        for range in ["10-11", "10-13", "x", "bytes 10-12/12"] {
            let reply = registry.send(method, &target(&second), &[("content-range", range)], b"abc");
            assert_eq!(reply.refusal(), (400, "BLOB_UPLOAD_INVALID".to_owned()), "{range}");
        }
        // A length that only the range states is checked at the end.
        let fields = [("content-range", "10-13")];
        let reply = registry.send(method, &target(&second), &fields, Body::chunked(b"abc"));
        assert_eq!(reply.refusal(), (400, "SIZE_INVALID".to_owned()));
        assert_eq!(reply.json()["errors"][0]["detail"]["got"], 3);
    }
}
