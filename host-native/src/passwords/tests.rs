use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_lite::future;
use wharfinger_core::access::{Argon2Cost, GuardRate, HashKind, PasswordRecord, Users, hash_password};
use wharfinger_core::swift::SecretText;

use super::*;

/// Twenty and ten at once, and then one every three and ten seconds.
fn rates() -> GuardRates {
    GuardRates {
        address: GuardRate { burst: 20, every: Duration::from_secs(3) },
        user: GuardRate { burst: 10, every: Duration::from_secs(10) },
    }
}

/// As a hash of the default cost in a build for release, or slower.
const COST: Argon2Cost = Argon2Cost { memory_kib: 8192, passes: 1, lanes: 1 };

fn users(cost: Argon2Cost) -> Users {
    let record = |password: &str| {
        let hash = hash_password(password, HashKind::Argon2id(cost), [7; 16]).unwrap();
        PasswordRecord::parse(&hash).unwrap()
    };
    Users::new([("ci".into(), record("right")), ("dev".into(), record("other"))], b"key").unwrap()
}

fn cheap() -> Users {
    users(Argon2Cost { memory_kib: 1024, passes: 1, lanes: 1 })
}

fn ip(last: u8) -> Option<IpAddr> {
    Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)))
}

fn check(users: &Users, user: &str, password: &str) -> PasswordCheck {
    users.check(user, SecretText::new(password))
}

/// The verdicts of all, asked for at once.
async fn all_at_once(
    checks: impl Iterator<Item = impl Future<Output = Verdict> + Send + 'static>,
) -> Vec<Verdict> {
    let executor = smol::Executor::new();
    let tasks: Vec<_> = checks.map(|check| executor.spawn(check)).collect();
    executor
        .run(async {
            let mut verdicts = Vec::new();
            for task in tasks {
                verdicts.push(task.await);
            }
            verdicts
        })
        .await
}

fn count(verdicts: &[Verdict], wanted: fn(&Verdict) -> bool) -> usize {
    verdicts.iter().filter(|verdict| wanted(verdict)).count()
}

fn ask(
    passwords: &Passwords,
    check: PasswordCheck,
    address: Option<IpAddr>,
) -> impl Future<Output = Verdict> + 'static {
    let passwords = passwords.clone();
    async move { passwords.check(check, address).await }
}

#[test]
fn right_is_right_and_wrong_is_wrong() {
    let (users, passwords) = (cheap(), Passwords::start(rates(), 2).unwrap());
    smol::block_on(async {
        for _ in 0..3 {
            assert_eq!(passwords.check(check(&users, "ci", "right"), ip(1)).await, Verdict::Right);
            assert_eq!(passwords.check(check(&users, "dev", "right"), ip(1)).await, Verdict::Wrong);
            assert_eq!(passwords.check(check(&users, "nobody", "right"), ip(1)).await, Verdict::Wrong);
        }
        // A changed password counts at once, whatever was right a moment ago.
        let record = PasswordRecord::parse("new").unwrap();
        let changed = Users::new([("ci".into(), record)], b"key").unwrap();
        assert_eq!(passwords.check(check(&changed, "ci", "right"), ip(1)).await, Verdict::Wrong);
        assert_eq!(passwords.check(check(&changed, "ci", "new"), ip(1)).await, Verdict::Right);
    });
}

#[test]
fn a_thousand_guesses_at_once_are_as_good_as_ten() {
    let (users, passwords) = (cheap(), Passwords::start(rates(), 2).unwrap());
    let guesses = (0..1000).map(|at| ask(&passwords, check(&users, "ci", &format!("guess {at}")), ip(1)));
    let verdicts = smol::block_on(all_at_once(guesses));
    assert_eq!(count(&verdicts, |verdict| matches!(verdict, Verdict::Wrong)), 10);
    assert_eq!(count(&verdicts, |verdict| matches!(verdict, Verdict::Slow(time) if !time.is_zero())), 990);
    // The right one is no exception, or it could be told from the others.
    let last = smol::block_on(passwords.check(check(&users, "ci", "right"), ip(1)));
    assert!(matches!(last, Verdict::Slow(_)), "{last:?}");
}

#[test]
fn what_was_right_a_moment_ago_is_not_found_by_guessing() {
    let (users, passwords) = (cheap(), Passwords::start(rates(), 2).unwrap());
    smol::block_on(async {
        assert_eq!(passwords.check(check(&users, "ci", "right"), ip(1)).await, Verdict::Right);
        for at in 0..10 {
            let guess = check(&users, "ci", &format!("guess {at}"));
            assert_eq!(passwords.check(guess, ip(2)).await, Verdict::Wrong);
        }
        let found = passwords.check(check(&users, "ci", "right"), ip(2)).await;
        assert!(matches!(found, Verdict::Slow(_)), "{found:?}");
        assert_eq!(passwords.check(check(&users, "ci", "right"), ip(1)).await, Verdict::Right);
    });
}

