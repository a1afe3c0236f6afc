//! Repository names.

use std::fmt;
use std::sync::Arc;

/// The longest repository name, in bytes: a store's path component is the name and a `!`, and file systems end at 255.
pub const REPOSITORY_BYTES_MAX: usize = 254;

/// The name of a repository, such as `library/alpine` (distribution-spec, "Pulling manifests", `<name>`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository(Arc<str>);

/// Why a text is not a repository name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameError {
    /// It breaks the grammar of components and separators, or is empty.
    Malformed,
    /// It is longer than [`REPOSITORY_BYTES_MAX`].
    TooLong,
}

impl Repository {
    /// Reads components of `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, joined by `/`.
    ///
    /// # Errors
    /// Says whether the name is too long or breaks the grammar.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() > REPOSITORY_BYTES_MAX {
            return Err(NameError::TooLong);
        }
        if !text.split('/').all(is_component) {
            return Err(NameError::Malformed);
        }
        Ok(Self(text.into()))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Repository {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str(
                "a repository name is lowercase letters and digits, parted by single . _ / or __ or dashes; rename it",
            ),
            Self::TooLong => {
                write!(f, "a repository name has at most {REPOSITORY_BYTES_MAX} bytes; shorten it")
            }
        }
    }
}

impl std::error::Error for NameError {}

fn is_component(text: &str) -> bool {
    let mut separator: &[u8] = b"";
    let mut start = 0;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => {
                separator = b"";
                start = at + 1;
            }
            b'.' | b'_' | b'-' => {
                separator = &bytes[start..=at];
                // A component cannot begin with a separator, and only some runs of them count as one.
                let is_one = matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-');
                if start == 0 || !is_one {
                    return false;
                }
            }
            _ => return false,
        }
    }
    !bytes.is_empty() && separator.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_grammar_are_kept() {
        let long = "a".repeat(REPOSITORY_BYTES_MAX);
        for name in [
            "a",
            "0",
            "a/b",
            "a/b/c/d",
            "library/alpine",
            "a.b",
            "a_b",
            "a__b",
            "a-b",
            "a--b",
            "a----b",
            "a-b_c.d__e",
            "blobs/uploads",
            "tags/list/manifests",
            "v2/v2",
            &long,
        ] {
            let repository = Repository::parse(name).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(repository.as_str(), name);
            assert_eq!(repository.to_string(), name);
        }
    }

    #[test]
    fn all_others_are_refused() {
        for name in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/..",
            "../a",
            "a/./b",
            "A",
            "aB",
            "a..b",
            "a._b",
            "a_.b",
            "a___b",
            "a-_b",
            "a_-b",
            "-a",
            "a-",
            "_a",
            "a_",
            ".a",
            "a.",
            "a/-b",
            "a b",
            "a%2fb",
            "a!",
            "a:b",
            "a@b",
            "é",
            "a\0",
            "a\n",
            "a\\b",
            "_catalog",
            "a/b/",
            "-",
            "a\u{202e}",
            "a?b",
            "a#b",
            "a-._b",
            "a.__b",
        ] {
            assert_eq!(Repository::parse(name), Err(NameError::Malformed), "{name:?}");
        }
        assert_eq!(Repository::parse(&"a".repeat(REPOSITORY_BYTES_MAX + 1)), Err(NameError::TooLong));
        assert_eq!(Repository::parse(&"/".repeat(70_000)), Err(NameError::TooLong));
    }
}
