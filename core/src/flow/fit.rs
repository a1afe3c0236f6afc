use std::fmt::Write as _;
use std::sync::Arc;

use super::merge::Merge;
use super::nest::Nest;
use crate::exchange::{Cx, Event};
use crate::oci::{Algorithm, Digest, Refusal};
use crate::store::{Key, Part};
use crate::upload::{Nonce, UploadId};

/// The parts of an upload become such as the store joins well: first there are few small ones, then few at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fit {
    Merging(Merge),
    Nesting(Nest),
}

/// How a [`Fit`], or a step of it, stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fitted<Step> {
    /// It goes on.
    Not(Step),
    /// These parts have the same content.
    All(Arc<[Part]>),
    /// A part is gone.
    Gone,
    /// It broke off.
    Failed(Refusal),
}

impl Fit {
    pub(crate) fn start(upload: UploadId, parts: Arc<[Part]>, cx: &mut Cx<'_>) -> Fitted<Self> {
        if Merge::is_due(&parts, cx) {
            return Fitted::Not(Self::Merging(Merge::start(upload, parts, cx)));
        }
        Self::nest(upload, parts, cx)
    }

    pub(crate) fn step(self, event: Event, cx: &mut Cx<'_>) -> Fitted<Self> {
        match self {
            Self::Merging(merge) => {
                let upload = merge.upload();
                match merge.step(event, cx) {
                    Fitted::Not(merge) => Fitted::Not(Self::Merging(merge)),
                    Fitted::All(parts) => Self::nest(upload, parts, cx),
                    Fitted::Gone => Fitted::Gone,
                    Fitted::Failed(refusal) => Fitted::Failed(refusal),
                }
            }
            Self::Nesting(nest) => match nest.step(event, cx) {
                Fitted::Not(nest) => Fitted::Not(Self::Nesting(nest)),
                Fitted::All(parts) => Fitted::All(parts),
                Fitted::Gone => Fitted::Gone,
                Fitted::Failed(refusal) => Fitted::Failed(refusal),
            },
        }
    }

    fn nest(upload: UploadId, parts: Arc<[Part]>, cx: &mut Cx<'_>) -> Fitted<Self> {
        match Nest::is_due(&parts, cx) {
            true => Fitted::Not(Self::Nesting(Nest::start(upload, parts, cx))),
            false => Fitted::All(parts),
        }
    }
}

/// Names what is made of pieces of segments by those pieces: key, first byte and length of each. Segments are written once,
/// under names that hold chance, so who makes the same again writes the same, and nobody else has the name. `kind` keeps
/// apart what is not made in the same way.
pub(super) fn name_of<'a>(kind: &str, pieces: impl Iterator<Item = (&'a Key, u64, u64)>) -> Nonce {
    let mut text = format!("{kind}\n");
    for (key, first, length) in pieces {
        let _ = writeln!(text, "{key} {first} {length}");
    }
    let mut nonce = [0; 8];
    nonce.copy_from_slice(&Digest::of(Algorithm::Sha256, text.as_bytes()).bytes()[..8]);
    Nonce::new(nonce)
}
