use std::fmt::{self, Display};

use super::key::write_digest;
use crate::oci::{Digest, Repository};

/// Which names a listing covers. [`Display`] writes the prefix as it stands in the store; that of flows ends in `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Listing {
    /// Every repository that holds a manifest: `manifests/` up to the first `!`.
    Repositories,
    /// The manifests of a repository: rows are `<algorithm>/<hex>`.
    Manifests(Repository),
    /// The blobs of a repository: rows are `<algorithm>/<hex>`.
    Links(Repository),
    /// The tags of a repository: rows are tags.
    Tags(Repository),
    /// The referrers of a manifest: rows are `<algorithm>/<hex>`.
    Referrers(Repository, Digest),
    /// What an operator asks for: rows are the rests of all names that begin so, whatever they are.
    Names {
        /// Where the names begin; empty for all, and not always at a `/`.
        prefix: Box<str>,
        /// Whether names that go on behind a `/` after the prefix are rows of their own. Otherwise they are cut behind
        /// it: so a row that ends in `/` stands for what lies below.
        deep: bool,
    },
}

impl Listing {
    /// The character at which names are cut, so that all that goes on alike makes one row; `None` lists every object.
    pub fn delimiter(&self) -> Option<char> {
        match self {
            Self::Repositories => Some('!'),
            Self::Names { deep: false, .. } => Some('/'),
            Self::Manifests(_)
            | Self::Links(_)
            | Self::Tags(_)
            | Self::Referrers(..)
            | Self::Names { deep: true, .. } => None,
        }
    }

    /// What a name (without the prefix) is cut to; `None` if it is a row of its own.
    pub fn cut<'n>(&self, name: &'n str) -> Option<&'n str> {
        let at = name.find(self.delimiter()?)?;
        Some(match self {
            // A name may go on with less than a `/`: only what ends in it has its place in the order.
            Self::Names { .. } => &name[..=at],
            Self::Repositories
            | Self::Manifests(_)
            | Self::Links(_)
            | Self::Tags(_)
            | Self::Referrers(..) => &name[..at],
        })
    }
}

impl Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repositories => f.write_str("manifests/"),
            Self::Manifests(repository) => write!(f, "manifests/{repository}!/"),
            Self::Links(repository) => write!(f, "links/{repository}!/"),
            Self::Tags(repository) => write!(f, "tags/{repository}!/"),
            Self::Referrers(repository, subject) => {
                write!(f, "referrers/{repository}!/")?;
                write_digest(f, subject)?;
                f.write_str("/")
            }
            Self::Names { prefix, .. } => f.write_str(prefix),
        }
    }
}

/// One row of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// The name without the listing's prefix, as [`Listing::cut`] leaves it.
    pub name: Box<str>,
    /// The size of the object in bytes; 0 where a delimiter cut the name.
    pub size: u64,
    /// When it was written or touched, in seconds since 1970 by the clock of the store; `None` where a delimiter cut the
    /// name, or the store does not tell.
    pub written: Option<u64>,
}
