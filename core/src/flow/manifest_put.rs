use bytes::Bytes;
use http::{StatusCode, header};

use super::manifest_get::key;
use super::references::{Checked, References};
use super::upload_finish::busy;
use super::{Flow, refuse, store_refusal};
use crate::exchange::{Answer, Ask, BodyLength, Collected, Cx, Event, Request, Told};
use crate::oci::{
    Algorithm, DOCKER_CONTENT_DIGEST, Digest, Manifest, ManifestLimits, MediaType, OCI_SUBJECT, OCI_TAG,
    Query, Reference, Refusal, Repository, Tag, if_match, if_none_match, referrer_descriptor,
};
use crate::record::{MANIFEST_LINE_BYTES_MAX, ManifestLine, REFERRER_BYTES_MAX};
use crate::store::{Key, Op, Reply};
use crate::transfer::{Hashing, Moved, SavedHash, Source};

/// `PUT` of a manifest (distribution-spec, end-7a and 7b).
///
/// All that it needs is checked first. Then the manifest is written, its entry among the referrers, its tags, and the
/// manifest is looked for again: if a delete took it meanwhile, it is written again, so that no tag is left without.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ManifestPut {
    repository: Repository,
    reference: Reference,
    /// The tags of the query.
    tags: Vec<Tag>,
    request: Request,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// Memory is asked for.
    Asking { max: u32 },
    /// The body is read.
    Collecting,
    /// The body is hashed.
    Hashing { bytes: Bytes },
    /// What stands under the name is compared with the request's conditions.
    Matching { pushed: Pushed },
    /// What it needs is looked for.
    Checking { pushed: Pushed, references: Box<References> },
    /// Records are written, the first of `left` being under way.
    Writing { pushed: Pushed, left: Vec<(Key, Bytes)> },
    /// The manifest is looked for again.
    Confirming { pushed: Pushed },
    /// The manifest is written again.
    Rewriting { pushed: Pushed },
}

/// A manifest that was read and understood.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pushed {
    digest: Digest,
    manifest: Manifest,
    bytes: Bytes,
}

impl ManifestPut {
    pub(crate) fn start(
        repository: Repository,
        reference: Reference,
        query: &Query,
        request: Request,
        cx: &mut Cx<'_>,
    ) -> Flow {
        let limit = cx.config.limits.manifest_bytes_max;
        let mut tags = Vec::new();
        for tag in query.all("tag") {
            match Tag::parse(tag) {
                Ok(tag) => tags.push(tag),
                Err(error) => return refuse(&error.into(), cx),
            }
        }
        if tags.len() > TAGS_MAX {
            return refuse(&Refusal::TooManyTags { max: TAGS_MAX as u32 }, cx);
        }
        let max = match request.body {
            BodyLength::Exactly(length) if length > u64::from(limit) => {
                return refuse(&Refusal::ManifestTooLarge { max: u64::from(limit) }, cx);
            }
            BodyLength::Exactly(length) => length as u32,
            BodyLength::Unknown => limit,
        };
        cx.ask(Ask::Memory { bytes: max });
        Flow::ManifestPut(Box::new(Self {
            repository,
            reference,
            tags,
            request,
            state: State::Asking { max },
        }))
    }

