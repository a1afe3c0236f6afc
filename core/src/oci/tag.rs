//! Tags.

use std::fmt;
use std::sync::Arc;

/// The longest tag, in bytes.
pub const TAG_BYTES_MAX: usize = 128;

/// A human name of a manifest in a repository (distribution-spec, "Pulling manifests", `<reference>` as a tag).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

/// A text is not a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TagError;

impl Tag {
    /// Reads `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    ///
    /// # Errors
    /// Anything else is a [`TagError`].
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let [first, rest @ ..] = text.as_bytes() else { return Err(TagError) };
        let fits = word(*first) && rest.iter().all(|b| word(*b) || matches!(b, b'.' | b'-'));
        if fits && text.len() <= TAG_BYTES_MAX { Ok(Self(text.into())) } else { Err(TagError) }
    }

    /// The tag as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        Self::parse(text)
    }
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a tag has 1 to {TAG_BYTES_MAX} letters, digits, _ . or -, and begins with none of . and -; choose another"
        )
    }
}

impl std::error::Error for TagError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_the_grammar_are_kept() {
        let long = "A".repeat(TAG_BYTES_MAX);
        let fallback = format!("sha256-{}", "0".repeat(64));
        for text in [
            "a",
            "latest",
            "1.0.0",
            "_",
            "__",
            "_a-b.c",
            "V2",
            "a..b",
            "a-",
            "a.",
            "1.0_build",
            &long,
            &fallback,
        ] {
            let tag = Tag::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((tag.as_str(), tag.to_string()), (text, text.to_owned()));
        }
    }

    #[test]
    fn all_others_are_refused() {
        for text in [
            "", ".", "..", "-", ".a", "-a", "a b", "a/b", "a:b", "a@b", "a+b", "é", "a\0", "a\n", "a%20",
            "!", "a!", "a?",
        ] {
            assert_eq!(Tag::parse(text), Err(TagError), "{text:?}");
        }
        assert_eq!(Tag::parse(&"a".repeat(TAG_BYTES_MAX + 1)), Err(TagError));
    }
}
