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
/// All that it needs is checked first. Then the manifest is written, its entry among the referrers, and its tags. Then
/// the manifest is looked for again: if a delete took it meanwhile, it may have taken the others too, and all are written
/// again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ManifestPut {
    repository: Repository,
    reference: Reference,
    /// The tags of the query.
    tags: Vec<Tag>,
    request: Request,
    /// How often everything has been written.
    rounds: u8,
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
    /// A new tag exists already. It may be this push's own: an answer that was lost looks the same.
    Recognising { pushed: Pushed, left: Vec<(Key, Bytes)> },
    /// What was written is looked for again, the last of `left` being under way.
    Confirming { pushed: Pushed, left: Vec<Key> },
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
        // The body, and the record that it becomes part of.
        cx.ask(Ask::Memory { bytes: max.saturating_mul(2) });
        Flow::ManifestPut(Box::new(Self {
            repository,
            reference,
            tags,
            request,
            rounds: 1,
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
            (State::Recognising { pushed, left }, Event::Read { slot, bytes, .. }) => {
                cx.close(slot);
                let stands = ManifestLine::read(&bytes).map(|line| line.digest);
                self.recognised(pushed, left, stands, cx)
            }
            (
                State::Recognising { pushed, left },
                Event::Answered { reply: Reply::Missing | Reply::Damaged, .. },
            ) => self.recognised(pushed, left, None, cx),
            (State::Recognising { .. }, Event::Answered { reply, .. }) => refuse(&store_refusal(&reply), cx),
            (State::Confirming { pushed, mut left }, Event::Answered { reply: Reply::Found(_), .. }) => {
                left.pop();
                self.confirm(pushed, left, cx)
            }
            (State::Confirming { pushed, .. }, Event::Answered { reply: Reply::Missing, .. })
                if self.rounds < ROUNDS_MAX =>
            {
                self.rounds += 1;
                self.write_all(pushed, cx)
            }
            (State::Confirming { .. }, Event::Answered { reply, .. }) => refuse(&store_refusal(&reply), cx),
            (state, _) => self.go(state),
        }
    }

    fn go(mut self: Box<Self>, state: State) -> Flow {
        self.state = state;
        Flow::ManifestPut(self)
    }

    fn collected(self: Box<Self>, outcome: Collected, cx: &mut Cx<'_>) -> Flow {
        let promised = match self.request.body {
            BodyLength::Exactly(length) => Some(length),
            BodyLength::Unknown => None,
        };
        match outcome {
            Collected::Whole(bytes) if promised.is_some_and(|promised| promised != bytes.len() as u64) => {
                let (promised, got) = (promised.unwrap_or(0), bytes.len() as u64);
                refuse(&Refusal::SizeInvalid { promised, got }, cx)
            }
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
            Collected::Broke => refuse(&Refusal::BodyBroken, cx),
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
            Checked::All => self.write_all(pushed, cx),
        }
    }

    fn write_all(self: Box<Self>, pushed: Pushed, cx: &mut Cx<'_>) -> Flow {
        match self.records(&pushed) {
            Ok(left) => self.write(pushed, left, cx),
            Err(refusal) => refuse(&refusal, cx),
        }
    }

    /// What is written, the last one first.
    fn records(&self, pushed: &Pushed) -> Result<Vec<(Key, Bytes)>, Refusal> {
        let record = pushed.record();
        let repository = || self.repository.clone();
        let mut left: Vec<_> = self.tag_keys().map(|key| (key, record.clone())).collect();
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
                return Err(Refusal::AnnotationsTooLong { max: REFERRER_BYTES_MAX });
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
                let left = self.doubtful(&pushed);
                self.confirm(pushed, left, cx)
            }
        }
    }

    /// What a delete of the same manifest may have taken. As long as the manifest is found, only that: a delete takes it
    /// after its entry among the referrers and its first tags, and leaves tags of a manifest that is there again. Once it
    /// was gone, the delete may be between its look and the removal of a tag, and all is looked for.
    ///
    /// The last one is looked for first: a delete takes the entry before the manifest, and tags after it. In that order, no
    /// delete that has ended goes unnoticed.
    fn doubtful(&self, pushed: &Pushed) -> Vec<Key> {
        let manifest = Key::Manifest(self.repository.clone(), pushed.digest);
        if self.rounds == 1 {
            return vec![manifest];
        }
        let entry = pushed.manifest.subject().map(|subject| Key::Referrer {
            repository: self.repository.clone(),
            subject: *subject,
            referrer: pushed.digest,
        });
        self.tag_keys().chain([manifest]).chain(entry).collect()
    }

    /// Looks for the last of `left`.
    fn confirm(self: Box<Self>, pushed: Pushed, left: Vec<Key>, cx: &mut Cx<'_>) -> Flow {
        match left.last() {
            Some(key) => {
                cx.send(Op::Stat { key: key.clone() });
                self.go(State::Confirming { pushed, left })
            }
            None => self.created(&pushed, cx),
        }
    }

    /// The tags that the manifest gets.
    fn tag_keys(&self) -> impl Iterator<Item = Key> {
        let named = match &self.reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        named.into_iter().chain(&self.tags).map(|tag| Key::Tag(self.repository.clone(), tag.clone()))
    }

    fn written(
        self: Box<Self>,
        pushed: Pushed,
        mut left: Vec<(Key, Bytes)>,
        reply: &Reply,
        cx: &mut Cx<'_>,
    ) -> Flow {
        match (reply, left.last()) {
            (Reply::Written { .. }, _) => {
                left.pop();
                self.write(pushed, left, cx)
            }
            (Reply::Exists, Some((key, _))) => {
                cx.read_line(key.clone(), MANIFEST_LINE_BYTES_MAX);
                self.go(State::Recognising { pushed, left })
            }
            (_, _) => refuse(&store_refusal(reply), cx),
        }
    }

    fn recognised(
        self: Box<Self>,
        pushed: Pushed,
        mut left: Vec<(Key, Bytes)>,
        stands: Option<Digest>,
        cx: &mut Cx<'_>,
    ) -> Flow {
        if stands != Some(pushed.digest) {
            return refuse(&Refusal::PreconditionFailed, cx);
        }
        left.pop();
        self.write(pushed, left, cx)
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

/// So often a push that deletes of the same manifest take away is written before it gives up.
const ROUNDS_MAX: u8 = 8;

/// So many tags may come with one manifest.
const TAGS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, Method};

    use super::*;
    use crate::exchange::{Exchange, Given, Output, RequestHead};
    use crate::upload::Secret;
    use crate::{Config, Limits};

    #[test]
    fn memory_is_asked_for_all_that_is_held() {
        let secret = Secret::new(b"key");
        let config = Config {
            secret,
            access: crate::access::Access::open(),
            sparse_manifests: false,
            redirects: false,
            store_md5: false,
            limits: Limits::default(),
        };
        let config = Arc::new(config);
        let headers = HeaderMap::new();
        let limit = config.limits.manifest_bytes_max;
        for (body, length) in [(BodyLength::Exactly(1000), 1000), (BodyLength::Unknown, limit)] {
            let head = RequestHead {
                method: &Method::PUT,
                target: "/v2/a/manifests/b",
                headers: &headers,
                body,
                peer: crate::access::Peer::default(),
            };
            let mut exchange = Exchange::new(&config, &head, Given { now: 0, entropy: [2; 16] });
            let what = Ask::Memory { bytes: 2 * length };
            assert_eq!(exchange.poll_output(), Output::Ask { what });
        }
    }
}
