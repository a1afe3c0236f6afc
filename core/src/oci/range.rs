//! The Range header of a download.

/// The most parts that one request may ask for; with more the whole content is sent.
pub const RANGES_MAX: usize = 1_024;

/// A piece of content, both ends inclusive and within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteRange {
    first: u64,
    last: u64,
}

/// What a request for content is to be answered with (RFC 9110, section 14.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ranges {
    /// 200 and all of it.
    Whole,
    /// 206 and one piece.
    One(ByteRange),
    /// 206 and at least two pieces as multipart/byteranges, in the order asked for, never merged.
    Several(Vec<ByteRange>),
    /// 416.
    Unsatisfiable,
}

impl ByteRange {
    /// The range from `first` to `last`, cut at the end of content of `size` bytes; `None` if nothing is left of it.
    pub const fn within(first: u64, last: u64, size: u64) -> Option<Self> {
        if first > last || first >= size {
            return None;
        }
        Some(Self { first, last: if last < size { last } else { size - 1 } })
    }

    /// The first byte's offset.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The last byte's offset.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The bytes in it, at least 1. It cannot overflow: `last` is below the size of the content.
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub const fn len(&self) -> u64 {
        self.last - self.first + 1
    }

    /// The value of Content-Range beside it (RFC 9110, section 14.4).
    pub fn content_range(&self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.first, self.last)
    }
}

impl Ranges {
    /// Decides by the Range header, if any, for content of `size` bytes.
    ///
    /// What cannot be read, or uses another unit than bytes, is ignored, as RFC 9110 asks. A range that ends before it
    /// begins counts as unsatisfiable though: a client that miscounts should hear of it rather than get gigabytes.
    pub fn decide(header: Option<&str>, size: u64) -> Self {
        let Some(set) = header.and_then(byte_set) else { return Self::Whole };
        let mut ranges = Vec::new();
        let mut asked = 0;
        for member in set.split(',').map(trim) {
            // RFC 9110, section 5.6.1: a recipient skips the empty elements of a list.
            if member.is_empty() {
                continue;
            }
            asked += 1;
            if asked > RANGES_MAX {
                return Self::Whole;
            }
            match piece(member, size) {
                Piece::Malformed | Piece::All => return Self::Whole,
                Piece::Nothing => {}
                Piece::Some(range) => ranges.push(range),
            }
        }
        match (asked, ranges.as_slice()) {
            (0, _) => Self::Whole,
            (_, []) => Self::Unsatisfiable,
            (_, [one]) => Self::One(*one),
            (_, [_, _, ..]) => Self::Several(ranges),
        }
    }
}

enum Piece {
    Malformed,
    /// Satisfiable, and yet no Content-Range can say it: the end of empty content.
    All,
    Nothing,
    Some(ByteRange),
}

fn byte_set(header: &str) -> Option<&str> {
    let (unit, set) = header.split_once('=')?;
    trim(unit).eq_ignore_ascii_case("bytes").then_some(set)
}

fn piece(member: &str, size: u64) -> Piece {
    let Some((first, last)) = member.split_once('-') else { return Piece::Malformed };
    match (offset(first), offset(last)) {
        (Some(first), Some(last)) => ByteRange::within(first, last, size).map_or(Piece::Nothing, Piece::Some),
        (Some(first), None) if last.is_empty() => {
            ByteRange::within(first, u64::MAX, size).map_or(Piece::Nothing, Piece::Some)
        }
        (None, Some(0)) if first.is_empty() => Piece::Nothing,
        (None, Some(_)) if first.is_empty() && size == 0 => Piece::All,
        (None, Some(length)) if first.is_empty() => {
            ByteRange::within(size.saturating_sub(length), u64::MAX, size).map_or(Piece::Nothing, Piece::Some)
        }
        (Some(_) | None, Some(_) | None) => Piece::Malformed,
    }
}

