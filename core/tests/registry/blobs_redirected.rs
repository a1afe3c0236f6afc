//! GET of a blob in a registry that sends its clients to the store.

use crate::support::{Registry, Reply, Run, Step, Trouble, sha256};
use wharfinger_core::exchange::{Ask, Output, Told};
use wharfinger_core::store::{Fault, Reply as StoreReply};
use wharfinger_core::swift::SecretText;

/// A registry that redirects, with a blob; and where the blob is.
fn registry() -> (Registry, String) {
    let mut registry = Registry::new();
    registry.config.redirects = true;
    let digest = registry.push("a", b"0123456789");
    (registry, format!("/v2/a/blobs/{digest}"))
}

fn is_redirected(reply: &Reply) {
    let digest = sha256(b"0123456789").to_string();
    assert_eq!((reply.status, reply.length, reply.body.len()), (307, 0, 0));
    assert_eq!(reply.location(), format!("https://store/{digest}?signed"));
    assert_eq!(reply.field("docker-content-digest"), Some(digest.as_str()));
    assert_eq!(reply.field("etag"), Some(format!("\"{digest}\"").as_str()));
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    assert_eq!(reply.field("content-type"), None);
}

fn asked(reply: &Reply) -> usize {
    let asks = |output: &&Output| matches!(output, Output::Ask { what: Ask::Location { .. } });
    reply.outputs.iter().filter(asks).count()
}

#[test]
fn a_get_tells_where_the_blob_can_be_read() {
    let (mut registry, target) = registry();
    let mut run = registry.start("GET", &target, &[], ());
    // Both are asked for before either is answered.
    while run.open_calls().len() < 2 {
        assert!(matches!(run.step(&mut registry.store), Step::Told));
        run.drain(&mut registry.store);
    }
    while run.turn(&mut registry.store) {}
    is_redirected(run.reply());
    assert_eq!(run.reply().ops, ["Read link a", "Stat blob"]);
    assert_eq!(asked(run.reply()), 1);
}

#[test]
fn the_place_is_told_to_the_client_alone() {
    let (mut registry, target) = registry();
    let mut run = registry.start("GET", &target, &[], ());
    loop {
        assert!(!format!("{:?}", run.exchange).contains("signed"), "{:?}", run.exchange);
        if matches!(run.step(&mut registry.store), Step::Over) {
            break;
        }
    }
    is_redirected(run.reply());
    assert!(!format!("{:?}", run.reply().outputs).contains("signed"), "{:?}", run.reply().outputs);
    let url = SecretText::new("https://store/blob?signed");
    assert!(!format!("{:?}", Told::Location(Some(url))).contains("signed"));
}

#[test]
fn one_range_is_left_to_the_store() {
    let (mut registry, target) = registry();
    let tag = format!("\"{}\"", sha256(b"0123456789"));
    for range in ["bytes=1-2", "bytes=-3", "bytes=5-", "bytes=100-", "nonsense"] {
        is_redirected(&registry.send("GET", &target, &[("range", range)], ()));
        is_redirected(&registry.send("GET", &target, &[("range", range), ("if-range", &tag)], ()));
    }
    let several = registry.send("GET", &target, &[("range", "bytes=1-2,4-5")], ());
    assert_eq!((several.status, asked(&several)), (206, 0));
    let other = registry.send("GET", &target, &[("range", "bytes=1-2"), ("if-range", "\"other\"")], ());
    assert_eq!((other.status, other.body.len(), asked(&other)), (200, 10, 0));
}

#[test]
fn a_head_and_who_has_it_already_are_answered_here() {
    let (mut registry, target) = registry();
    let reply = registry.head(&target);
    assert_eq!((reply.status, reply.length, asked(&reply)), (200, 10, 0));
    let tag = format!("\"{}\"", sha256(b"0123456789"));
    for method in ["GET", "HEAD"] {
        let reply = registry.send(method, &target, &[("if-none-match", &tag)], ());
        assert_eq!((reply.status, asked(&reply)), (304, 0));
        assert_eq!(reply.ops, ["Read link a"]);
    }
    is_redirected(&registry.send("GET", &target, &[("if-none-match", "\"other\"")], ()));
}

#[test]
fn without_a_url_the_blob_is_relayed_with_no_more_requests() {
    let (mut registry, target) = registry();
    registry.host.locations = false;
    let reply = registry.get(&target);
    assert_eq!((reply.status, reply.body.as_slice()), (200, &b"0123456789"[..]));
    assert_eq!(reply.ops, ["Read link a", "Read blob"]);
    let reply = registry.send("GET", &target, &[("range", "bytes=1-2")], ());
    assert_eq!((reply.status, reply.body.as_slice()), (206, &b"12"[..]));
    assert_eq!(reply.ops, ["Read link a", "Read blob 1-2"]);
}

