//! A tag whose removal has trouble: before it is removed again, it is looked at again.

use std::time::Duration;

use crate::support::{Registry, Reply, Run, Trouble};
use wharfinger_core::exchange::{Ask, Output};
use wharfinger_core::oci::Digest;
use wharfinger_core::store::{Fault, Reply as StoreReply};

const UNAVAILABLE: Trouble = Trouble::Answer(StoreReply::Unavailable { retry_after: None });

/// Every way in which nobody knows whether the removal was carried out.
const TROUBLES: [Trouble; 5] =
    [Trouble::Lost, UNAVAILABLE, Trouble::Fails(Fault::Unreachable), Trouble::Silent, Trouble::Status(500)];

fn registry() -> (Registry, Digest) {
    let mut registry = Registry::new();
    let (_, digest) = registry.push_image("a", "v1", "image");
    (registry, digest)
}

/// Starts a delete of a manifest and goes on until this has been asked of the store.
fn until(registry: &mut Registry, digest: &Digest, op: &str) -> Run {
    let mut run = registry.start("DELETE", &format!("/v2/a/manifests/{digest}"), &[], ());
    go_on_until(registry, &mut run, op);
    run
}

fn go_on_until(registry: &mut Registry, run: &mut Run, op: &str) {
    let before = run.reply().ops.len();
    while run.reply().ops[before..].last().is_none_or(|last| last != op) {
        assert!(run.turn(&mut registry.store), "{op} comes");
    }
}

fn end(registry: &mut Registry, mut run: Run) -> Reply {
    while run.turn(&mut registry.store) {}
    run.into_reply()
}

fn removals(reply: &Reply) -> usize {
    reply.ops.iter().filter(|op| op.starts_with("Remove tag")).count()
}

fn asked(reply: &Reply) -> usize {
    let asks = |output: &&Output| matches!(output, Output::Ask { what: Ask::Retry { .. } });
    reply.outputs.iter().filter(asks).count()
}

#[test]
fn a_tag_that_was_moved_before_its_removal_is_tried_again_stays() {
    for trouble in TROUBLES {
        let (mut registry, digest) = registry();
        registry.store.trouble("Remove tag", [trouble.clone()]);
        let run = until(&mut registry, &digest, "Remove tag v1");
        let (other, _) = registry.push_image("a", "v1", "imagf");
        let reply = end(&mut registry, run);
        assert_eq!((reply.status, removals(&reply)), (202, 1), "{trouble:?}");
        assert_eq!(registry.get("/v2/a/manifests/v1").body, other, "{trouble:?}");
        assert_eq!(registry.get(&format!("/v2/a/manifests/{digest}")).status, 404);
    }
}

#[test]
fn a_tag_that_was_moved_before_the_last_try_stays() {
    let (mut registry, digest) = registry();
    registry.store.trouble("Remove tag", vec![UNAVAILABLE; 3]);
    let mut run = until(&mut registry, &digest, "Remove tag v1");
    for _ in 0..2 {
        go_on_until(&mut registry, &mut run, "Remove tag v1");
    }
    let (other, _) = registry.push_image("a", "v1", "imagf");
    let reply = end(&mut registry, run);
    assert_eq!((reply.status, removals(&reply)), (202, 3));
    assert_eq!(registry.get("/v2/a/manifests/v1").body, other);
}

#[test]
fn a_tag_that_stands_as_it_was_goes_nevertheless() {
    for trouble in TROUBLES {
        let (mut registry, digest) = registry();
        registry.store.trouble("Remove tag", [trouble.clone()]);
        let reply = registry.delete(&format!("/v2/a/manifests/{digest}"));
        assert_eq!((reply.status, removals(&reply)), (202, 2), "{trouble:?}");
        assert_eq!(reply.ops.iter().filter(|op| *op == "Read tag v1").count(), 2, "{trouble:?}");
        assert_eq!(asked(&reply), 1, "{trouble:?}");
        assert!(reply.slept >= registry.config.limits.backoff_min, "{trouble:?}: {:?}", reply.slept);
        assert_eq!(registry.store.names("tags/"), [""; 0], "{trouble:?}");
    }
}

