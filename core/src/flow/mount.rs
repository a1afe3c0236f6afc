use super::touch::{Touch, Touched};
use super::{Flow, publish, upload_start};
use crate::access::{Action, Pass};
use crate::exchange::{Cx, Event, Slot};
use crate::oci::{Digest, Repository};
use crate::record::{LINK_BYTES_MAX, Link};
use crate::store::{Key, Op, Reply};
use crate::upload::Upload;

/// `POST` of an upload with `mount` (distribution-spec, end-11): the repository gets a link to a blob of another one.
/// What cannot be mounted becomes an upload; it is never refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mount {
    upload: Upload,
    digest: Digest,
    /// `None`: from wherever it may be.
    from: Option<Repository>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// Looks whether it is there.
    Looking,
    /// What is relied on is made young.
    Touching { touch: Touch, size: u64 },
    /// The link is written.
    Linking,
}

impl Mount {
    pub(crate) fn start(
        upload: Upload,
        digest: Digest,
        from: Option<&str>,
        pass: &Pass,
        cx: &mut Cx<'_>,
    ) -> Flow {
        let from = match from.map(Repository::parse) {
            Some(Err(_)) => return upload_start::session(&upload, cx),
            Some(Ok(from)) => Some(from),
            None => None,
        };
        let access = &cx.config.access;
        let may_read = match &from {
            Some(from) => pass.may(access, from, Action::Pull),
            // Whoever may read all may know that one of them holds the blob.
            None => pass.may_pull_everywhere(access),
        };
        if !may_read {
            return upload_start::session(&upload, cx);
        }
        match &from {
            Some(from) => cx.read(Key::Link(from.clone(), digest), LINK_BYTES_MAX),
            None => cx.send(Op::Stat { key: Key::Blob(digest) }),
        };
        Flow::Mount(Box::new(Self { upload, digest, from, state: State::Looking }))
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match event {
            Event::Read { found, bytes, .. } => match Link::read(&bytes) {
                Some(Link { size }) => self.found(size, Touch::is_due(&found, cx), cx),
                None => upload_start::session(&self.upload, cx),
            },
            Event::Answered { slot, reply } => self.answered(slot, &reply, cx),
            Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Flow::Mount(self),
        }
    }

    /// A link says nothing of the age of its content, which may be older: where a link was all that was looked at, the
    /// content is touched in any case, so that none of its links ever looks young while it is old.
    fn found(mut self: Box<Self>, size: u64, old: bool, cx: &mut Cx<'_>) -> Flow {
        let touch = match (&self.from, old) {
            (Some(from), true) => Touch::blob(from, self.digest, cx),
            (Some(_), false) | (None, true) => Touch::one(Key::Blob(self.digest), cx),
            (None, false) => return self.link(size, cx),
        };
        self.state = State::Touching { touch, size };
        Flow::Mount(self)
    }

    fn answered(mut self: Box<Self>, slot: Slot, reply: &Reply, cx: &mut Cx<'_>) -> Flow {
        match (self.state.clone(), reply) {
            (State::Looking, Reply::Found(found)) => {
                let old = Touch::is_due(found, cx);
                self.found(found.size, old, cx)
            }
            (State::Touching { touch, size }, reply) => match touch.answered(slot, reply, cx) {
                Touched::Not(touch) => {
                    self.state = State::Touching { touch, size };
                    Flow::Mount(self)
                }
                Touched::All => self.link(size, cx),
                Touched::Gone | Touched::Failed(_) => upload_start::session(&self.upload, cx),
            },
            (State::Linking, Reply::Written { .. }) => {
                cx.reply(publish::created(&self.upload.repository, &self.digest));
                Flow::Over
            }
            (State::Looking | State::Linking, _) => upload_start::session(&self.upload, cx),
        }
    }

    fn link(mut self: Box<Self>, size: u64, cx: &mut Cx<'_>) -> Flow {
        let key = Key::Link(self.upload.repository.clone(), self.digest);
        cx.write(Op::Write { key, create_only: false }, Link { size }.write());
        self.state = State::Linking;
        Flow::Mount(self)
    }
}