#[test]
fn a_registry_that_does_not_redirect_asks_for_no_url() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"0123456789");
    assert_eq!(asked(&registry.get(&format!("/v2/a/blobs/{digest}"))), 0);
}

#[test]
fn what_the_repository_does_not_hold_is_not_shown() {
    let (mut registry, _) = registry();
    let digest = sha256(b"0123456789");
    let reply = registry.get(&format!("/v2/b/blobs/{digest}"));
    assert_eq!(reply.refusal(), (404, "BLOB_UNKNOWN".to_owned()));
    assert_eq!(reply.field("location"), None);
}

#[test]
fn a_get_that_meets_the_push_of_its_blob_takes_no_link_away() {
    let (mut registry, target) = registry();
    // Both are asked for at once: the content was before it was pushed, the link after.
    registry.store.trouble("Stat blob", [Trouble::Answer(StoreReply::Missing)]);
    let reply = registry.get(&target);
    assert_eq!(reply.ops, ["Read link a", "Stat blob", "Read blob"]);
    assert_eq!((reply.status, &reply.body[..]), (200, &b"0123456789"[..]));
}

#[test]
fn content_that_is_gone_damaged_or_of_another_size_is_unlinked() {
    let linked = |registry: &Registry| !registry.store.names("links/").is_empty();
    let (mut gone, target) = registry();
    gone.store.objects.retain(|name, _| !name.starts_with("blobs/"));
    let reply = gone.get(&target);
    assert_eq!((reply.refusal(), linked(&gone)), ((404, "BLOB_UNKNOWN".to_owned()), false));
    assert_eq!(reply.ops, ["Read link a", "Stat blob", "Read blob", "Remove link a", "Stat blob"]);

    let (mut damaged, target) = registry();
    damaged.store.trouble("Stat blob", [Trouble::Answer(StoreReply::Damaged)]);
    let reply = damaged.get(&target);
    assert_eq!((reply.refusal(), linked(&damaged)), ((404, "BLOB_UNKNOWN".to_owned()), false));

    for record in [&b"{\"size\":4}"[..], b"{\"size\":", &[b' '; 200]] {
        let (mut other, target) = registry();
        let link = other.store.names("links/")[0].to_owned();
        other.store.objects.get_mut(&link).unwrap().bytes = record.to_vec().into();
        assert_eq!((other.get(&target).status, linked(&other)), (404, false), "{record:?}");
    }
}

#[test]
fn a_store_that_cannot_say_is_no_place_to_send_anybody() {
    for call in ["Read link", "Stat blob"] {
        let (mut registry, target) = registry();
        registry.store.trouble(call, vec![Trouble::Fails(Fault::Unreachable); 4]);
        let reply = registry.get(&target);
        assert_eq!((reply.status, reply.field("location")), (503, None), "{call}");
        registry.store.unavailable(call, 3);
        is_redirected(&registry.get(&target));
    }
}

/// Lives the two calls in the other order, by letting the first one fail once.
#[test]
fn the_answers_may_come_in_any_order() {
    for (blob, status) in [("there", 307), ("gone", 404)] {
        let (mut registry, target) = registry();
        if blob == "gone" {
            registry.store.objects.retain(|name, _| !name.starts_with("blobs/"));
        }
        registry.store.unavailable("Read link", 1);
        assert_eq!(registry.get(&target).status, status, "{blob}");
        assert_eq!(registry.store.names("links/").is_empty(), status == 404);
    }
    let (mut registry, target) = registry();
    registry.store.objects.clear();
    registry.store.unavailable("Read link", 1);
    let reply = registry.get(&target);
    assert_eq!(reply.refusal(), (404, "BLOB_UNKNOWN".to_owned()));
    assert_eq!(reply.ops, ["Read link a", "Stat blob", "Read link a"]);
}

#[test]
fn a_push_that_heals_while_the_link_goes_keeps_its_own() {
    for turns in 0..8 {
        let (mut registry, target) = registry();
        registry.store.objects.retain(|name, _| !name.starts_with("blobs/"));
        let mut run: Run = registry.start("GET", &target, &[], ());
        for _ in 0..turns {
            run.turn(&mut registry.store);
        }
        let told = run.is_over();
        registry.push("a", b"0123456789");
        while run.turn(&mut registry.store) {}
        assert_eq!(registry.head(&target).status, 200, "after {turns} turns");
        assert!(told || [200, 307, 404, 503].contains(&run.reply().status));
    }
}
