use crate::support::{Body, Piece, Registry, Trouble, image, index, sha256, sha512};
use wharfinger_core::store::Reply as StoreReply;

const LOOKS: [&str; 2] = ["Read link a"; 2];

#[test]
fn the_order_of_writes_of_a_manifest() {
    let mut registry = Registry::new();
    let manifest = registry.image_of("a", "image");
    let digest = sha256(&manifest);
    let reply = registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest);
    assert_eq!((reply.status, reply.length), (201, 0));
    assert_eq!(reply.field("location"), Some(format!("/v2/a/manifests/{digest}").as_str()));
    assert_eq!(reply.field("docker-content-digest"), Some(digest.to_string().as_str()));
    assert_eq!((reply.field("oci-subject"), reply.field("oci-tag")), (None, None));
    assert_eq!(reply.ops[..2], LOOKS);
    assert_eq!(reply.ops[2..], ["Write manifest", "Write tag v1", "Stat manifest"]);
    let reply = registry.send("PUT", &format!("/v2/a/manifests/{digest}"), &[], &manifest);
    assert_eq!(reply.ops[2..], ["Write manifest", "Stat manifest"]);
}

#[test]
fn a_referrer_is_listed_before_it_is_tagged() {
    let mut registry = Registry::new();
    registry.image_of("a", "image");
    let subject = sha256(b"{}");
    let manifest = image(b"config of image", &[], Some(&subject));
    let target = "/v2/a/manifests/v1?tag=v2&tag=v3";
    let reply = registry.send("PUT", target, &[], Body::chunked(&manifest));
    assert_eq!((reply.status, reply.field("oci-subject")), (201, Some(subject.to_string().as_str())));
    let tags: Vec<_> = reply.fields.iter().filter(|(name, _)| name == "oci-tag").collect();
    assert_eq!(tags.iter().map(|(_, tag)| tag.to_str().unwrap()).collect::<Vec<_>>(), ["v2", "v3"]);
    assert_eq!(
        reply.ops,
        [
            "Read link a",
            "Write manifest",
            "Write referrer",
            "Write tag v3",
            "Write tag v2",
            "Write tag v1",
            "Stat manifest"
        ]
    );
    for tag in ["v1", "v2", "v3"] {
        assert_eq!(registry.get(&format!("/v2/a/manifests/{tag}")).body, manifest);
    }
}

#[test]
fn a_manifest_by_another_algorithm_is_kept_under_it() {
    let mut registry = Registry::new();
    let manifest = registry.image_of("a", "image");
    let digest = sha512(&manifest);
    let target = format!("/v2/a/manifests/{digest}?tag=v1");
    let reply = registry.send("PUT", &target, &[], &manifest);
    assert_eq!((reply.status, reply.field("oci-tag")), (201, Some("v1")));
    for target in [format!("/v2/a/manifests/{digest}"), "/v2/a/manifests/v1".to_owned()] {
        let reply = registry.get(&target);
        assert_eq!((reply.status, &reply.body), (200, &manifest));
        assert_eq!(reply.field("docker-content-digest"), Some(digest.to_string().as_str()));
    }
    assert_eq!(registry.get(&format!("/v2/a/manifests/{}", sha256(&manifest))).status, 404);
}

#[test]
fn what_a_delete_took_meanwhile_is_written_again() {
    let mut registry = Registry::new();
    let manifest = registry.image_of("a", "image");
    let digest = sha256(&manifest);
    let mut run = registry.start("PUT", "/v2/a/manifests/v1", &[], &manifest);
    while run.reply().ops.last().is_none_or(|op| op != "Write tag v1") {
        assert!(run.turn(&mut registry.store));
    }
    registry.store.objects.remove(&format!("manifests/a!/sha256/{}", digest.hex()));
    while run.turn(&mut registry.store) {}
    let reply = run.into_reply();
    assert_eq!(reply.status, 201);
    assert_eq!(
        reply.ops[2..],
        [
            "Write manifest",
            "Write tag v1",
            "Stat manifest",
            "Write manifest",
            "Write tag v1",
            "Stat manifest",
            "Stat tag v1"
        ]
    );
    assert_eq!(registry.get(&format!("/v2/a/manifests/{digest}")).body, manifest);
}

#[test]
fn a_push_that_is_always_taken_away_gives_up() {
    let mut registry = Registry::new();
    let manifest = registry.image_of("a", "image");
    registry.store.trouble("Stat manifest", vec![Trouble::Answer(StoreReply::Missing); 7]);
    assert_eq!(registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest).status, 201);
    registry.store.trouble("Stat manifest", vec![Trouble::Answer(StoreReply::Missing); 8]);
    let reply = registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest);
    assert_eq!(reply.refusal(), (503, "UNAVAILABLE".to_owned()));
}

