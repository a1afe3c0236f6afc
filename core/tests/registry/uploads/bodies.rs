//! Bodies that stall, break off or come late, and stores that do not take them.

use crate::support::{Body, Piece, Registry, Reply, Trouble, sha256};
use wharfinger_core::store::{Fault, Reply as StoreReply};

fn bytes(text: &str) -> Piece {
    Piece::Bytes(text.as_bytes().to_vec())
}

/// Both hosts: the end of a body is told before or after the answer to it.
fn registries() -> [Registry; 2] {
    let mut other = Registry::new();
    other.host.head_before_fed = true;
    [Registry::new(), other]
}

/// An upload of ten bytes; its Location.
fn begun(registry: &mut Registry) -> String {
    let location = registry.begin("a");
    registry.patch(&location, b"0123456789")
}

/// Goes on with `abc` and finds all of it.
fn goes_on(registry: &mut Registry, location: &str, before: &str) {
    let location = registry.patch(location, b"abc");
    let content = format!("{before}abc");
    assert_eq!(registry.put(&location, &sha256(content.as_bytes()), ()).status, 201);
}

fn is_told_where_to_go_on(reply: &Reply, range: &str) {
    assert_eq!(reply.field("range"), Some(range));
    assert!(reply.field("location").is_some());
}

#[test]
fn a_body_is_cut_at_the_segment_size() {
    for mut registry in registries() {
        registry.config.limits.segment_bytes_max = 4;
        for (text, segments) in [("0123456789", 3), ("01234567", 2), ("0123", 1), ("0", 1)] {
            let location = registry.begin("a");
            let target = format!("{location}&digest={}", sha256(text.as_bytes()));
            let reply = registry.send("PUT", &target, &[], Body::chunked(text.as_bytes()));
            assert_eq!(reply.status, 201);
            assert!(reply.ops.contains(&format!("Join blob of {segments}")), "{:?}", reply.ops);
            let blob = registry.get(&format!("/v2/a/blobs/{}", sha256(text.as_bytes())));
            assert_eq!(blob.text(), text);
        }
    }
}

#[test]
fn a_client_that_stalls_gets_what_it_sent_stored() {
    for mut registry in registries() {
        let location = registry.begin("a");
        let pieces = vec![Piece::Stall, bytes("012"), Piece::Stall, Piece::Stall, bytes("345"), Piece::Stall];
        let reply = registry.send("PATCH", &location, &[], Body::pieces(pieces));
        assert_eq!((reply.status, reply.field("range")), (202, Some("0-5")));
        let opened: Vec<_> = reply.ops.iter().map(String::as_str).collect();
        assert_eq!(opened, ["Write segment 0", "Write segment 1", "Write segment 2"]);
        assert_eq!(registry.store.names("segments/").len(), 2);
        goes_on(&mut registry, &reply.location(), "012345");
    }
}

#[test]
fn of_a_body_that_breaks_off_nothing_is_stored() {
    for (end, promised, refusal) in [
        (Piece::Break, Some(20), (400, "SIZE_INVALID")),
        (Piece::Break, None, (400, "SIZE_INVALID")),
        (Piece::Late, Some(20), (408, "SIZE_INVALID")),
        (Piece::Late, None, (408, "SIZE_INVALID")),
    ] {
        for start in ["", "abc"] {
            let mut registry = Registry::new();
            let location = begun(&mut registry);
            let mut body = Body::pieces(vec![bytes(start), end.clone()]);
            body.promised = promised;
            for method in ["PATCH", "PUT"] {
                let target = format!("{location}&digest={}", sha256(b""));
                let reply = registry.send(method, &target, &[], body.clone());
                assert_eq!((reply.status, reply.code().as_str()), refusal, "{end:?} {promised:?}");
                assert_eq!(reply.ops, ["Write segment 1"]);
                is_told_where_to_go_on(&reply, "0-9");
                assert_eq!(registry.store.names("segments/").len(), 1);
                assert_eq!(registry.get(&reply.location()).field("range"), Some("0-9"));
            }
            goes_on(&mut registry, &location, "0123456789");
        }
    }
}

#[test]
fn a_small_body_that_breaks_off_reaches_no_store() {
    for (end, refusal) in [(Piece::Break, (400, "SIZE_INVALID")), (Piece::Late, (408, "SIZE_INVALID"))] {
        let mut registry = Registry::new();
        let location = registry.begin("a");
        let body = Body::pieces(vec![bytes("abc"), end]).promising(5);
        let reply = registry.put(&location, &sha256(b"abcde"), body);
        assert_eq!((reply.status, reply.code().as_str()), refusal);
        assert!(reply.ops.is_empty());
    }
}

