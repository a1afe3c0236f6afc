//! The Content-Range header of an uploaded chunk.

/// Where a chunk belongs in its blob, both ends inclusive (distribution-spec, "Pushing a blob in chunks").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentRange {
    first: u64,
    last: u64,
}

/// A text is not the Content-Range of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentRangeError;

impl ContentRange {
    /// Reads `<first>-<last>`, the form of distribution-spec, "Pushing a blob in chunks"; no unit, no total.
    ///
    /// # Errors
    /// A range that ends before it begins is malformed too.
    pub fn parse(text: &str) -> Result<Self, ContentRangeError> {
        let (first, last) = text.split_once('-').ok_or(ContentRangeError)?;
        let (first, last) = (number(first)?, number(last)?);
        // The length of the range must be a u64 as well.
        if first <= last && last < u64::MAX { Ok(Self { first, last }) } else { Err(ContentRangeError) }
    }

    /// The offset of the chunk's first byte.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The offset of the chunk's last byte.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The bytes in the chunk, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub const fn len(&self) -> u64 {
        self.last - self.first + 1
    }
}

impl std::fmt::Display for ContentRangeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the Content-Range of a chunk is <first>-<last>, both inclusive; correct it")
    }
}

impl std::error::Error for ContentRangeError {}

fn number(digits: &str) -> Result<u64, ContentRangeError> {
    // The parser of the standard library alone would take a plus sign.
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().map_err(|_| ContentRangeError)
    } else {
        Err(ContentRangeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_are_read() {
        for (text, first, last) in [
            ("0-1023", 0, 1023),
            ("0-0", 0, 0),
            ("007-09", 7, 9),
            ("0-18446744073709551614", 0, u64::MAX - 1),
        ] {
            let range = ContentRange::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((range.first(), range.last(), range.len()), (first, last, last - first + 1), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "-",
            "0",
            "0-",
            "-9",
            "9-0",
            "a-b",
            "0-9-",
            "0--9",
            "+0-9",
            "0-+9",
            "0 - 9",
            " 7-9",
            "7-9/10",
            "bytes 7-9",
            "bytes 7-9/10",
            "bytes=0-9",
            "bytes0-9",
            "bytes  0-9",
            "bytes */10",
            "bytes 0-9/",
            "bytes 0-9/9",
            "bytes 0-9/x",
            "bytes 0-9/+10",
            "0-9/10/10",
            "items 0-9/10",
            "0-18446744073709551615",
            "0-99999999999999999999",
            "0-9,10-19",
            "０-９",
            "0-9\0",
            "é",
            "bytéé",
        ] {
            assert_eq!(ContentRange::parse(text), Err(ContentRangeError), "{text:?}");
        }
    }
}
