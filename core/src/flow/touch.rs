use crate::exchange::{Cx, Slot};
use crate::oci::{Digest, Refusal, Repository};
use crate::store::{Found, Key, Op, Reply};

use super::store_refusal;

/// Makes what a client is going to rely on young again, so that prune does not take it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Touch {
    waiting: [Option<Slot>; 2],
    gone: bool,
}

/// How a [`Touch`] stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Touched {
    /// Answers are missing.
    Not(Touch),
    /// All is young.
    All,
    /// Something is no longer there.
    Gone,
    /// It could not be done.
    Failed(Refusal),
}

impl Touch {
    /// Whether something found has to be touched before anybody relies on it.
    pub(crate) fn is_due(found: &Found, cx: &Cx<'_>) -> bool {
        found.age > cx.config.limits.grace_seconds / 2
    }

    /// Touches a blob and the link to it.
    pub(crate) fn blob(repository: &Repository, digest: Digest, cx: &mut Cx<'_>) -> Self {
        let content = cx.send(Op::Touch { key: Key::Blob(digest) });
        let link = cx.send(Op::Touch { key: Key::Link(repository.clone(), digest) });
        Self { waiting: [Some(content), Some(link)], gone: false }
    }

    /// Touches one object.
    pub(crate) fn one(key: Key, cx: &mut Cx<'_>) -> Self {
        Self { waiting: [Some(cx.send(Op::Touch { key })), None], gone: false }
    }

    /// Whether it waits for this call.
    pub(crate) fn waits_for(&self, slot: Slot) -> bool {
        self.waiting.contains(&Some(slot))
    }

    /// Takes the answer of a call it waits for.
    pub(crate) fn answered(mut self, slot: Slot, reply: &Reply) -> Touched {
        for waiting in &mut self.waiting {
            if *waiting == Some(slot) {
                *waiting = None;
            }
        }
        match reply {
            // A store that takes no writes is not pruned either: what is there stays.
            Reply::Done | Reply::Refused => {}
            Reply::Missing => self.gone = true,
            Reply::Found(_)
            | Reply::Written { .. }
            | Reply::Exists
            | Reply::Page(_)
            | Reply::Damaged
            | Reply::Mismatch
            | Reply::Full
            | Reply::Unavailable { .. } => return Touched::Failed(store_refusal(reply)),
        }
        match (self.waiting, self.gone) {
            ([None, None], true) => Touched::Gone,
            ([None, None], false) => Touched::All,
            _ => Touched::Not(self),
        }
    }
}
