//! Bytes on their way: named here, moved by the host, never kept in the state.

mod hasher;
mod saved_hash;

pub use hasher::{Blocks, Hasher, md5_of};
pub use saved_hash::SavedHash;

use bytes::Bytes;

use crate::exchange::CallId;
use crate::oci::Digest;

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// No bytes.
    Empty,
    /// These bytes.
    Bytes(Bytes),
    /// The body of the client's request, from where the last transfer left it.
    Client {
        /// How much of it.
        take: Take,
        /// What happens to the bytes on the way.
        tap: Tap,
    },
    /// The body of a store's reply, from where the last transfer left it.
    Backend {
        /// The call whose reply it is.
        call: CallId,
        /// How much of it.
        take: Take,
        /// What happens to the bytes on the way.
        tap: Tap,
    },
}

/// How many bytes are taken from a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Take {
    /// So many; a source that ends before is broken.
    Exactly(u64),
    /// So many, or fewer if the source ends or stalls before.
    UpTo(u64),
    /// All there are.
    ToEnd,
}

/// What happens to bytes on the way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Tap {
    /// Nobody looks: the host may let the kernel move them (sendfile, splice).
    Opaque,
    /// They are hashed.
    Digest(Box<Hashing>),
}

/// What is computed from bytes on the way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hashing {
    /// The content hash, gone on with from here.
    pub content: SavedHash,
    /// Whether the MD5 of just these bytes is wanted.
    pub md5: bool,
}

/// How a transfer went.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Moved {
    /// How many bytes arrived. Core compares counts; it trusts no end of file.
    pub bytes: u64,
    /// Why it ended.
    pub end: End,
    /// What a [`Tap::Digest`] found.
    pub hashed: Option<Box<Hashed>>,
}

/// Why a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The source came to its proper end.
    Eof,
    /// As many bytes as asked for were taken; the source may have more.
    Taken,
    /// The source has sent nothing for a while, but is still there.
    Stalled,
    /// The source broke off, or its framing is wrong.
    SourceBroke,
    /// The source has sent nothing for longer than the host waits for anybody.
    SourceLate,
    /// The other side takes no more.
    SinkBroke,
}

/// What a [`Tap::Digest`] found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hashed {
    /// The digest of all content hashed so far.
    pub digest: Digest,
    /// The state to go on from.
    pub saved: SavedHash,
    /// The MD5 of the bytes of this transfer, if it was wanted.
    pub md5: Option<[u8; 16]>,
}
