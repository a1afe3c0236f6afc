use crate::support::{Registry, Trouble, image, sha256};
use wharfinger_core::store::Reply as StoreReply;

#[test]
fn a_tag_goes_alone() {
    let mut registry = Registry::new();
    let (manifest, digest) = registry.push_image("a", "v1", "image");
    let reply = registry.delete("/v2/a/manifests/v1");
    assert_eq!((reply.status, reply.length), (202, 0));
    assert_eq!(reply.ops, ["Remove tag v1"]);
    assert_eq!(registry.delete("/v2/a/manifests/v1").refusal(), (404, "MANIFEST_UNKNOWN".to_owned()));
    assert_eq!(registry.get(&format!("/v2/a/manifests/{digest}")).body, manifest);
    registry.store.trouble("Remove tag", [Trouble::Answer(StoreReply::Refused)]);
    assert_eq!(registry.delete("/v2/a/manifests/v1").refusal(), (503, "UNAVAILABLE".to_owned()));
}

#[test]
fn a_manifest_goes_with_its_tags_and_no_others() {
    let mut registry = Registry::new();
    let (manifest, digest) = registry.push_image("a", "v1", "image");
    registry.push_manifest("a", "v2", &manifest);
    // Of the same size, and yet another one; and the same one of another repository.
    let (other, _) = registry.push_image("a", "v3", "imagf");
    assert_eq!(manifest.len(), other.len());
    registry.push_image("a/b", "v1", "image");
    let target = format!("/v2/a/manifests/{digest}");
    let reply = registry.delete(&target);
    assert_eq!((reply.status, reply.length), (202, 0));
    let mut ops = reply.ops.clone();
    ops[3..6].sort_unstable();
    assert_eq!(
        ops[..6],
        ["Stat manifest", "Read manifest", "List tags", "Read tag v1", "Read tag v2", "Read tag v3"]
    );
    ops[6..8].sort_unstable();
    assert_eq!(ops[6..8], ["Remove tag v1", "Remove tag v2"]);
    assert_eq!(ops[8..], ["Remove manifest", "List tags", "Read tag v3"]);
    assert_eq!(registry.get(&target).status, 404);
    assert_eq!(registry.store.names("tags/"), ["tags/a!/v3", "tags/a/b!/v1"]);
    assert_eq!(registry.delete(&target).refusal(), (404, "MANIFEST_UNKNOWN".to_owned()));
}

#[test]
fn tags_beyond_the_first_page_go_too() {
    let mut registry = Registry::new();
    let (manifest, digest) = registry.push_image("a", "t", "image");
    for tag in 0..25_000 {
        registry.store.objects.insert(format!("tags/a!/u{tag}"), registry.store.objects["tags/a!/t"].clone());
    }
    let (_, kept) = registry.push_image("a", "zz", "other image");
    let reply = registry.delete(&format!("/v2/a/manifests/{digest}"));
    assert_eq!(reply.status, 202);
    assert_eq!(reply.ops.iter().filter(|op| *op == "List tags").count(), 4);
    assert_eq!(registry.store.names("tags/"), ["tags/a!/zz"]);
    assert_eq!(registry.get(&format!("/v2/a/manifests/{kept}")).status, 200);
    assert_ne!(kept, sha256(&manifest));
}

#[test]
fn a_tag_that_comes_meanwhile_goes_as_well() {
    let mut registry = Registry::new();
    let (_, digest) = registry.push_image("a", "v1", "image");
    let late = registry.store.objects["tags/a!/v1"].clone();
    let mut run = registry.start("DELETE", &format!("/v2/a/manifests/{digest}"), &[], ());
    while run.reply().ops.last().is_none_or(|op| op != "Remove manifest") {
        assert!(run.turn(&mut registry.store));
    }
    registry.store.objects.insert("tags/a!/v2".to_owned(), late);
    while run.turn(&mut registry.store) {}
    assert_eq!(run.reply().status, 202);
    assert_eq!(registry.store.names("tags/"), [""; 0]);
    let ops = &run.reply().ops;
    assert_eq!(ops[ops.len() - 4..], ["List tags", "Read tag v2", "Stat manifest", "Remove tag v2"]);
}

