use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use super::{PasswordError, PasswordRecord, UserNameFault, check_user_name};

/// Reads users out of the text of a file that Apache's `htpasswd -B` or `wharfinger user add` has made: one a line, name and
/// hash with a colon between. Empty lines and those that begin with `#` are skipped. They come in the order of the lines.
///
/// # Errors
/// The first line that cannot be read.
pub fn parse_htpasswd(text: &str) -> Result<Vec<(Box<str>, PasswordRecord)>, HtpasswdError> {
    let mut users = Vec::new();
    let mut lines = BTreeMap::new();
    for (line, content) in (1..).zip(text.lines()) {
        let fail = |fault| HtpasswdError { line, fault };
        // Where the file was edited on another system, lines end in a carriage return, and editors leave blanks.
        let content = content.trim_ascii_end();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let (name, hash) = content.split_once(':').ok_or(fail(HtpasswdFault::Colon))?;
        check_user_name(name).map_err(|fault| fail(HtpasswdFault::Name(fault)))?;
        let record = PasswordRecord::parse_hash(hash).map_err(|error| fail(HtpasswdFault::Hash(error)))?;
        let record = record.ok_or(fail(HtpasswdFault::NoHash))?;
        if let Some(first) = lines.insert(name, line) {
            return Err(fail(HtpasswdFault::Twice { first }));
        }
        users.push((name.into(), record));
    }
    Ok(users)
}

/// A line that cannot be read. Shows no hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HtpasswdError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: HtpasswdFault,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HtpasswdFault {
    /// There is no colon behind a name.
    Colon,
    /// Nobody may have the name.
    Name(UserNameFault),
    /// The hash is not taken.
    Hash(PasswordError),
    /// What follows the colon is no hash of a kind that says so: a plain password, or one of crypt of old.
    NoHash,
    /// The name is there already.
    Twice {
        /// In this line.
        first: usize,
    },
}

impl fmt::Display for HtpasswdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.fault {
            HtpasswdFault::Colon => f.write_str("there is no colon between name and hash; mend or remove it"),
            HtpasswdFault::Name(fault) => write!(f, "the user name {fault}"),
            HtpasswdFault::Hash(error) => error.fmt(f),
            HtpasswdFault::NoHash => f.write_str(
                "no argon2id or bcrypt hash follows the name; make the line with `wharfinger user add` or `htpasswd -B`",
            ),
            HtpasswdFault::Twice { first } => {
                write!(f, "the user of line {first} is there again; remove one of the lines")
            }
        }
    }
}

impl Error for HtpasswdError {}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
    const ARGON: &str =
        "$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$3c0ycNEDxOgJhiuRr9xNfvQH/V2UyjGe0ueFCh75FAM";

    #[test]
    fn lines_are_users() {
        let text = format!("# who\r\n\r\nci:{HASH}\r\ndev:{ARGON}  \n  \n#old:{HASH}\nÜ:{HASH}");
        let users = parse_htpasswd(&text).unwrap();
        let names: Vec<&str> = users.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["ci", "dev", "Ü"]);
        assert!(users.iter().all(|(_, record)| record.verify("correct horse") && !record.verify("other")));
        assert_eq!(parse_htpasswd(""), Ok(vec![]));
    }

    #[test]
    fn a_bad_line_is_told_without_its_hash() {
        for (line, fault) in [
            ("secret", HtpasswdFault::Colon),
            (":secret", HtpasswdFault::Name(UserNameFault::Length)),
            ("*:secret", HtpasswdFault::Name(UserNameFault::Reserved)),
            (" ci:secret", HtpasswdFault::Name(UserNameFault::Character)),
            ("dev:", HtpasswdFault::NoHash),
            ("dev:secret", HtpasswdFault::NoHash),
            ("dev:rqXexS6ZhobKA", HtpasswdFault::NoHash),
            ("dev:{SHA}secret", HtpasswdFault::Hash(PasswordError::Scheme { begins: "{SHA" })),
            ("dev:$apr1$secret", HtpasswdFault::Hash(PasswordError::Scheme { begins: "apr1" })),
            ("dev:$secret", HtpasswdFault::Hash(PasswordError::Strange)),
            (&format!("dev:{HASH}:secret"), HtpasswdFault::Hash(PasswordError::BcryptDamaged)),
            (&format!("ci:{ARGON}"), HtpasswdFault::Twice { first: 2 }),
        ] {
            let error = parse_htpasswd(&format!("# first\nci:{HASH}\n\n{line}\n")).unwrap_err();
            assert_eq!(error, HtpasswdError { line: 4, fault }, "{line}");
            let shown = format!("{error} {error:?}");
            assert!(shown.starts_with("line 4: ") && !shown.contains("secret"), "{shown}");
        }
    }
}
