//! Tokens that expire or are refused in mid-use: no client hears of it.

use std::time::{Duration, Instant};

use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::fault::{Action, FaultProxy, Rule};
use wharfinger_tests::swift::{Options, Swift};

use super::{berth, berth_through, bytes, shared};

fn logins(proxy: &FaultProxy) -> usize {
    proxy.take_log().iter().filter(|exchange| exchange.target.starts_with("/auth/")).count()
}

#[test]
fn a_token_that_expires_in_mid_use_is_replaced_before_anybody_notices() {
    let life = Duration::from_secs(10);
    let swift = Swift::start(&Options { token_life: life, ..Options::default() }).expect("Swift starts");
    let registry = berth(&swift, "expiry").start().expect("the registry starts");
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let repository = Repository::new(registry.address(), &format!("expiry/t{thread}"));
            let registry = &registry;
            scope.spawn(move || {
                let mut round = 0;
                while begun.elapsed() < life * 2 {
                    let blob = bytes(1000 * thread + round, 300_000);
                    let pushed = match round % 2 {
                        0 => repository.push_pieces(&blob, 200_000),
                        _ => repository.push_whole(&blob),
                    };
                    let stored = pushed.and_then(|answer| answer.expect(201));
                    assert!(stored.is_ok(), "{stored:?} after {:?}: {}", begun.elapsed(), registry.log());
                    assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob));
                    round += 1;
                }
            });
        }
    });
}

#[test]
fn a_refused_token_is_replaced_once_for_all_who_need_it() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth_through(&proxy, swift, "refused").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "refused/app");
    let blob = bytes(5, 50_000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    assert_eq!(logins(&proxy), 1);

    proxy.rule(Rule::new(Action::Status(401, Vec::new())).method("GET").target("/blobs/"));
    assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob.clone()));
    assert_eq!(logins(&proxy), 1, "one 401, one login");

    proxy.clear();
    // A streamed segment cannot be sent again; but who tries next has another token.
    proxy.rule(Rule::new(Action::EarlyStatus(401)).method("PUT").target("/segments/"));
    let large = bytes(6, 1_500_000);
    let refused = repository.push_pieces(&large, large.len()).expect("is answered");
    assert_eq!(refused.status(), 503, "{}", refused.text());
    let again = repository.push_pieces(&large, large.len());
    again.and_then(|answer| answer.expect(201)).expect("it is stored");
    assert_eq!(logins(&proxy), 1, "one 401, one login");

    proxy.clear();
    proxy.rule(Rule::new(Action::Status(401, Vec::new())).target("/blobs/").always());
    let answer = repository.ask("GET", &format!("blobs/{}", sha256(&blob))).expect("is answered");
    assert_eq!(answer.status(), 503, "{}", answer.text());
    assert_eq!(answer.head.field("www-authenticate"), None);
    assert!(logins(&proxy) <= 2, "a refused token is no reason to log in for ever");

    proxy.clear();
    assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob));
}

/// Waits for requests for a token that the proxy has seen.
fn wait_for_logins(proxy: &FaultProxy, count: usize) {
    let until = Instant::now() + Duration::from_secs(60);
    let seen = || proxy.log().iter().filter(|exchange| exchange.target.starts_with("/auth/")).count();
    while seen() < count {
        assert!(Instant::now() < until, "nobody logs in");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_that_leaves_does_not_take_the_login_along() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth_through(&proxy, swift, "leaves").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "leaves/app");
    let blob = bytes(7, 1000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    proxy.take_log();
    proxy.rule(Rule::new(Action::Status(401, Vec::new())).target("/links/"));
    proxy.rule(Rule::new(Action::Delay(Duration::from_secs(3))).target("/auth/"));
    let target = format!("/v2/leaves/app/blobs/{}", sha256(&blob));
    let mut leaving = repository.connect().expect("connects");
    leaving.send_head("HEAD", &target, &[]).expect("is sent");
    wait_for_logins(&proxy, 1);
    drop(leaving);
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| assert_eq!(repository.stat(&sha256(&blob)).expect("HEAD"), Some(1000)));
        }
    });
    assert_eq!(logins(&proxy), 1);
}

#[test]
fn at_its_expiry_many_requests_wait_for_one_login_and_before_it_none() {
    let life = Duration::from_secs(20);
    let swift = Swift::start(&Options { token_life: life, ..Options::default() }).expect("Swift starts");
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth_through(&proxy, &swift, "expires").start().expect("the registry starts");
    let started = Instant::now();
    let repository = Repository::new(registry.address(), "expires/app");
    let blob = bytes(8, 1000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    proxy.take_log();

    std::thread::sleep((life + Duration::from_secs(2)).saturating_sub(started.elapsed()));
    proxy.rule(Rule::new(Action::Delay(Duration::from_secs(1))).target("/auth/"));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(repository.stat(&sha256(&blob)).expect("HEAD"), Some(1000)));
        }
    });
    let renewed = Instant::now();
    let log = proxy.take_log();
    let got = log.iter().filter(|exchange| exchange.target.starts_with("/auth/")).count();
    assert_eq!(got, 1, "{log:?}");
    assert!(log.iter().all(|exchange| exchange.status == Some(200)), "{log:?}");

    // When four fifths of the new one are over another is got, and nobody waits for it.
    proxy.clear();
    proxy.rule(Rule::new(Action::Delay(Duration::from_secs(2))).target("/auth/"));
    std::thread::sleep((life * 4 / 5 + Duration::from_millis(500)).saturating_sub(renewed.elapsed()));
    assert_eq!(repository.stat(&sha256(&blob)).expect("HEAD"), Some(1000));
    wait_for_logins(&proxy, 1);
    let pending = |exchange: &wharfinger_tests::swift::fault::Exchange| {
        exchange.target.starts_with("/auth/") && exchange.status.is_none()
    };
    assert!(proxy.log().iter().any(pending), "the request waited for the login");
}
