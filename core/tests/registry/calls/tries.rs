use std::time::Duration;

use crate::support::{Body, Registry, Trouble, sha256};
use wharfinger_core::exchange::{Input, Output};
use wharfinger_core::store::{Fault, Reply as StoreReply};

const UNAVAILABLE: Trouble = Trouble::Answer(StoreReply::Unavailable { retry_after: None });

/// A registry with a tag, whose reads have these troubles; what became of a read.
fn read(troubles: Vec<Trouble>) -> crate::support::Reply {
    let mut registry = Registry::new();
    registry.push_image("a", "v1", "image");
    registry.store.trouble("Read tag", troubles);
    registry.get("/v2/a/manifests/v1")
}

#[test]
fn a_token_that_is_not_taken_says_nothing_of_rights() {
    let fields = |reply: &crate::support::Reply| reply.field("retry-after").map(str::to_owned);
    // Once, another token helps.
    let reply = read(vec![Trouble::Status(401)]);
    assert_eq!((reply.status, reply.ops.len()), (200, 2));
    let mut registry = Registry::new();
    registry.push_image("a", "v1", "image");
    let digest = registry.push("a", b"old");
    registry.store.age(registry.config.limits.grace_seconds);
    for (label, method, target) in [
        ("Read tag", "GET", "/v2/a/manifests/v1".to_owned()),
        ("Touch blob", "HEAD", format!("/v2/a/blobs/{digest}")),
        ("Touch link", "HEAD", format!("/v2/a/blobs/{digest}")),
        ("Write blob", "POST", format!("/v2/a/blobs/uploads/?digest={}", sha256(b"new"))),
    ] {
        registry.store.trouble(label, vec![Trouble::Status(401); 2]);
        let reply = registry.send(method, &target, &[], b"new");
        assert_eq!((reply.status, fields(&reply).as_deref()), (503, Some("5")), "{label}");
        if method != "HEAD" {
            assert!(!reply.text().contains("does not permit"), "{}", reply.text());
        }
        assert!(registry.store.is_calm(), "{label}: twice");
    }
    // Without the right to write, content that stands is believed in.
    registry.store.trouble("Touch blob", [Trouble::Status(403)]);
    assert_eq!(registry.head(&format!("/v2/a/blobs/{digest}")).status, 200);
}

#[test]
fn rests_between_tries_grow() {
    for (troubles, rests) in [
        (vec![UNAVAILABLE], 100),
        (vec![UNAVAILABLE; 2], 100 + 200),
        (vec![UNAVAILABLE; 3], 100 + 200 + 400),
        (vec![Trouble::Fails(Fault::Unreachable), Trouble::Fails(Fault::Broken), Trouble::Short(3)], 700),
        // A store that says when is given the time.
        (vec![Trouble::Answer(StoreReply::Unavailable { retry_after: Some(3) })], 3_000),
        (vec![Trouble::Answer(StoreReply::Unavailable { retry_after: Some(59) })], 59_000),
        // One that never answers is given up after the time limit.
        (vec![Trouble::Silent], 30_000 + 100),
    ] {
        let tries = troubles.len() + 1;
        let reply = read(troubles.clone());
        assert_eq!((reply.status, reply.ops.len()), (200, tries), "{troubles:?}");
        assert_eq!(reply.slept, Duration::from_millis(rests), "{troubles:?}");
    }
}

#[test]
fn the_fourth_failure_is_the_last() {
    for trouble in [UNAVAILABLE, Trouble::Fails(Fault::Late), Trouble::Short(3)] {
        let reply = read(vec![trouble.clone(); 4]);
        assert_eq!(reply.refusal(), (503, "UNAVAILABLE".to_owned()), "{trouble:?}");
        assert_eq!(reply.ops.len(), 4);
    }
}

#[test]
fn a_rest_is_a_range_for_the_host_to_pick_from() {
    let reply = read(vec![UNAVAILABLE; 3]);
    let mut rests = Vec::new();
    for output in &reply.outputs {
        if let Output::Sleep { within, .. } = output
            && within.start() != within.end()
        {
            rests.push((within.start().as_millis(), within.end().as_millis()));
        }
    }
    assert_eq!(rests, [(100, 200), (200, 400), (400, 800)]);
}

#[test]
fn a_call_that_is_given_up_is_aborted() {
    let aborts =
        |outputs: &[Output]| outputs.iter().filter(|output| matches!(output, Output::Abort { .. })).count();
    assert_eq!(aborts(&read(vec![]).outputs), 0);
    assert_eq!(aborts(&read(vec![UNAVAILABLE]).outputs), 0);
    assert_eq!(aborts(&read(vec![Trouble::Silent]).outputs), 1);
    assert_eq!(aborts(&read(vec![Trouble::Late(3)]).outputs), 1);
    // The answer is bad, and the body still leaves.
    let mut registry = Registry::new();
    let location = registry.begin("a");
    for reply in [StoreReply::Full, StoreReply::Unavailable { retry_after: None }] {
        registry.store.trouble("Write segment", [Trouble::Early(reply)]);
        let reply = registry.send("PATCH", &location, &[], b"bytes");
        assert_eq!(aborts(&reply.outputs), 1);
        assert!(matches!(reply.outputs[2], Output::Abort { .. }), "before the reply: {:?}", reply.outputs);
    }
}

#[test]
fn the_timer_of_an_earlier_segment_does_not_end_a_later_one() {
    let mut registry = Registry::new();
    registry.config.limits.segment_bytes_max = 4;
    let location = registry.begin("a");
    let mut run = registry.start("PATCH", &location, &[], Body::chunked(b"01234567"));
    while run.reply().ops.len() < 2 {
        run.step(&mut registry.store);
        run.drain(&mut registry.store);
    }
    // The second segment leaves for as long as it takes; the first one's timer still runs at the host.
    let timers = run.timers();
    assert_eq!(timers.len(), 1);
    let before = run.exchange.clone();
    run.exchange.handle_input(Input::Fired { timer: timers[0] });
    assert!(run.exchange == before);
    while run.turn(&mut registry.store) {}
    assert_eq!(run.reply().status, 202, "{}", run.reply().text());
}