#[test]
fn a_thousand_right_ones_at_once_all_get_through() {
    let (users, passwords) = (cheap(), Passwords::start(rates(), 2).unwrap());
    let logins = (0..1000).map(|_| ask(&passwords, check(&users, "ci", "right"), ip(1)));
    let verdicts = smol::block_on(all_at_once(logins));
    assert_eq!(count(&verdicts, |verdict| *verdict == Verdict::Right), 1000);
}

#[test]
fn whoever_finds_no_place_is_turned_away() {
    let endless = GuardRate { burst: 10_000, every: Duration::from_secs(1) };
    let rates = GuardRates { address: endless, user: endless };
    let (users, passwords) = (users(COST), Passwords::start(rates, 1).unwrap());
    let guesses = (0..500).map(|at| ask(&passwords, check(&users, "ci", &format!("guess {at}")), ip(1)));
    let verdicts = smol::block_on(all_at_once(guesses));
    let (wrong, busy) = (
        count(&verdicts, |verdict| *verdict == Verdict::Wrong),
        count(&verdicts, |verdict| *verdict == Verdict::Busy),
    );
    assert_eq!(wrong + busy, 500);
    assert!(wrong >= JOBS_MAX - JOBS_KEPT && busy > 0, "{wrong} wrong, {busy} turned away");
    // And it is over when they are.
    assert_eq!(smol::block_on(passwords.check(check(&users, "ci", "right"), ip(1))), Verdict::Right);
}

#[test]
fn other_tasks_go_on_while_hashes_run() {
    let (users, passwords) = (users(COST), Passwords::start(rates(), 2).unwrap());
    let over = AtomicBool::new(false);
    let mut turns = 0_u64;
    let hashing = async {
        for at in 0..5 {
            let verdict = passwords.check(check(&users, "ci", &format!("guess {at}")), ip(1)).await;
            assert_eq!(verdict, Verdict::Wrong);
        }
        over.store(true, Ordering::Relaxed);
    };
    // On one thread: a hash on it would be one turn.
    let others = async {
        while !over.load(Ordering::Relaxed) {
            turns += 1;
            future::yield_now().await;
        }
    };
    smol::block_on(future::zip(hashing, others));
    assert!(turns > 1000, "{turns} turns");
}

#[test]
fn who_does_not_wait_for_the_verdict_has_guessed_all_the_same() {
    let (users, passwords) = (users(COST), Passwords::start(rates(), 1).unwrap());
    smol::block_on(async {
        for at in 0..10 {
            let mut guess = Box::pin(ask(&passwords, check(&users, "ci", &format!("guess {at}")), ip(at)));
            assert_eq!(future::poll_once(&mut guess).await, None);
            while passwords.shared.state().begun <= u64::from(at) {
                future::yield_now().await;
            }
        }
        // All have been begun, and who asked is gone.
        let last = passwords.check(check(&users, "ci", "right"), ip(99)).await;
        assert!(matches!(last, Verdict::Slow(_)), "{last:?}");
    });
}

#[test]
fn a_check_that_nobody_waits_for_is_not_begun_and_no_failure() {
    let (passwords, queue) = Passwords::prepare(rates()).unwrap();
    let users = cheap();
    for _ in 0..10 {
        let guess = Box::pin(ask(&passwords, check(&users, "ci", "guess"), ip(1)));
        assert_eq!(smol::block_on(future::poll_once(guess)), None);
    }
    assert_eq!(queue.len(), 10);
    let shared = passwords.shared.clone();
    assert!(matches!(shared.admit(ip(1), "ci", &[0; 32]), Entry::Wait(_)));
    drop(passwords);
    // It ends when the queue is empty.
    work(&shared, &queue);
    assert_eq!(shared.state().begun, 0);
    assert!((0..10).all(|_| matches!(shared.admit(ip(1), "ci", &[0; 32]), Entry::Go(_))));
}

#[test]
fn the_threads_end_with_the_service() {
    let passwords = Passwords::start(rates(), 3).unwrap();
    let shared = Arc::downgrade(&passwords.shared);
    drop(passwords);
    let begun = Instant::now();
    while shared.upgrade().is_some() {
        assert!(begun.elapsed() < Duration::from_secs(20), "threads are left");
        thread::yield_now();
    }
}
