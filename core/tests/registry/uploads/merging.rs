//! Many small segments, on a store that is slow to read them one by one.

use crate::support::{Registry, Trouble, sha256};
use wharfinger_core::store::Reply as StoreReply;

/// An upload of these chunks, all but ended: its registry, its Location, its content.
fn chunked(chunks: &[&[u8]]) -> (Registry, String, Vec<u8>) {
    let mut registry = Registry::new();
    registry.config.limits.small_segments_max = 10;
    let mut location = registry.begin("a");
    for chunk in chunks {
        location = registry.patch(&location, *chunk);
    }
    (registry, location, chunks.concat())
}

fn joined(ops: &[String]) -> &str {
    ops.iter().find(|op| op.starts_with("Join")).map_or("", String::as_str)
}

#[test]
fn ten_small_segments_are_joined_as_they_are_and_more_are_merged() {
    for (count, parts) in [(10, 10), (11, 1), (40, 1)] {
        let chunks: Vec<Vec<u8>> = (0..count).map(|at| vec![at; 3]).collect();
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let (mut registry, location, content) = chunked(&chunks);
        let reply = registry.put(&location, &sha256(&content), ());
        assert_eq!(reply.status, 201, "{}", reply.text());
        assert_eq!(joined(&reply.ops), format!("Join blob of {parts}"), "{count} chunks");
        let blob = registry.get(&format!("/v2/a/blobs/{}", sha256(&content)));
        assert_eq!(blob.text().as_bytes(), content);
    }
}

#[test]
fn large_segments_stay_and_runs_end_when_they_are_large() {
    let (large, half) = (vec![b'l'; 1 << 20], vec![b'h'; 600 << 10]);
    let mut chunks: Vec<&[u8]> = vec![b"0", &large, b"1", b"2", &large, &half, &half, &half];
    chunks.extend([&b"3"[..]; 7]);
    let (mut registry, location, content) = chunked(&chunks);
    let reply = registry.put(&location, &sha256(&content), ());
    assert_eq!(reply.status, 201, "{}", reply.text());
    // 0, large, 12, large, two halves, one half and the rest.
    assert_eq!(joined(&reply.ops), "Join blob of 6");
    let blob = registry.get(&format!("/v2/a/blobs/{}", sha256(&content)));
    assert!(blob.text().as_bytes() == content);
}

#[test]
fn what_cannot_be_merged_is_not_published() {
    let chunks = [&b"x"[..]; 11];
    for (label, answer, status) in [
        ("Read segment 3", StoreReply::Missing, 404),
        ("Read segment 3", StoreReply::Refused, 503),
        ("Write segment 11", StoreReply::Full, 507),
    ] {
        let (mut registry, location, content) = chunked(&chunks);
        registry.store.trouble(label, [Trouble::Answer(answer.clone())]);
        let reply = registry.put(&location, &sha256(&content), ());
        assert_eq!(reply.status, status, "{label} {answer:?}: {:?}", reply.ops);
        assert!(registry.store.is_calm() && joined(&reply.ops).is_empty());
        assert_eq!(registry.put(&location, &sha256(&content), ()).status, 201, "it can be tried again");
    }
    let (mut registry, location, content) = chunked(&chunks);
    registry.host.memory = false;
    assert_eq!(registry.put(&location, &sha256(&content), ()).status, 503);
}
