use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::{Attempt, Payload, Want};
use crate::exchange::Until;
use crate::store::{Found, Key, Op, Reply};

/// What an answer is worth, by what is known of its call.
impl Attempt {
    /// Whether the body of this call may have been changed on its way to the store: it is sent again, once. A part that a
    /// Join does not find may have had another name on the way, and a store may not see yet what has just been written.
    pub(super) fn doubts(&mut self, reply: &Reply) -> bool {
        let doubtful = match reply {
            Reply::Mismatch => matches!(self.op, Op::Write { .. } | Op::Join { .. }),
            Reply::Missing => matches!(self.op, Op::Join { .. }),
            Reply::Found(_)
            | Reply::Written { .. }
            | Reply::Exists
            | Reply::Done
            | Reply::Page(_)
            | Reply::Damaged
            | Reply::Full
            | Reply::Refused
            | Reply::Unavailable { .. } => false,
        };
        let again = doubtful && !self.resent && self.payload != Payload::Fed;
        self.resent |= again;
        again
    }

    /// What is gone when its removal is tried again was removed by the try before.
    pub(super) fn settled(&self, reply: Reply) -> Reply {
        match (&self.op, &reply) {
            (Op::Remove { .. }, Reply::Missing) if self.tries > 0 => Reply::Done,
            _ => reply,
        }
    }

    /// How much of what was found is read. A small record is read whole where it can be proved then, even if its first line
    /// alone is wanted.
    pub(super) fn extent(&self, found: &Found) -> (u32, Until) {
        match self.want {
            Want::Body(_, Until::Line) if self.md5(found).is_some() && found.size <= RECORD_BYTES_MAX => {
                (RECORD_BYTES_MAX as u32, Until::End)
            }
            Want::Body(max, until) => (max, until),
            Want::Head => (0, Until::End),
        }
    }

    /// Whether bytes that were read whole are those that the store has, as far as it tells.
    pub(super) fn proves(&self, found: &Found, bytes: &[u8]) -> bool {
        self.md5(found).is_none_or(|md5| md5 == <[u8; 16]>::from(Md5::digest(bytes)))
    }

    /// Takes apart what was read whole: what is wanted, and the rest. `None` if that is longer than it may be.
    pub(super) fn wanted(&self, mut bytes: Bytes) -> Option<(Bytes, Option<Bytes>)> {
        let Want::Body(max, Until::Line) = self.want else { return Some((bytes, None)) };
        let end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
        (end <= max as usize).then(|| (bytes.split_to(end), Some(bytes)))
    }

    /// The MD5 of what is read, if all of it is, and the store tells it.
    fn md5(&self, found: &Found) -> Option<[u8; 16]> {
        match &self.op {
            Op::Read { key, range: None, .. } if is_plain(key) => found.etag,
            Op::Read { .. }
            | Op::Stat { .. }
            | Op::Write { .. }
            | Op::Join { .. }
            | Op::Copy { .. }
            | Op::Touch { .. }
            | Op::Release { .. }
            | Op::Remove { .. }
            | Op::List { .. } => None,
        }
    }
}

/// Whether an object of that name is always one that was written at once: of what was joined the tag is no MD5 of content.
fn is_plain(key: &Key) -> bool {
    match key {
        Key::Blob(_) | Key::Segment { .. } => false,
        Key::SegmentList { .. } | Key::Link(..) | Key::Manifest(..) | Key::Tag(..) | Key::Referrer { .. } => {
            true
        }
    }
}

/// A record up to so many bytes is held in memory while its line is looked at.
const RECORD_BYTES_MAX: u64 = 32 << 10;