    pub(crate) fn step(mut self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match (std::mem::replace(&mut self.state, State::Collecting), event) {
            (State::Asking { max }, Event::Told { answer: Told::Granted }) => {
                cx.collect(max);
                self.go(State::Collecting)
            }
            (State::Asking { .. }, Event::Told { answer: Told::Denied }) => refuse(&busy(), cx),
            (State::Collecting, Event::Collected { outcome }) => self.collected(outcome, cx),
            (State::Hashing { bytes }, Event::Hashed { moved }) => self.hashed(bytes, &moved, cx),
            (State::Matching { pushed }, Event::Read { slot, bytes, .. }) => {
                cx.close(slot);
                let stands = ManifestLine::read(&bytes).map(|line| line.digest);
                self.matched(pushed, stands, cx)
            }
            (State::Matching { pushed }, Event::Answered { reply: Reply::Missing | Reply::Damaged, .. }) => {
                self.matched(pushed, None, cx)
            }
            (State::Matching { .. }, Event::Answered { reply, .. }) => refuse(&store_refusal(&reply), cx),
            (State::Checking { pushed, references }, event) => {
                let checked = references.step(event, cx);
                self.checked(pushed, checked, cx)
            }
            (State::Writing { pushed, left }, Event::Answered { reply, .. }) => {
                self.written(pushed, left, &reply, cx)
            }
            (State::Confirming { pushed }, Event::Answered { reply: Reply::Found(_), .. })
            | (State::Rewriting { pushed }, Event::Answered { reply: Reply::Written { .. }, .. }) => {
                self.created(&pushed, cx)
            }
            (State::Confirming { pushed }, Event::Answered { reply: Reply::Missing, .. }) => {
                let manifest = Key::Manifest(self.repository.clone(), pushed.digest);
                cx.write(Op::Write { key: manifest, create_only: false }, pushed.record());
                self.go(State::Rewriting { pushed })
            }
            (State::Confirming { .. } | State::Rewriting { .. }, Event::Answered { reply, .. }) => {
                refuse(&store_refusal(&reply), cx)
            }
            (state, _) => self.go(state),
        }
    }

    fn go(mut self: Box<Self>, state: State) -> Flow {
        self.state = state;
        Flow::ManifestPut(self)
    }

    fn collected(self: Box<Self>, outcome: Collected, cx: &mut Cx<'_>) -> Flow {
        match outcome {
            Collected::Whole(bytes) => {
                let algorithm = match &self.reference {
                    Reference::Digest(digest) => digest.algorithm(),
                    Reference::Tag(_) => Algorithm::Sha256,
                };
                let hashing = Hashing { content: SavedHash::new(algorithm), md5: false };
                cx.digest(Source::Bytes(bytes.clone()), hashing);
                self.go(State::Hashing { bytes })
            }
            Collected::TooLong => {
                let max = u64::from(cx.config.limits.manifest_bytes_max);
                refuse(&Refusal::ManifestTooLarge { max }, cx)
            }
            Collected::Late => refuse(&Refusal::BodyLate, cx),
            Collected::Broke => {
                let promised = match self.request.body {
                    BodyLength::Exactly(length) => length,
                    BodyLength::Unknown => 0,
                };
                refuse(&Refusal::SizeInvalid { promised, got: 0 }, cx)
            }
        }
    }

    fn hashed(self: Box<Self>, bytes: Bytes, moved: &Moved, cx: &mut Cx<'_>) -> Flow {
        let Some(hashed) = &moved.hashed else { return refuse(&store_refusal(&Reply::Mismatch), cx) };
        let digest = hashed.digest;
        if let Reference::Digest(expected) = self.reference
            && expected != digest
        {
            return refuse(&Refusal::DigestInvalid { expected, got: digest.into() }, cx);
        }
        let content_type = match self.request.content_type.as_deref().map(MediaType::parse) {
            Some(Err(_)) => {
                return refuse(&Refusal::ManifestInvalid("its Content-Type is no media type".into()), cx);
            }
            Some(Ok(media_type)) => Some(media_type),
            None => None,
        };
        let limits = ManifestLimits { references_max: cx.config.limits.manifest_references_max };
        match Manifest::parse(&bytes, content_type.as_ref(), limits) {
            Err(error) => refuse(&error.into(), cx),
            Ok(manifest) => {
                let pushed = Pushed { digest, manifest, bytes };
                if self.request.if_match.is_none() && self.request.if_none_match.is_none() {
                    return self.check(pushed, cx);
                }
                cx.read_line(key(self.repository.clone(), &self.reference), MANIFEST_LINE_BYTES_MAX);
                self.go(State::Matching { pushed })
            }
        }
    }

    fn matched(self: Box<Self>, pushed: Pushed, stands: Option<Digest>, cx: &mut Cx<'_>) -> Flow {
        let wanted = self.request.if_match.as_deref();
        let unwanted = self.request.if_none_match.as_deref();
        let good = match stands {
            Some(digest) => {
                wanted.is_none_or(|tags| if_match(tags, &digest))
                    && !unwanted.is_some_and(|tags| if_none_match(tags, &digest))
            }
            None => wanted.is_none(),
        };
        if good { self.check(pushed, cx) } else { refuse(&Refusal::PreconditionFailed, cx) }
    }

