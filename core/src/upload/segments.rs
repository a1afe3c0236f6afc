use super::{Nonce, UploadId};
use crate::store::{Key, Part};

/// The segments of an upload, in order. The older ones may have been spilled to objects of their own, so that a token
/// stays short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Segments {
    /// The newest spilled list, which names the one before it.
    pub spill: Option<Spill>,
    /// What came after it.
    pub recent: Vec<Segment>,
}

/// One segment of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// Its place in the upload; with the nonce, its name.
    pub number: u32,
    /// Its nonce.
    pub nonce: Nonce,
    /// Its size in bytes.
    pub size: u64,
    /// Its MD5, where the store works with them.
    pub md5: Option<[u8; 16]>,
}

/// A list of segments that was stored as an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spill {
    /// The number of the first segment behind it.
    pub number: u32,
    /// Its nonce.
    pub nonce: Nonce,
}

impl Segments {
    /// So many segments a token carries; one more and they are spilled.
    pub const RECENT_MAX: usize = 16;

    /// The number of the next segment.
    pub fn next_number(&self) -> u32 {
        match (self.recent.last(), self.spill) {
            (Some(segment), _) => segment.number + 1,
            (None, Some(spill)) => spill.number,
            (None, None) => 0,
        }
    }

    /// Whether the list has to be spilled before the next token is sealed.
    pub fn is_long(&self) -> bool {
        self.recent.len() > Self::RECENT_MAX
    }

    /// The list that goes to an object of its own, and what stays behind.
    pub fn spilled(&self, nonce: Nonce) -> (Spill, Vec<u8>) {
        let mut list = Vec::new();
        self.write_to(&mut list);
        (Spill { number: self.next_number(), nonce }, list)
    }

    /// Writes the list as bytes; [`Segments::read_from`] reads them.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        match self.spill {
            Some(spill) => {
                out.push(1);
                out.extend_from_slice(&spill.number.to_be_bytes());
                out.extend_from_slice(spill.nonce.bytes());
            }
            None => out.push(0),
        }
        for segment in &self.recent {
            out.extend_from_slice(&segment.number.to_be_bytes());
            out.extend_from_slice(segment.nonce.bytes());
            out.extend_from_slice(&segment.size.to_be_bytes());
            match segment.md5 {
                Some(md5) => {
                    out.push(1);
                    out.extend_from_slice(&md5);
                }
                None => out.push(0),
            }
        }
    }

    /// Reads a list to the end of `bytes`; `None` if it is not one.
    pub(crate) fn read_from(mut bytes: &[u8]) -> Option<Self> {
        let from = &mut bytes;
        let spill = match take::<1>(from)? {
            [0] => None,
            [1] => Some(Spill { number: u32::from_be_bytes(take(from)?), nonce: Nonce::new(take(from)?) }),
            _ => return None,
        };
        let mut recent = Vec::new();
        while !from.is_empty() {
            recent.push(Segment {
                number: u32::from_be_bytes(take(from)?),
                nonce: Nonce::new(take(from)?),
                size: u64::from_be_bytes(take(from)?),
                md5: match take::<1>(from)? {
                    [0] => None,
                    [1] => Some(take(from)?),
                    _ => return None,
                },
            });
        }
        Some(Self { spill, recent })
    }
}

impl Segment {
    /// The object that holds it.
    pub fn key(&self, upload: UploadId) -> Key {
        Key::Segment { upload, number: self.number, nonce: self.nonce }
    }

    /// It, as a part of what is joined.
    pub fn part(&self, upload: UploadId) -> Part {
        Part { key: self.key(upload), size: self.size, skip: 0, md5: self.md5 }
    }
}

impl Spill {
    /// The object that holds it.
    pub fn key(&self, upload: UploadId) -> Key {
        Key::SegmentList { upload, number: self.number, nonce: self.nonce }
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_back_as_written_and_nothing_else_does() {
        let nonce = Nonce::new([7; 8]);
        let mut segments = Segments { spill: Some(Spill { number: 3, nonce }), recent: Vec::new() };
        assert_eq!(segments.next_number(), 3);
        segments.recent.push(Segment { number: 3, nonce, size: 5, md5: Some([1; 16]) });
        segments.recent.push(Segment { number: 4, nonce, size: 1 << 40, md5: None });
        assert_eq!(segments.next_number(), 5);
        let (spill, list) = segments.spilled(nonce);
        assert_eq!(spill.number, 5);
        assert_eq!(Segments::read_from(&list), Some(segments));
        for cut in [0, 1, 5, list.len() - 1] {
            assert_eq!(Segments::read_from(&list[..cut]), None, "{cut}");
        }
        assert_eq!(Segments::read_from(&[9]), None);
    }
}
