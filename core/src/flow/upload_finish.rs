use bytes::Bytes;

use super::fill::{Fill, Filled};
use super::publish::Publish;
use super::upload_chunk::{check_piece, refuse_at};
use super::{Flow, refuse, store_refusal};
use crate::exchange::{Ask, BodyLength, Collected, Cx, Event, Request, Told};
use crate::oci::{Digest, Query, Refusal};
use crate::store::Reply;
use crate::transfer::{Hashing, Moved, SavedHash, Source};
use crate::upload::Upload;

/// `PUT` of an upload (distribution-spec, end-6), and `POST` with a digest: the last piece, or all of it, then the blob.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UploadFinish {
    digest: Digest,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// A small blob: memory is asked for.
    Asking { upload: Upload, length: u32 },
    /// A small blob is read.
    Collecting { upload: Upload, length: u32 },
    /// A small blob is hashed.
    Hashing { upload: Upload, bytes: Bytes },
    /// The body is stored as segments; those from this number on are this request's own.
    Filling { fill: Box<Fill>, own_from: u32, stated: Option<u64> },
}

impl UploadFinish {
    pub(crate) fn start(upload: Upload, query: &Query, request: &Request, cx: &mut Cx<'_>) -> Flow {
        let digest = match query.first("digest").map(Digest::parse) {
            Some(Ok(digest)) => digest,
            Some(Err(error)) => return refuse(&error.into(), cx),
            None => return refuse(&Refusal::DigestMalformed, cx),
        };
        Self::receive(upload, digest, request, cx)
    }

    /// Takes the request's body as the end of `upload`.
    pub(crate) fn receive(mut upload: Upload, digest: Digest, request: &Request, cx: &mut Cx<'_>) -> Flow {
        let stated = match check_piece(&upload, request, cx) {
            Ok(stated) => stated,
            Err(refusal) => return refuse_at(&refusal, &upload, cx),
        };
        let own_from = upload.segments.next_number();
        if !request.has_body() {
            return Publish::start(upload, digest, own_from, cx);
        }
        if upload.offset() == 0 {
            upload.content = SavedHash::new(digest.algorithm());
        }
        let state = match request.body {
            BodyLength::Exactly(length)
                if upload.offset() == 0 && length <= u64::from(cx.config.limits.small_blob_bytes_max) =>
            {
                let length = length as u32;
                cx.ask(Ask::Memory { bytes: length });
                State::Asking { upload, length }
            }
            BodyLength::Exactly(_) | BodyLength::Unknown => {
                let fill = Fill::start(upload, request.given.entropy, request.body, cx);
                State::Filling { fill, own_from, stated }
            }
        };
        Flow::UploadFinish(Box::new(Self { digest, state }))
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        let Self { digest, state } = *self;
        let go = |state| Flow::UploadFinish(Box::new(Self { digest, state }));
        match (state, event) {
            (State::Filling { fill, own_from, stated }, event) => match fill.step(event, cx) {
                Filled::Not(fill) => go(State::Filling { fill, own_from, stated }),
                Filled::All(_, got) if stated.is_some_and(|stated| stated != got) => {
                    refuse(&Refusal::SizeInvalid { promised: stated.unwrap_or(0), got }, cx)
                }
                Filled::All(upload, _) => Publish::start(upload, digest, own_from, cx),
                Filled::Failed(upload, refusal) => refuse_at(&refusal, &upload, cx),
            },
            (State::Asking { upload, length }, Event::Told { answer: Told::Granted }) => {
                cx.collect(length);
                go(State::Collecting { upload, length })
            }
            (State::Asking { .. }, Event::Told { answer: Told::Denied }) => refuse(&busy(), cx),
            (State::Collecting { upload, length }, Event::Collected { outcome }) => match outcome {
                Collected::Whole(bytes) if bytes.len() as u64 == u64::from(length) => {
                    let hashing = Hashing { content: SavedHash::new(digest.algorithm()), md5: false };
                    cx.digest(Source::Bytes(bytes.clone()), hashing);
                    go(State::Hashing { upload, bytes })
                }
                Collected::Late => refuse_at(&Refusal::BodyLate, &upload, cx),
                Collected::Whole(_) | Collected::TooLong | Collected::Broke => {
                    refuse_at(&Refusal::BodyBroken, &upload, cx)
                }
            },
            (State::Hashing { upload, bytes }, Event::Hashed { moved }) => {
                hashed(digest, &upload, bytes, &moved, cx)
            }
            (state @ (State::Asking { .. } | State::Collecting { .. } | State::Hashing { .. }), _) => {
                go(state)
            }
        }
    }
}

fn hashed(digest: Digest, upload: &Upload, bytes: Bytes, moved: &Moved, cx: &mut Cx<'_>) -> Flow {
    match &moved.hashed {
        Some(hashed) if moved.bytes == bytes.len() as u64 && hashed.digest == digest => {
            Publish::small(upload, digest, bytes, cx)
        }
        Some(hashed) => refuse(&Refusal::DigestInvalid { expected: digest, got: hashed.digest.into() }, cx),
        None => refuse(&store_refusal(&Reply::Mismatch), cx),
    }
}

/// Too many bodies are being read at once.
pub(crate) fn busy() -> Refusal {
    Refusal::Busy { retry_after: std::time::Duration::from_secs(1) }
}
