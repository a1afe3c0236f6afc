use std::error::Error;
use std::fmt;

use super::argon2id::{LANES, MEMORY_KIB, PASSES};
use super::bcrypt::{COST, PASSWORD_BYTES_MAX};

/// Why a password or its hash is not taken. Shows nothing of either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// There is nothing.
    Empty,
    /// A hash of a kind that is too easily guessed through, or not known here.
    Scheme {
        /// What such hashes begin with.
        begins: &'static str,
    },
    /// It begins with `$` and is no hash.
    Strange,
    /// An argon2i or argon2d hash.
    Argon2Variant,
    /// An argon2id hash of another version than 19.
    Argon2Version,
    /// An argon2id hash whose cost is out of bounds.
    Argon2Cost,
    /// An argon2id hash that is cut or damaged.
    Argon2Damaged,
    /// A bcrypt hash whose cost is out of bounds.
    BcryptCost,
    /// A bcrypt hash that is cut or damaged.
    BcryptDamaged,
    /// bcrypt would look at a part of this password only.
    BcryptPassword,
    /// There is not enough memory to hash.
    Memory,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the password is empty; choose one"),
            Self::Scheme { begins } => {
                let begins =
                    if begins.starts_with('{') { format!("{begins}}}") } else { format!("${begins}$") };
                write!(f, "hashes that begin with {begins} are not supported; {MAKE}")
            }
            Self::Strange => write!(
                f,
                "it begins with $ as hashes do, and is none that is known; {MAKE} (also for a password that begins with $)"
            ),
            Self::Argon2Variant => write!(f, "of argon2, only argon2id is supported; {MAKE}"),
            Self::Argon2Version => write!(f, "of argon2id, only version 19 is supported (v=19); {MAKE}"),
            Self::Argon2Cost => write!(
                f,
                "the cost of argon2id is out of bounds: m (KiB) from {} to {}, t from {} to {}, p from {} to {}; {MAKE}",
                MEMORY_KIB.start(),
                MEMORY_KIB.end(),
                PASSES.start(),
                PASSES.end(),
                LANES.start(),
                LANES.end()
            ),
            Self::Argon2Damaged => write!(f, "the argon2id hash is cut or damaged; copy it again, or {MAKE}"),
            Self::BcryptCost => write!(
                f,
                "the cost of bcrypt is out of bounds: it has two digits, from {:02} to {}; {MAKE}",
                COST.start(),
                COST.end()
            ),
            Self::BcryptDamaged => write!(f, "the bcrypt hash is cut or damaged; copy it again, or {MAKE}"),
            Self::BcryptPassword => write!(
                f,
                "bcrypt takes at most {PASSWORD_BYTES_MAX} bytes and no NUL; choose a shorter password, or argon2id"
            ),
            Self::Memory => f.write_str("there is not enough memory to hash; choose a lower cost"),
        }
    }
}

impl Error for PasswordError {}

const MAKE: &str = "make a new one with `wharfinger user hash`";
