//! Bodies that break off at the store's side are read on.

use std::time::Duration;

use crate::support::{Registry, Trouble, content, sha512};
use wharfinger_core::exchange::Outcome;
use wharfinger_core::oci::Digest;
use wharfinger_core::store::{Fault, Reply as StoreReply};

const UNAVAILABLE: Trouble = Trouble::Answer(StoreReply::Unavailable { retry_after: None });

/// A registry whose store tells tags, and a blob of 1,000 bytes.
fn registry() -> (Registry, Vec<u8>, Digest) {
    let mut registry = Registry::new();
    registry.store.etags = true;
    let bytes = content(1000);
    let digest = registry.push("a", &bytes);
    (registry, bytes, digest)
}

#[test]
fn a_whole_blob_is_read_on_from_where_it_broke_off() {
    for at in [0, 1, 500, 999] {
        for trouble in [Trouble::Short(at), Trouble::Late(at)] {
            let (mut registry, bytes, digest) = registry();
            registry.store.trouble("Read blob", [trouble]);
            let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
            assert_eq!((reply.status, reply.outcome), (200, Some(Outcome::Complete)), "{at}");
            assert!(reply.body == bytes, "{at}");
            assert_eq!(reply.ops, ["Read link a", "Read blob", &format!("Read blob {at}-999 of the same")]);
        }
    }
}

#[test]
fn a_range_is_read_on_too_and_more_than_once() {
    let (mut registry, bytes, digest) = registry();
    let target = format!("/v2/a/blobs/{digest}");
    registry.store.trouble("Read blob", [Trouble::Short(30), Trouble::Late(1), Trouble::Short(60)]);
    let reply = registry.send("GET", &target, &[("range", "bytes=100-199")], ());
    assert_eq!((reply.status, reply.outcome), (206, Some(Outcome::Complete)));
    assert_eq!(reply.body, &bytes[100..200]);
    let ranges = ["100-199", "130-199 of the same", "131-199 of the same", "191-199 of the same"];
    assert_eq!(reply.ops[1..], ranges.map(|range| format!("Read blob {range}")));
    // Whoever goes on does not rest longer and longer.
    assert_eq!(reply.slept, Duration::from_millis(300));
}

#[test]
fn every_part_of_several_ranges_is_read_on() {
    let (mut registry, _, digest) = registry();
    let target = format!("/v2/a/blobs/{digest}");
    let fields = [("range", "bytes=0-99,300-399,998-999")];
    let troubles = [Trouble::Short(50), Trouble::Fine, Trouble::Short(0), Trouble::Fine, Trouble::Short(1)];
    registry.store.trouble("Read blob", troubles);
    let reply = registry.send("GET", &target, &fields, ());
    assert_eq!((reply.status, reply.outcome), (206, Some(Outcome::Complete)));
    assert_eq!(
        reply.ops[1..],
        [
            "Read blob 0-99",
            "Read blob 50-99 of the same",
            "Read blob 300-399",
            "Read blob 300-399 of the same",
            "Read blob 998-999",
            "Read blob 999-999 of the same"
        ]
    );
    let whole = registry.send("GET", &target, &fields, ());
    let boundary = |reply: &crate::support::Reply| {
        reply.field("content-type").and_then(|kind| kind.split_once("boundary=")).unwrap().1.to_owned()
    };
    let text = |reply: &crate::support::Reply| {
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        text.replace(&boundary(reply), "-")
    };
    assert_eq!(text(&reply), text(&whole));
}

#[test]
fn a_long_manifest_is_read_on_behind_its_line() {
    let (mut registry, ..) = registry();
    let (manifest, digest) = registry.push_long_image("a", "v1", 40_000);
    let line = registry.store.objects["tags/a!/v1"].bytes.len() - manifest.len();
    for (reference, noun) in [("v1".to_owned(), "tag v1"), (digest.to_string(), "manifest")] {
        for at in [0, 5, manifest.len() - 1] {
            registry.store.trouble(&format!("Read {noun}"), [Trouble::Short(line + at)]);
            let reply = registry.get(&format!("/v2/a/manifests/{reference}"));
            assert_eq!((reply.status, reply.outcome), (200, Some(Outcome::Complete)));
            assert_eq!(reply.body, manifest);
            let last = line + manifest.len() - 1;
            let rest = format!("Read {noun} {}-{last} of the same", line + at);
            assert_eq!(reply.ops, [format!("Read {noun}"), rest]);
        }
    }
}

#[test]
fn what_fails_on_the_way_to_the_rest_is_tried_again() {
    let (mut registry, bytes, digest) = registry();
    let troubles = [Trouble::Short(10), UNAVAILABLE, Trouble::Fails(Fault::Broken), Trouble::Short(5)];
    registry.store.trouble("Read blob", troubles);
    let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!(reply.outcome, Some(Outcome::Complete));
    assert!(reply.body == bytes);
    assert_eq!(reply.ops[4..], ["Read blob 10-999 of the same", "Read blob 15-999 of the same"]);
    assert_eq!(reply.slept, Duration::from_millis(100 + 200 + 400 + 100));
}

#[test]
fn without_progress_four_tries_are_all() {
    let troubles = [
        vec![Trouble::Short(0); 4],
        vec![UNAVAILABLE; 4],
        vec![Trouble::Fails(Fault::Unreachable), Trouble::Short(0), UNAVAILABLE, Trouble::Late(0)],
    ];
    for troubles in troubles {
        let (mut registry, bytes, digest) = registry();
        registry.store.trouble("Read blob", [Trouble::Short(10)]);
        registry.store.trouble("Read blob", troubles);
        let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
        assert_eq!((reply.status, reply.outcome), (200, Some(Outcome::Cut)));
        assert_eq!(reply.body, bytes[..10]);
        assert_eq!(reply.ops.len(), 2 + 3);
    }
}

