use std::error::Error;
use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{PasswordCheck, PasswordRecord};
use crate::swift::SecretText;

/// The users that have passwords.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Users {
    /// In the order of the names.
    users: Vec<User>,
    /// What is verified for names that are none.
    decoys: Vec<Arc<PasswordRecord>>,
    /// Made of the key of the registry, and good for decoys alone.
    key: DecoyKey,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// The name, which no other user has.
    pub name: Box<str>,
    /// What the user logs in with.
    pub record: Arc<PasswordRecord>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct DecoyKey([u8; 32]);

impl Users {
    /// Users of these names. `key` is a secret of the registry that changes rarely: which decoy stands for a name depends on it.
    ///
    /// # Errors
    /// A name that nobody may have, or that two have; too many users.
    pub fn new(
        users: impl IntoIterator<Item = (Box<str>, PasswordRecord)>,
        key: &[u8],
    ) -> Result<Self, UsersError> {
        let mut found = Vec::new();
        for (name, record) in users {
            if let Err(fault) = check_user_name(&name) {
                return Err(UsersError::Name { name, fault });
            }
            if found.len() == USERS_MAX {
                return Err(UsersError::TooMany);
            }
            found.push(User { name, record: Arc::new(record) });
        }
        found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        if let Some(pair) = found.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(UsersError::Twice { name: pair[0].name.clone() });
        }
        let mut decoys: Vec<_> = found.iter().map(|user| user.record.clone()).collect();
        if decoys.is_empty() {
            // Where nobody has a password, no name stands out.
            decoys.extend(PasswordRecord::parse("*").map(Arc::new).ok());
        }
        let key = DecoyKey(digest(key, b"wharfinger decoys 1"));
        Ok(Self { users: found, decoys, key })
    }

    /// The user of a name.
    pub fn find(&self, name: &str) -> Option<&User> {
        let at = self.users.binary_search_by(|user| (*user.name).cmp(name));
        at.ok().map(|at| &self.users[at])
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The names, in the order of their bytes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.users.iter().map(|user| &*user.name)
    }

    /// What has to be checked before whoever says to be `name` is believed. For a name that nobody has, it is as much work as
    /// for one of the users, and always the same one, so that nobody learns from the time it takes which names there are.
    pub fn check(&self, name: &str, password: SecretText) -> PasswordCheck {
        match self.find(name) {
            Some(user) => PasswordCheck::new(name, user.record.clone(), true, password),
            None => PasswordCheck::new(name, self.decoy(name), false, password),
        }
    }

    fn decoy(&self, name: &str) -> Arc<PasswordRecord> {
        let digest = digest(&self.key.0, name.as_bytes());
        let number = digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        let at = number % self.decoys.len() as u64;
        self.decoys[at as usize].clone()
    }
}

impl fmt::Debug for DecoyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecoyKey(..)")
    }
}

/// Why there cannot be these users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsersError {
    /// A name that nobody may have.
    Name {
        /// The name.
        name: Box<str>,
        /// What is wrong with it.
        fault: UserNameFault,
    },
    /// Two users of one name.
    Twice {
        /// The name.
        name: Box<str>,
    },
    /// More than 10,000 users.
    TooMany,
}

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, fault } => write!(f, "the user name {name:?} {fault}"),
            Self::Twice { name } => write!(f, "the user {name:?} is there twice; remove one"),
            Self::TooMany => {
                write!(f, "there are more than {USERS_MAX} users; let an issuer of tokens keep them")
            }
        }
    }
}

impl Error for UsersError {}

/// Why a name cannot be a user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserNameFault {
    /// It has no or too many bytes.
    Length,
    /// It begins with `#`, or holds a colon, a blank or a control character.
    Character,
    /// It means others than one user.
    Reserved,
}

impl fmt::Display for UserNameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "must have 1 to {NAME_BYTES_MAX} bytes; choose another"),
            Self::Character => f.write_str(
                "must not begin with # or hold colons, blanks or control characters; choose another",
            ),
            Self::Reserved => f.write_str("has a meaning of its own in rules; choose another"),
        }
    }
}

impl Error for UserNameFault {}

