use std::sync::Arc;

use bytes::Bytes;

use super::store_refusal;
use super::upload_finish::busy;
use crate::exchange::{Ask, Cx, Event, Told};
use crate::oci::Refusal;
use crate::store::{Key, Op, Part, Reply};
use crate::transfer::md5_of;
use crate::upload::{Nonce, UploadId};

/// Neighbours among the small segments of an upload become larger ones, for a store that is slow to read many small ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Merge {
    upload: UploadId,
    parts: Arc<[Part]>,
    /// The next part.
    at: usize,
    /// What of the parts before it is to be written.
    run: Vec<u8>,
    done: Vec<Part>,
}

/// How a [`Merge`] stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Merged {
    /// It goes on.
    Not(Merge),
    /// These parts have the same content.
    All(Arc<[Part]>),
    /// It broke off.
    Failed(Refusal),
}

impl Merge {
    /// Whether there are too many small parts.
    pub(crate) fn is_due(parts: &[Part], cx: &Cx<'_>) -> bool {
        let small = parts.iter().filter(|part| is_small(part)).count();
        small > cx.config.limits.small_segments_max as usize
    }

    pub(crate) fn start(upload: UploadId, parts: Arc<[Part]>, cx: &mut Cx<'_>) -> Self {
        // A run is written when it is no longer small, so that it is shorter than two that are not.
        cx.ask(Ask::Memory { bytes: 2 * SMALL_BYTES });
        Self { upload, parts, at: 0, run: Vec::new(), done: Vec::new() }
    }

    pub(crate) fn step(mut self, event: Event, cx: &mut Cx<'_>) -> Merged {
        match event {
            Event::Told { answer: Told::Granted } => self.next(cx),
            Event::Told { answer: Told::Denied } => Merged::Failed(busy()),
            Event::Read { bytes, .. } => {
                let part = &self.parts[self.at];
                let agreed = part.md5.is_none_or(|md5| md5_of(&bytes) == md5);
                if bytes.len() as u64 != part.size || !agreed {
                    return Merged::Failed(store_refusal(&Reply::Damaged));
                }
                self.run.extend_from_slice(&bytes);
                self.at += 1;
                let goes_on =
                    self.run.len() < SMALL_BYTES as usize && self.parts.get(self.at).is_some_and(is_small);
                if goes_on { self.next(cx) } else { self.write(cx) }
            }
            Event::Answered { reply: Reply::Written { .. }, .. } => {
                self.run = Vec::new();
                self.next(cx)
            }
            Event::Answered { reply: Reply::Missing, .. } => Merged::Failed(Refusal::BlobUploadUnknown),
            Event::Answered { reply, .. } => Merged::Failed(store_refusal(&reply)),
            Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { answer: Told::Renewed | Told::Retry { .. } | Told::Location(_) } => {
                Merged::Not(self)
            }
        }
    }

    /// Reads the next part, unless it stays as it is.
    fn next(mut self, cx: &mut Cx<'_>) -> Merged {
        while let Some(part) = self.parts.get(self.at) {
            let alone = self.run.is_empty() && !self.parts.get(self.at + 1).is_some_and(is_small);
            if is_small(part) && !alone {
                cx.read(part.key.clone(), SMALL_BYTES);
                return Merged::Not(self);
            }
            self.done.push(part.clone());
            self.at += 1;
        }
        Merged::All(self.done.into())
    }

    fn write(mut self, cx: &mut Cx<'_>) -> Merged {
        let md5 = md5_of(&self.run);
        // Named by its content: whoever does the same again writes the same.
        let nonce = Nonce::new(md5[..8].try_into().unwrap_or_default());
        let key = Key::Segment { upload: self.upload, number: self.at as u32, nonce };
        let size = self.run.len() as u64;
        self.done.push(Part { key: key.clone(), size, md5: Some(md5) });
        cx.write(Op::Write { key, create_only: false }, Bytes::from(std::mem::take(&mut self.run)));
        Merged::Not(self)
    }
}

/// Whether a store may be slow to read it among many.
fn is_small(part: &Part) -> bool {
    part.size < u64::from(SMALL_BYTES)
}

/// Below so many bytes Swift, as it comes, sends no more than one segment a second after the first ten.
const SMALL_BYTES: u32 = 1 << 20;
