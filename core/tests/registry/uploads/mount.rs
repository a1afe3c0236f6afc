//! POST with `mount`.

use crate::support::{Registry, Reply, Trouble, sha256};
use wharfinger_core::oci::Digest;
use wharfinger_core::store::Reply as StoreReply;

fn mount(registry: &mut Registry, digest: &Digest, from: &str) -> Reply {
    let target = format!("/v2/to/blobs/uploads/?mount={digest}{from}&origin=elsewhere");
    registry.send("POST", &target, &[], ())
}

fn is_mounted(registry: &mut Registry, reply: &Reply, digest: &Digest) {
    assert_eq!(reply.status, 201);
    assert_eq!(reply.field("location"), Some(format!("/v2/to/blobs/{digest}").as_str()));
    assert_eq!(reply.field("docker-content-digest"), Some(digest.to_string().as_str()));
    assert_eq!(registry.get(&format!("/v2/to/blobs/{digest}")).body, b"bytes");
}

/// What cannot be mounted is an upload that works.
fn is_an_upload(registry: &mut Registry, reply: &Reply) {
    assert_eq!(reply.status, 202);
    let digest = sha256(b"other");
    assert_eq!(registry.put(&reply.location(), &digest, b"other").status, 201);
}

#[test]
fn a_blob_of_another_repository_is_linked() {
    for (from, ops) in [
        ("&from=x/y", &["Read link x/y", "Touch blob", "Write link to"][..]),
        ("", &["Stat blob", "Write link to"]),
    ] {
        let mut registry = Registry::new();
        let digest = registry.push("x/y", b"bytes");
        let reply = mount(&mut registry, &digest, from);
        assert_eq!(reply.ops, ops);
        is_mounted(&mut registry, &reply, &digest);
    }
}

#[test]
fn what_is_old_is_made_young_first() {
    for (from, ops) in [
        ("&from=x/y", &["Read link x/y", "Touch blob", "Touch link x/y", "Write link to"][..]),
        ("", &["Stat blob", "Touch blob", "Write link to"]),
    ] {
        let mut registry = Registry::new();
        let digest = registry.push("x/y", b"bytes");
        registry.store.age(12 * 3600 + 1);
        let reply = mount(&mut registry, &digest, from);
        assert_eq!(reply.ops, ops);
        is_mounted(&mut registry, &reply, &digest);
        for label in ["Touch blob", ops[ops.len() - 2]] {
            for answer in [StoreReply::Missing, StoreReply::Full] {
                registry.store.age(12 * 3600 + 1);
                registry.store.trouble(label, [Trouble::Answer(answer)]);
                let reply = mount(&mut registry, &digest, from);
                is_an_upload(&mut registry, &reply);
            }
        }
    }
}

/// A young link says nothing of the age of the content: it may itself have been mounted. Were it not touched, a blob
/// mounted on and on would be old while all its links are young.
#[test]
fn content_is_young_when_it_is_linked() {
    let mut registry = Registry::new();
    let digest = registry.push("x/y", b"bytes");
    registry.store.age(24 * 3600 + 1);
    let link = registry.store.names("links/x")[0].to_owned();
    registry.store.objects.get_mut(&link).unwrap().age = 0;
    let reply = mount(&mut registry, &digest, "&from=x/y");
    is_mounted(&mut registry, &reply, &digest);
    let blob = registry.store.names("blobs/")[0].to_owned();
    assert_eq!(registry.store.objects[&blob].age, 0);
}

#[test]
fn what_cannot_be_mounted_becomes_an_upload() {
    let mut registry = Registry::new();
    let digest = registry.push("x/y", b"bytes");
    let unknown = sha256(b"unknown");
    for (digest, from, ops) in [
        (&unknown, "&from=x/y", &["Read link x/y"][..]),
        (&unknown, "", &["Stat blob"]),
        (&digest, "&from=x", &["Read link x"]),
        (&digest, "&from=UPPER", &[]),
    ] {
        let reply = mount(&mut registry, digest, from);
        assert_eq!(reply.ops, ops, "{from}");
        is_an_upload(&mut registry, &reply);
    }
    let reply = registry.send("POST", "/v2/to/blobs/uploads/?mount=nonsense&from=x/y", &[], ());
    is_an_upload(&mut registry, &reply);
    for label in ["Read link x/y", "Write link to"] {
        registry.store.unavailable(label, 4);
        let reply = mount(&mut registry, &digest, "&from=x/y");
        is_an_upload(&mut registry, &reply);
    }
    let link = registry.store.names("links/x")[0].to_owned();
    registry.store.objects.get_mut(&link).unwrap().bytes = b"{}"[..].into();
    let reply = mount(&mut registry, &digest, "&from=x/y");
    is_an_upload(&mut registry, &reply);
}
