//! What is wrong with a configuration, and where.

use std::fmt;
use std::net::SocketAddr;

/// How many problems of one file are shown.
const SHOWN_MAX: usize = 20;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One thing that is wrong, with what to write in its stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it starts.
    pub place: Place,
    /// The key's path from the top, `registry.limits.head-bytes`; empty if the file as a whole is meant.
    pub path: String,
    /// What was found and what was expected. Never holds a secret.
    pub message: String,
}

/// Why there is no configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The file could not be opened or read.
    Unreadable {
        /// Its name.
        file: String,
        /// What the system said.
        error: String,
    },
    /// The file is larger than any configuration.
    TooLarge {
        /// Its name.
        file: String,
        /// The largest size that is read.
        bytes_max: u64,
    },
    /// The file is not UTF-8.
    NotText {
        /// Its name.
        file: String,
        /// The line of the first byte that is not.
        line: usize,
    },
    /// A directory is named on the command line, and the file stores elsewhere.
    Data {
        /// Its name.
        file: String,
    },
    /// Others than this machine could use a registry without users.
    Exposed {
        /// Where it would listen.
        address: SocketAddr,
    },
    /// There are users, and everybody may do everything.
    LockedAndOpen,
    /// The file says what it cannot say.
    Invalid {
        /// Its name.
        file: String,
        /// All that was found, in the order of the file.
        problems: Vec<Problem>,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(
                    f,
                    "{file}: cannot read the configuration file: {error}; check its name (--config, WHARFINGER_CONFIG) and permissions"
                )
            }
            Self::TooLarge { file, bytes_max } => {
                write!(
                    f,
                    "{file}: larger than {bytes_max} bytes, so it is no configuration file; check --config"
                )
            }
            Self::NotText { file, line } => {
                write!(f, "{file}:{line}: not UTF-8 text; save the file as UTF-8")
            }
            Self::Data { file } => {
                write!(
                    f,
                    "{file}: it says `driver: swift`, which has no directory for --data; leave --data out, or name another configuration file"
                )
            }
            Self::Exposed { address } => {
                write!(
                    f,
                    "without users, everybody who reaches {address} could push and delete; add registry.users (or rules, htpasswd, issuers or client-certificates), or listen on 127.0.0.1, or allow it with --open-to-all (registry.open-to-all: true)"
                )
            }
            Self::LockedAndOpen => f.write_str(
                "the registry is locked by users, rules, htpasswd, issuers or client-certificates, and open-to-all would let in everybody; leave out one of both",
            ),
            Self::Invalid { file, problems } => show_problems(file, problems, f),
        }
    }
}

impl std::error::Error for ConfigError {}

/// One line per problem.
fn show_problems(file: &str, problems: &[Problem], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, Problem { place, path, message }) in problems.iter().take(SHOWN_MAX).enumerate() {
        let end = if index == 0 { "" } else { "\n" };
        write!(f, "{end}{file}:{place}: ")?;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        write!(f, "{message}")?;
    }
    match problems.len().saturating_sub(SHOWN_MAX) {
        0 => Ok(()),
        more => write!(f, "\n{file}: {more} more problems"),
    }
}