#[test]
fn a_body_that_always_breaks_off_is_given_up() {
    let (mut registry, bytes, digest) = registry();
    registry.store.trouble("Read blob", vec![Trouble::Short(1); 100]);
    let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!((reply.status, reply.outcome), (200, Some(Outcome::Cut)));
    assert_eq!(reply.body, bytes[..17]);
    assert_eq!(reply.ops.len(), 2 + 16);
}

#[test]
fn of_another_object_no_byte_is_sent() {
    let (mut registry, bytes, digest) = registry();
    let other = content(1001);
    let instead = Trouble::ShortAndOverwritten(400, other[1..].to_vec().into());
    registry.store.trouble("Read blob", [instead]);
    let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!((reply.status, reply.outcome), (200, Some(Outcome::Cut)));
    assert_eq!(reply.body, bytes[..400]);
    assert_eq!(reply.ops.len(), 3);
    // A store that sends it though it was told not to.
    for etag in [None, Some([7; 16])] {
        let (mut registry, bytes, digest) = self::registry();
        let found = wharfinger_core::store::Found { size: 1000, age: 0, etag };
        let lie = Trouble::Answer(StoreReply::Found(found));
        registry.store.trouble("Read blob", [Trouble::Short(400), lie]);
        let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
        assert_eq!((reply.outcome, reply.body), (Some(Outcome::Cut), bytes[..400].to_vec()));
    }
}

#[test]
fn what_is_gone_or_damaged_or_refused_is_cut() {
    for reply in [StoreReply::Missing, StoreReply::Damaged, StoreReply::Refused, StoreReply::Full] {
        let (mut registry, bytes, digest) = registry();
        registry.store.trouble("Read blob", [Trouble::Short(400), Trouble::Answer(reply)]);
        let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
        assert_eq!((reply.outcome, reply.ops.len()), (Some(Outcome::Cut), 3));
        assert_eq!(reply.body, bytes[..400]);
    }
}

#[test]
fn a_store_without_tags_is_not_asked_again() {
    let (mut registry, _, digest) = registry();
    registry.store.etags = false;
    registry.store.trouble("Read blob", [Trouble::Short(400)]);
    let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!((reply.outcome, reply.ops.len()), (Some(Outcome::Cut), 2));
}

#[test]
fn a_client_that_takes_no_more_gets_no_more() {
    let (mut registry, _, digest) = registry();
    registry.host.reply_bytes_max = Some(300);
    let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!((reply.outcome, reply.ops.len()), (Some(Outcome::Cut), 2));
}

#[test]
fn without_a_budget_the_reply_is_cut() {
    let (mut registry, bytes, digest) = registry();
    registry.host.retries = 1;
    registry.store.trouble("Read blob", [Trouble::Short(400), Trouble::Short(100)]);
    let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!((reply.outcome, reply.body), (Some(Outcome::Cut), bytes[..500].to_vec()));
}

#[test]
fn the_time_for_tries_begins_anew_when_a_body_has_gone_on() {
    let (mut registry, bytes, digest) = registry();
    registry.config.limits.retry_time_max = Duration::from_millis(800);
    let round = [Trouble::Short(10), UNAVAILABLE, UNAVAILABLE];
    registry.store.trouble("Read blob", [round.clone(), round.clone(), round].concat());
    let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!((reply.outcome, reply.body), (Some(Outcome::Complete), bytes));
    assert_eq!(reply.slept, Duration::from_millis(3 * 700));

    let (mut registry, bytes, digest) = self::registry();
    registry.config.limits.retry_time_max = Duration::from_secs(20);
    registry.store.trouble("Read blob", [Trouble::Short(10), Trouble::Silent, Trouble::Fine]);
    let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!((reply.outcome, reply.body), (Some(Outcome::Cut), bytes[..10].to_vec()));
}

#[test]
fn segments_that_are_hashed_again_are_read_on() {
    let (mut registry, ..) = registry();
    registry.config.limits.segment_bytes_max = 400;
    let bytes = content(1000);
    let location = registry.begin("a");
    let location = registry.patch(&location, &bytes);
    let troubles = [Trouble::Short(150), Trouble::Short(0), UNAVAILABLE, Trouble::Late(100)];
    registry.store.trouble("Read segment 1", troubles);
    let reply = registry.put(&location, &sha512(&bytes), ());
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(
        reply.ops[..7],
        [
            "Read segment 0",
            "Read segment 1",
            "Read segment 1 150-399 of the same",
            "Read segment 1 150-399 of the same",
            "Read segment 1 150-399 of the same",
            "Read segment 1 250-399 of the same",
            "Read segment 2"
        ]
    );
    let read = registry.get(&format!("/v2/a/blobs/{}", sha512(&bytes)));
    assert_eq!(read.body, bytes);
    // What cannot be read to its end is not published.
    let (mut registry, ..) = self::registry();
    let location = registry.begin("a");
    let location = registry.patch(&location, &bytes);
    registry.store.trouble("Read segment", [Trouble::ShortAndOverwritten(10, content(1001).into())]);
    let reply = registry.put(&location, &sha512(&bytes), ());
    assert_eq!(reply.status, 503, "{}", reply.text());
}