/// An offset beyond what a u64 holds lies beyond all content, and so does the largest u64.
fn offset(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(first: u64, last: u64) -> Ranges {
        Ranges::One(ByteRange { first, last })
    }

    fn several(pieces: &[(u64, u64)]) -> Ranges {
        Ranges::Several(pieces.iter().map(|&(first, last)| ByteRange { first, last }).collect())
    }

    #[test]
    fn one_range() {
        for (header, size, expected) in [
            ("bytes=0-0", 10, one(0, 0)),
            ("bytes=0-9", 10, one(0, 9)),
            ("bytes=0-10", 10, one(0, 9)),
            ("bytes=9-9", 10, one(9, 9)),
            ("bytes=3-", 10, one(3, 9)),
            ("bytes=0-", 10, one(0, 9)),
            ("bytes=-3", 10, one(7, 9)),
            ("bytes=-10", 10, one(0, 9)),
            ("bytes=-11", 10, one(0, 9)),
            ("Bytes=1-2", 10, one(1, 2)),
            ("bytes= 1-2\t", 10, one(1, 2)),
            ("bytes=,1-2,", 10, one(1, 2)),
            ("bytes=0001-02", 10, one(1, 2)),
            ("bytes=1-99999999999999999999999999", 10, one(1, 9)),
            ("bytes=-99999999999999999999999999", 10, one(0, 9)),
            ("bytes=0-", u64::MAX, one(0, u64::MAX - 1)),
            ("bytes=10-", 10, Ranges::Unsatisfiable),
            ("bytes=10-20", 10, Ranges::Unsatisfiable),
            ("bytes=99999999999999999999999999-", 10, Ranges::Unsatisfiable),
            ("bytes=18446744073709551615-", u64::MAX, Ranges::Unsatisfiable),
            ("bytes=-0", 10, Ranges::Unsatisfiable),
            ("bytes=5-4", 10, Ranges::Unsatisfiable),
            ("bytes=50-40", 10, Ranges::Unsatisfiable),
            ("bytes=0-", 0, Ranges::Unsatisfiable),
            ("bytes=0-0", 0, Ranges::Unsatisfiable),
            ("bytes=-0", 0, Ranges::Unsatisfiable),
            ("bytes=-1", 0, Ranges::Whole),
        ] {
            assert_eq!(Ranges::decide(Some(header), size), expected, "{header} of {size}");
        }
    }

    #[test]
    fn several_ranges_are_kept_as_asked() {
        for (header, expected) in [
            ("bytes=0-1,2-3", several(&[(0, 1), (2, 3)])),
            ("bytes=2-3 , 0-1", several(&[(2, 3), (0, 1)])),
            ("bytes=0-4,2-6,0-4", several(&[(0, 4), (2, 6), (0, 4)])),
            ("bytes=0-0,-1,8-", several(&[(0, 0), (9, 9), (8, 9)])),
            ("bytes=0-1,10-11,2-3", several(&[(0, 1), (2, 3)])),
            ("bytes=0-1,5-4,-0", one(0, 1)),
            ("bytes=10-11,12-", Ranges::Unsatisfiable),
            ("bytes=0-1,x", Ranges::Whole),
            ("bytes=10-11,x", Ranges::Whole),
        ] {
            assert_eq!(Ranges::decide(Some(header), 10), expected, "{header}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes= , ,",
            "bytes=-",
            "bytes=a-b",
            "bytes=1",
            "bytes=1-b",
            "bytes=a-1",
            "bytes=--1",
            "bytes=1--2",
            "bytes=1-2-3",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=1 -2",
            "bytes=1- 2",
            "bytes=0x1-2",
            "bytes 1-2",
            "bytes:1-2",
            "items=1-2",
            "byte=1-2",
            "bytes=１-２",
            "bytes=1-2;3-4",
            "=1-2",
            "bytes==1-2",
            "bytes=1-2\0",
            "none",
        ] {
            assert_eq!(Ranges::decide(Some(header), 10), Ranges::Whole, "{header:?}");
        }
        assert_eq!(Ranges::decide(None, 10), Ranges::Whole);
        assert_eq!(Ranges::decide(None, 0), Ranges::Whole);
    }

    #[test]
    fn the_number_of_ranges_is_bounded() {
        let header = |count| format!("bytes={}", vec!["0-0"; count].join(","));
        assert_eq!(Ranges::decide(Some(&header(RANGES_MAX)), 10), several(&vec![(0, 0); RANGES_MAX]));
        assert_eq!(Ranges::decide(Some(&header(RANGES_MAX + 1)), 10), Ranges::Whole);
        let nothing = format!("bytes={}", vec!["10-"; RANGES_MAX + 1].join(","));
        assert_eq!(Ranges::decide(Some(&nothing), 10), Ranges::Whole);
    }

    #[test]
    fn a_range_counts_both_ends() {
        let range = ByteRange::within(2, 50, 10).unwrap();
        assert_eq!((range.first(), range.last(), range.len()), (2, 9, 8));
        assert_eq!(range.content_range(10), "bytes 2-9/10");
        assert_eq!(ByteRange::within(0, u64::MAX, u64::MAX).unwrap().len(), u64::MAX);
        assert_eq!(ByteRange::within(0, 0, 0), None);
        assert_eq!(ByteRange::within(1, 0, 10), None);
    }
}
