use crate::support::{Object, Registry, Trouble, image, sha256};
use serde_json::{Value, json};
use wharfinger_core::oci::{Digest, MediaType, referrer_descriptor};
use wharfinger_core::store::Reply as StoreReply;

fn digests(index: &Value) -> Vec<String> {
    let manifests = index["manifests"].as_array().unwrap();
    manifests.iter().map(|manifest| manifest["digest"].as_str().unwrap().to_owned()).collect()
}

/// Puts a record of about so many bytes there, as a push would.
fn record(registry: &mut Registry, subject: &Digest, seed: usize, kind: &str) -> Digest {
    let referrer = sha256(format!("referrer {seed}").as_bytes());
    let bytes = referrer_descriptor(&MediaType::OCI_MANIFEST, &referrer, 7, Some(kind), None);
    let name = format!("referrers/a!/sha256/{}/sha256/{}", subject.hex(), referrer.hex());
    registry.store.objects.insert(name, Object { bytes, age: 0 });
    referrer
}

#[test]
fn who_refers_to_a_manifest_is_listed_as_an_index() {
    let mut registry = Registry::new();
    let (_, subject) = registry.push_image("a", "v1", "image");
    let referrer = image(b"config of image", &[], Some(&subject));
    let digest = registry.push_manifest("a", "v2", &referrer);
    let target = format!("/v2/a/referrers/{subject}");
    let reply = registry.get(&target);
    assert_eq!((reply.status, reply.field("content-type")), (200, Some(MediaType::OCI_INDEX.as_str())));
    assert_eq!((reply.field("link"), reply.field("oci-filters-applied")), (None, None));
    assert_eq!(reply.ops, ["List referrers", "Read referrer"]);
    assert_eq!(
        reply.json(),
        json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(),
            "manifests": [{
                "mediaType": MediaType::OCI_MANIFEST.as_str(), "digest": digest.to_string(),
                "size": referrer.len(), "artifactType": "application/vnd.oci.image.config.v1+json"
            }]
        })
    );
    assert_eq!(registry.head(&target).length, reply.length);
}

#[test]
fn what_nobody_refers_to_has_an_empty_list() {
    let mut registry = Registry::new();
    for repository in ["a", "nobody/knows"] {
        let reply = registry.get(&format!("/v2/{repository}/referrers/{}", sha256(b"")));
        assert_eq!((reply.status, digests(&reply.json()).len()), (200, 0));
        assert_eq!(reply.ops, ["List referrers"]);
    }
    let reply = registry.get("/v2/a/referrers/sha256:00");
    assert_eq!(reply.refusal(), (400, "DIGEST_INVALID".to_owned()));
}

#[test]
fn a_filter_keeps_the_types_asked_for() {
    let mut registry = Registry::new();
    let subject = sha256(b"subject");
    let one = record(&mut registry, &subject, 1, "a/one");
    let two = record(&mut registry, &subject, 2, "a/two");
    record(&mut registry, &subject, 3, "a/three");
    for (query, mut kept) in [
        ("artifactType=a/one", vec![one.to_string()]),
        ("artifactType=a%2Fone&artifactType=a/two", vec![one.to_string(), two.to_string()]),
        ("artifactType=a/none", vec![]),
    ] {
        let reply = registry.get(&format!("/v2/a/referrers/{subject}?{query}"));
        assert_eq!(reply.field("oci-filters-applied"), Some("artifactType"));
        kept.sort_unstable();
        assert_eq!(digests(&reply.json()), kept, "{query}");
    }
}

#[test]
fn a_long_list_comes_in_pages_of_a_thousand() {
    let mut registry = Registry::new();
    let subject = sha256(b"subject");
    let mut all: Vec<_> =
        (0..2001).map(|seed| record(&mut registry, &subject, seed, "a/b").to_string()).collect();
    all.sort_unstable();
    let mut target = format!("/v2/a/referrers/{subject}?artifactType=a/b");
    let mut listed = Vec::new();
    for page in [1000, 1000, 1] {
        let reply = registry.get(&target);
        let digests = digests(&reply.json());
        assert_eq!(digests.len(), page);
        listed.extend(digests);
        let last = listed.last().unwrap();
        let next = format!("/v2/a/referrers/{subject}?last={last}&artifactType=a%2Fb");
        let link = (page == 1000).then(|| format!("<{next}>; rel=\"next\""));
        assert_eq!(reply.field("link"), link.as_deref());
        target = next;
    }
    assert_eq!(listed, all);
    let reply = registry.get(&format!("/v2/a/referrers/{subject}?last=nonsense"));
    assert_eq!(reply.refusal(), (400, "UNSUPPORTED".to_owned()));
}

#[test]
fn large_records_make_short_pages() {
    let mut registry = Registry::new();
    let subject = sha256(b"subject");
    let kind = "k".repeat(60_000);
    for seed in 0..100 {
        record(&mut registry, &subject, seed, &kind);
    }
    let reply = registry.get(&format!("/v2/a/referrers/{subject}"));
    let first = digests(&reply.json());
    assert!((60..100).contains(&first.len()), "{}", first.len());
    assert!(reply.body.len() <= (4 << 20) + 1024);
    let next = format!("/v2/a/referrers/{subject}?last={}", first.last().unwrap());
    assert_eq!(reply.field("link"), Some(format!("<{next}>; rel=\"next\"").as_str()));
    let reply = registry.get(&next);
    assert_eq!((digests(&reply.json()).len() + first.len(), reply.field("link")), (100, None));
}

#[test]
fn a_damaged_record_does_not_hide_the_others() {
    let mut registry = Registry::new();
    let subject = sha256(b"subject");
    for seed in 0..9 {
        record(&mut registry, &subject, seed, "a/b");
    }
    registry.store.objects.values_mut().next().unwrap().bytes = "junk".into();
    registry.store.trouble(
        "Read referrer",
        [Trouble::Answer(StoreReply::Missing), Trouble::Answer(StoreReply::Damaged)],
    );
    let target = format!("/v2/a/referrers/{subject}");
    // The damaged one is the first, which is missing here anyway.
    assert_eq!(digests(&registry.get(&target).json()).len(), 7);
    assert_eq!(digests(&registry.get(&target).json()).len(), 8);
    registry.store.trouble("Read referrer", [Trouble::Answer(StoreReply::Refused)]);
    assert_eq!(registry.get(&target).refusal(), (503, "UNAVAILABLE".to_owned()));
    registry.host.memory = false;
    assert_eq!(registry.get(&target).field("retry-after"), Some("1"));
}