#[test]
fn a_token_that_is_not_taken_is_renewed_without_another_look() {
    let (mut registry, digest) = registry();
    registry.store.trouble("Remove tag", [Trouble::Status(401)]);
    let reply = registry.delete(&format!("/v2/a/manifests/{digest}"));
    assert_eq!((reply.status, removals(&reply), asked(&reply)), (202, 2, 0));
    assert_eq!(reply.ops.iter().filter(|op| *op == "Read tag v1").count(), 1);
}

#[test]
fn the_fourth_removal_of_a_tag_is_the_last() {
    let (mut registry, digest) = registry();
    registry.store.trouble("Remove tag", vec![UNAVAILABLE; 4]);
    let reply = registry.delete(&format!("/v2/a/manifests/{digest}"));
    assert_eq!(reply.refusal(), (503, "UNAVAILABLE".to_owned()));
    assert_eq!((removals(&reply), asked(&reply)), (4, 3));
    assert_eq!(reply.slept, Duration::from_millis(100 + 200 + 400));
    assert_eq!(registry.store.names("tags/"), ["tags/a!/v1"]);
}

#[test]
fn what_the_budget_does_not_grant_is_not_looked_at_again() {
    let (mut registry, digest) = registry();
    registry.host.retries = 1;
    registry.store.trouble("Remove tag", vec![UNAVAILABLE; 2]);
    let reply = registry.delete(&format!("/v2/a/manifests/{digest}"));
    assert_eq!((reply.status, removals(&reply), asked(&reply)), (503, 2, 2));
    assert_eq!(reply.ops.last().map(String::as_str), Some("Remove tag v1"));
}

/// A look in between that goes well does not start the time anew.
#[test]
fn when_the_time_is_over_nothing_is_removed_any_more() {
    let (mut registry, digest) = registry();
    registry.store.trouble("Remove tag", vec![Trouble::Silent; 4]);
    let reply = registry.delete(&format!("/v2/a/manifests/{digest}"));
    assert_eq!((reply.status, removals(&reply)), (503, 3));
    // It runs out during the look.
    let (mut registry, digest) = self::registry();
    registry.config.limits.retry_time_max = Duration::from_secs(3);
    registry.store.trouble("Remove tag", [UNAVAILABLE]);
    registry.store.trouble("Read tag", [Trouble::Fine, Trouble::Silent]);
    let reply = registry.delete(&format!("/v2/a/manifests/{digest}"));
    assert_eq!((reply.status, removals(&reply)), (503, 1));
    assert_eq!(reply.slept, Duration::from_secs(3));
}

#[test]
fn after_the_removal_the_manifest_is_looked_for_again_too() {
    for back in [false, true] {
        let (mut registry, digest) = registry();
        let manifest = registry.get("/v2/a/manifests/v1").body;
        let late = registry.store.objects["tags/a!/v1"].clone();
        let mut run = until(&mut registry, &digest, "Remove manifest");
        registry.store.objects.insert("tags/a!/v2".to_owned(), late);
        registry.store.trouble("Remove tag v2", [UNAVAILABLE]);
        go_on_until(&mut registry, &mut run, "Remove tag v2");
        if back {
            registry.push_manifest("a", "v2", &manifest);
        }
        let reply = end(&mut registry, run);
        assert_eq!(reply.status, 202);
        let ops = &reply.ops[reply.ops.len() - 3..];
        if back {
            assert_eq!(ops, ["Remove tag v2", "Read tag v2", "Stat manifest"]);
            assert_eq!(registry.get("/v2/a/manifests/v2").body, manifest);
        } else {
            assert_eq!(ops, ["Read tag v2", "Stat manifest", "Remove tag v2"]);
            assert_eq!(registry.store.names("tags/"), [""; 0]);
        }
    }
}

/// All removals rest at once, and there is room for the looks.
#[test]
fn many_tags_have_trouble_at_once() {
    let (mut registry, digest) = registry();
    for tag in 0..20 {
        registry
            .store
            .objects
            .insert(format!("tags/a!/u{tag}"), registry.store.objects["tags/a!/v1"].clone());
    }
    registry.store.trouble("Remove tag", vec![UNAVAILABLE; 20]);
    let reply = registry.delete(&format!("/v2/a/manifests/{digest}"));
    assert_eq!((reply.status, removals(&reply), asked(&reply)), (202, 41, 20));
    assert_eq!(registry.store.names("tags/"), [""; 0]);
}
