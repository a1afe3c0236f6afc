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
    let mut names = Vec::new();
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
        names.push((name, line));
        users.push((name.into(), record));
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => {
            Err(HtpasswdError { line: pair[1].1, fault: HtpasswdFault::Twice { first: pair[0].1 } })
        }
        None => Ok(users),
    }
}

/// The text with this hash for a user, in the place of the one that the user has, or at its end. All other lines stay as they
/// are.
///
/// # Errors
/// As of [`parse_htpasswd`], also for what would come of it.
pub fn put_htpasswd(text: &str, name: &str, hash: &str) -> Result<String, HtpasswdError> {
    let next = text.lines().count() + 1;
    check_user_name(name).map_err(|fault| HtpasswdError { line: next, fault: HtpasswdFault::Name(fault) })?;
    let changed = match change(text, name, &format!("{name}:{hash}\n"))? {
        Some(changed) => changed,
        None if text.is_empty() || text.ends_with('\n') => format!("{text}{name}:{hash}\n"),
        None => format!("{text}\n{name}:{hash}\n"),
    };
    parse_htpasswd(&changed)?;
    Ok(changed)
}

/// The text without a user; `None` if there is none of that name. All other lines stay as they are.
///
/// # Errors
/// As of [`parse_htpasswd`].
pub fn remove_htpasswd(text: &str, name: &str) -> Result<Option<String>, HtpasswdError> {
    change(text, name, "")
}

fn change(text: &str, name: &str, line: &str) -> Result<Option<String>, HtpasswdError> {
    let users = parse_htpasswd(text)?;
    let lines = text.split_inclusive('\n').map(|old| match old.split_once(':') {
        Some((other, _)) if other == name => line,
        Some(_) | None => old,
    });
    Ok(users.iter().any(|(other, _)| **other == *name).then(|| lines.collect()))
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
    fn one_user_is_changed_and_the_rest_stays() {
        let text = format!("# ci:\r\n\nci:{HASH}\r\n#ci:x\ndev:{HASH}  \ncider:{HASH}");
        let changed = put_htpasswd(&text, "ci", ARGON).unwrap();
        assert_eq!(changed, format!("# ci:\r\n\nci:{ARGON}\n#ci:x\ndev:{HASH}  \ncider:{HASH}"));
        assert_eq!(put_htpasswd(&text, "new", ARGON).unwrap(), format!("{text}\nnew:{ARGON}\n"));
        assert_eq!(put_htpasswd("", "new", ARGON).unwrap(), format!("new:{ARGON}\n"));
        let removed = remove_htpasswd(&text, "ci").unwrap().unwrap();
        assert_eq!(removed, format!("# ci:\r\n\n#ci:x\ndev:{HASH}  \ncider:{HASH}"));
        assert_eq!(remove_htpasswd(&removed, "ci"), Ok(None));
        for name in ["#ci", "a:b", "", "*", "a\nb"] {
            assert!(put_htpasswd(&text, name, ARGON).is_err(), "{name:?}");
        }
        assert!(put_htpasswd(&text, "ci", "secret").is_err());
        assert!(put_htpasswd("ci\n", "dev", ARGON).is_err() && remove_htpasswd("ci\n", "dev").is_err());
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
