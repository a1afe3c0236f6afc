use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::fit::{Fitted, name_of};
use super::store_refusal;
use super::upload_finish::busy;
use crate::exchange::{Ask, Cx, Event, Slot, Told};
use crate::oci::ByteRange;
use crate::store::{Key, Op, Part, Reply};
use crate::transfer::md5_of;
use crate::upload::{Piece, Planned, UploadId, plan};

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
    /// Pieces of parts that were read once. A second time must give the same.
    once: BTreeMap<usize, Bytes>,
    /// Those that were read before others that come first.
    early: BTreeMap<usize, Bytes>,
    /// How many pieces have come in order.
    came: usize,
    bytes: Vec<u8>,
}

impl Merge {
    /// Whether there are too many small parts, or such as the store does not join.
    pub(crate) fn is_due(parts: &[Part], cx: &Cx<'_>) -> bool {
        !fits(parts.iter().map(Part::length), cx)
    }

    pub(crate) fn start(upload: UploadId, parts: Arc<[Part]>, cx: &mut Cx<'_>) -> Self {
        // A run is shorter than two parts that are not small, and so are all its pieces on their way to it; the piece that is
        // read twice is small. The parts are there until the end, and so is what is planned and done of them.
        let lists = parts.len() * (2 * size_of::<Part>() + size_of::<Planned>() + 2 * size_of::<Piece>());
        let bytes = cx.config.limits.small_segment_bytes.max(1).saturating_mul(5);
        cx.ask(Ask::Memory { bytes: bytes.saturating_add(u32::try_from(lists).unwrap_or(u32::MAX)) });
        Self { upload, parts, planned: Arc::new([]), at: 0, done: Vec::new(), run: Run::default() }
    }

    /// Plans without pieces of large parts if that is enough, as nothing proves such a piece.
    fn plan(mut self, cx: &mut Cx<'_>) -> Fitted<Self> {
        let whole = plan(&self.parts, small_bytes(cx), false);
        self.planned = match fits(whole.iter().map(Planned::length), cx) {
            true => whole.into(),
            false => plan(&self.parts, small_bytes(cx), true).into(),
        };
        self.next(cx)
    }

    pub(crate) fn upload(&self) -> UploadId {
        self.upload
    }

    pub(crate) fn step(mut self, event: Event, cx: &mut Cx<'_>) -> Fitted<Self> {
        match event {
            Event::Told { answer: Told::Granted } if self.planned.is_empty() => self.plan(cx),
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
            | Event::Told {
                answer:
                    Told::Granted
                    | Told::Renewed
                    | Told::Retry { .. }
                    | Told::Location(_)
                    | Told::Password(_)
                    | Told::Keys(_),
            } => Fitted::Not(self),
        }
    }

    /// Goes on with the plan, up to the next run.
    fn next(mut self, cx: &mut Cx<'_>) -> Fitted<Self> {
        let planned = self.planned.clone();
        while let Some(next) = planned.get(self.at) {
            match next {
                Planned::Kept(part) => self.done.push(part.clone()),
                Planned::Run(pieces) => {
                    self.run = Run { bytes: Vec::with_capacity(next.length() as usize), ..Run::default() };
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
            self.read_piece(piece, self.run.asked, cx);
            self.run.asked += 1;
        }
    }

    fn read_piece(&mut self, piece: &Piece, index: usize, cx: &mut Cx<'_>) {
        let part = &self.parts[piece.part];
        let range = ByteRange::within(piece.first, piece.first + piece.length - 1, part.size);
        let range = range.filter(|_| piece.length < part.size);
        let slot = cx.read_range(part.key.clone(), range, piece.length as u32);
        self.run.reading.push((slot, index));
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
        let whole = piece.length == part.size;
        // Of a piece of a part there is no sum to compare: what was changed on its way is not changed so twice.
        if !whole && !self.run.once.contains_key(&index) {
            self.run.once.insert(index, bytes);
            self.read_piece(piece, index, cx);
            return Fitted::Not(self);
        }
        let agreed = match self.run.once.remove(&index) {
            Some(before) => before == bytes,
            None => part.md5.is_none_or(|md5| md5_of(&bytes) == md5),
        };
        if bytes.len() as u64 != piece.length || !agreed {
            return Fitted::Failed(store_refusal(&Reply::Damaged));
        }
        self.run.early.insert(index, bytes);
        while let Some(bytes) = self.run.early.remove(&self.run.came) {
            self.run.bytes.extend_from_slice(&bytes);
            self.run.came += 1;
        }
        if self.run.came == pieces.len() {
            self.write(pieces, cx);
        } else {
            self.read(pieces, cx);
        }
        Fitted::Not(self)
    }

    /// Writes the run of these pieces.
    fn write(&mut self, pieces: &[Piece], cx: &mut Cx<'_>) {
        let bytes = std::mem::take(&mut self.run).bytes;
        let md5 = md5_of(&bytes);
        let end = pieces.last().map_or(0, |piece| piece.part + 1);
        let sources = pieces.iter().map(|piece| (&self.parts[piece.part].key, piece.first, piece.length));
        let nonce = name_of("run", sources);
        let key = Key::Segment { upload: self.upload, number: end as u32, nonce };
        self.done.push(Part { key: key.clone(), size: bytes.len() as u64, skip: 0, md5: Some(md5) });
        cx.write(Op::Write { key, create_only: false }, Bytes::from(bytes));
    }
}

/// Whether parts of these lengths can be joined well: few of them are small, and the store takes them all.
fn fits(lengths: impl DoubleEndedIterator<Item = u64>, cx: &Cx<'_>) -> bool {
    let limits = &cx.config.limits;
    let (mut small, mut short) = (0, 0);
    for (at, length) in lengths.rev().enumerate() {
        small += u32::from(length < small_bytes(cx));
        // The last one may be as short as it is.
        short += u32::from(at > 0 && length < limits.joins.part_bytes_min);
    }
    small <= limits.small_segments_max && short == 0
}

/// Below so many bytes a part is small.
fn small_bytes(cx: &Cx<'_>) -> u64 {
    u64::from(cx.config.limits.small_segment_bytes.max(1))
}
