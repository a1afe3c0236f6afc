use http::StatusCode;

use super::untag::{Untag, Untagged};
use super::upload_finish::busy;
use super::{Flow, refuse, store_refusal};
use crate::exchange::{Answer, Ask, Cx, Event, Told};
use crate::oci::{Digest, Manifest, ManifestLimits, Refusal, Repository};
use crate::record::ManifestLine;
use crate::store::{Key, Op, Reply};

/// `DELETE` of a manifest by digest (distribution-spec, end-9): its tags go first, then its entry among the referrers,
/// then itself, then the tags that came meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ManifestDelete {
    repository: Repository,
    digest: Digest,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// Its size is asked for: it may be longer than what is accepted by now.
    Sizing,
    /// Memory is asked for.
    Asking { record_bytes: u32 },
    /// The manifest is read: it may refer to a subject.
    Reading,
    /// Tags are removed.
    Untagging { subject: Option<Digest>, record_bytes: u64, untag: Box<Untag> },
    /// The entry among the referrers is removed.
    Unreferring { record_bytes: u64 },
    /// The manifest is removed.
    Removing { record_bytes: u64 },
    /// Tags that came meanwhile are removed.
    Finishing { untag: Box<Untag> },
}

impl ManifestDelete {
    pub(crate) fn start(repository: Repository, digest: Digest, cx: &mut Cx<'_>) -> Flow {
        cx.send(Op::Stat { key: Key::Manifest(repository.clone(), digest) });
        Flow::ManifestDelete(Box::new(Self { repository, digest, state: State::Sizing }))
    }

    pub(crate) fn step(mut self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match (std::mem::replace(&mut self.state, State::Reading), event) {
            (State::Sizing, Event::Answered { reply: Reply::Found(found), .. }) => {
                let record_bytes = u32::try_from(found.size).unwrap_or(u32::MAX);
                cx.ask(Ask::Memory { bytes: record_bytes });
                self.go(State::Asking { record_bytes })
            }
            (State::Asking { record_bytes }, Event::Told { answer: Told::Granted }) => {
                cx.read(Key::Manifest(self.repository.clone(), self.digest), record_bytes);
                self.go(State::Reading)
            }
            (State::Asking { .. }, Event::Told { answer: Told::Denied }) => refuse(&busy(), cx),
            (State::Reading, Event::Read { bytes, .. }) => {
                let record_bytes = bytes.len() as u64;
                let subject = subject(&bytes);
                let untag = Untag::start(self.repository.clone(), self.digest, record_bytes, false, cx);
                self.go(State::Untagging { subject, record_bytes, untag })
            }
            (State::Sizing | State::Reading, Event::Answered { reply: Reply::Missing, .. }) => {
                refuse(&Refusal::ManifestUnknown, cx)
            }
            (State::Untagging { subject, record_bytes, untag }, event) => match untag.step(event, cx) {
                Untagged::Not(untag) => self.go(State::Untagging { subject, record_bytes, untag }),
                Untagged::Failed(refusal) => refuse(&refusal, cx),
                Untagged::All => self.unrefer(subject, record_bytes, cx),
            },
            (
                State::Unreferring { record_bytes },
                Event::Answered { reply: Reply::Done | Reply::Missing, .. },
            ) => self.remove(record_bytes, cx),
            (
                State::Removing { record_bytes },
                Event::Answered { reply: Reply::Done | Reply::Missing, .. },
            ) => {
                let untag = Untag::start(self.repository.clone(), self.digest, record_bytes, true, cx);
                self.go(State::Finishing { untag })
            }
            (State::Finishing { untag }, event) => match untag.step(event, cx) {
                Untagged::Not(untag) => self.go(State::Finishing { untag }),
                Untagged::Failed(refusal) => refuse(&refusal, cx),
                Untagged::All => {
                    cx.reply(Answer::new(StatusCode::ACCEPTED));
                    Flow::Over
                }
            },
            (
                State::Sizing | State::Reading | State::Unreferring { .. } | State::Removing { .. },
                Event::Answered { reply, .. },
            ) => refuse(&store_refusal(&reply), cx),
            (state, _) => self.go(state),
        }
    }

    fn go(mut self: Box<Self>, state: State) -> Flow {
        self.state = state;
        Flow::ManifestDelete(self)
    }

    fn unrefer(self: Box<Self>, subject: Option<Digest>, record_bytes: u64, cx: &mut Cx<'_>) -> Flow {
        let Some(subject) = subject else { return self.remove(record_bytes, cx) };
        let repository = self.repository.clone();
        cx.send(Op::Remove { key: Key::Referrer { repository, subject, referrer: self.digest } });
        self.go(State::Unreferring { record_bytes })
    }

    fn remove(self: Box<Self>, record_bytes: u64, cx: &mut Cx<'_>) -> Flow {
        cx.send(Op::Remove { key: Key::Manifest(self.repository.clone(), self.digest) });
        self.go(State::Removing { record_bytes })
    }
}

/// What the manifest in a record refers to. A damaged record refers to nothing: it must be possible to delete it.
fn subject(record: &[u8]) -> Option<Digest> {
    let end = record.iter().position(|byte| *byte == b'\n')? + 1;
    let (line, manifest) = record.split_at(end);
    let line = ManifestLine::read(line)?;
    let limits = ManifestLimits { references_max: u32::MAX };
    Manifest::parse(manifest, Some(&line.media_type), limits).ok()?.subject().copied()
}
