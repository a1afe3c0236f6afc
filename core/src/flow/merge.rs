use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::fit::Fitted;
use super::store_refusal;
use super::upload_finish::busy;
use crate::exchange::{Ask, Cx, Event, Slot, Told};
use crate::oci::ByteRange;
use crate::store::{Key, Op, Part, Reply};
use crate::transfer::md5_of;
use crate::upload::{Nonce, Piece, Planned, UploadId, plan};

/// Small segments of an upload become larger ones, for a store that is slow to read many small ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Merge {
    upload: UploadId,
    parts: Arc<[Part]>,
    planned: Arc<[Planned]>,
    /// What of the plan is next, or under way.
    at: usize,
    done: Vec<Part>,
    run: Run,
}

/// A run in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Run {
    /// How many pieces have been asked for.
    asked: usize,
    /// Those that are being read, by their index.
    reading: Vec<(Slot, usize)>,
    /// Those that were read before others that come first.
    early: BTreeMap<usize, Bytes>,
    /// How many pieces have come in order.
    came: usize,
    bytes: Vec<u8>,
}

impl Merge {
    /// Whether there are too many small parts, or such as the store does not join.
    pub(crate) fn is_due(parts: &[Part], cx: &Cx<'_>) -> bool {
        let limits = &cx.config.limits;
        let below = |bytes: u64| parts.iter().filter(move |part| part.length() < bytes);
        let last_is_short = parts.last().is_some_and(|part| part.length() < limits.joins.part_bytes_min);
        below(small_bytes(cx)).count() > limits.small_segments_max as usize
            || below(limits.joins.part_bytes_min).count() > usize::from(last_is_short)
    }

    pub(crate) fn start(upload: UploadId, parts: Arc<[Part]>, cx: &mut Cx<'_>) -> Self {
        let planned = plan(&parts, small_bytes(cx)).into();
        // A run is shorter than two parts that are not small, and so are all its pieces on their way to it.
        cx.ask(Ask::Memory { bytes: cx.config.limits.small_segment_bytes.max(1).saturating_mul(4) });
        Self { upload, parts, planned, at: 0, done: Vec::new(), run: Run::default() }
    }

    pub(crate) fn upload(&self) -> UploadId {
        self.upload
    }

    pub(crate) fn step(mut self, event: Event, cx: &mut Cx<'_>) -> Fitted<Self> {
        match event {
            Event::Told { answer: Told::Granted } => self.next(cx),
            Event::Told { answer: Told::Denied } => Fitted::Failed(busy()),
            Event::Read { slot, bytes, .. } => self.came(slot, bytes, cx),
            Event::Answered { reply: Reply::Written { .. }, .. } => {
                self.at += 1;
                self.next(cx)
            }
            Event::Answered { reply: Reply::Missing, .. } => {
                cx.close_all();
                Fitted::Gone
            }
            Event::Answered { reply, .. } => Fitted::Failed(store_refusal(&reply)),
            Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { answer: Told::Renewed | Told::Retry { .. } | Told::Location(_) } => {
                Fitted::Not(self)
            }
        }
    }

    /// Goes on with the plan, up to the next run.
    fn next(mut self, cx: &mut Cx<'_>) -> Fitted<Self> {
        let planned = self.planned.clone();
        while let Some(next) = planned.get(self.at) {
            match next {
                Planned::Kept(part) => self.done.push(part.clone()),
                Planned::Run(pieces) => {
                    let length = pieces.iter().map(|piece| piece.length).sum::<u64>() as usize;
                    self.run = Run { bytes: Vec::with_capacity(length), ..Run::default() };
                    self.read(pieces, cx);
                    return Fitted::Not(self);
                }
            }
            self.at += 1;
        }
        Fitted::All(self.done.into())
    }

    /// Reads as many pieces at once as calls are free.
    fn read(&mut self, pieces: &[Piece], cx: &mut Cx<'_>) {
        while let Some(piece) = pieces.get(self.run.asked).filter(|_| cx.free_calls() > 0) {
            let part = &self.parts[piece.part];
            let range = ByteRange::within(piece.first, piece.first + piece.length - 1, part.size);
            let range = range.filter(|_| piece.length < part.size);
            let slot = cx.read_range(part.key.clone(), range, piece.length as u32);
            self.run.reading.push((slot, self.run.asked));
            self.run.asked += 1;
        }
    }

    fn came(mut self, slot: Slot, bytes: Bytes, cx: &mut Cx<'_>) -> Fitted<Self> {
        let planned = self.planned.clone();
        let Some(Planned::Run(pieces)) = planned.get(self.at) else { return Fitted::Not(self) };
        let Some(at) = self.run.reading.iter().position(|(reading, _)| *reading == slot) else {
            return Fitted::Not(self);
        };
        let (_, index) = self.run.reading.swap_remove(at);
        let piece = &pieces[index];
        let part = &self.parts[piece.part];
        // Of a piece of a part there is no sum to compare.
        let whole = piece.length == part.size;
        let agreed = part.md5.filter(|_| whole).is_none_or(|md5| md5_of(&bytes) == md5);
        if bytes.len() as u64 != piece.length || !agreed {
            return Fitted::Failed(store_refusal(&Reply::Damaged));
        }
        self.run.early.insert(index, bytes);
        while let Some(bytes) = self.run.early.remove(&self.run.came) {
            self.run.bytes.extend_from_slice(&bytes);
            self.run.came += 1;
        }
        if self.run.came == pieces.len() {
            let end = pieces.last().map_or(0, |piece| piece.part + 1);
            self.write(end as u32, cx);
        } else {
            self.read(pieces, cx);
        }
        Fitted::Not(self)
    }

    /// Writes the run, whose last piece is of the part before the one with number `end`.
    fn write(&mut self, end: u32, cx: &mut Cx<'_>) {
        let bytes = std::mem::take(&mut self.run).bytes;
        let md5 = md5_of(&bytes);
        // Named by its content: whoever does the same again writes the same.
        let nonce = Nonce::new(md5[..8].try_into().unwrap_or_default());
        let key = Key::Segment { upload: self.upload, number: end, nonce };
        self.done.push(Part { key: key.clone(), size: bytes.len() as u64, skip: 0, md5: Some(md5) });
        cx.write(Op::Write { key, create_only: false }, Bytes::from(bytes));
    }
}

/// Below so many bytes a part is small.
fn small_bytes(cx: &Cx<'_>) -> u64 {
    u64::from(cx.config.limits.small_segment_bytes.max(1))
}
