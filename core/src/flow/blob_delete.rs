use http::StatusCode;

use super::{Flow, refuse, refuse_reply};
use crate::exchange::{Answer, Cx, Event};
use crate::oci::{Digest, Refusal, Repository};
use crate::store::{Key, Op, Reply};

/// `DELETE` of a blob (distribution-spec, end-10). The repository lets go of it; the content may be another's too and
/// stays for prune.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BlobDelete {
    digest: Digest,
}

impl BlobDelete {
    pub(crate) fn start(repository: Repository, digest: Digest, cx: &mut Cx<'_>) -> Flow {
        cx.send(Op::Remove { key: Key::Link(repository, digest) });
        Flow::BlobDelete(Self { digest })
    }

    pub(crate) fn step(self, event: Event, cx: &mut Cx<'_>) -> Flow {
        match event {
            Event::Answered { reply: Reply::Done, .. } => {
                cx.reply(Answer::new(StatusCode::ACCEPTED));
                Flow::Over
            }
            Event::Answered { reply: Reply::Missing, .. } => {
                refuse(&Refusal::BlobUnknown { digest: self.digest }, cx)
            }
            Event::Answered { reply, .. } => refuse_reply(&reply, cx),
            Event::Read { .. }
            | Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Flow::BlobDelete(self),
        }
    }
}
