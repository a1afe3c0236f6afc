use std::sync::Arc;

use super::{Key, Listing};
use crate::oci::ByteRange;

/// One call to a store. How long its request body is travels with it in `Output::Send`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Reads an object, or a part of it. Answers Found, then the bytes; or Missing, be it that another object stands
    /// there than the one that is meant.
    Read {
        /// The object.
        key: Key,
        /// Which bytes; `None` for all.
        range: Option<ByteRange>,
        /// The [`super::Found::etag`] of the object that is meant; `None` for any. A store that tells none hears none.
        if_match: Option<[u8; 16]>,
    },
    /// Asks for size and age. Answers Found or Missing.
    Stat {
        /// The object.
        key: Key,
    },
    /// Stores the request body under a name, in one atomic step, over whatever stood there. Answers Written, or Exists
    /// where `create_only` met an object. A body that ends early is never stored.
    Write {
        /// The object.
        key: Key,
        /// Leaves an object that stands there as it is. A store without compare-and-swap may miss a racing writer.
        create_only: bool,
    },
    /// Publishes one object made of parts, in one atomic step, over whatever stood there. Answers Written, or Missing if
    /// a part is gone.
    Join {
        /// The object.
        key: Key,
        /// What it is made of, in order; never empty.
        parts: Arc<[Part]>,
    },
    /// Has the store give an object a second name, over whatever stood there, in one atomic step; nothing flows through
    /// us. Of an object made of parts that it keeps pointing at, a store copies no more than that. Answers Written, or
    /// Missing if there is nothing to copy.
    Copy {
        /// The object.
        from: Key,
        /// Its second name; never the same one. On the heap, so that no other op is as large as two names.
        to: Box<Key>,
    },
    /// Makes an object young again. Answers Done or Missing.
    Touch {
        /// The object.
        key: Key,
    },
    /// Says that parts have been published by a Join: a store that copied or linked them frees them, one that keeps
    /// pointing at them does nothing. Answers Done.
    Release {
        /// The parts.
        parts: Arc<[Part]>,
    },
    /// Removes an object. Answers Done or Missing.
    Remove {
        /// The object.
        key: Key,
    },
    /// Lists names in the order of their bytes. Answers Page.
    List {
        /// Which names.
        listing: Listing,
        /// Only names above this one (without the listing's prefix).
        after: Option<Box<str>>,
        /// At most so many rows; at least 1.
        limit: u32,
    },
}

/// One part of a [`Op::Join`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// The object.
    pub key: Key,
    /// The size of the object in bytes.
    pub size: u64,
    /// So many bytes at its start are left out; fewer than it has.
    pub skip: u64,
    /// The MD5 of the whole object, where the store works with them; of an object that was joined, what its Join answered.
    pub md5: Option<[u8; 16]>,
}

impl Part {
    /// How many bytes it adds.
    pub fn length(&self) -> u64 {
        self.size.saturating_sub(self.skip)
    }
}
