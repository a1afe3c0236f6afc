use http::{StatusCode, header};

use super::{Flow, refuse, refuse_reply};
use crate::exchange::{Answer, Cx, Event, Request, Slot};
use crate::oci::{DOCKER_CONTENT_DIGEST, Reference, Refusal, Repository, etag, if_none_match};
use crate::record::{MANIFEST_LINE_BYTES_MAX, ManifestLine};
use crate::store::{Found, Key, Reply};

/// `GET` and `HEAD` of a manifest (distribution-spec, end-3): the bytes as pushed, in one read, by tag or digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ManifestGet {
    reference: Reference,
    if_none_match: Option<Box<str>>,
}

impl ManifestGet {
    pub(crate) fn start(
        repository: Repository,
        reference: Reference,
        request: Request,
        cx: &mut Cx<'_>,
    ) -> Flow {
        cx.read_line(key(repository, &reference), MANIFEST_LINE_BYTES_MAX);
        Flow::ManifestGet(Box::new(Self { reference, if_none_match: request.if_none_match }))
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match event {
            Event::Read { slot, found, bytes } => match self.check(&found, &bytes) {
                Some(line) => self.reply(&line, slot, cx),
                None => refuse(&Refusal::ManifestUnknown, cx),
            },
            Event::Answered { reply: Reply::Missing | Reply::Damaged, .. } => {
                refuse(&Refusal::ManifestUnknown, cx)
            }
            Event::Answered { reply, .. } => refuse_reply(&reply, cx),
            Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Flow::ManifestGet(self),
        }
    }

    /// The line of a record that is whole and the one that was asked for.
    fn check(&self, found: &Found, bytes: &[u8]) -> Option<ManifestLine> {
        let line = ManifestLine::read(bytes)?;
        let asked = match &self.reference {
            Reference::Tag(_) => true,
            Reference::Digest(digest) => *digest == line.digest,
        };
        (asked && found.size.checked_sub(bytes.len() as u64) == Some(line.size)).then_some(line)
    }

    #[allow(clippy::boxed_local, reason = "the state comes boxed")]
    fn reply(self: Box<Self>, line: &ManifestLine, slot: Slot, cx: &mut Cx<'_>) -> Flow {
        let answer = |status| {
            Answer::new(status)
                .with(DOCKER_CONTENT_DIGEST, &line.digest.to_string())
                .with(header::ETAG, &etag(&line.digest))
        };
        if self.if_none_match.is_some_and(|tags| if_none_match(&tags, &line.digest)) {
            cx.reply(answer(StatusCode::NOT_MODIFIED));
            return Flow::Over;
        }
        let answer = answer(StatusCode::OK).with(header::CONTENT_TYPE, line.media_type.as_str());
        if cx.head_only() {
            cx.reply_length(answer, line.size);
        } else {
            cx.relay(answer, slot, line.size);
        }
        Flow::Over
    }
}

/// The object that a reference names.
pub(crate) fn key(repository: Repository, reference: &Reference) -> Key {
    match reference {
        Reference::Tag(tag) => Key::Tag(repository, tag.clone()),
        Reference::Digest(digest) => Key::Manifest(repository, *digest),
    }
}
