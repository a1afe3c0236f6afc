//! Uploads of many chunks: the list of segments grows too long for a token.

use crate::support::{Body, Piece, Registry, Trouble, content, sha256, sha512};
use wharfinger_core::oci::Digest;
use wharfinger_core::store::Reply as StoreReply;
use wharfinger_core::upload::Upload;

/// An upload of so many chunks of three bytes; its Location, and all its bytes.
fn uploaded(registry: &mut Registry, chunks: usize) -> (String, Vec<u8>) {
    let bytes = content(3 * chunks);
    let mut location = registry.begin("a");
    for chunk in bytes.chunks(3) {
        location = registry.patch(&location, chunk);
        let (_, token) = location.split_once("?state=").unwrap();
        assert!(token.len() <= Upload::TOKEN_BYTES_MAX);
    }
    (location, bytes)
}

fn finishes(registry: &mut Registry, location: &str, digest: &Digest, bytes: &[u8]) -> Vec<String> {
    let reply = registry.put(location, digest, ());
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(registry.get(&format!("/v2/a/blobs/{digest}")).body, bytes);
    reply.ops
}

#[test]
fn sixteen_segments_fit_a_token() {
    let mut registry = Registry::new();
    let (location, bytes) = uploaded(&mut registry, 16);
    let ops = finishes(&mut registry, &location, &sha256(&bytes), &bytes);
    assert_eq!(ops, ["Join blob of 16", "Write link a", "Release 16"]);
}

#[test]
fn the_seventeenth_is_spilled_and_read_back_at_the_end() {
    let mut registry = Registry::new();
    let (location, bytes) = uploaded(&mut registry, 17);
    assert_eq!(registry.get(&location).field("range"), Some("0-50"));
    let ops = finishes(&mut registry, &location, &sha256(&bytes), &bytes);
    assert_eq!(ops, ["Read list 17", "Join blob of 17", "Write link a", "Release 17"]);
}

#[test]
fn forty_chunks_are_two_lists_and_the_rest() {
    for digest_of in [sha256, sha512] {
        let mut registry = Registry::new();
        let (location, bytes) = uploaded(&mut registry, 40);
        let ops = finishes(&mut registry, &location, &digest_of(&bytes), &bytes);
        assert_eq!(&ops[..2], ["Read list 34", "Read list 17"]);
        assert_eq!(&ops[ops.len() - 3..], ["Join blob of 40", "Write link a", "Release 40"]);
    }
}

#[test]
fn one_request_may_write_many_segments() {
    let mut registry = Registry::new();
    registry.config.limits.segment_bytes_max = 3;
    let bytes = content(150);
    let location = registry.begin("a");
    let reply = registry.send("PATCH", &location, &[], Body::chunked(&bytes));
    assert_eq!((reply.status, reply.field("range")), (202, Some("0-149")));
    // The last segment was opened, but nothing came for it.
    assert_eq!(&reply.ops[49..], ["Write segment 49", "Write segment 50", "Write list 50"]);
    let location = registry.patch(&reply.location(), b"more");
    let all = [bytes.as_slice(), b"more"].concat();
    let ops = finishes(&mut registry, &location, &sha256(&all), &all);
    assert_eq!(ops, ["Read list 50", "Join blob of 52", "Write link a", "Release 52"]);
}

#[test]
fn the_own_segments_of_a_wrong_put_are_told_from_spilled_ones() {
    let mut registry = Registry::new();
    let (location, _) = uploaded(&mut registry, 20);
    let reply = registry.put(&location, &sha256(b"other"), b"more");
    assert_eq!(reply.status, 400);
    assert_eq!(reply.ops, ["Write segment 20", "Read list 17", "Remove segment 20"]);
}

#[test]
fn a_list_that_cannot_be_written_leaves_the_upload_where_it_was() {
    let mut registry = Registry::new();
    let (location, bytes) = uploaded(&mut registry, 16);
    registry.store.trouble("Write list", [Trouble::Answer(StoreReply::Full)]);
    let reply = registry.send("PATCH", &location, &[], b"more");
    assert_eq!(reply.refusal(), (507, "UNAVAILABLE".to_owned()));
    registry.store.unavailable("Write list", 3);
    let location = registry.patch(&location, b"more");
    let all = [bytes.as_slice(), b"more"].concat();
    finishes(&mut registry, &location, &sha256(&all), &all);
}

#[test]
fn a_list_that_cannot_be_read_publishes_nothing() {
    for (damage, status) in [(Some(&b""[..]), 503), (Some(b"\0"), 503), (Some(b"junk"), 503), (None, 404)] {
        let mut registry = Registry::new();
        let (location, bytes) = uploaded(&mut registry, 17);
        let names = registry.store.names("segments/");
        let list = names.iter().find(|name| name.contains("/list-")).unwrap().to_string();
        match damage {
            Some(damage) => registry.store.objects.get_mut(&list).unwrap().bytes = damage.into(),
            None => drop(registry.store.objects.remove(&list)),
        }
        assert_eq!(registry.put(&location, &sha256(&bytes), ()).status, status);
        assert_eq!(registry.store.names("blobs/"), [""; 0]);
    }
}

#[test]
fn an_upload_of_too_many_segments_is_refused() {
    let mut registry = Registry::new();
    registry.config.limits.segment_bytes_max = 1;
    let location = registry.begin("a");
    let pieces = vec![Piece::Bytes(content(10_001))];
    let reply = registry.send("PATCH", &location, &[], Body::pieces(pieces));
    assert_eq!(reply.refusal(), (400, "BLOB_UPLOAD_INVALID".to_owned()));
    // The last call is cut: it only showed that more comes.
    assert_eq!(reply.ops.len(), 10_001);
}

