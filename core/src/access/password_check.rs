use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{HashMemory, PasswordRecord};
use crate::swift::SecretText;

/// A password to be checked: pure, but so much work that a host does it where it holds up nobody else.
/// [`Users::check`](super::Users::check) makes one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PasswordCheck {
    user: Box<str>,
    record: Arc<PasswordRecord>,
    /// Whether there is such a user; otherwise the record is another one's.
    known: bool,
    password: SecretText,
}

/// What came of a [`PasswordCheck`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The password is this user's.
    Right,
    /// There is no such user, or it is another password.
    Wrong,
    /// There were too many wrong ones: whatever this one is, it can be tried in so long. 429, with Retry-After.
    Slow(Duration),
    /// Too many are being checked. 503, with Retry-After.
    Busy,
}

impl PasswordCheck {
    pub(super) fn new(user: &str, record: Arc<PasswordRecord>, known: bool, password: SecretText) -> Self {
        Self { user: user.into(), record, known, password }
    }

    /// The name that somebody claims.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether it is the user's password. Takes up to seconds and 256 MiB of memory, as [`PasswordRecord::verify`] does.
    pub fn run(&self) -> bool {
        self.run_in(&mut HashMemory::default())
    }

    /// The same, in memory that is kept.
    pub fn run_in(&self, memory: &mut HashMemory) -> bool {
        // Both are always looked at.
        self.record.verify_in(self.password.expose(), memory) & self.known
    }

    /// What tells this check from all others, for a memory of what was right: nothing can be learned from it without the
    /// key. It changes with the user's record.
    pub fn fingerprint(&self, key: &[u8; 32]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(b"wharfinger check 1\0");
        mac.update(&self.record.stamp(key));
        mac.update(&[u8::from(self.known)]);
        mac.update(&(self.user.len() as u64).to_be_bytes());
        mac.update(self.user.as_bytes());
        mac.update(self.password.expose().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Users;

    #[test]
    fn a_fingerprint_tells_checks_apart() {
        let users = |password: &str| {
            let record = PasswordRecord::parse(password).unwrap();
            Users::new([("ci".into(), record)], b"key").unwrap()
        };
        let print = |password: &str, user: &str, given: &str, key: u8| {
            users(password).check(user, SecretText::new(given)).fingerprint(&[key; 32])
        };
        let prints = [
            print("one", "ci", "one", 1),
            print("two", "ci", "one", 1),
            print("one", "ci", "two", 1),
            print("one", "c", "ione", 1),
            print("one", "c", "one", 1),
            print("one", "ci", "one", 2),
        ];
        for (at, print) in prints.iter().enumerate() {
            assert!(!prints[..at].contains(print), "{at}");
        }
        assert_eq!(prints[0], print("one", "ci", "one", 1));
    }

    #[test]
    fn nothing_is_shown() {
        let record = PasswordRecord::parse("kept").unwrap();
        let check =
            Users::new([("ci".into(), record)], b"key").unwrap().check("ci", SecretText::new("given"));
        let shown = format!("{check:?}");
        assert!(shown.contains("\"ci\"") && !shown.contains("kept") && !shown.contains("given"), "{shown}");
        assert_eq!(check.user(), "ci");
    }
}
