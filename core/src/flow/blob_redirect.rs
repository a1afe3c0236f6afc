use http::{StatusCode, header};

use super::blob_get::BlobGet;
use super::{Flow, refuse, refuse_reply};
use crate::exchange::{Answer, Ask, Cx, Event, Slot, Told};
use crate::oci::{DOCKER_CONTENT_DIGEST, Refusal, etag, if_match, if_none_match};
use crate::record::{LINK_BYTES_MAX, Link};
use crate::store::{Key, Op, Reply};
use crate::swift::SecretText;

/// `GET` of a blob that is answered with the place where the client can read it from the store itself (distribution-spec,
/// pull; RFC 9110, section 15.4.8).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BlobRedirect {
    /// Goes on where nothing can be redirected.
    get: Box<BlobGet>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// A URL is asked for. Where there is none, nothing has been asked in vain.
    Asking,
    /// The link and the content are asked for at once.
    Looking { location: SecretText, link: Slot, blob: Slot, linked: Option<u64>, found: Found },
}

/// What is known of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Found {
    Unknown,
    Missing,
    Sized(u64),
}

impl BlobRedirect {
    /// Whether a request is to be redirected.
    ///
    /// A HEAD is not: clients want its fields. What a store answers otherwise than this registry is not either: several
    /// ranges, which Swift limits, and a range that counts only for other content than this.
    pub(super) fn is_for(get: &BlobGet, cx: &Cx<'_>) -> bool {
        let (request, digest) = (get.request(), get.digest());
        let several = request.range.as_deref().is_some_and(|range| range.contains(','));
        let known = request.if_none_match.as_deref().is_some_and(|tags| if_none_match(tags, &digest));
        let other = request.if_range.as_deref().is_some_and(|tag| !if_match(tag, &digest));
        cx.config.redirects && !cx.head_only() && !several && !known && !other
    }

    pub(super) fn start(get: Box<BlobGet>, cx: &mut Cx<'_>) -> Flow {
        cx.ask(Ask::Location { digest: get.digest() });
        Flow::BlobRedirect(Box::new(Self { get, state: State::Asking }))
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match event {
            Event::Told { answer } => self.told(answer, cx),
            Event::Read { bytes, .. } => match Link::read(&bytes) {
                Some(Link { size }) => self.linked(size, cx),
                None => self.get.unlink(None, cx),
            },
            Event::Answered { slot, reply } => self.answered(slot, reply, cx),
            Event::Fed { .. } | Event::Replied { .. } | Event::Collected { .. } | Event::Hashed { .. } => {
                Flow::BlobRedirect(self)
            }
        }
    }

    /// Without a URL the content is relayed.
    fn told(mut self: Box<Self>, answer: Told, cx: &mut Cx<'_>) -> Flow {
        match (self.state.clone(), answer) {
            (State::Asking, Told::Location(Some(location))) => {
                let digest = self.get.digest();
                let link = cx.read(Key::Link(self.get.repository().clone(), digest), LINK_BYTES_MAX);
                let blob = cx.send(Op::Stat { key: Key::Blob(digest) });
                self.state = State::Looking { location, link, blob, linked: None, found: Found::Unknown };
                Flow::BlobRedirect(self)
            }
            (
                State::Asking,
                Told::Location(None)
                | Told::Granted
                | Told::Denied
                | Told::Renewed
                | Told::Retry { .. }
                | Told::Password(_)
                | Told::Keys(_),
            ) => self.get.begin(cx),
            (State::Looking { .. }, _) => Flow::BlobRedirect(self),
        }
    }

    fn linked(mut self: Box<Self>, size: u64, cx: &mut Cx<'_>) -> Flow {
        if let State::Looking { linked, .. } = &mut self.state {
            *linked = Some(size);
        }
        self.decide(cx)
    }

    fn answered(mut self: Box<Self>, slot: Slot, reply: Reply, cx: &mut Cx<'_>) -> Flow {
        let State::Looking { blob, found, .. } = &mut self.state else { return Flow::BlobRedirect(self) };
        match (slot == *blob, reply) {
            (true, Reply::Found(object)) => *found = Found::Sized(object.size),
            (true, Reply::Missing) => *found = Found::Missing,
            (false, Reply::Missing) => {
                return refuse(&Refusal::BlobUnknown { digest: self.get.digest() }, cx);
            }
            (_, Reply::Damaged) => return self.get.unlink(None, cx),
            (_, reply) => return refuse_reply(&reply, cx),
        }
        self.decide(cx)
    }

    /// Replies once both are known.
    fn decide(self: Box<Self>, cx: &mut Cx<'_>) -> Flow {
        match &self.state {
            State::Looking { linked: Some(linked), found: Found::Sized(size), location, .. }
                if linked == size =>
            {
                let digest = self.get.digest();
                // Whoever kept it for later would come with a URL that has ended.
                let answer = Answer::new(StatusCode::TEMPORARY_REDIRECT)
                    .with_secret(header::LOCATION, location)
                    .with(DOCKER_CONTENT_DIGEST, &digest.to_string())
                    .with(header::ETAG, &etag(&digest))
                    .with_static(header::CACHE_CONTROL, "no-store");
                cx.reply(answer);
                Flow::Over
            }
            State::Looking { linked: Some(_), found: Found::Sized(_), .. } => self.get.unlink(None, cx),
            State::Looking { linked: Some(size), found: Found::Missing, .. } => {
                // The content may have been looked for before it was pushed, and the link after: it is looked for again.
                let size = *size;
                self.get.sized(size, cx)
            }
            State::Looking { .. } | State::Asking => Flow::BlobRedirect(self),
        }
    }
}
