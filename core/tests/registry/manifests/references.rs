use crate::support::{Registry, Trouble, image, index, sha256};
use wharfinger_core::store::Reply as StoreReply;

const OLD: u64 = 12 * 3600 + 1;

/// A repository with so many layers, and the image of them.
fn layered(registry: &mut Registry, count: usize) -> Vec<u8> {
    let layers: Vec<String> = (0..count).map(|at| format!("layer {at}")).collect();
    registry.push("a", b"config");
    for layer in &layers {
        registry.push("a", layer.as_bytes());
    }
    image(b"config", &layers.iter().map(String::as_bytes).collect::<Vec<_>>(), None)
}

#[test]
fn every_missing_blob_is_named() {
    let mut registry = Registry::new();
    registry.push("a", b"config");
    registry.push("b", b"layer");
    let manifest = image(b"config", &[b"layer"], None);
    let reply = registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest);
    assert_eq!(reply.refusal(), (400, "MANIFEST_BLOB_UNKNOWN".to_owned()));
    assert_eq!(reply.json()["errors"][0]["detail"]["digest"], sha256(b"layer").to_string());
    assert_eq!(registry.store.names("manifests/"), [""; 0]);
    registry.config.sparse_manifests = true;
    assert_eq!(registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest).status, 201);
}

#[test]
fn a_size_that_is_not_the_contents_is_refused() {
    let mut registry = Registry::new();
    let manifest = layered(&mut registry, 1);
    let wrong = String::from_utf8(manifest).unwrap().replace("\"size\":7", "\"size\":8");
    for sparse in [false, true] {
        registry.config.sparse_manifests = sparse;
        let reply = registry.send("PUT", "/v2/a/manifests/v1", &[], wrong.as_bytes());
        assert_eq!(reply.refusal(), (400, "MANIFEST_INVALID".to_owned()));
        assert_eq!(reply.json()["errors"][0]["detail"]["found"], 7);
    }
}

#[test]
fn as_many_are_looked_for_at_once_as_calls_may_be_open() {
    let mut registry = Registry::new();
    let manifest = layered(&mut registry, 30);
    let mut run = registry.start("PUT", "/v2/a/manifests/v1", &[], &manifest);
    assert!(run.turn(&mut registry.store));
    assert_eq!(run.reply().ops, ["Read link a"; 8]);
    while run.turn(&mut registry.store) {}
    let reply = run.into_reply();
    assert_eq!((reply.status, reply.ops.len()), (201, 31 + 3));
}

#[test]
fn what_is_old_is_made_young_before_the_manifest_is_written() {
    for count in [1, 30] {
        let mut registry = Registry::new();
        let manifest = layered(&mut registry, count);
        registry.store.age(OLD);
        let reply = registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest);
        assert_eq!(reply.status, 201);
        let written = reply.ops.iter().position(|op| op == "Write manifest").unwrap();
        let count_of = |label| reply.ops[..written].iter().filter(|op| *op == label).count();
        assert_eq!((count_of("Touch blob"), count_of("Touch link a")), (count + 1, count + 1));
        assert!(registry.store.objects.values().all(|object| object.age == 0));
    }
    let mut registry = Registry::new();
    let (child, _) = registry.push_image("a", "v1", "image");
    registry.store.age(OLD);
    let reply = registry.send("PUT", "/v2/a/manifests/list", &[], index(&[&child]).as_slice());
    assert_eq!(reply.ops[..2], ["Read manifest", "Touch manifest"]);
}

#[test]
fn what_goes_while_it_is_made_young_is_missing_and_stays_old() {
    let mut registry = Registry::new();
    let manifest = layered(&mut registry, 1);
    registry.store.age(OLD);
    registry.store.objects.retain(|name, _| !name.starts_with("blobs/"));
    for _ in 0..2 {
        let reply = registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest);
        assert_eq!(reply.refusal(), (400, "MANIFEST_BLOB_UNKNOWN".to_owned()));
    }
    assert_eq!(registry.head(&format!("/v2/a/blobs/{}", sha256(b"config"))).status, 404);
}

#[test]
fn a_check_that_cannot_be_made_is_no_missing_blob() {
    for (label, trouble, status) in [
        ("Read link", Trouble::Answer(StoreReply::Refused), 503),
        ("Read link", Trouble::Answer(StoreReply::Damaged), 400),
        ("Touch blob", Trouble::Answer(StoreReply::Full), 507),
        ("Touch link", Trouble::Answer(StoreReply::Missing), 400),
    ] {
        let mut registry = Registry::new();
        let manifest = layered(&mut registry, 3);
        registry.store.age(OLD);
        registry.store.trouble(label, [trouble.clone()]);
        let reply = registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest);
        assert_eq!(reply.status, status, "{label} {trouble:?}");
        assert_eq!(registry.store.names("manifests/"), [""; 0]);
    }
}
