use core::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

use super::{CallId, TimerId};
use crate::access::PasswordCheck;
use crate::oci::Digest;
use crate::store::Op;
use crate::transfer::{Hashing, Source};

/// What the host is to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Output {
    /// Open a store call. With a body fed from the client nothing is opened before its first byte.
    Send {
        /// Its name.
        call: CallId,
        /// What is asked of the store.
        op: Op,
        /// How long its body will be in bytes; `None` if nobody knows yet. 0 means that no feed follows.
        length: Option<u64>,
    },
    /// Move bytes into a call's body or the reply's.
    Feed {
        /// Where they go.
        to: To,
        /// Where they come from.
        body: Source,
        /// Whether the body is complete after this feed, if it went well.
        last: bool,
    },
    /// Read a small body for core.
    Collect {
        /// Where it comes from.
        from: Side,
        /// Never more bytes than this.
        max: u32,
        /// How much of it.
        until: Until,
    },
    /// Move bytes to nowhere, hashed.
    Digest {
        /// Where they come from.
        from: Source,
        /// What is computed.
        hashing: Box<Hashing>,
    },
    /// Start the reply; it comes once. On a HEAD request the length is told, but no body follows.
    Respond {
        /// Status and fields; Content-Length, Date and Connection are the host's to add.
        head: ReplyHead,
        /// The length of the body in bytes.
        length: u64,
    },
    /// Ask a service that exchanges share.
    Ask {
        /// What.
        what: Ask,
    },
    /// Drop both halves of a call. A body that is not complete must not be stored.
    Abort {
        /// The call.
        call: CallId,
    },
    /// Start a timer; one of the same slot that still runs is dropped.
    Sleep {
        /// Its name.
        timer: TimerId,
        /// How long; the host picks within it, by chance.
        within: RangeInclusive<Duration>,
    },
    /// Wait for one input. Nothing else permits to block.
    Wait,
    /// The exchange is over: drop all calls, timers and bodies.
    Done(Outcome),
}

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum To {
    /// Into the body of a call.
    Call(CallId),
    /// Into the body of the reply.
    Reply,
}

/// Whose body is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client's.
    Client,
    /// That of a store's answer.
    Backend(CallId),
}

/// How much of a body is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Until {
    /// All of it.
    End,
    /// Up to the first line feed and with it; the rest can be moved afterwards.
    Line,
}

/// What is asked of the host's shared services.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// So many bytes of the memory that all exchanges together may collect in. The host may wait a while. Who asks while
    /// nothing was taken of the client's body goes on to collect it: a host may read a little of it before it grants much.
    Memory {
        /// How many.
        bytes: u32,
    },
    /// A new token for the store: the one that a call was sent with is not taken any more. The call is over.
    Token {
        /// The call.
        call: CallId,
    },
    /// Whether a call that failed may be sent again: all retries of a process draw on one budget.
    Retry {
        /// The name that the call goes by until then, for the answer.
        call: CallId,
    },
    /// A URL by which the client can read a blob from the store itself. It is asked for only where
    /// [`Config::redirects`](crate::Config) says so.
    Location {
        /// The blob.
        digest: Digest,
    },
    /// Whether a password is right. The work is heavy and must hold up nobody else; who tries too often is slowed by a
    /// [`Guard`](crate::access::Guard). Nothing of it may be logged.
    CheckPassword {
        /// What to check.
        check: Box<PasswordCheck>,
        /// Who tries.
        address: Option<IpAddr>,
    },
    /// The keys that an issuer of tokens signs with, by way of its [`KeyCache`](crate::access::KeyCache).
    Keys {
        /// Which of [`Access::issuers`](crate::access::Access::issuers).
        issuer: u8,
        /// The key that is looked for; one that is not known may be new.
        kid: Option<Box<str>>,
    },
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The reply is whole.
    Complete,
    /// The reply must be broken visibly, never finished.
    Cut,
}

/// The head of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplyHead {
    /// Its status.
    pub status: StatusCode,
    /// Its fields, in order; names may come more than once.
    pub fields: Vec<(HeaderName, HeaderValue)>,
}