#[test]
fn each_write_is_tried_four_times_and_refused_then() {
    for step in ["Read link", "Write manifest", "Write tag", "Stat manifest"] {
        let mut registry = Registry::new();
        let manifest = registry.image_of("a", "image");
        registry.store.unavailable(step, 3);
        assert_eq!(registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest).status, 201, "{step}");
        registry.store.trouble(step, [Trouble::Lost]);
        assert_eq!(registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest).status, 201, "{step}");
        assert!(registry.store.is_calm());
        registry.store.trouble(step, [Trouble::Answer(StoreReply::Full)]);
        let reply = registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest);
        assert_eq!(reply.refusal(), (507, "UNAVAILABLE".to_owned()), "{step}");
        registry.store.unavailable(step, 7);
        let reply = registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest);
        assert_eq!(reply.refusal(), (503, "UNAVAILABLE".to_owned()), "{step}");
        assert_eq!(reply.field("retry-after"), Some("5"));
    }
}

#[test]
fn what_is_no_manifest_reaches_no_store() {
    let mut registry = Registry::new();
    let image = registry.image_of("a", "image");
    let text = String::from_utf8(image.clone()).unwrap();
    let reference = format!("/v2/a/manifests/{}", sha256(b"other"));
    for (target, content_type, body, refusal) in [
        ("/v2/a/manifests/v1", None, "", (400, "MANIFEST_INVALID")),
        ("/v2/a/manifests/v1", None, "{}", (400, "MANIFEST_INVALID")),
        ("/v2/a/manifests/v1", Some("no type"), &*text, (400, "MANIFEST_INVALID")),
        ("/v2/a/manifests/v1", Some("application/other+json"), &text, (400, "MANIFEST_INVALID")),
        ("/v2/a/manifests/-bad-", None, &text, (400, "TAG_INVALID")),
        ("/v2/a/manifests/v1?tag=-bad-", None, &text, (400, "TAG_INVALID")),
        ("/v2/a/manifests/sha256:00", None, &text, (400, "DIGEST_INVALID")),
        (&reference, None, &text, (400, "DIGEST_INVALID")),
    ] {
        let fields: Vec<_> = content_type.map(|kind| ("content-type", kind)).into_iter().collect();
        let reply = registry.send("PUT", target, &fields, body.as_bytes());
        let (status, code) = refusal;
        assert_eq!(reply.refusal(), (status, code.to_owned()), "{target} {content_type:?}");
        assert!(reply.ops.is_empty(), "{target}");
    }
}

#[test]
fn bounds_are_kept() {
    let mut registry = Registry::new();
    let manifest = registry.image_of("a", "image");
    registry.config.limits.manifest_bytes_max = manifest.len() as u32;
    let put = |registry: &mut Registry, body: Body| registry.send("PUT", "/v2/a/manifests/v1", &[], body);
    assert_eq!(put(&mut registry, (&manifest).into()).status, 201);
    registry.config.limits.manifest_bytes_max -= 1;
    for body in [Body::from(&manifest), Body::chunked(&manifest)] {
        let reply = put(&mut registry, body);
        assert_eq!(reply.refusal(), (413, "SIZE_INVALID".to_owned()));
        assert!(reply.ops.is_empty());
    }
    let mut registry = Registry::new();
    let manifest = registry.image_of("a", "image");
    registry.config.limits.manifest_references_max = 1;
    assert_eq!(put(&mut registry, (&manifest).into()).refusal(), (413, "SIZE_INVALID".to_owned()));
    let tags: String = (0..65).map(|tag| format!("&tag=t{tag}")).collect();
    let reply = registry.send("PUT", &format!("/v2/a/manifests/v1?{tags}"), &[], &manifest);
    assert_eq!(reply.refusal(), (414, "SIZE_INVALID".to_owned()));
    registry.host.memory = false;
    let reply = put(&mut registry, (&manifest).into());
    assert_eq!((reply.status, reply.field("retry-after")), (503, Some("1")));
}

#[test]
fn a_body_that_breaks_off_is_no_manifest() {
    let mut registry = Registry::new();
    let manifest = registry.image_of("a", "image");
    let part = Piece::Bytes(manifest[..20].to_vec());
    for (body, refusal) in [
        (Body::pieces(vec![part.clone(), Piece::Break]), (400, "SIZE_INVALID")),
        (Body::pieces(vec![part.clone(), Piece::Late]), (408, "SIZE_INVALID")),
        (Body::pieces(vec![part.clone(), Piece::Break]).promising(1000), (400, "SIZE_INVALID")),
        // A host that takes it for whole is not believed.
        (Body::chunked(&manifest).promising(manifest.len() as u64 + 1), (400, "SIZE_INVALID")),
    ] {
        let reply = registry.send("PUT", "/v2/a/manifests/v1", &[], body);
        assert_eq!((reply.status, reply.code().as_str()), refusal);
        assert!(reply.ops.is_empty());
    }
}

#[test]
fn an_index_needs_its_manifests() {
    let mut registry = Registry::new();
    let (child, digest) = registry.push_image("a", "v1", "image");
    let list = index(&[&child]);
    let reply = registry.send("PUT", "/v2/a/manifests/list", &[], &list);
    assert_eq!(reply.status, 201);
    assert_eq!(reply.ops, ["Read manifest", "Write manifest", "Write tag list", "Stat manifest"]);
    assert_eq!(registry.delete(&format!("/v2/a/manifests/{digest}")).status, 202);
    let reply = registry.send("PUT", "/v2/a/manifests/list", &[], &list);
    assert_eq!(reply.refusal(), (400, "MANIFEST_BLOB_UNKNOWN".to_owned()));
}
