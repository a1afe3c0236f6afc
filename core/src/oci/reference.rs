//! References to manifests.

use std::fmt;

use super::digest::{Digest, DigestError};
use super::tag::{Tag, TagError};

/// How a request names a manifest: by tag or by digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// A name that can be moved.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

/// Why a text is not a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceError {
    /// It has no colon, so it should be a tag, and is none.
    Tag(TagError),
    /// It has a colon, so it should be a digest, and is none.
    Digest(DigestError),
}

impl Reference {
    /// Reads a digest if there is a colon, else a tag: `sha256-<hex>` stays a tag, as the referrers fall-back needs.
    ///
    /// # Errors
    /// Says which of the two it failed to be.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') {
            Digest::parse(text).map(Self::Digest).map_err(ReferenceError::Digest)
        } else {
            Tag::parse(text).map(Self::Tag).map_err(ReferenceError::Tag)
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(error) => error.fmt(f),
            Self::Digest(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReferenceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_decides() {
        let hex = "0".repeat(64);
        let digest = format!("sha256:{hex}");
        assert_eq!(Reference::parse(&digest), Ok(Reference::Digest(Digest::parse(&digest).unwrap())));
        for tag in ["latest".to_owned(), format!("sha256-{hex}"), "sha256".to_owned()] {
            assert_eq!(Reference::parse(&tag), Ok(Reference::Tag(Tag::parse(&tag).unwrap())));
            assert_eq!(Reference::parse(&tag).unwrap().to_string(), tag);
        }
        for (text, error) in [
            ("", ReferenceError::Tag(TagError)),
            ("a/b", ReferenceError::Tag(TagError)),
            ("sha256:", ReferenceError::Digest(DigestError::Malformed)),
            ("latest@sha256:00", ReferenceError::Digest(DigestError::Malformed)),
            ("md5:00", ReferenceError::Digest(DigestError::UnknownAlgorithm)),
            (":", ReferenceError::Digest(DigestError::Malformed)),
        ] {
            assert_eq!(Reference::parse(text), Err(error), "{text:?}");
        }
    }
}
