//! Bits that change on the way.

use crate::support::{Registry, Reply, Trouble, image, sha256};
use wharfinger_core::store::Reply as StoreReply;

/// A registry whose store tells tags, and an image with a referrer.
fn registry() -> (Registry, Vec<u8>) {
    let mut registry = Registry::new();
    registry.store.etags = true;
    let (manifest, digest) = registry.push_image("a", "v1", "image");
    let referrer = image(b"config of image", &[], Some(&digest));
    registry.push_manifest("a", "v2", &referrer);
    (registry, manifest)
}

/// What a client sees of a reply.
fn seen(reply: &Reply) -> (u16, Option<String>, u64, Vec<u8>) {
    let digest = reply.field("docker-content-digest").map(str::to_owned);
    (reply.status, digest, reply.length, reply.body.clone())
}

#[test]
fn a_record_with_a_bit_that_is_another_is_read_again() {
    let (registry, manifest) = registry();
    let (digest, blob) = (sha256(&manifest), sha256(b"layer of image"));
    let mount = format!("/v2/b/blobs/uploads/?mount={blob}&from=a");
    let tag = registry.store.objects["tags/a!/v1"].bytes.len();
    let link = 11;
    for (record, length, method, target, body) in [
        ("Read link", link, "GET", format!("/v2/a/blobs/{blob}"), &b""[..]),
        ("Read link", link, "HEAD", format!("/v2/a/blobs/{blob}"), b""),
        ("Read link", link, "POST", mount, b""),
        ("Read link", link, "PUT", "/v2/a/manifests/new".to_owned(), &manifest),
        ("Read tag", tag, "GET", "/v2/a/manifests/v1".to_owned(), b""),
        ("Read tag", tag, "HEAD", "/v2/a/manifests/v1".to_owned(), b""),
        ("Read tag v1", tag, "DELETE", format!("/v2/a/manifests/{digest}"), b""),
        ("Read manifest", tag, "GET", format!("/v2/a/manifests/{digest}"), b""),
        ("Read manifest", tag, "DELETE", format!("/v2/a/manifests/{digest}"), b""),
        ("Read referrer", 200, "GET", format!("/v2/a/referrers/{digest}"), b""),
    ] {
        let mut whole = registry.clone();
        let expected = whole.send(method, &target, &[], body);
        assert!(expected.status < 300, "{method} {target}: {}", expected.text());
        for at in (0..length).step_by(7).chain([length - 1]) {
            let mut registry = registry.clone();
            registry.store.trouble(record, [Trouble::Flipped(at)]);
            let reply = registry.send(method, &target, &[], body);
            assert!(registry.store.is_calm(), "{record} {at}");
            assert_eq!(seen(&reply), seen(&expected), "{record} {at}");
            assert_eq!(reply.ops.len(), expected.ops.len() + 1, "{record} {at}");
            assert!(registry.store.objects == whole.store.objects, "{record} {at}");
        }
        let mut registry = registry.clone();
        registry.store.trouble(record, vec![Trouble::Flipped(8); 8]);
        let reply = registry.send(method, &target, &[], body);
        assert!(reply.status == 503 || reply.status == 202 && method == "POST", "{}", reply.status);
        let names = |registry: &Registry| registry.store.names("").len();
        assert!(names(&registry) + 1 >= names(&whole), "nothing is removed because of it");
        assert!(registry.store.has(&format!("links/a!/sha256/{}", blob.hex())));
    }
}

#[test]
fn a_small_manifest_is_one_read_and_a_long_one_too() {
    for (length, calls) in [(10, 1), (20_000, 1), (100_000, 1)] {
        let mut registry = Registry::new();
        registry.store.etags = true;
        let (manifest, digest) = registry.push_long_image("a", "v1", length);
        for target in ["/v2/a/manifests/v1".to_owned(), format!("/v2/a/manifests/{digest}")] {
            let reply = registry.get(&target);
            assert_eq!((reply.status, reply.ops.len()), (200, calls));
            assert!(reply.body == manifest);
            let reply = registry.head(&target);
            assert_eq!((reply.status, reply.length, reply.ops.len()), (200, manifest.len() as u64, calls));
            let fields = [("if-none-match", &*format!("\"{digest}\""))];
            assert_eq!(registry.send("GET", &target, &fields, ()).status, 304);
        }
    }
}

#[test]
fn a_body_that_arrived_as_another_is_sent_again_once() {
    let mismatch = || Trouble::Answer(StoreReply::Mismatch);
    for step in ["Write blob", "Write link"] {
        for (times, status) in [(1, 201), (2, 503)] {
            let mut registry = Registry::new();
            registry.store.trouble(step, vec![mismatch(); times]);
            let target = format!("/v2/a/blobs/uploads/?digest={}", sha256(b"bytes"));
            let reply = registry.send("POST", &target, &[], b"bytes");
            assert_eq!(reply.status, status, "{step}");
            assert!(registry.store.is_calm());
        }
    }
    // A part may have had another name on the way.
    for trouble in [StoreReply::Mismatch, StoreReply::Missing] {
        let mut registry = Registry::new();
        let location = registry.begin("a");
        let location = registry.patch(&location, b"bytes");
        registry.store.trouble("Join blob", [Trouble::Answer(trouble)]);
        let reply = registry.put(&location, &sha256(b"bytes"), ());
        assert_eq!(reply.status, 201);
        assert_eq!(reply.ops[..2], ["Join blob of 1"; 2]);
    }
    // What streams cannot be sent again.
    let mut registry = Registry::new();
    let location = registry.begin("a");
    registry.store.trouble("Write segment", [mismatch()]);
    assert_eq!(registry.send("PATCH", &location, &[], b"bytes").status, 503);
}

#[test]
fn what_a_lost_answer_removed_is_told_to_be_removed() {
    let (registry, manifest) = registry();
    for (step, target) in [
        ("Remove tag", "/v2/a/manifests/v1".to_owned()),
        ("Remove tag", format!("/v2/a/manifests/{}", sha256(&manifest))),
        ("Remove manifest", format!("/v2/a/manifests/{}", sha256(&manifest))),
        ("Remove link", format!("/v2/a/blobs/{}", sha256(b"layer of image"))),
    ] {
        let mut registry = registry.clone();
        registry.store.trouble(step, [Trouble::Lost]);
        let reply = registry.delete(&target);
        assert_eq!(reply.status, 202, "{target}");
        assert!(registry.store.is_calm());
        assert_eq!(registry.delete(&target).status, 404, "{target}");
    }
}

#[test]
fn content_that_came_back_is_not_older_than_its_link() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"bytes");
    registry.store.age(24 * 3600);
    registry.store.trouble("Touch blob", [Trouble::Answer(StoreReply::Missing)]);
    assert_eq!(registry.head(&format!("/v2/a/blobs/{digest}")).status, 503);
    assert_eq!(registry.store.objects.len(), 2);
    assert!(registry.store.objects.values().all(|object| object.age == 0));
    // A store that goes on saying that there is nothing to touch does not make a good link go.
    registry.store.age(24 * 3600);
    registry.store.trouble("Touch blob", vec![Trouble::Answer(StoreReply::Missing); 2]);
    assert_eq!(registry.head(&format!("/v2/a/blobs/{digest}")).status, 503);
    assert_eq!(registry.store.objects.len(), 2);
}