    fn check(self: Box<Self>, pushed: Pushed, cx: &mut Cx<'_>) -> Flow {
        let checked = References::start(self.repository.clone(), pushed.manifest.references(), cx);
        self.checked(pushed, checked, cx)
    }

    fn checked(self: Box<Self>, pushed: Pushed, checked: Checked, cx: &mut Cx<'_>) -> Flow {
        match checked {
            Checked::Not(references) => self.go(State::Checking { pushed, references }),
            Checked::Failed(refusal) => refuse(&refusal, cx),
            Checked::All => match self.records(&pushed) {
                Ok(left) => self.write(pushed, left, cx),
                Err(refusal) => refuse(&refusal, cx),
            },
        }
    }

    /// What is written, the last one first.
    fn records(&self, pushed: &Pushed) -> Result<Vec<(Key, Bytes)>, Refusal> {
        let record = pushed.record();
        let repository = || self.repository.clone();
        let mut left = Vec::new();
        let named = match &self.reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        left.extend(
            named
                .into_iter()
                .chain(&self.tags)
                .map(|tag| (Key::Tag(repository(), tag.clone()), record.clone())),
        );
        if let Some(subject) = pushed.manifest.subject() {
            let manifest = &pushed.manifest;
            let descriptor = referrer_descriptor(
                manifest.media_type(),
                &pushed.digest,
                pushed.bytes.len() as u64,
                manifest.artifact_type(),
                manifest.annotations(),
            );
            if descriptor.len() > REFERRER_BYTES_MAX as usize {
                return Err(Refusal::ManifestInvalid(
                    "its annotations are too long for a list of referrers".into(),
                ));
            }
            let key = Key::Referrer { repository: repository(), subject: *subject, referrer: pushed.digest };
            left.push((key, descriptor));
        }
        left.push((Key::Manifest(repository(), pushed.digest), record));
        Ok(left)
    }

    /// Writes the last of `left`.
    fn write(self: Box<Self>, pushed: Pushed, left: Vec<(Key, Bytes)>, cx: &mut Cx<'_>) -> Flow {
        match left.last() {
            Some((key, record)) => {
                let create_only = matches!((key, &self.reference), (Key::Tag(_, tag), Reference::Tag(named)) if tag == named)
                    && self.request.if_none_match.as_deref().is_some_and(|tags| tags.trim() == "*");
                cx.write(Op::Write { key: key.clone(), create_only }, record.clone());
                self.go(State::Writing { pushed, left })
            }
            None => {
                cx.send(Op::Stat { key: Key::Manifest(self.repository.clone(), pushed.digest) });
                self.go(State::Confirming { pushed })
            }
        }
    }

    fn written(
        self: Box<Self>,
        pushed: Pushed,
        mut left: Vec<(Key, Bytes)>,
        reply: &Reply,
        cx: &mut Cx<'_>,
    ) -> Flow {
        if matches!(reply, Reply::Written { .. }) {
            left.pop();
            return self.write(pushed, left, cx);
        }
        let refusal =
            if *reply == Reply::Exists { Refusal::PreconditionFailed } else { store_refusal(reply) };
        refuse(&refusal, cx)
    }

    #[allow(clippy::boxed_local, reason = "the state comes boxed")]
    fn created(self: Box<Self>, pushed: &Pushed, cx: &mut Cx<'_>) -> Flow {
        let digest = pushed.digest.to_string();
        let mut answer = Answer::new(StatusCode::CREATED)
            .with(header::LOCATION, &format!("/v2/{}/manifests/{digest}", self.repository))
            .with(DOCKER_CONTENT_DIGEST, &digest);
        if let Some(subject) = pushed.manifest.subject() {
            answer = answer.with(OCI_SUBJECT, &subject.to_string());
        }
        for tag in &self.tags {
            answer = answer.with(OCI_TAG, tag.as_str());
        }
        cx.reply(answer);
        Flow::Over
    }
}

impl Pushed {
    /// The record as it is kept, under its digest and under its tags.
    fn record(&self) -> Bytes {
        let media_type = self.manifest.media_type().clone();
        ManifestLine { media_type, digest: self.digest, size: self.bytes.len() as u64 }.record(&self.bytes)
    }
}

/// So many tags may come with one manifest.
const TAGS_MAX: usize = 64;
