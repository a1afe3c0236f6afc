use super::Row;

/// What a store answers to an [`super::Op`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// The object is there; after a Read its bytes follow.
    Found(Found),
    /// No such object (or a Join's part is gone).
    Missing,
    /// The body is stored, whole and for good.
    Written {
        /// What the store says is the MD5 of the body, where it says so; after a Join, what the object goes by as a part
        /// of another Join.
        md5: Option<[u8; 16]>,
    },
    /// A create-only Write met an object; nothing was changed.
    Exists,
    /// Touched, removed or released.
    Done,
    /// The rows of a List.
    Page(Page),
    /// The object is there but cannot be read whole.
    Damaged,
    /// What arrived at the store is not what was sent; nothing was stored.
    Mismatch,
    /// No room is left; nothing was stored.
    Full,
    /// The store refuses for good: rights or configuration, an operator has to act.
    Refused,
    /// The store cannot do it at the moment.
    Unavailable {
        /// Seconds after which the store wants to be asked again, if it said so.
        retry_after: Option<u32>,
    },
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// The size of the whole object in bytes, whatever range was asked for.
    pub size: u64,
    /// Seconds since it was written or touched.
    pub age: u64,
    /// Tells what stands under the name from what stood or will stand there, where the store has such a tag: on Swift the
    /// Etag, an MD5. That of what a Write has stored is the MD5 of its bytes.
    pub etag: Option<[u8; 16]>,
}

/// A part of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    /// The rows, in the order of their bytes.
    pub rows: Vec<Row>,
    /// Whether names follow after the last row.
    pub more: bool,
}

/// What can go wrong on the way to a store. It is input, never an error of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The store could not be reached; nothing was sent.
    Unreachable,
    /// The call broke off; whether it was carried out is unknown.
    Broken,
    /// The time limit passed; whether it was carried out is unknown.
    Late,
}
