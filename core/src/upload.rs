//! An upload between its requests: all of its state travels in the Location URL, sealed.
//!
//! There is no shared record: nothing to lock, nothing stale, any replica takes any chunk. A chunk that is sent again
//! with an older token simply starts another history of the same upload; what is published is decided by the digest.

mod runs;
mod segments;
mod token;

pub(crate) use runs::{Piece, Planned, plan};
pub use segments::{Segment, Segments, Spill};
pub use token::{Secret, TokenFault};

use std::fmt::{self, Display};

use crate::oci::{Algorithm, Repository};
use crate::transfer::SavedHash;

/// Names an upload for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId([u8; 16]);

impl UploadId {
    /// An upload's name out of 16 random bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Display for UploadId {
    /// In the form of a UUID (RFC 9562, section 4), which clients expect of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

/// Keeps names apart that histories of one upload would otherwise share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce([u8; 8]);

impl Nonce {
    /// A nonce out of 8 random bytes.
    pub fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What is known of an upload between two of its requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upload {
    /// Its name.
    pub id: UploadId,
    /// When its POST came, in seconds of Unix time; never renewed.
    pub started: u64,
    /// The repository that it goes to.
    pub repository: Repository,
    /// Whose it is; `None` of a stranger.
    pub user: Option<Box<str>>,
    /// The content hash of all that was stored.
    pub content: SavedHash,
    /// Where it was stored.
    pub segments: Segments,
}

impl Upload {
    /// An upload at its POST.
    pub fn new(id: UploadId, started: u64, repository: Repository, algorithm: Algorithm) -> Self {
        Self {
            id,
            started,
            repository,
            user: None,
            content: SavedHash::new(algorithm),
            segments: Segments::default(),
        }
    }

    /// How many bytes have been stored.
    pub fn offset(&self) -> u64 {
        self.content.length()
    }

    /// The path of the upload: what a Location starts with.
    pub fn path(&self) -> String {
        format!("/v2/{}/blobs/uploads/{}", self.repository, self.id)
    }
}
