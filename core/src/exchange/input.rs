use std::sync::Arc;

use bytes::Bytes;

use super::{CallId, Side, TimerId, To};
use crate::access::{KeySet, Verdict};
use crate::store::{Fault, Reply};
use crate::swift::{HttpHead, SecretText};
use crate::transfer::Moved;

/// What happened, as the host tells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A store answered a call; that may be before its body has left.
    Head {
        /// The call.
        call: CallId,
        /// The answer.
        reply: Reply,
    },
    /// A store that is spoken to over HTTP answered a call; core reads what it means.
    Answer {
        /// The call.
        call: CallId,
        /// What is read of the answer's head.
        head: HttpHead,
    },
    /// A feed ended.
    Fed {
        /// Where it went.
        to: To,
        /// How it went.
        moved: Moved,
    },
    /// A small body that was asked for.
    Collected {
        /// Where it came from.
        from: Side,
        /// What came.
        outcome: Collected,
    },
    /// The outcome of a digest.
    Hashed {
        /// How it went.
        moved: Moved,
    },
    /// The answer to what was asked.
    Told {
        /// The answer.
        answer: Told,
    },
    /// A call broke off.
    Failed {
        /// The call.
        call: CallId,
        /// What went wrong.
        fault: Fault,
    },
    /// A timer ran out.
    Fired {
        /// The timer.
        timer: TimerId,
    },
    /// Nobody waits for the reply any more.
    ClientGone,
}

/// What came of a [`super::Output::Collect`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Collected {
    /// All of it.
    Whole(Bytes),
    /// There is more than was allowed.
    TooLong,
    /// The source broke off.
    Broke,
    /// The source sent nothing for longer than the host waits.
    Late,
}

/// The answer to an [`super::Ask`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// It is granted, until the exchange ends.
    Granted,
    /// It is not, even after waiting.
    Denied,
    /// There is a new token, or there is none to be had: calls that wait for it are sent again, and will see.
    Renewed,
    /// A call that failed may be sent again, or not: answers [`super::Ask::Retry`] alone.
    Retry {
        /// As it was asked.
        call: CallId,
        /// Whether it may.
        granted: bool,
    },
    /// The URL; `None` if there is none at the moment.
    Location(Option<SecretText>),
    /// What came of a password.
    Password(Verdict),
    /// The keys; `None` if there are none to be had.
    Keys(Option<Arc<KeySet>>),
}
