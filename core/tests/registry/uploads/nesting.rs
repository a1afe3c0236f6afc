//! More segments than the store joins at once.

use crate::support::{Registry, Trouble, content, sha256};
use wharfinger_core::store::Reply as StoreReply;

/// An upload of so many chunks of three bytes, all but ended, on a store that joins four parts: its Location, its content.
fn uploaded(chunks: usize) -> (Registry, String, Vec<u8>) {
    let mut registry = Registry::new();
    registry.config.limits.joins.parts_max = 4;
    let bytes = content(3 * chunks);
    let mut location = registry.begin("a");
    for chunk in bytes.chunks(3) {
        location = registry.patch(&location, chunk);
    }
    (registry, location, bytes)
}

/// The joins of a push.
fn joins(ops: &[String]) -> Vec<&str> {
    ops.iter().map(String::as_str).filter(|op| op.starts_with("Join")).collect()
}

#[test]
fn groups_are_joined_first_and_no_byte_is_written_again() {
    for (chunks, expected) in [
        (4, &["Join blob of 4"][..]),
        (5, &["Join segment 4 of 4", "Join blob of 2"]),
        (6, &["Join segment 4 of 4", "Join segment 6 of 2", "Join blob of 2"]),
        (
            16,
            &[
                "Join segment 4 of 4",
                "Join segment 8 of 4",
                "Join segment 12 of 4",
                "Join segment 16 of 4",
                "Join blob of 4",
            ],
        ),
    ] {
        let (mut registry, location, bytes) = uploaded(chunks);
        let reply = registry.put(&location, &sha256(&bytes), ());
        assert_eq!(reply.status, 201, "{}", reply.text());
        assert_eq!(joins(&reply.ops), expected);
        assert!(!reply.ops.iter().any(|op| op.starts_with("Write segment")), "{:?}", reply.ops);
        assert_eq!(registry.get(&format!("/v2/a/blobs/{}", sha256(&bytes))).body, bytes);
    }
}

#[test]
fn who_groups_again_writes_the_same() {
    let (mut registry, location, bytes) = uploaded(16);
    registry.store.trouble("Join blob", [Trouble::Answer(StoreReply::Refused)]);
    assert_eq!(registry.put(&location, &sha256(&bytes), ()).status, 503);
    let names = |registry: &Registry| registry.store.names("segments/").len();
    let before = names(&registry);
    registry.store.trouble("Join blob", [Trouble::Answer(StoreReply::Refused)]);
    assert_eq!(registry.put(&location, &sha256(&bytes), ()).status, 503);
    assert_eq!(names(&registry), before);
    assert_eq!(registry.put(&location, &sha256(&bytes), ()).status, 201);
}

#[test]
fn a_group_that_cannot_be_joined_is_told_like_the_whole() {
    for (answer, status) in [(StoreReply::Refused, 503), (StoreReply::Full, 507), (StoreReply::Missing, 404)]
    {
        let (mut registry, location, bytes) = uploaded(16);
        let tries = if answer == StoreReply::Missing { 2 } else { 1 };
        registry.store.trouble("Join segment 8", vec![Trouble::Answer(answer.clone()); tries]);
        let reply = registry.put(&location, &sha256(&bytes), ());
        assert_eq!(reply.status, status, "{answer:?}");
        assert_eq!(registry.store.names("blobs/"), [""; 0]);
    }
    for trouble in [Trouble::Lost, Trouble::Answer(StoreReply::Unavailable { retry_after: None })] {
        let (mut registry, location, bytes) = uploaded(16);
        registry.store.trouble("Join segment 8", [trouble]);
        assert_eq!(registry.put(&location, &sha256(&bytes), ()).status, 201);
    }
}

#[test]
fn a_group_whose_parts_are_gone_is_a_blob_or_nothing() {
    let (mut registry, location, bytes) = uploaded(16);
    let digest = sha256(&bytes);
    let lists = |name: &str| name.contains("/list-");
    registry.store.objects.retain(|name, _| lists(name));
    assert_eq!(registry.put(&location, &digest, ()).refusal(), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
    registry.push("b", &bytes);
    assert_eq!(registry.put(&location, &digest, ()).status, 201, "it stands already");
    registry.config.limits.joins.copies = false;
    assert_eq!(registry.put(&location, &digest, ()).refusal(), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
}
