use core::net::{Ipv4Addr, Ipv6Addr};
use std::collections::VecDeque;

use super::table::ENTRIES_MAX;
use super::*;

/// Twenty and ten at once, and then one every three and ten seconds.
fn rates() -> GuardRates {
    GuardRates {
        address: GuardRate { burst: 20, every: Duration::from_secs(3) },
        user: GuardRate { burst: 10, every: Duration::from_secs(10) },
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn guard() -> Guard {
    Guard::new(rates(), [1; 32])
}

fn ip(number: u32) -> Option<IpAddr> {
    Some(IpAddr::V4(Ipv4Addr::from(number)))
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One wrong guess; whether it was looked at.
fn guess(guard: &mut Guard, address: Option<IpAddr>, user: &str, now: Duration) -> bool {
    match guard.admit(address, user, now) {
        Admission::Go(permit) => {
            guard.failed(permit);
            true
        }
        Admission::Wait | Admission::Slow(_) => false,
    }
}

/// One right attempt; how long it has to wait if it may not go on.
fn log_in(guard: &mut Guard, address: Option<IpAddr>, user: &str, now: Duration) -> Result<(), Duration> {
    match guard.admit(address, user, now) {
        Admission::Go(permit) => {
            guard.succeeded(permit, now);
            Ok(())
        }
        Admission::Wait => panic!("nothing is under way"),
        Admission::Slow(time) => Err(time),
    }
}

/// Numbers that look random and are the same every time.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn failures_of_a_user_are_bounded_wherever_they_come_from() {
    let mut guard = guard();
    let passed = (0..1000).filter(|at| guess(&mut guard, ip(*at), "ci", secs(5))).count();
    assert_eq!(passed, 10);
    assert_eq!(log_in(&mut guard, ip(7777), "ci", secs(5)), Err(secs(10)));
    assert_eq!(log_in(&mut guard, ip(7777), "ci", secs(14)), Err(secs(1)));
    assert_eq!(log_in(&mut guard, ip(7777), "ci", secs(15)), Ok(()));
    // Others are not slowed.
    assert_eq!(log_in(&mut guard, ip(7777), "dev", secs(5)), Ok(()));
}

#[test]
fn failures_from_an_address_are_bounded_whatever_the_names() {
    let mut guard = guard();
    let passed = (0..1000).filter(|at| guess(&mut guard, ip(1), &format!("user-{at}"), secs(5))).count();
    assert_eq!(passed, 20);
    assert_eq!(log_in(&mut guard, ip(1), "ci", secs(5)), Err(secs(3)));
    assert_eq!(log_in(&mut guard, ip(2), "ci", secs(5)), Ok(()));
    // An own account gives nothing back but what it took.
    assert_eq!(log_in(&mut guard, ip(1), "own", secs(8)), Ok(()));
    let passed = (0..10).filter(|at| guess(&mut guard, ip(1), &format!("other-{at}"), secs(8))).count();
    assert_eq!(passed, 1);
}

#[test]
fn an_address_is_a_v4_address_or_a_v6_network() {
    let mut guard = guard();
    let v6 = |text: &str| Some(IpAddr::V6(text.parse::<Ipv6Addr>().unwrap()));
    let count = |guard: &mut Guard, address: &dyn Fn(u32) -> Option<IpAddr>, now| {
        (0..100).filter(|at| guess(guard, address(*at), &format!("{at} of {now:?}"), now)).count()
    };
    assert_eq!(count(&mut guard, &|at| v6(&format!("2001:db8::{at:x}:1")), secs(1)), 20);
    assert_eq!(count(&mut guard, &|at| v6(&format!("2001:db8:0:{at:x}::1")), secs(2)), 99);
    let mapped = |at: u32| if at.is_multiple_of(2) { v6("::ffff:10.0.0.1") } else { ip(0x0a00_0001) };
    assert_eq!(count(&mut guard, &mapped, secs(3)), 20);
    assert_eq!(count(&mut guard, &|_| None, secs(4)), 100);
}

#[test]
fn many_at_once_gain_nothing() {
    let mut guard = guard();
    let permits: Vec<_> = (0..1000)
        .filter_map(|_| match guard.admit(ip(1), "ci", secs(1)) {
            Admission::Go(permit) => Some(permit),
            Admission::Wait => None,
            Admission::Slow(_) => panic!("none has failed"),
        })
        .collect();
    assert_eq!(permits.len(), 10);
    for permit in permits {
        guard.failed(permit);
    }
    assert!(matches!(guard.admit(ip(1), "ci", secs(1)), Admission::Slow(_)));
}

#[test]
fn many_right_ones_at_once_all_get_through() {
    let mut guard = guard();
    let (mut left, mut open, mut passed) = (1000, VecDeque::new(), 0);
    // Nine have failed.
    assert_eq!((0..9).filter(|_| guess(&mut guard, ip(2), "ci", secs(1))).count(), 9);
    while passed < 1000 {
        match (left > 0).then(|| guard.admit(ip(1), "ci", secs(1))) {
            Some(Admission::Go(permit)) => {
                left -= 1;
                open.push_back(permit);
            }
            Some(Admission::Slow(time)) => panic!("slowed for {time:?}"),
            Some(Admission::Wait) | None => {
                guard.succeeded(open.pop_front().expect("waits for one of them"), secs(1));
                passed += 1;
            }
        }
    }
    assert!(guess(&mut guard, ip(3), "ci", secs(1)), "nothing is left of them");
}

#[test]
fn who_was_right_is_not_locked_out_by_others() {
    let mut guard = guard();
    assert_eq!(log_in(&mut guard, ip(1), "ci", secs(1)), Ok(()));
    for at in 0..1000 {
        guess(&mut guard, ip(100 + at), "ci", secs(2));
        guess(&mut guard, ip(1), &format!("user-{at}"), secs(2));
    }
    assert!(log_in(&mut guard, ip(2), "ci", secs(2)).is_err());
    assert!(log_in(&mut guard, ip(1), "dev", secs(2)).is_err());
    assert_eq!(log_in(&mut guard, ip(1), "ci", secs(2)), Ok(()));
    // The own failures count, and are not forgiven by being right in between.
    assert_eq!((0..100).filter(|_| guess(&mut guard, ip(1), "ci", secs(3))).count(), 10);
    assert_eq!(log_in(&mut guard, ip(1), "ci", secs(3)), Err(secs(10)));
    assert_eq!(log_in(&mut guard, ip(1), "ci", secs(13)), Ok(()));
    assert_eq!((0..100).filter(|_| guess(&mut guard, ip(1), "ci", secs(13))).count(), 1);
}

#[test]
fn trust_ends_after_a_day() {
    let mut guard = guard();
    assert_eq!(log_in(&mut guard, ip(1), "ci", secs(1)), Ok(()));
    let attempt = |now| {
        let mut guard = guard.clone();
        assert_eq!((0..100).filter(|at| guess(&mut guard, ip(100 + at), "ci", now)).count(), 10);
        log_in(&mut guard, ip(1), "ci", now)
    };
    assert_eq!(attempt(DAY), Ok(()));
    assert_eq!(attempt(secs(1) + DAY), Err(secs(10)));
}

#[test]
fn an_attempt_that_was_not_looked_at_leaves_nothing() {
    let mut guard = guard();
    for _ in 0..1000 {
        let Admission::Go(permit) = guard.admit(ip(1), "ci", secs(1)) else { panic!("slowed") };
        guard.withdrawn(permit);
    }
    assert!(!matches!(guard.admit(ip(1), "ci", secs(1)), Admission::Go(permit) if permit.is_trusted()));
}

#[test]
fn the_rate_of_guesses_is_bounded_whatever_the_order() {
    for seed in 0..20 {
        let (mut guard, mut state, mut now) = (guard(), seed, Duration::ZERO);
        let mut failures: [u64; 8] = [0; 8];
        let mut open = Vec::new();
        for _ in 0..20_000 {
            now += Duration::from_millis(random(&mut state) % 200);
            let (address, user) = (random(&mut state) % 4, random(&mut state) % 4);
            match guard.admit(ip(address as u32), &format!("user-{user}"), now) {
                Admission::Go(permit) => open.push((permit, address, user)),
                Admission::Wait => assert!(!open.is_empty()),
                Admission::Slow(time) => assert!(!time.is_zero()),
            }
            while open.len() > (random(&mut state) % 30) as usize {
                let (permit, address, user) = open.swap_remove(random(&mut state) as usize % open.len());
                match random(&mut state) % 10 {
                    0 => guard.withdrawn(permit),
                    _ => {
                        guard.failed(permit);
                        failures[address as usize] += 1;
                        failures[4 + user as usize] += 1;
                    }
                }
            }
        }
        for (at, failures) in failures.into_iter().enumerate() {
            let (burst, every) = if at < 4 { (20, 3) } else { (10, 10) };
            let most = burst + now.as_secs() / every + 1;
            assert!(failures <= most, "seed {seed}: {failures} of {most} at {at}");
            assert!(at < 4 || failures > most / 3, "seed {seed}: {failures} of {most} at {at}");
        }
    }
}

#[test]
fn who_waits_as_long_as_told_gets_through() {
    for seed in 0..20 {
        let (mut guard, mut state, mut now) = (guard(), seed, Duration::ZERO);
        for _ in 0..500 {
            now += Duration::from_millis(random(&mut state) % 100);
            let (address, user) = (ip(random(&mut state) as u32 % 4), format!("{}", random(&mut state) % 4));
            guess(&mut guard, address, &user, now);
            let mut patient = guard.clone();
            if let Err(time) = log_in(&mut patient, address, &user, now) {
                assert!(log_in(&mut patient, address, &user, now + time - Duration::from_nanos(1)).is_err());
                assert_eq!(log_in(&mut patient, address, &user, now + time), Ok(()));
            }
        }
    }
}

#[test]
fn a_flood_of_names_and_addresses_does_not_unlock() {
    let mut guard = guard();
    let now = secs(1000);
    assert_eq!((0..100).filter(|at| guess(&mut guard, ip(*at), "ci", now)).count(), 10);
    let mut unlocked = 0;
    let flood = 20 * ENTRIES_MAX as u32;
    for at in 0..flood {
        // So many from each address, so many for each name.
        guess(&mut guard, ip(1_000_000 + at / 4), &format!("user-{}", at / 10), now);
        unlocked += u32::from(guess(&mut guard, ip(u32::MAX - at), "ci", now));
        for table in [&guard.addresses, &guard.users] {
            assert!(table.find(0).is_none());
        }
    }
    assert!(unlocked <= flood / ENTRIES_MAX as u32, "{unlocked} more guesses");
    // Who comes for the first time has at least one attempt.
    assert_eq!(log_in(&mut guard, ip(3), "new", now), Ok(()));
    // And it is over when the flood is.
    assert_eq!((0..100).filter(|_| guess(&mut guard, ip(4), "newer", now + secs(200))).count(), 10);
}

#[test]
fn any_rates_and_times_will_do() {
    for (burst, every) in [(0, 0), (0, u64::MAX), (u32::MAX, u64::MAX), (u32::MAX, 0), (1, 1)] {
        let rate = GuardRate { burst, every: secs(every) };
        let mut guard = Guard::new(GuardRates { address: rate, user: rate }, [0; 32]);
        for now in [Duration::ZERO, secs(5), Duration::MAX, secs(1)] {
            guess(&mut guard, ip(1), "ci", now);
            guess(&mut guard, None, "", now);
        }
    }
    let rate = GuardRate { burst: 0, every: secs(1) };
    let mut strict = Guard::new(GuardRates { address: rate, user: rate }, [0; 32]);
    assert_eq!((0..9).filter(|_| guess(&mut strict, ip(1), "ci", secs(1))).count(), 1);
}

#[test]
fn nothing_is_shown_of_its_key() {
    assert!(!format!("{:?}", guard()).contains("key"));
}

#[test]
fn one_address_alone_cannot_lock_a_user_out() {
    let rates = GuardRates::default();
    assert!(rates.user.burst > rates.address.burst && rates.user.every < rates.address.every);
}
