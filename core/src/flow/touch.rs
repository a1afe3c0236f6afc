use crate::exchange::{Cx, Slot};
use crate::oci::{Digest, Refusal, Repository};
use crate::store::{Found, Key, Op, Reply};

use super::store_refusal;

/// Makes what a client is going to rely on young again, so that prune does not take it meanwhile.
///
/// Content comes before the link to it: a link must not look young while its content is gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Touch {
    waiting: Slot,
    then: Option<Key>,
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
        let waiting = cx.send(Op::Touch { key: Key::Blob(digest) });
        Self { waiting, then: Some(Key::Link(repository.clone(), digest)) }
    }

    /// Touches one object.
    pub(crate) fn one(key: Key, cx: &mut Cx<'_>) -> Self {
        Self { waiting: cx.send(Op::Touch { key }), then: None }
    }

    /// Whether it waits for this call.
    pub(crate) fn waits_for(&self, slot: Slot) -> bool {
        self.waiting == slot
    }

    /// Takes the answer of the call it waits for.
    pub(crate) fn answered(self, slot: Slot, reply: &Reply, cx: &mut Cx<'_>) -> Touched {
        if !self.waits_for(slot) {
            return Touched::Not(self);
        }
        match (reply, self.then) {
            (Reply::Done, Some(key)) => Touched::Not(Self::one(key, cx)),
            // A store that takes no writes is not pruned either: what is there stays. A link to it is left alone, for it
            // must not look younger than its content.
            (Reply::Done, None) | (Reply::Refused, _) => Touched::All,
            (Reply::Missing, _) => Touched::Gone,
            (
                Reply::Found(_)
                | Reply::Written { .. }
                | Reply::Exists
                | Reply::Page(_)
                | Reply::Damaged
                | Reply::Mismatch
                | Reply::Full
                | Reply::Unavailable { .. },
                _,
            ) => Touched::Failed(store_refusal(reply)),
        }
    }
}