/// Whether a user may have this name.
///
/// # Errors
/// What is wrong with it.
pub fn check_user_name(name: &str) -> Result<(), UserNameFault> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(UserNameFault::Length);
    }
    let unfit = name.chars().any(|character| {
        character == ':'
            || character.is_whitespace()
            || character.is_control()
            || INVISIBLE.contains(&character)
    });
    // In files of users, such a line is a comment.
    if unfit || name.starts_with('#') {
        return Err(UserNameFault::Character);
    }
    if RESERVED.contains(&name) {
        return Err(UserNameFault::Reserved);
    }
    Ok(())
}

fn digest(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

const NAME_BYTES_MAX: usize = 128;

const USERS_MAX: usize = 10_000;

const RESERVED: [&str; 2] = ["anonymous", "*"];

/// Marks that turn or join what stands around them: two names could look alike.
const INVISIBLE: [char; 15] = [
    '\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}',
    '\u{202d}', '\u{202e}', '\u{2060}', '\u{2066}', '\u{2069}', '\u{feff}',
];

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> PasswordRecord {
        PasswordRecord::parse(text).unwrap()
    }

    fn users(names: &[&str]) -> Result<Users, UsersError> {
        Users::new(
            names.iter().map(|name| ((*name).into(), record(if name.is_empty() { "x" } else { name }))),
            b"key",
        )
    }

    #[test]
    fn a_user_is_right_with_the_own_password_alone() {
        let users = users(&["ci", "dev", "zuul@example.org", "Übung"]).unwrap();
        assert_eq!(users.names().collect::<Vec<_>>(), ["ci", "dev", "zuul@example.org", "Übung"]);
        for name in users.names() {
            for password in users.names().chain(["", "other"]) {
                let check = users.check(name, SecretText::new(password));
                assert_eq!(check.run(), name == password, "{name} with {password}");
            }
        }
        assert!(users.find("CI").is_none() && users.find("ci").is_some());
    }

    #[test]
    fn an_unknown_name_is_never_right_and_acts_as_one_user() {
        let users = users(&["ci", "dev", "ops"]).unwrap();
        let mut stands_for = std::collections::BTreeSet::new();
        for at in 0..100 {
            let name = format!("nobody-{at}");
            let decoy = users.decoy(&name);
            assert_eq!(decoy, users.decoy(&name));
            for real in users.names() {
                assert!(!users.check(&name, SecretText::new(real)).run());
            }
            stands_for.extend(users.names().filter(|real| decoy.verify(real)));
        }
        assert_eq!(stands_for.len(), 3);
        let other =
            Users::new([("ci".into(), record("ci")), ("dev".into(), record("dev"))], b"other").unwrap();
        assert_ne!(other.key, users.key);
    }

    #[test]
    fn without_users_nobody_is_right() {
        let users = users(&[]).unwrap();
        assert!(users.is_empty());
        assert!(!users.check("ci", SecretText::new("*")).run());
    }

    #[test]
    fn names_have_bounds() {
        for good in ["a", "robot$ci", "a/b", "-", "**", "Anonymous", &"x".repeat(128), "日本"] {
            assert_eq!(check_user_name(good), Ok(()), "{good}");
        }
        for (bad, fault) in [
            ("", UserNameFault::Length),
            (&*"x".repeat(129), UserNameFault::Length),
            ("a:b", UserNameFault::Character),
            ("a b", UserNameFault::Character),
            ("#a", UserNameFault::Character),
            ("a\n", UserNameFault::Character),
            ("a\u{7f}", UserNameFault::Character),
            ("a\u{85}", UserNameFault::Character),
            ("a\u{202e}", UserNameFault::Character),
            ("anonymous", UserNameFault::Reserved),
            ("*", UserNameFault::Reserved),
        ] {
            assert_eq!(check_user_name(bad), Err(fault), "{bad:?}");
            assert_eq!(users(&[bad]), Err(UsersError::Name { name: bad.into(), fault }));
        }
        assert_eq!(users(&["a", "b", "a"]), Err(UsersError::Twice { name: "a".into() }));
        let many = (0..=USERS_MAX).map(|at| (format!("user-{at}").into(), record("x")));
        assert_eq!(Users::new(many, b"key"), Err(UsersError::TooMany));
    }
}
