use http::StatusCode;

use super::{Flow, refuse, refuse_reply};
use crate::exchange::{Answer, Cx, Event};
use crate::oci::{Refusal, Repository, Tag};
use crate::store::{Key, Op, Reply};

/// `DELETE` of a tag (distribution-spec, end-9): the manifest stays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TagDelete;

impl TagDelete {
    pub(crate) fn start(repository: Repository, tag: Tag, cx: &mut Cx<'_>) -> Flow {
        cx.send(Op::Remove { key: Key::Tag(repository, tag) });
        Flow::TagDelete(Self)
    }

    pub(crate) fn step(self, event: Event, cx: &mut Cx<'_>) -> Flow {
        match event {
            Event::Answered { reply: Reply::Done, .. } => {
                cx.reply(Answer::new(StatusCode::ACCEPTED));
                Flow::Over
            }
            Event::Answered { reply: Reply::Missing, .. } => refuse(&Refusal::ManifestUnknown, cx),
            Event::Answered { reply, .. } => refuse_reply(&reply, cx),
            Event::Read { .. }
            | Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Flow::TagDelete(self),
        }
    }
}
