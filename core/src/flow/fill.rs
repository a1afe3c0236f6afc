use super::store_refusal;
use crate::exchange::{BodyLength, Cx, Event, Slot};
use crate::oci::{Algorithm, Digest, Refusal};
use crate::store::{Op, Reply};
use crate::transfer::{End, Hashing, Moved, Source, Take, Tap};
use crate::upload::{Nonce, Segment, Upload};

/// The client's body becomes segments of an upload.
///
/// A segment counts only when both halves of its call agree: the body left whole, and the store says that it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fill {
    upload: Upload,
    entropy: [u8; 16],
    body: BodyLength,
    /// What of the body has been stored, in bytes.
    stored: u64,
    slot: Slot,
    segment: Segment,
    moved: Option<Moved>,
    written: Option<Option<[u8; 16]>>,
}

/// How a [`Fill`] stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Filled {
    /// It goes on.
    Not(Box<Fill>),
    /// The body is stored, so many bytes of it.
    All(Upload, u64),
    /// It broke off. What was stored before is good.
    Failed(Upload, Refusal),
}

impl Fill {
    pub(crate) fn start(upload: Upload, entropy: [u8; 16], body: BodyLength, cx: &mut Cx<'_>) -> Box<Self> {
        let (slot, segment) = open_segment(&upload, entropy, cx);
        Box::new(Self { upload, entropy, body, stored: 0, slot, segment, moved: None, written: None })
    }

    pub(crate) fn step(mut self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Filled {
        match event {
            Event::Fed { moved, .. } => self.fed(moved, cx),
            Event::Answered { reply: Reply::Written { md5 }, .. } => {
                self.written = Some(md5);
                self.settle(cx)
            }
            Event::Answered { reply, .. } => Filled::Failed(self.upload, store_refusal(&reply)),
            Event::Read { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Filled::Not(self),
        }
    }

    fn fed(mut self: Box<Self>, moved: Moved, cx: &mut Cx<'_>) -> Filled {
        match moved.end {
            End::Eof if moved.bytes == 0 => {
                cx.close(self.slot);
                Filled::All(self.upload, self.stored)
            }
            End::Eof | End::Taken | End::Stalled => {
                self.moved = Some(moved);
                self.settle(cx)
            }
            End::SourceBroke => {
                cx.close(self.slot);
                let got = self.stored + moved.bytes;
                let refusal = match self.body {
                    BodyLength::Exactly(promised) => Refusal::SizeInvalid { promised, got },
                    BodyLength::Unknown => {
                        Refusal::BlobUploadInvalid("the body broke off; send it again".into())
                    }
                };
                Filled::Failed(self.upload, refusal)
            }
            End::SourceLate => {
                cx.close(self.slot);
                Filled::Failed(self.upload, Refusal::BodyLate)
            }
            // The store's answer says why; it is owed.
            End::SinkBroke => Filled::Not(self),
        }
    }

    /// Both halves are needed before the segment counts.
    fn settle(mut self: Box<Self>, cx: &mut Cx<'_>) -> Filled {
        let (Some(moved), Some(md5)) = (&self.moved, self.written) else { return Filled::Not(self) };
        let unavailable = store_refusal(&Reply::Mismatch);
        let Some(hashed) = &moved.hashed else { return Filled::Failed(self.upload, unavailable) };
        let counted = hashed.saved.length() == self.upload.offset() + moved.bytes;
        let agreed = hashed.md5.is_none() || md5.is_none() || hashed.md5 == md5;
        if !counted || !agreed {
            return Filled::Failed(self.upload, unavailable);
        }
        self.segment.size = moved.bytes;
        self.segment.md5 = hashed.md5;
        self.upload.content = hashed.saved;
        self.stored += moved.bytes;
        let end = moved.end;
        self.upload.segments.recent.push(self.segment);
        if end == End::Eof {
            return Filled::All(self.upload, self.stored);
        }
        if self.segment.number + 1 >= SEGMENTS_MAX {
            let reason = "it has too many segments; send it in fewer, longer chunks";
            return Filled::Failed(self.upload, Refusal::BlobUploadInvalid(reason.into()));
        }
        let (slot, segment) = open_segment(&self.upload, self.entropy, cx);
        Filled::Not(Box::new(Self { slot, segment, moved: None, written: None, ..*self }))
    }
}

fn open_segment(upload: &Upload, entropy: [u8; 16], cx: &mut Cx<'_>) -> (Slot, Segment) {
    let number = upload.segments.next_number();
    let segment = Segment { number, nonce: nonce(entropy, number), size: 0, md5: None };
    let slot = cx.open(Op::Write { key: segment.key(upload.id), create_only: false });
    let take = Take::UpTo(cx.config.limits.segment_bytes_max.max(1));
    let tap = Tap::Digest(Box::new(Hashing { content: upload.content, md5: cx.config.store_md5 }));
    cx.feed(slot, Source::Client { take, tap }, true);
    (slot, segment)
}

/// A nonce for a name, out of the chance that came with the request; no two numbers share one.
pub(crate) fn nonce(entropy: [u8; 16], number: u32) -> Nonce {
    let mut seed = [0; 20];
    seed[..16].copy_from_slice(&entropy);
    seed[16..].copy_from_slice(&number.to_be_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&Digest::of(Algorithm::Sha256, &seed).bytes()[..8]);
    Nonce::new(bytes)
}

/// So many segments make an upload at most.
pub(crate) const SEGMENTS_MAX: u32 = 10_000;
