use super::store_refusal;
use super::touch::{Touch, Touched};
use crate::exchange::{Cx, Event, Slot};
use crate::oci::{ManifestReference, ReferenceKind, Refusal, Repository};
use crate::record::{LINK_BYTES_MAX, Link, MANIFEST_LINE_BYTES_MAX, ManifestLine};
use crate::store::{Found, Key, Reply};

/// Checks that a repository holds all that a manifest needs, with the sizes it states, as many at once as calls may be
/// open; and makes what is old young again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct References {
    repository: Repository,
    /// Not asked for yet.
    pending: Vec<ManifestReference>,
    /// Found, and to be touched.
    old: Vec<ManifestReference>,
    looking: Vec<(Slot, ManifestReference)>,
    touching: Vec<(Touch, ManifestReference)>,
}

/// How a check stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Checked {
    /// Answers are missing.
    Not(Box<References>),
    /// All is there.
    All,
    /// The manifest cannot be accepted.
    Failed(Refusal),
}

impl References {
    pub(crate) fn start(
        repository: Repository,
        references: &[ManifestReference],
        cx: &mut Cx<'_>,
    ) -> Checked {
        let pending = references.iter().filter(|reference| !reference.exempt).rev().copied().collect();
        let (old, looking, touching) = (Vec::new(), Vec::new(), Vec::new());
        Box::new(Self { repository, pending, old, looking, touching }).go_on(cx)
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Checked {
        match event {
            Event::Read { slot, found, bytes } => self.read(slot, &found, &bytes, cx),
            Event::Answered { slot, reply } => self.answered(slot, &reply, cx),
            Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Checked::Not(self),
        }
    }

    /// Sends what can be sent. Touching comes first: it frees calls and is needed in any case.
    fn go_on(mut self: Box<Self>, cx: &mut Cx<'_>) -> Checked {
        while cx.free_calls() >= 1
            && let Some(reference) = self.old.pop()
        {
            let touch = match reference.kind {
                ReferenceKind::Blob => Touch::blob(&self.repository, reference.digest, cx),
                ReferenceKind::Child => Touch::one(self.key(&reference), cx),
            };
            self.touching.push((touch, reference));
        }
        while self.old.is_empty()
            && cx.free_calls() >= 1
            && let Some(reference) = self.pending.pop()
        {
            let key = self.key(&reference);
            let slot = match reference.kind {
                ReferenceKind::Blob => cx.read(key, LINK_BYTES_MAX),
                ReferenceKind::Child => cx.read_line(key, MANIFEST_LINE_BYTES_MAX),
            };
            self.looking.push((slot, reference));
        }
        let idle = self.looking.is_empty() && self.touching.is_empty();
        if idle { Checked::All } else { Checked::Not(self) }
    }

    fn read(mut self: Box<Self>, slot: Slot, found: &Found, bytes: &[u8], cx: &mut Cx<'_>) -> Checked {
        let Some(reference) = self.looked(slot) else { return Checked::Not(self) };
        let size = match reference.kind {
            ReferenceKind::Blob => Link::read(bytes).map(|link| link.size),
            ReferenceKind::Child => {
                cx.close(slot);
                ManifestLine::read(bytes).map(|line| line.size)
            }
        };
        match size {
            None => self.missing(&reference, cx),
            Some(size) if size != reference.size => {
                let (digest, stated) = (reference.digest, reference.size);
                Checked::Failed(Refusal::ManifestReferenceSize { digest, stated, found: size })
            }
            Some(_) => {
                if Touch::is_due(found, cx) {
                    self.old.push(reference);
                }
                self.go_on(cx)
            }
        }
    }

    fn answered(mut self: Box<Self>, slot: Slot, reply: &Reply, cx: &mut Cx<'_>) -> Checked {
        if let Some(reference) = self.looked(slot) {
            return match reply {
                Reply::Missing | Reply::Damaged => self.missing(&reference, cx),
                Reply::Found(_)
                | Reply::Written { .. }
                | Reply::Exists
                | Reply::Done
                | Reply::Page(_)
                | Reply::Mismatch
                | Reply::Full
                | Reply::Refused
                | Reply::Unavailable { .. } => Checked::Failed(store_refusal(reply)),
            };
        }
        let Some(at) = self.touching.iter().position(|(touch, _)| touch.waits_for(slot)) else {
            return Checked::Not(self);
        };
        let (touch, reference) = self.touching.swap_remove(at);
        match touch.answered(slot, reply, cx) {
            Touched::Not(touch) => self.touching.push((touch, reference)),
            Touched::All => {}
            Touched::Gone => return self.missing(&reference, cx),
            Touched::Failed(refusal) => return Checked::Failed(refusal),
        }
        self.go_on(cx)
    }

    fn missing(self: Box<Self>, reference: &ManifestReference, cx: &mut Cx<'_>) -> Checked {
        if cx.config.sparse_manifests {
            return self.go_on(cx);
        }
        Checked::Failed(Refusal::ManifestBlobUnknown { digest: reference.digest })
    }

    fn looked(&mut self, slot: Slot) -> Option<ManifestReference> {
        let at = self.looking.iter().position(|(waiting, _)| *waiting == slot)?;
        Some(self.looking.swap_remove(at).1)
    }

    fn key(&self, reference: &ManifestReference) -> Key {
        match reference.kind {
            ReferenceKind::Blob => Key::Link(self.repository.clone(), reference.digest),
            ReferenceKind::Child => Key::Manifest(self.repository.clone(), reference.digest),
        }
    }
}