#[test]
fn a_host_that_takes_a_short_body_for_a_whole_one_is_not_believed() {
    let mut registry = Registry::new();
    registry.config.limits.small_blob_bytes_max = 4;
    for (promised, digest) in [(4, sha256(b"abc")), (5, sha256(b"abc"))] {
        let location = registry.begin("a");
        let reply = registry.put(&location, &digest, Body::chunked(b"abc").promising(promised));
        assert_eq!(reply.refusal(), (400, "SIZE_INVALID".to_owned()), "{promised}");
        let reply = registry.send("PATCH", &location, &[], Body::chunked(b"abc").promising(promised));
        assert_eq!(reply.refusal(), (400, "SIZE_INVALID".to_owned()), "{promised}");
    }
}

#[test]
fn a_segment_that_the_store_does_not_take_leaves_what_was_before() {
    for (trouble, status, retry_after) in [
        (Trouble::Answer(StoreReply::Unavailable { retry_after: None }), 503, Some("5")),
        (Trouble::Answer(StoreReply::Unavailable { retry_after: Some(7) }), 503, Some("7")),
        (Trouble::Answer(StoreReply::Mismatch), 503, Some("5")),
        (Trouble::Answer(StoreReply::Refused), 503, None),
        (Trouble::Answer(StoreReply::Full), 507, None),
        (Trouble::Early(StoreReply::Unavailable { retry_after: None }), 503, Some("5")),
        (Trouble::Early(StoreReply::Full), 507, None),
        (Trouble::Deaf(StoreReply::Unavailable { retry_after: None }), 503, Some("5")),
        (Trouble::Deaf(StoreReply::Full), 507, None),
        (Trouble::Deaf(StoreReply::Written { md5: None }), 503, Some("5")),
        (Trouble::Misreport(StoreReply::Written { md5: Some([1; 16]) }), 503, Some("5")),
        (Trouble::Fails(Fault::Broken), 503, Some("5")),
        (Trouble::Lost, 503, Some("5")),
        (Trouble::Silent, 503, Some("5")),
    ] {
        for mut registry in registries() {
            let location = begun(&mut registry);
            registry.store.trouble("Write segment 1", [trouble.clone()]);
            let reply = registry.send("PATCH", &location, &[], b"abc");
            assert_eq!(reply.refusal(), (status, "UNAVAILABLE".to_owned()), "{trouble:?}");
            assert_eq!(reply.field("retry-after"), retry_after, "{trouble:?}");
            is_told_where_to_go_on(&reply, "0-9");
            assert_eq!(reply.ops, ["Write segment 1"], "a streamed segment is sent once: {trouble:?}");
            assert!(registry.store.is_calm());
            goes_on(&mut registry, &reply.location(), "0123456789");
        }
    }
}

#[test]
fn the_first_segment_that_fails_leaves_no_range() {
    let mut registry = Registry::new();
    let location = registry.begin("a");
    registry.store.unavailable("Write segment", 1);
    let reply = registry.send("PATCH", &location, &[], b"abc");
    assert_eq!((reply.status, reply.field("range")), (503, None));
    goes_on(&mut registry, &reply.location(), "");
}

#[test]
fn segments_of_the_same_request_before_the_failed_one_are_kept() {
    for method in ["PATCH", "PUT"] {
        let mut registry = Registry::new();
        registry.config.limits.segment_bytes_max = 4;
        registry.config.limits.small_blob_bytes_max = 0;
        let location = registry.begin("a");
        registry.store.unavailable("Write segment 2", 1);
        let target = format!("{location}&digest={}", sha256(b"0123456789"));
        let reply = registry.send(method, &target, &[], b"0123456789");
        assert_eq!(reply.status, 503);
        is_told_where_to_go_on(&reply, "0-7");
        goes_on(&mut registry, &reply.location(), "01234567");
    }
}

#[test]
fn a_store_without_sums_is_believed() {
    for mut registry in registries() {
        registry.config.store_md5 = false;
        let location = begun(&mut registry);
        let other = StoreReply::Written { md5: None };
        registry.store.trouble("Write segment 1", [Trouble::Misreport(other)]);
        goes_on(&mut registry, &location, "0123456789");
    }
}

#[test]
fn a_chunk_sent_twice_makes_two_histories_that_are_both_good() {
    let mut registry = Registry::new();
    let location = begun(&mut registry);
    let one = registry.patch(&location, b"abc");
    let other = registry.patch(&location, b"xyz");
    assert_eq!(registry.put(&one, &sha256(b"0123456789abc"), ()).status, 201);
    // The first ten bytes were shared, and are no longer a part of anything but the blob.
    assert_eq!(registry.put(&other, &sha256(b"0123456789xyz"), ()).refusal().0, 404);
    // Who lost the answer sends the same again.
    let reply = registry.put(&one, &sha256(b"0123456789abc"), ());
    assert_eq!(reply.status, 201);
    assert_eq!(reply.ops, ["Join blob of 2", "Join blob of 2", "Stat blob", "Write link a", "Release 2"]);
}
