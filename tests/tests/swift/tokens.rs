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
    // A login that the end of the refused request cut short is made again.
    assert!((1..=2).contains(&logins(&proxy)), "one 401, one login");

    proxy.clear();
    proxy.rule(Rule::new(Action::Status(401, Vec::new())).target("/blobs/").always());
    let answer = repository.ask("GET", &format!("blobs/{}", sha256(&blob))).expect("is answered");
    assert_eq!(answer.status(), 503, "{}", answer.text());
    assert_eq!(answer.head.field("www-authenticate"), None);
    assert!(logins(&proxy) <= 2, "a refused token is no reason to log in for ever");

    proxy.clear();
    assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob));
}