#[test]
fn the_tag_of_a_push_that_came_after_the_removal_stays() {
    let mut registry = Registry::new();
    let (manifest, digest) = registry.push_image("a", "v1", "image");
    let mut run = registry.start("DELETE", &format!("/v2/a/manifests/{digest}"), &[], ());
    while run.reply().ops.last().is_none_or(|op| op != "Remove manifest") {
        assert!(run.turn(&mut registry.store));
    }
    registry.push_manifest("a", "v2", &manifest);
    while run.turn(&mut registry.store) {}
    assert_eq!(run.reply().status, 202);
    assert_eq!(registry.store.names("tags/"), ["tags/a!/v2"]);
    assert_eq!(registry.get("/v2/a/manifests/v2").body, manifest);
    assert_eq!(registry.get(&format!("/v2/a/manifests/{digest}")).body, manifest);
}

/// Whether the manifest is there again cannot be known: the tag may be that of a push that came later.
#[test]
fn what_cannot_be_looked_for_after_the_removal_is_told() {
    let mut registry = Registry::new();
    let (_, digest) = registry.push_image("a", "v1", "image");
    let late = registry.store.objects["tags/a!/v1"].clone();
    let mut run = registry.start("DELETE", &format!("/v2/a/manifests/{digest}"), &[], ());
    while run.reply().ops.last().is_none_or(|op| op != "Remove manifest") {
        assert!(run.turn(&mut registry.store));
    }
    registry.store.objects.insert("tags/a!/v2".to_owned(), late);
    registry.store.trouble("Stat manifest", [Trouble::Answer(StoreReply::Damaged)]);
    while run.turn(&mut registry.store) {}
    assert_eq!(run.reply().status, 503);
    assert_eq!(registry.store.names("tags/"), ["tags/a!/v2"]);
}

#[test]
fn a_referrer_leaves_the_list_before_it_goes() {
    let mut registry = Registry::new();
    registry.image_of("a", "image");
    let subject = sha256(b"{}");
    let digest = registry.push_manifest("a", "v1", &image(b"config of image", &[], Some(&subject)));
    let reply = registry.delete(&format!("/v2/a/manifests/{digest}"));
    assert_eq!(
        reply.ops,
        [
            "Stat manifest",
            "Read manifest",
            "List tags",
            "Read tag v1",
            "Remove tag v1",
            "Remove referrer",
            "Remove manifest",
            "List tags"
        ]
    );
    assert_eq!(registry.store.names("referrers/"), [""; 0]);
}

#[test]
fn a_damaged_manifest_can_be_deleted() {
    let mut registry = Registry::new();
    let (_, digest) = registry.push_image("a", "v1", "image");
    let name = format!("manifests/a!/sha256/{}", digest.hex());
    registry.store.objects.get_mut(&name).unwrap().bytes = "junk".into();
    let target = format!("/v2/a/manifests/{digest}");
    assert_eq!(registry.delete(&target).status, 202);
    assert!(!registry.store.has(&name));
}

#[test]
fn what_fails_is_told_and_can_be_done_again() {
    for step in ["Read manifest", "List tags", "Read tag", "Remove tag", "Remove manifest"] {
        let mut registry = Registry::new();
        let (_, digest) = registry.push_image("a", "v1", "image");
        let target = format!("/v2/a/manifests/{digest}");
        registry.store.trouble(step, [Trouble::Answer(StoreReply::Refused)]);
        assert_eq!(registry.delete(&target).refusal(), (503, "UNAVAILABLE".to_owned()), "{step}");
        registry.store.unavailable(step, 3);
        assert_eq!(registry.delete(&target).status, 202, "{step}");
        assert!(registry.store.is_calm());
        registry.push_image("a", "v1", "image");
        registry.store.trouble(step, [Trouble::Lost]);
        assert_eq!(registry.delete(&target).status, 202, "{step}");
    }
    let mut registry = Registry::new();
    let (_, digest) = registry.push_image("a", "v1", "image");
    registry.host.memory = false;
    assert_eq!(registry.delete(&format!("/v2/a/manifests/{digest}")).field("retry-after"), Some("1"));
}

#[test]
fn a_manifest_that_is_longer_than_what_is_accepted_by_now_can_be_deleted() {
    let mut registry = Registry::new();
    let (_, digest) = registry.push_image("a", "v1", "image");
    registry.config.limits.manifest_bytes_max = 10;
    assert_eq!(registry.delete(&format!("/v2/a/manifests/{digest}")).status, 202);
    assert_eq!(registry.store.names("tags/"), [""; 0]);
}
