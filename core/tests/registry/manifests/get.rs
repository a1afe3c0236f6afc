use crate::support::{Registry, Trouble, sha256};
use wharfinger_core::exchange::Outcome;
use wharfinger_core::store::Reply as StoreReply;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

#[test]
fn a_manifest_comes_back_as_it_was_pushed_by_tag_and_digest() {
    let mut registry = Registry::new();
    let (manifest, digest) = registry.push_image("a/b", "v1", "image");
    for (reference, op) in [("v1".to_owned(), "Read tag v1"), (digest.to_string(), "Read manifest")] {
        let target = format!("/v2/a/b/manifests/{reference}");
        for method in ["GET", "HEAD"] {
            let reply = registry.send(method, &target, &[("accept", "text/plain")], ());
            assert_eq!((reply.status, reply.length), (200, manifest.len() as u64));
            assert_eq!(reply.field("content-type"), Some(IMAGE));
            assert_eq!(reply.field("docker-content-digest"), Some(digest.to_string().as_str()));
            assert_eq!(reply.field("etag"), Some(format!("\"{digest}\"").as_str()));
            assert_eq!(reply.ops, [op]);
            if method == "GET" {
                assert_eq!(reply.body, manifest);
            }
        }
        let fields = [("if-none-match", &*format!("\"{digest}\""))];
        let reply = registry.send("GET", &target, &fields, ());
        assert_eq!((reply.status, reply.length), (304, 0));
        assert_eq!(registry.send("GET", &target, &[("if-none-match", "\"x\"")], ()).status, 200);
    }
}

#[test]
fn what_is_not_there_is_unknown() {
    let mut registry = Registry::new();
    registry.push_image("a/b", "v1", "image");
    for target in [
        "/v2/a/b/manifests/v2".to_owned(),
        "/v2/a/manifests/v1".to_owned(),
        "/v2/a/b/c/manifests/v1".to_owned(),
        format!("/v2/a/b/manifests/{}", sha256(b"other")),
        "/v2/a/b/manifests/-bad-".to_owned(),
    ] {
        assert_eq!(registry.get(&target).refusal(), (404, "MANIFEST_UNKNOWN".to_owned()), "{target}");
        assert_eq!(registry.head(&target).status, 404);
    }
}

#[test]
fn a_record_that_is_not_whole_is_no_manifest() {
    for damage in ["", "{}\n", "junk", "{\"mediaType\":\"a/b+json\",\"digest\":\"sha256:00\",\"size\":1}\nx"]
    {
        let mut registry = Registry::new();
        let (_, digest) = registry.push_image("a", "v1", "image");
        for object in registry.store.objects.values_mut() {
            object.bytes = damage.into();
        }
        for reference in ["v1".to_owned(), digest.to_string()] {
            let reply = registry.get(&format!("/v2/a/manifests/{reference}"));
            assert_eq!(reply.refusal(), (404, "MANIFEST_UNKNOWN".to_owned()), "{damage:?}");
        }
    }
    let mut registry = Registry::new();
    let (_, digest) = registry.push_image("a", "v1", "image");
    let (_, other) = registry.push_image("a", "v2", "other");
    let name = |digest: &wharfinger_core::oci::Digest| format!("manifests/a!/sha256/{}", digest.hex());
    // Cut short, made longer, or another one's.
    let record = registry.store.objects[&name(&digest)].bytes.clone();
    let longer = [&record, &b"x"[..]].concat().into();
    let swapped = registry.store.objects[&name(&other)].bytes.clone();
    for bytes in [record.slice(..record.len() - 1), longer, swapped] {
        registry.store.objects.get_mut(&name(&digest)).unwrap().bytes = bytes;
        assert_eq!(registry.get(&format!("/v2/a/manifests/{digest}")).status, 404);
    }
}

#[test]
fn a_short_manifest_never_ends_cleanly() {
    let mut registry = Registry::new();
    let (manifest, _) = registry.push_image("a", "v1", "image");
    let line = registry.store.objects["tags/a!/v1"].bytes.len() - manifest.len();
    registry.store.trouble("Read tag", [Trouble::Short(line + 5)]);
    let reply = registry.get("/v2/a/manifests/v1");
    assert_eq!((reply.status, reply.outcome), (200, Some(Outcome::Cut)));
    // What breaks before the reply has begun is read again.
    registry.store.trouble("Read tag", [Trouble::Short(5), Trouble::Late(5)]);
    let reply = registry.get("/v2/a/manifests/v1");
    assert_eq!((reply.status, reply.outcome), (200, Some(Outcome::Complete)));
    assert_eq!(reply.ops, ["Read tag v1"; 3]);
}

#[test]
fn a_store_that_is_away_is_asked_four_times() {
    let mut registry = Registry::new();
    registry.push_image("a", "v1", "image");
    registry.store.unavailable("Read tag", 3);
    assert_eq!(registry.get("/v2/a/manifests/v1").status, 200);
    registry.store.unavailable("Read tag", 4);
    let reply = registry.get("/v2/a/manifests/v1");
    assert_eq!(reply.refusal(), (503, "UNAVAILABLE".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("5"));
    let asked = StoreReply::Unavailable { retry_after: Some(9) };
    registry.store.trouble("Read tag", vec![Trouble::Answer(asked); 4]);
    assert_eq!(registry.get("/v2/a/manifests/v1").field("retry-after"), Some("9"));
}
