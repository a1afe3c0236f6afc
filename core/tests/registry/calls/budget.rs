//! What all tries together may take: the budget of the process, and the time of an exchange.

use std::time::Duration;

use crate::support::{Registry, Reply, Trouble};
use wharfinger_core::exchange::{Ask, Exchange, Input, Output, TimerId, Told};
use wharfinger_core::store::{Fault, Reply as StoreReply};

const UNAVAILABLE: Trouble = Trouble::Answer(StoreReply::Unavailable { retry_after: None });

fn after(seconds: u32) -> Trouble {
    Trouble::Answer(StoreReply::Unavailable { retry_after: Some(seconds) })
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.push_image("a", "v1", "image");
    registry
}

fn read(registry: &mut Registry, troubles: Vec<Trouble>) -> Reply {
    registry.store.trouble("Read tag", troubles);
    registry.get("/v2/a/manifests/v1")
}

#[test]
fn what_the_budget_does_not_grant_fails_at_once() {
    for (granted, tries) in [(0, 1), (1, 2), (2, 3)] {
        let mut registry = registry();
        registry.host.retries = granted;
        let reply = read(&mut registry, vec![UNAVAILABLE; 4]);
        assert_eq!(reply.refusal(), (503, "UNAVAILABLE".to_owned()));
        assert_eq!(reply.field("retry-after"), Some("5"));
        assert_eq!(reply.ops.len(), tries);
    }
    let mut registry = registry();
    registry.host.retries = 0;
    assert_eq!(read(&mut registry, vec![after(9)]).field("retry-after"), Some("9"));
}

#[test]
fn a_try_that_is_not_repeated_asks_for_nothing() {
    let mut registry = registry();
    assert!(!asks(&read(&mut registry, vec![])));
    let location = registry.begin("a");
    registry.store.trouble("Write segment", [Trouble::Fails(Fault::Broken)]);
    let reply = registry.send("PATCH", &location, &[], b"bytes");
    assert_eq!(reply.status, 503);
    assert!(!asks(&reply));
}

fn asks(reply: &Reply) -> bool {
    reply.outputs.iter().any(|output| matches!(output, Output::Ask { what: Ask::Retry { .. } }))
}

#[test]
fn after_a_minute_nothing_is_tried_again() {
    // Each is given up after 30 seconds; the time begins with the first failure.
    let reply = read(&mut registry(), vec![Trouble::Silent; 4]);
    assert_eq!(reply.refusal(), (503, "UNAVAILABLE".to_owned()));
    assert_eq!(reply.ops.len(), 3);
    let mut registry = registry();
    registry.config.limits.retry_time_max = Duration::from_millis(350);
    let reply = read(&mut registry, vec![UNAVAILABLE; 4]);
    assert_eq!((reply.status, reply.ops.len()), (503, 3));
}

#[test]
fn who_rests_when_the_time_is_over_fails_then() {
    let mut registry = registry();
    registry.config.limits.retry_time_max = Duration::from_secs(3);
    registry.config.limits.store_time_max = Duration::from_secs(2);
    let reply = read(&mut registry, vec![UNAVAILABLE, Trouble::Silent, after(2)]);
    assert_eq!((reply.status, reply.ops.len()), (503, 3));
    assert_eq!(reply.slept, Duration::from_secs(3));
}

#[test]
fn a_store_that_wants_more_time_than_there_is_is_not_waited_for() {
    for (troubles, tries, told) in [
        (vec![after(61)], 1, "61"),
        (vec![after(u32::MAX)], 1, "4294967295"),
        (vec![after(30), after(30), after(1)], 3, "1"),
        (vec![after(30), after(31)], 2, "31"),
    ] {
        let reply = read(&mut registry(), troubles.clone());
        assert_eq!((reply.status, reply.ops.len()), (503, tries), "{troubles:?}");
        assert_eq!(reply.field("retry-after"), Some(told), "{troubles:?}");
    }
}

#[test]
fn one_timer_runs_for_all_calls_of_an_exchange() {
    let mut registry = registry();
    let manifest = registry.image_of("a", "image");
    registry.store.trouble("Read link", vec![UNAVAILABLE; 2]);
    let reply = registry.send("PUT", "/v2/a/manifests/v2", &[], &manifest);
    assert_eq!(reply.status, 201, "{}", reply.text());
    let last = Exchange::TIMERS_MAX - 1;
    let timers = reply
        .outputs
        .iter()
        .filter(|output| matches!(output, Output::Sleep { timer, .. } if usize::from(timer.slot) == last));
    assert_eq!(timers.count(), 1);
}

#[test]
fn what_fails_when_all_that_failed_has_gone_well_has_a_time_of_its_own() {
    let mut registry = registry();
    let manifest = registry.image_of("a", "image");
    registry.store.trouble("Read link", [Trouble::Silent]);
    registry.store.trouble("Write manifest", vec![Trouble::Silent; 2]);
    let reply = registry.send("PUT", "/v2/a/manifests/v2", &[], &manifest);
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert!(registry.store.is_calm() && reply.slept > Duration::from_secs(90), "{:?}", reply.slept);
}

#[test]
fn the_answer_to_another_question_is_not_taken_for_a_retry() {
    let mut registry = registry();
    let mut run = registry.start("GET", "/v2/a/manifests/v1", &[], ());
    let mut exchange = run.exchange.clone();
    let Output::Send { call, .. } = exchange.poll_output() else { panic!("a call") };
    exchange.handle_input(Input::Failed { call, fault: Fault::Broken });
    let call = loop {
        let output = exchange.poll_output();
        assert_ne!(output, Output::Wait, "it asks");
        if let Output::Ask { what: Ask::Retry { call } } = output {
            break call;
        }
    };
    assert_eq!(exchange.poll_output(), Output::Wait);
    let before = exchange.clone();
    let other = wharfinger_core::exchange::CallId { generation: call.generation.wrapping_add(1), ..call };
    for answer in [Told::Granted, Told::Denied, Told::Retry { call: other, granted: false }] {
        exchange.handle_input(Input::Told { answer: answer.clone() });
        assert!(exchange == before, "{answer:?}");
    }
    // The timer of all retries may run out before the answer: then there is none.
    let timer = TimerId { slot: (Exchange::TIMERS_MAX - 1) as u8, generation: 1 };
    exchange.handle_input(Input::Fired { timer });
    exchange.handle_input(Input::Told { answer: Told::Retry { call, granted: true } });
    assert!(matches!(exchange.poll_output(), Output::Respond { head, .. } if head.status == 503));
    run.leave(&mut registry.store);
}
