//! A Swift that fails for all is not asked more and more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Connection;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::fault::{Action, FaultProxy, Rule};

use super::{berth_through, bytes, shared};

const CALLS: usize = 1000;

#[test]
fn retries_stay_within_the_budget_of_the_process() {
    let proxy = FaultProxy::start(shared().proxy()).expect("the proxy starts");
    let berth = berth_through(&proxy, shared(), "budget");
    let registry = berth.with("  limits: {retries-per-second: 2}\n").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "budget/app");
    let blob = bytes(1, 1000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    // One failure is not noticed.
    let target = format!("/v2/budget/app/blobs/{}", sha256(&blob));
    let down = || Rule::new(Action::Status(503, Vec::new())).target("/links/");
    proxy.rule(down());
    assert_eq!(repository.stat(&sha256(&blob)).expect("HEAD"), Some(1000));

    proxy.clear();
    proxy.rule(down().always());
    proxy.take_log();
    let begun = Instant::now();
    let left = AtomicUsize::new(CALLS);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut connection = Connection::open(registry.address()).expect("connects");
                let take = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    let answer = connection.request("HEAD", &target, &[], b"").expect("is answered");
                    assert_eq!(answer.status(), 503);
                    assert!(answer.head.field("retry-after").is_some());
                }
            });
        }
    });
    let seconds = begun.elapsed().as_secs() as usize + 1;
    let tries = proxy.take_log().len();
    // What a thousand calls and ten seconds give may have been saved up before.
    let most = CALLS + CALLS / 10 + (1000 / 10 + 2 * 10) + 2 * seconds;
    assert!((CALLS + CALLS / 10..=most).contains(&tries), "{tries} tries of {CALLS} calls, {seconds} s");

    proxy.clear();
    assert_eq!(repository.stat(&sha256(&blob)).expect("HEAD"), Some(1000));
}

#[test]
fn a_swift_that_wants_more_time_than_there_is_is_not_waited_for() {
    let proxy = FaultProxy::start(shared().proxy()).expect("the proxy starts");
    let berth = berth_through(&proxy, shared(), "retry-after");
    let registry = berth.with("  limits: {retry-seconds: 5}\n").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "retry-after/app");
    let blob = bytes(1, 1000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    for (seconds, status) in [("1", 200), ("30", 503)] {
        let busy = Action::Status(503, vec![("Retry-After", seconds.to_owned())]);
        proxy.rule(Rule::new(busy).target("/links/"));
        let begun = Instant::now();
        let answer = repository.ask("HEAD", &format!("blobs/{}", sha256(&blob))).expect("is answered");
        assert_eq!(answer.status(), status);
        if status == 200 {
            assert!(begun.elapsed().as_secs() >= 1, "it came back too early");
        } else {
            assert_eq!(answer.head.field("retry-after"), Some(seconds));
            assert!(begun.elapsed().as_secs() < 25, "it was waited for");
        }
        proxy.clear();
    }
}
