//! Checks passwords, where a request waits for that: nobody else is served by this instance meanwhile.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use wharfinger_core::access::{Admission, Guard, GuardRates, HashMemory, PasswordCheck, Verdict};

/// What this instance knows of passwords: it slows down who guesses, and does not compute again what was right a moment ago.
#[derive(Debug)]
pub struct Passwords {
    guard: RefCell<Guard>,
    /// Random, and never told.
    key: [u8; 32],
    recent: Recent,
    /// It is never given back, so the next hash is made in it, too.
    memory: RefCell<HashMemory>,
}

/// What was right a moment ago, the oldest first. What was wrong is not kept.
#[derive(Default)]
struct Recent(RefCell<VecDeque<([u8; 32], Duration)>>);

impl Passwords {
    /// Knows nobody. `keys` are random.
    pub fn new(rates: GuardRates, keys: [[u8; 32]; 2]) -> Self {
        let [guard, key] = keys;
        let guard = RefCell::new(Guard::new(rates, guard));
        Self { guard, key, recent: Recent::default(), memory: RefCell::default() }
    }

    /// Whether a password is right. `now` goes only forward.
    pub fn check(&self, check: &PasswordCheck, address: Option<IpAddr>, now: Duration) -> Verdict {
        let mut guard = self.guard.borrow_mut();
        let permit = match guard.admit(address, check.user(), now) {
            Admission::Go(permit) => permit,
            // It would depend on another check, and there is never more than one.
            Admission::Wait => return Verdict::Busy,
            Admission::Slow(time) => return Verdict::Slow(time),
        };
        // What was right is asked for only here: otherwise it could be guessed without a limit.
        let print = check.fingerprint(&self.key);
        if !self.recent.holds(&print, now) {
            if !check.run_in(&mut self.memory.borrow_mut()) {
                guard.failed(permit);
                return Verdict::Wrong;
            }
            self.recent.add(print, now);
        }
        guard.succeeded(permit, now);
        Verdict::Right
    }
}

impl Recent {
    fn holds(&self, print: &[u8; 32], now: Duration) -> bool {
        let is_held =
            |(kept, at): &([u8; 32], Duration)| kept == print && now.saturating_sub(*at) < KEPT_TIME;
        self.0.borrow().iter().any(is_held)
    }

    fn add(&self, print: [u8; 32], now: Duration) {
        let mut kept = self.0.borrow_mut();
        kept.retain(|(other, _)| *other != print);
        kept.push_back((print, now));
        if kept.len() > KEPT_MAX {
            kept.pop_front();
        }
    }
}

impl std::fmt::Debug for Recent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recent(..)")
    }
}

const KEPT_TIME: Duration = Duration::from_secs(60);

const KEPT_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use wharfinger_core::access::{GuardRate, PasswordRecord, Users};
    use wharfinger_core::swift::SecretText;

    fn passwords() -> Passwords {
        let rate = GuardRate { burst: 3, every: Duration::from_secs(10) };
        Passwords::new(GuardRates { address: rate, user: rate }, [[1; 32], [2; 32]])
    }

    fn check(password: &str) -> PasswordCheck {
        let record = PasswordRecord::parse("right").expect("a password");
        let users = Users::new([("ci".into(), record)], b"key").expect("a user");
        users.check("ci", SecretText::new(password))
    }

    #[test]
    fn who_guesses_is_slowed_down_also_where_the_password_was_right_a_moment_ago() {
        let (passwords, now) = (passwords(), Duration::from_secs(5));
        assert_eq!(passwords.check(&check("right"), None, now), Verdict::Right);
        assert_eq!(passwords.check(&check("right"), None, now), Verdict::Right);
        for _ in 0..3 {
            assert_eq!(passwords.check(&check("wrong"), None, now), Verdict::Wrong);
        }
        for password in ["wrong", "right"] {
            let verdict = passwords.check(&check(password), None, now);
            assert!(matches!(verdict, Verdict::Slow(_)), "{verdict:?}");
        }
        let later = now + Duration::from_secs(11);
        assert_eq!(passwords.check(&check("right"), None, later), Verdict::Right);
    }

    #[test]
    fn what_is_kept_is_bounded_and_ends() {
        let (recent, now) = (Recent::default(), Duration::from_secs(5));
        for number in 0..=u8::MAX {
            recent.add([number; 32], now);
            recent.add([number; 32], now);
        }
        assert_eq!(recent.0.borrow().len(), KEPT_MAX);
        let kept: Vec<u8> = (0..=u8::MAX).filter(|number| recent.holds(&[*number; 32], now)).collect();
        assert_eq!((kept.len(), kept[0]), (KEPT_MAX, 192));
        assert!(!recent.holds(&[255; 32], now + KEPT_TIME));
        assert!(!format!("{recent:?}").contains("255"));
    }
}
