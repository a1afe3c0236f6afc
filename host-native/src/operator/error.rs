use std::fmt;
use std::io;

use wharfinger_core::oci::Digest;
use wharfinger_core::store::{Fault, Key, Op, Reply};

/// Why a command on a store failed.
#[derive(Debug)]
pub enum OperatorError {
    /// The store cannot be opened; why.
    Open(String),
    /// There is no such object.
    Missing(Box<Key>),
    /// The store answered what does not help.
    Reply {
        /// What it was asked.
        op: Box<Op>,
        /// What it answered.
        reply: Reply,
    },
    /// The store refuses, is full, or cannot do it at the moment, however often it was asked.
    Store {
        /// What it was asked.
        op: Box<Op>,
        /// What it answered.
        reply: Reply,
        /// The status of its answer over HTTP.
        status: Option<u16>,
        /// What an operator can do, or what the system said.
        advice: Option<String>,
    },
    /// There was no answer, however often it was asked.
    Fault {
        /// What it was asked.
        op: Box<Op>,
        /// Why there was none.
        fault: Fault,
    },
    /// The object was written again while it was read.
    Changed(Box<Key>),
    /// The object cannot be read to its end.
    Short {
        /// The object.
        key: Box<Key>,
        /// So many bytes of it came.
        came: u64,
        /// So many were to come.
        wanted: u64,
    },
    /// No byte of the object stands in the range.
    Range {
        /// The object.
        key: Box<Key>,
        /// Its size in bytes.
        size: u64,
    },
    /// Content has another digest than its name says.
    Digest {
        /// What the name says.
        named: Box<Digest>,
        /// What it is.
        found: Box<Digest>,
    },
    /// Content would need more segments than make an object.
    Segments {
        /// The most that there are.
        max: usize,
    },
    /// What is to be stored cannot be read.
    Input(io::Error),
    /// What was read cannot be written.
    Output(io::Error),
    /// The system has no random bytes.
    Entropy,
}

impl OperatorError {
    pub(super) fn of_reply(op: Op, reply: Reply) -> Self {
        Self::Reply { op: Box::new(op), reply }
    }

    pub(super) fn of_digest(named: &Digest, found: &Digest) -> Self {
        Self::Digest { named: Box::new(*named), found: Box::new(*found) }
    }

    pub(super) fn of_lookup(key: &Key, op: Op, reply: Reply) -> Self {
        if reply == Reply::Missing { Self::Missing(Box::new(key.clone())) } else { Self::of_reply(op, reply) }
    }
}

impl fmt::Display for OperatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(why) => f.write_str(why),
            Self::Missing(key) => write!(f, "{key}: there is no such object; `store ls` shows what is there"),
            Self::Reply { op, reply } => write!(f, "{}{}", Subject(op), of_reply(reply)),
            Self::Store { op, reply, status, advice } => {
                let subject = Subject(op);
                match advice {
                    Some(advice) => write!(f, "{subject}{advice}")?,
                    None => write!(f, "{subject}{}", of_reply(reply))?,
                }
                status.map_or(Ok(()), |status| write!(f, " (status {status})"))
            }
            Self::Fault { op, fault } => {
                let why = match fault {
                    Fault::Unreachable => "the store cannot be reached; check that it runs, and the network",
                    Fault::Broken => {
                        "the connection to the store broke, and it may have been done or not; try again"
                    }
                    Fault::Late => {
                        "the store did not answer in time, and it may have been done or not; try again"
                    }
                };
                write!(f, "{}{why}", Subject(op))
            }
            Self::Changed(key) => write!(f, "{key}: it was written again while it was read; read it again"),
            Self::Short { key, came, wanted } => {
                write!(f, "{key}: cut after {came} of {wanted} bytes; read it again")
            }
            Self::Range { key, size } => {
                write!(f, "{key}: nothing stands in that range, it has {size} bytes; ask for less")
            }
            Self::Digest { named, found } => write!(
                f,
                "the content is {found} and the name says {named}; nothing is stored: name it by its digest"
            ),
            Self::Segments { max } => write!(
                f,
                "it needs more than {max} segments, and no object has more; raise limits.segment-bytes"
            ),
            Self::Input(error) => {
                write!(f, "what is to be stored cannot be read: {error}; nothing is stored")
            }
            Self::Output(error) => write!(f, "writing the output: {error}; make room for it"),
            Self::Entropy => f.write_str("the system has no random bytes; try again"),
        }
    }
}

impl std::error::Error for OperatorError {}

fn of_reply(reply: &Reply) -> &'static str {
    match reply {
        Reply::Missing => "it went away meanwhile, or the container is missing; look again",
        Reply::Damaged => "the object is damaged and cannot be read whole; push its content again",
        Reply::Mismatch => "what arrived at the store is not what was sent, nothing was stored; try again",
        Reply::Full => "no room is left in the store; make some",
        Reply::Refused => "the store refuses; check rights and configuration",
        Reply::Unavailable { .. } => "the store cannot do it at the moment; try again later",
        Reply::Found(_) | Reply::Written { .. } | Reply::Exists | Reply::Done | Reply::Page(_) => {
            "the store answered something else than it was asked; check what answers there"
        }
    }
}

/// What an op is about, before what became of it.
struct Subject<'a>(&'a Op);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Op::Read { key, .. } => write!(f, "reading {key}: "),
            Op::Stat { key } => write!(f, "looking for {key}: "),
            Op::Write { key, .. } | Op::Join { key, .. } => write!(f, "writing {key}: "),
            Op::Copy { from, to } => write!(f, "copying {from} to {to}: "),
            Op::Touch { key } => write!(f, "renewing {key}: "),
            Op::Remove { key } => write!(f, "removing {key}: "),
            Op::List { listing, .. } => write!(f, "listing {:?}: ", listing.to_string()),
            Op::Release { .. } => Ok(()),
        }
    }
}
