//! PUT: proof and publication.

use crate::support::{Body, Registry, Trouble, content, sha256, sha512};
use wharfinger_core::store::Reply as StoreReply;

/// An upload of these chunks; its Location.
fn uploaded(registry: &mut Registry, chunks: &[&[u8]]) -> String {
    let location = registry.begin("a");
    chunks.iter().fold(location, |location, chunk| registry.patch(&location, *chunk))
}

#[test]
fn a_put_needs_a_digest() {
    let mut registry = Registry::new();
    let location = uploaded(&mut registry, &[b"bytes"]);
    for (query, code) in [
        ("", "DIGEST_INVALID"),
        ("&digest=", "DIGEST_INVALID"),
        ("&digest=sha256:xyz", "DIGEST_INVALID"),
        ("&digest=blake3:00", "DIGEST_INVALID"),
    ] {
        let reply = registry.send("PUT", &format!("{location}{query}"), &[], b"more");
        assert_eq!(reply.refusal(), (400, code.to_owned()), "{query}");
        assert!(reply.ops.is_empty());
    }
}

#[test]
fn a_wrong_digest_removes_what_this_request_wrote_and_nothing_else() {
    let mut registry = Registry::new();
    registry.config.limits.segment_bytes_max = 4;
    let location = uploaded(&mut registry, &[b"0123"]);
    let reply = registry.put(&location, &sha256(b"other"), b"abcdefgh");
    assert_eq!(reply.refusal(), (400, "DIGEST_INVALID".to_owned()));
    let detail = &reply.json()["errors"][0]["detail"];
    assert_eq!(detail["got"], sha256(b"0123abcdefgh").to_string());
    assert_eq!(reply.ops, ["Write segment 1", "Write segment 2", "Remove segment 1", "Remove segment 2"]);
    assert_eq!(registry.store.names("segments/").len(), 1);
    assert_eq!(registry.store.names("blobs/"), [""; 0]);
    // What was before is still good.
    assert_eq!(registry.put(&location, &sha256(b"0123"), ()).status, 201);
}

#[test]
fn segments_that_cannot_be_removed_change_nothing() {
    let mut registry = Registry::new();
    let location = registry.begin("a");
    registry.store.trouble("Remove segment", [Trouble::Answer(StoreReply::Refused)]);
    let reply = registry.put(&location, &sha256(b"other"), Body::chunked(b"bytes"));
    assert_eq!(reply.refusal(), (400, "DIGEST_INVALID".to_owned()));
}

#[test]
fn a_wrong_digest_of_a_small_blob_reaches_no_store() {
    let mut registry = Registry::new();
    let location = registry.begin("a");
    let reply = registry.put(&location, &sha256(b"other"), b"bytes");
    assert_eq!(reply.refusal(), (400, "DIGEST_INVALID".to_owned()));
    assert!(reply.ops.is_empty());
    let reply = registry.put(&location, &sha256(b"other"), ());
    assert_eq!(reply.refusal(), (400, "DIGEST_INVALID".to_owned()));
    assert!(reply.ops.is_empty());
}

#[test]
fn a_digest_of_another_algorithm_is_proved_by_reading_again() {
    let mut registry = Registry::new();
    let location = uploaded(&mut registry, &[b"0123", b"4567"]);
    let digest = sha512(b"0123456789");
    let reply = registry.put(&location, &digest, b"89");
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(
        reply.ops,
        [
            "Write segment 2",
            "Read segment 0",
            "Read segment 1",
            "Read segment 2",
            "Join blob of 3",
            "Write link a",
            "Release 3"
        ]
    );
    assert_eq!(registry.get(&format!("/v2/a/blobs/{digest}")).body, b"0123456789");

    let location = uploaded(&mut registry, &[b"0123", b"4567"]);
    let reply = registry.put(&location, &sha512(b"other"), ());
    assert_eq!(reply.refusal(), (400, "DIGEST_INVALID".to_owned()));
    assert_eq!(registry.store.names("segments/").len(), 2);
    // A first body is hashed by the algorithm of the digest from its start.
    let location = registry.begin("a");
    let reply = registry.put(&location, &sha512(b"0123"), Body::chunked(b"0123"));
    assert_eq!(reply.ops, ["Write segment 0", "Join blob of 1", "Write link a", "Release 1"]);
}

#[test]
fn segments_that_cannot_be_read_again_prove_nothing() {
    for (trouble, status) in [
        (Trouble::Short(2), 503),
        (Trouble::Answer(StoreReply::Damaged), 503),
        (Trouble::Answer(StoreReply::Missing), 404),
    ] {
        let mut registry = Registry::new();
        let location = uploaded(&mut registry, &[b"0123", b"4567"]);
        registry.store.trouble("Read segment 1", [trouble.clone()]);
        let reply = registry.put(&location, &sha512(b"01234567"), ());
        assert_eq!(reply.status, status, "{trouble:?}");
        assert_eq!(registry.store.names("blobs/"), [""; 0]);
        assert_eq!(registry.put(&location, &sha512(b"01234567"), ()).status, 201);
    }
}