/// A registry whose store joins four parts at once: an upload has 16 segments.
fn narrow() -> Registry {
    let mut registry = Registry::new();
    registry.config.limits.joins.parts_max = 4;
    registry
}

#[test]
fn a_body_of_unknown_length_that_ends_with_the_last_segment_is_taken() {
    let bytes = content(16 * 3 + 1);
    for (length, status) in [(16 * 3, 202), (16 * 3 + 1, 400)] {
        let mut registry = Registry::new();
        registry.config.limits.joins.parts_max = 4;
        registry.config.limits.segment_bytes_max = 3;
        let location = registry.begin("a");
        let reply = registry.send("PATCH", &location, &[], Body::chunked(&bytes[..length]));
        assert_eq!(reply.status, status, "{length}: {}", reply.text());
        assert_eq!(
            registry.store.names("segments/").iter().filter(|name| !name.contains("/list-")).count(),
            16
        );
        if status == 202 {
            let reply = registry.put(&reply.location(), &sha256(&bytes[..length]), ());
            assert_eq!(reply.status, 201, "{}", reply.text());
        } else {
            assert_eq!(reply.code(), "BLOB_UPLOAD_INVALID");
        }
    }
}

#[test]
fn the_chunk_that_is_too_many_is_refused_before_it_is_taken() {
    let mut registry = narrow();
    let (location, bytes) = uploaded(&mut registry, 16);
    for body in [Body::chunked(b"x"), b"x".into()] {
        for (method, target) in
            [("PATCH", location.clone()), ("PUT", format!("{location}&digest={}", sha256(b"x")))]
        {
            let reply = registry.send(method, &target, &[], body.clone());
            assert_eq!(reply.refusal(), (400, "BLOB_UPLOAD_INVALID".to_owned()));
            assert!(reply.text().contains("more than 16 segments"), "{}", reply.text());
            assert!(reply.ops.is_empty() && reply.field("range") == Some("0-47"));
        }
    }
    let ops = finishes(&mut registry, &location, &sha256(&bytes), &bytes);
    assert!(ops.contains(&"Join blob of 4".to_owned()), "{ops:?}");
}

#[test]
fn a_body_that_is_too_long_is_refused_by_its_length() {
    let mut registry = narrow();
    registry.config.limits.segment_bytes_max = 5;
    let location = registry.patch(&registry.clone().begin("a"), b"0123456789");
    let rest = content(14 * 5);
    let long = [rest.as_slice(), b"x"].concat();
    let reply = registry.send("PATCH", &location, &[], &long);
    assert_eq!(reply.refusal(), (400, "BLOB_UPLOAD_INVALID".to_owned()));
    assert!(reply.ops.is_empty());
    // Of unknown length, it is refused where it goes on after the last segment that there can be.
    let reply = registry.send("PATCH", &location, &[], Body::chunked(&long));
    assert_eq!(reply.refusal(), (400, "BLOB_UPLOAD_INVALID".to_owned()));
    assert_eq!(reply.ops.len(), 15);
    // What just fits is taken.
    let all = [b"0123456789", rest.as_slice()].concat();
    let reply = registry.send("PUT", &format!("{location}&digest={}", sha256(&all)), &[], &rest);
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(registry.get(&format!("/v2/a/blobs/{}", sha256(&all))).body, all);
}

#[test]
fn an_upload_that_no_longer_can_be_published_is_told_so() {
    let mut registry = Registry::new();
    let (location, bytes) = uploaded(&mut registry, 20);
    registry.config.limits.joins.parts_max = 4;
    let reply = registry.put(&location, &sha256(&bytes), ());
    assert_eq!(reply.refusal(), (400, "BLOB_UPLOAD_INVALID".to_owned()));
}

/// The digest was proven of other bytes than those that such a list names: nothing is published under it.
#[test]
fn a_spilled_list_that_does_not_add_up_is_damaged() {
    let without_the_last = |list: &[u8]| list[..list.len() - ENTRY_BYTES].to_vec();
    let with_the_last_twice = |list: &[u8]| [list, &list[list.len() - ENTRY_BYTES..]].concat();
    // Two such sizes are more than can be counted.
    let vast = |list: &[u8]| {
        let mut list = list.to_vec();
        for entry in list[1..].chunks_exact_mut(ENTRY_BYTES) {
            entry[12..20].fill(0xFF);
        }
        list
    };
    for damage in [without_the_last, with_the_last_twice, vast] {
        let mut registry = Registry::new();
        registry.config.limits.joins.parts_max = 5;
        let (location, bytes) = uploaded(&mut registry, 20);
        let [list] = registry
            .store
            .names("segments/")
            .into_iter()
            .filter(|name| name.contains("/list-"))
            .collect::<Vec<_>>()[..]
        else {
            panic!("there is one list")
        };
        let list = list.to_owned();
        let object = registry.store.objects.get_mut(&list).unwrap();
        object.bytes = damage(&object.bytes).into();
        let reply = registry.put(&location, &sha256(&bytes), ());
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert!(registry.store.names("blobs/").is_empty());
    }
}

/// What a segment takes of a spilled list: number, nonce, size, and its MD5 after a byte that tells of it.
const ENTRY_BYTES: usize = 4 + 8 + 8 + 1 + 16;
