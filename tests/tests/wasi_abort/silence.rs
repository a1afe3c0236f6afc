//! A Swift that refuses early, or says nothing.

use std::time::{Duration, Instant};

use wharfinger_tests::digest::sha256;
use wharfinger_tests::swift::fault::{Action, Rule};

use super::stored::assert_stored;
use super::{Stage, bytes, tries};

/// A time limit for store calls, and one within which a client has to be told of it, with what core adds in retries.
const LIMITS: [(&str, &str); 2] =
    [("WHARFINGER_LIMITS_STORE_SECONDS", "1"), ("WHARFINGER_LIMITS_RETRY_SECONDS", "2")];
const TOLD_WITHIN: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(60);

#[test]
fn what_swift_did_not_store_is_never_told_to_be_stored() {
    let stage = Stage::new("wasi-refusals", &[]);
    let repository = &stage.repository;
    let early = Action::EarlyStatus;
    let status = |status| Action::Status(status, Vec::new());
    let (mut blobs, mut begun) = (Vec::new(), Vec::new());
    for seed in 0..tries() {
        for (number, action) in [
            early(401),
            early(413),
            early(503),
            status(202),
            status(422),
            Action::LostReply,
            Action::Lie503,
            Action::ResetRequest(100_000),
        ]
        .into_iter()
        .enumerate()
        {
            let blob = bytes(100 * seed + number as u64, 1_500_000);
            stage.proxy.rule(Rule::new(action.clone()).method("PUT").target("/segments/"));
            let answer = repository.push_whole(&blob).expect("is answered");
            assert!(answer.status() >= 500, "{action:?} on a segment: {}", answer.status());
            stage.proxy.clear();
            assert_eq!(repository.stat(&sha256(&blob)).expect("HEAD"), None, "{action:?}");
            begun.push(blob);
        }
        let blob = bytes(1_000_000 + seed, 1_500_000);
        repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
        blobs.push(blob);
    }
    assert_stored(&stage, &blobs, &begun);
}

#[test]
fn a_silent_swift_is_given_up_in_time() {
    // A segment that does not fit into the buffers on the way.
    let longer = ("WHARFINGER_LIMITS_SEGMENT_BYTES", "67108864");
    let stage = Stage::new("wasi-silent", &[LIMITS[0], LIMITS[1], longer]);
    let repository = &stage.repository;
    for seed in 0..tries() / 2 {
        for (length, action) in [
            (500_000, Action::Delay(SILENCE)),
            (500_000, Action::DelayReply(SILENCE)),
            (40_000_000, Action::Delay(SILENCE)),
        ] {
            let blob = bytes(seed, length);
            stage.proxy.rule(Rule::new(action.clone()).method("PUT").always());
            let asked = Instant::now();
            let answer = repository.push_whole(&blob).expect("is answered");
            assert!(asked.elapsed() < TOLD_WITHIN, "{action:?}, {length}: {:?}", asked.elapsed());
            assert!(answer.status() >= 500, "{action:?}, {length}: {}", answer.status());
            stage.proxy.clear();
            assert_eq!(repository.stat(&sha256(&blob)).expect("HEAD"), None);
        }
    }
    let blob = bytes(1_000, 100_000);
    // An instance that starts has as little time to log in as any call: as its clients do, it is asked again.
    let begun = Instant::now();
    let answer = loop {
        let answer = repository.push_whole(&blob).expect("is answered");
        if answer.status() != 503 || begun.elapsed() > TOLD_WITHIN {
            break answer;
        }
    };
    answer.expect(201).expect("it is stored");
    stage.proxy.rule(Rule::new(Action::DelayReply(SILENCE)).method("GET").target("/blobs/").always());
    let asked = Instant::now();
    let answer = repository.ask("GET", &format!("blobs/{}", sha256(&blob))).expect("is answered");
    assert_eq!(answer.status(), 503);
    assert!(asked.elapsed() < TOLD_WITHIN);
}

#[test]
fn a_body_that_falls_silent_is_read_on_elsewhere() {
    let stage = Stage::new("wasi-stalls", &LIMITS);
    let repository = &stage.repository;
    let blob = bytes(1, 3_500_000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    for at in [0, 1, 700_000, 3_499_999] {
        stage.proxy.rule(Rule::new(Action::StallResponse(at, SILENCE)).method("GET").target("/blobs/"));
        let asked = Instant::now();
        assert_eq!(repository.read(&sha256(&blob)).expect("GET").as_ref(), Some(&blob), "silent at {at}");
        assert!(asked.elapsed() < TOLD_WITHIN, "{:?}", asked.elapsed());
        stage.proxy.clear();
    }
}