#[test]
fn each_step_is_tried_four_times() {
    for step in ["Join blob", "Write link", "Release"] {
        let mut registry = Registry::new();
        let location = uploaded(&mut registry, &[b"bytes"]);
        registry.store.unavailable(step, 3);
        assert_eq!(registry.put(&location, &sha256(b"bytes"), ()).status, 201, "{step}");
        assert!(registry.store.is_calm());
    }
    for step in ["Join blob", "Write link"] {
        let mut registry = Registry::new();
        let location = uploaded(&mut registry, &[b"bytes"]);
        registry.store.unavailable(step, 4);
        let reply = registry.put(&location, &sha256(b"bytes"), ());
        assert_eq!(reply.refusal(), (503, "UNAVAILABLE".to_owned()), "{step}");
        assert_eq!(reply.field("retry-after"), Some("5"));
        assert_eq!(registry.store.names("links/"), [""; 0]);
        assert_eq!(registry.put(&location, &sha256(b"bytes"), ()).status, 201);
    }
    // What stays behind is no failure of the push.
    let mut registry = Registry::new();
    let location = uploaded(&mut registry, &[b"bytes"]);
    registry.store.unavailable("Release", 4);
    assert_eq!(registry.put(&location, &sha256(b"bytes"), ()).status, 201);
    assert_eq!(registry.store.names("segments/").len(), 1);
}

#[test]
fn a_lost_answer_is_no_lost_blob() {
    for step in ["Join blob", "Write link", "Release"] {
        let mut registry = Registry::new();
        let location = uploaded(&mut registry, &[b"bytes"]);
        registry.store.trouble(step, [Trouble::Lost]);
        assert_eq!(registry.put(&location, &sha256(b"bytes"), ()).status, 201, "{step}");
        assert_eq!(registry.store.names("segments/"), [""; 0]);
    }
}

#[test]
fn parts_that_are_gone_are_a_blob_or_nothing() {
    let bytes = b"bytes";
    let digest = sha256(bytes);
    let mut registry = Registry::new();
    let location = uploaded(&mut registry, &[bytes]);
    registry.store.objects.clear();
    let reply = registry.put(&location, &digest, ());
    assert_eq!(reply.refusal(), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
    assert_eq!(reply.ops, ["Join blob of 1", "Join blob of 1", "Stat blob"]);
    // It stands already, and is made young if it is old.
    for (age, ops) in [
        (0, &["Stat blob", "Write link a", "Release 1"][..]),
        (24 * 3600, &["Stat blob", "Touch blob", "Write link a", "Release 1"]),
    ] {
        registry.push("b", bytes);
        registry.store.age(age);
        let reply = registry.put(&location, &digest, ());
        assert_eq!(reply.status, 201);
        // What has just been written may not be seen at once.
        assert_eq!(
            (&reply.ops[..2], &reply.ops[2..]),
            (
                &["Join blob of 1"; 2].map(str::to_owned)[..],
                &ops.iter().map(|op| (*op).to_owned()).collect::<Vec<_>>()[..]
            )
        );
    }
    // It stands with another size: it is not it.
    let blob = registry.store.names("blobs/")[0].to_owned();
    registry.store.objects.get_mut(&blob).unwrap().bytes = content(9).into();
    assert_eq!(registry.put(&location, &digest, ()).status, 404);
    // It goes while it is made young.
    registry.push("b", bytes);
    registry.store.age(24 * 3600);
    registry.store.trouble("Touch blob", [Trouble::Answer(StoreReply::Missing)]);
    assert_eq!(registry.put(&location, &digest, ()).status, 404);
    // A store that points at parts frees none: the name of a blob says nothing of its content.
    registry.push("b", bytes);
    registry.config.limits.joins.copies = false;
    let reply = registry.put(&location, &digest, ());
    assert_eq!(reply.refusal(), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
    assert!(!reply.ops.iter().any(|op| op == "Stat blob"), "{:?}", reply.ops);
}

#[test]
fn a_busy_registry_asks_to_come_back() {
    let mut registry = Registry::new();
    registry.host.memory = false;
    let location = registry.begin("a");
    let reply = registry.put(&location, &sha256(b"bytes"), b"bytes");
    assert_eq!(reply.refusal(), (503, "UNAVAILABLE".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("1"));
    // What is streamed needs no memory.
    assert_eq!(registry.put(&location, &sha256(b"bytes"), Body::chunked(b"bytes")).status, 201);
}
