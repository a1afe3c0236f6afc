use std::fmt::{self, Display};

use super::key::write_digest;
use crate::oci::{Digest, Repository};

/// Which names a listing covers. [`Display`] writes the prefix as it stands in the store; it always ends in `/`.
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
}

impl Listing {
    /// The character at which names are cut, so that all that goes on alike makes one row; `None` lists every object.
    pub fn delimiter(&self) -> Option<char> {
        match self {
            Self::Repositories => Some('!'),
            Self::Manifests(_) | Self::Links(_) | Self::Tags(_) | Self::Referrers(..) => None,
        }
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
        }
    }
}

/// One row of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// The name without the listing's prefix; with a delimiter, cut before it.
    pub name: Box<str>,
    /// The size of the object in bytes; 0 where a delimiter cut the name.
    pub size: u64,
}
