mod argon2id;
mod bcrypt;
mod error;

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use self::argon2id::Argon2Record;
use self::bcrypt::BcryptRecord;

pub use self::argon2id::{Argon2Cost, HashMemory};
pub use self::error::PasswordError;

/// What is kept of a user's password. It is never shown.
///
/// An empty password is always wrong. Against a bcrypt hash so is one that is longer than 72 bytes or holds a NUL byte: bcrypt
/// does not tell it from others, which begin alike. A password that is compared with a plain one may be any text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PasswordRecord(Kind);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// The SHA-256 of a password that is known in plain text.
    Plain([u8; 32]),
    Argon2(Argon2Record),
    Bcrypt(BcryptRecord),
}

/// How a new password is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// Argon2id (RFC 9106).
    Argon2id(Argon2Cost),
    /// bcrypt, of 2 to the power of `cost` rounds.
    Bcrypt {
        /// From 4 to 14.
        cost: u8,
    },
}

impl PasswordRecord {
    /// Reads a hash, or a password in plain text: a hash begins with `$`.
    ///
    /// # Errors
    /// An empty text, a hash of another kind, and one that is damaged, too cheap or too expensive to be checked.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        if let Some(hash) = Self::parse_hash(text)? {
            return Ok(hash);
        }
        if text.is_empty() {
            return Err(PasswordError::Empty);
        }
        Ok(Self(Kind::Plain(Sha256::digest(text).into())))
    }

    /// Reads a hash; `None` if it is nothing that looks like one.
    pub(super) fn parse_hash(text: &str) -> Result<Option<Self>, PasswordError> {
        if text.starts_with('{') {
            let scheme = text.split('}').next().unwrap_or_default();
            let known = LDAP_SCHEMES.iter().find(|known| scheme.eq_ignore_ascii_case(known));
            return match known {
                Some(known) => Err(PasswordError::Scheme { begins: known }),
                None => Ok(None),
            };
        }
        let Some(rest) = text.strip_prefix('$') else {
            return Ok(None);
        };
        let (scheme, rest) = rest.split_once('$').ok_or(PasswordError::Strange)?;
        match scheme {
            "argon2id" => Argon2Record::parse(rest).map(|record| Some(Self(Kind::Argon2(record)))),
            "argon2i" | "argon2d" => Err(PasswordError::Argon2Variant),
            "2a" | "2b" | "2y" => BcryptRecord::parse(rest).map(|record| Some(Self(Kind::Bcrypt(record)))),
            other => Err(match CRYPT_SCHEMES.iter().find(|known| **known == other) {
                Some(begins) => PasswordError::Scheme { begins },
                None => PasswordError::Strange,
            }),
        }
    }

    /// Whether this is the password. Takes up to seconds and 256 MiB of memory, as much for a wrong one as for the right one;
    /// without that memory, no password is right.
    pub fn verify(&self, password: &str) -> bool {
        self.verify_in(password, &mut HashMemory::default())
    }

    /// The same, in memory that is kept.
    pub fn verify_in(&self, password: &str, memory: &mut HashMemory) -> bool {
        #[cfg(test)]
        tests::VERIFIED.with(|count| count.set(count.get() + 1));
        let right = match &self.0 {
            Kind::Plain(digest) => <[u8; 32]>::from(Sha256::digest(password)).ct_eq(digest).into(),
            Kind::Argon2(record) => record.verify(password, memory),
            Kind::Bcrypt(record) => record.verify(password),
        };
        right && !password.is_empty()
    }

    /// Whether the password stands in the configuration as it is.
    pub fn is_plain(&self) -> bool {
        matches!(self.0, Kind::Plain(_))
    }

    /// What changes with the password, and tells nothing of it to who has not got the key: for tokens that are good only as
    /// long as the password that they were given for.
    pub fn stamp(&self, key: &[u8]) -> [u8; 16] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(b"wharfinger password 1\0");
        self.feed(&mut |bytes| mac.update(bytes));
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        std::array::from_fn(|at| whole[at])
    }

    /// All that makes this record what it is, as bytes that no other record has.
    fn feed(&self, sink: &mut dyn FnMut(&[u8])) {
        match &self.0 {
            Kind::Plain(digest) => {
                sink(b"plain");
                sink(digest);
            }
            Kind::Argon2(record) => record.feed(sink),
            Kind::Bcrypt(record) => record.feed(sink),
        }
    }
}

impl fmt::Debug for PasswordRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Plain(_) => "PasswordRecord(plain)",
            Kind::Argon2(_) => "PasswordRecord(argon2id)",
            Kind::Bcrypt(_) => "PasswordRecord(bcrypt)",
        })
    }
}

/// Hashes a new password: a text for [`PasswordRecord::parse`]. `salt` is random.
///
/// # Errors
/// A password that is empty, or that bcrypt would not tell from others; a cost out of bounds.
pub fn hash_password(password: &str, kind: HashKind, salt: [u8; 16]) -> Result<String, PasswordError> {
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    match kind {
        HashKind::Argon2id(cost) => argon2id::hash(password, cost, salt),
        HashKind::Bcrypt { cost } => bcrypt::hash(password, cost, salt),
    }
}

impl Default for HashKind {
    fn default() -> Self {
        Self::Argon2id(Argon2Cost::default())
    }
}

/// A number in decimal, without sign, leading zeros or anything else.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// What other hashes begin with, behind a `$`.
const CRYPT_SCHEMES: [&str; 15] = [
    "1",
    "2",
    "2x",
    "3",
    "5",
    "6",
    "7",
    "8",
    "9",
    "apr1",
    "gy",
    "y",
    "pbkdf2-sha256",
    "pbkdf2-sha512",
    "scrypt",
];

const LDAP_SCHEMES: [&str; 8] =
    ["{SHA", "{SSHA", "{SHA256", "{SSHA256", "{SHA512", "{SSHA512", "{CRYPT", "{MD5"];

#[cfg(test)]
mod tests;
