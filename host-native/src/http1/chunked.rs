use std::fmt;

/// Most hexadecimal digits of a chunk size: 64 bits.
const SIZE_DIGITS_MAX: u8 = 16;
/// Longest extension of one chunk, in bytes.
const EXTENSION_BYTES_MAX: u32 = 1024;
/// Longest trailer section of a body, in bytes.
const TRAILER_BYTES_MAX: u32 = 8 * 1024;

/// Decoder of the chunked coding (RFC 9112 section 7.1). Reads framing only; payload is counted, never
/// touched. Extensions and trailers are bounded and dropped.
#[derive(Debug)]
pub(crate) struct ChunkDecoder {
    state: State,
}

/// What stands behind the framing just read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All bytes were framing; more are needed.
    More,
    /// So many payload bytes at least (of the bytes at hand) follow.
    Data(usize),
    /// The body and its trailers are over.
    End,
}

/// What is wrong with a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChunkFault {
    /// A chunk size that is empty, no hexadecimal number or over 64 bits.
    Size,
    /// A chunk extension that is too long or holds control characters.
    Extension,
    /// A chunk without CR LF behind its payload, or a bare CR or LF in the framing.
    LineEnd,
    /// Trailers longer than the limit.
    TrailerTooLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size { value: u64, digits: u8 },
    SpaceBehindSize { value: u64, length: u32 },
    Extension { value: u64, length: u32 },
    SizeLineFeed { value: u64 },
    Data { left: u64 },
    DataReturn,
    DataLineFeed,
    TrailerStart { length: u32 },
    Trailer { length: u32 },
    TrailerLineFeed { length: u32 },
    LastLineFeed,
    Done,
}

const FIRST: State = State::Size { value: 0, digits: 0 };

impl ChunkDecoder {
    pub fn new() -> Self {
        Self { state: FIRST }
    }

    /// Reads the framing at the start of `raw`: how many bytes it took, and what follows.
    pub fn step(&mut self, raw: &[u8]) -> Result<(usize, Step), ChunkFault> {
        for (at, &byte) in raw.iter().enumerate() {
            if let State::Data { left } = self.state {
                let at_hand = raw.len() - at;
                return Ok((at, Step::Data(usize::try_from(left).map_or(at_hand, |n| n.min(at_hand)))));
            }
            if self.state == State::Done {
                return Ok((at, Step::End));
            }
            self.state = self.state.after(byte)?;
        }
        Ok((raw.len(), if self.state == State::Done { Step::End } else { Step::More }))
    }

    /// Says that `count` payload bytes, no more than [`Step::Data`] told, were passed on.
    pub fn take(&mut self, count: usize) {
        if let State::Data { left } = self.state {
            let left = left.saturating_sub(count as u64);
            self.state = if left == 0 { State::DataReturn } else { State::Data { left } };
        }
    }
}

impl State {
    /// The state behind one byte of framing.
    fn after(self, byte: u8) -> Result<Self, ChunkFault> {
        Ok(match (self, byte) {
            (Self::Size { digits: 1.., value }, b'\r') => Self::SizeLineFeed { value },
            (Self::Size { digits: 1.., value }, b';') => Self::Extension { value, length: 0 },
            (Self::Size { digits: 1.., value }, b' ' | b'\t') => Self::SpaceBehindSize { value, length: 0 },
            (Self::Size { value, digits }, _) => {
                let digit = (byte as char).to_digit(16).ok_or(ChunkFault::Size)?;
                if digits == SIZE_DIGITS_MAX {
                    return Err(ChunkFault::Size);
                }
                Self::Size { value: value << 4 | u64::from(digit), digits: digits + 1 }
            }
            (Self::SpaceBehindSize { value, length }, b';') => Self::Extension { value, length },
            (Self::SpaceBehindSize { value, length }, b' ' | b'\t') => {
                Self::SpaceBehindSize { value, length: longer_extension(length)? }
            }
            (Self::SpaceBehindSize { .. }, _) => return Err(ChunkFault::Size),
            (Self::Extension { value, .. }, b'\r') => Self::SizeLineFeed { value },
            (Self::Extension { value, length }, b'\t' | b' '..=b'~' | 0x80..) => {
                Self::Extension { value, length: longer_extension(length)? }
            }
            (Self::Extension { .. }, _) => return Err(ChunkFault::Extension),
            (Self::SizeLineFeed { value: 0 }, b'\n') => Self::TrailerStart { length: 0 },
            (Self::SizeLineFeed { value }, b'\n') => Self::Data { left: value },
            (Self::DataReturn, b'\r') => Self::DataLineFeed,
            (Self::DataLineFeed, b'\n') => FIRST,
            (Self::TrailerStart { .. }, b'\r') => Self::LastLineFeed,
            (Self::Trailer { length }, b'\r') => Self::TrailerLineFeed { length },
            (Self::TrailerStart { .. } | Self::Trailer { .. }, b'\n') => return Err(ChunkFault::LineEnd),
            (Self::TrailerStart { length } | Self::Trailer { length }, _) => {
                Self::Trailer { length: longer_trailer(length)? }
            }
            (Self::TrailerLineFeed { length }, b'\n') => {
                Self::TrailerStart { length: longer_trailer(length)? }
            }
            (Self::LastLineFeed, b'\n') => Self::Done,
            (
                Self::SizeLineFeed { .. }
                | Self::DataReturn
                | Self::DataLineFeed
                | Self::TrailerLineFeed { .. }
                | Self::LastLineFeed,
                _,
            ) => return Err(ChunkFault::LineEnd),
            // `step` handles these two itself.
            (Self::Data { .. } | Self::Done, _) => self,
        })
    }
}

fn longer_extension(length: u32) -> Result<u32, ChunkFault> {
    if length >= EXTENSION_BYTES_MAX { Err(ChunkFault::Extension) } else { Ok(length + 1) }
}

fn longer_trailer(length: u32) -> Result<u32, ChunkFault> {
    if length >= TRAILER_BYTES_MAX { Err(ChunkFault::TrailerTooLong) } else { Ok(length + 1) }
}

impl fmt::Display for ChunkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "a chunk size is no hexadecimal number of up to 16 digits; correct the framing",
            Self::Extension => "a chunk extension is too long or not text; leave extensions out",
            Self::LineEnd => "a chunk does not end in CR LF where its size says; correct the framing",
            Self::TrailerTooLong => "the trailers are too long; leave them out",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payload and what is left behind the end; `None` if the end was not reached.
    type Decoded = Result<Option<(Vec<u8>, Vec<u8>)>, ChunkFault>;

    fn decode(raw: &[u8], piece: usize) -> Decoded {
        let mut decoder = ChunkDecoder::new();
        let (mut payload, mut start, mut end) = (Vec::new(), 0, 0);
        loop {
            let (used, step) = decoder.step(&raw[start..end])?;
            start += used;
            match step {
                Step::Data(count) => {
                    assert!(count > 0);
                    payload.extend_from_slice(&raw[start..start + count]);
                    decoder.take(count);
                    start += count;
                }
                Step::End => return Ok(Some((payload, raw[start..].to_vec()))),
                Step::More if end == raw.len() => return Ok(None),
                Step::More => end = (end + piece).min(raw.len()),
            }
        }
    }

    fn decode_in_all_pieces(raw: &[u8]) -> Decoded {
        let whole = decode(raw, raw.len());
        for piece in 1..raw.len().min(40) {
            assert_eq!(decode(raw, piece), whole, "{} by {piece}", raw.escape_ascii());
        }
        whole
    }

    #[test]
    fn good_bodies_are_decoded_in_any_pieces() {
        let table: &[(&[u8], &[u8], &[u8])] = &[
            (b"0\r\n\r\n", b"", b""),
            (b"000\r\n\r\nGET", b"", b"GET"),
            (b"5\r\nhello\r\n0\r\n\r\n", b"hello", b""),
            (b"0000000000000005\r\nhello\r\n0\r\n\r\n", b"hello", b""),
            (b"A\r\n0123456789\r\nb\r\nhello world\r\n0\r\n\r\n\r\n", b"0123456789hello world", b"\r\n"),
            (b"5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", b"hello", b""),
            (b"5 \t;a\r\nhello\r\n0\r\n\r\n", b"hello", b""),
            (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", b""),
            (b"1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\nPUT", b"a", b"PUT"),
        ];
        for (raw, payload, rest) in table {
            let expected = Ok(Some((payload.to_vec(), rest.to_vec())));
            assert_eq!(decode_in_all_pieces(raw), expected, "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn unfinished_bodies_never_end() {
        let raw = b"5;x\r\nhello\r\n0\r\nA: b\r\n\r\n";
        for end in 0..raw.len() {
            assert_eq!(decode_in_all_pieces(&raw[..end]), Ok(None));
        }
    }

    #[test]
    fn bad_framing_is_refused() {
        let table: &[(&[u8], ChunkFault)] = &[
            (b"\r\n", ChunkFault::Size),
            (b"\r\n\r\n", ChunkFault::Size),
            (b"5\r\nhello\r\n\r\n", ChunkFault::Size),
            (b";x\r\n", ChunkFault::Size),
            (b" 5\r\n", ChunkFault::Size),
            (b"+5\r\n", ChunkFault::Size),
            (b"-5\r\n", ChunkFault::Size),
            (b"0x5\r\n", ChunkFault::Size),
            (b"5h\r\n", ChunkFault::Size),
            (b"5 \r\n", ChunkFault::Size),
            (b"5 5\r\n", ChunkFault::Size),
            (b"5\n", ChunkFault::Size),
            (b"\xd9\xa5\r\n", ChunkFault::Size),
            (b"10000000000000000\r\n", ChunkFault::Size),
            (b"00000000000000005\r\n", ChunkFault::Size),
            (b"5;a\nhello", ChunkFault::Extension),
            (b"5;\0\r\n", ChunkFault::Extension),
            (b"5;\x7f\r\n", ChunkFault::Extension),
            (b"5\rhello", ChunkFault::LineEnd),
            (b"5;a\rb\r\n", ChunkFault::LineEnd),
            (b"5\r\nhello0\r\n", ChunkFault::LineEnd),
            (b"5\r\nhello\n", ChunkFault::LineEnd),
            (b"5\r\nhello\r0", ChunkFault::LineEnd),
            (b"0\r\n\n", ChunkFault::LineEnd),
            (b"0\r\nA: b\n", ChunkFault::LineEnd),
            (b"0\r\nA: b\r\r\n", ChunkFault::LineEnd),
            (b"0\r\n\rx", ChunkFault::LineEnd),
        ];
        for (raw, fault) in table {
            assert_eq!(decode_in_all_pieces(raw), Err(*fault), "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let extension = [b"5;".as_slice(), &vec![b'x'; EXTENSION_BYTES_MAX as usize + 1]].concat();
        assert_eq!(decode(&extension, 7), Err(ChunkFault::Extension));
        let spaces = [b"5".as_slice(), &vec![b' '; EXTENSION_BYTES_MAX as usize + 2]].concat();
        assert_eq!(decode(&spaces, 7), Err(ChunkFault::Extension));
        let one_line = [b"0\r\n".as_slice(), &vec![b'x'; TRAILER_BYTES_MAX as usize + 1]].concat();
        assert_eq!(decode(&one_line, 7), Err(ChunkFault::TrailerTooLong));
        let many_lines = [b"0\r\n".as_slice(), &b"a: b\r\n".repeat(TRAILER_BYTES_MAX as usize)].concat();
        assert_eq!(decode(&many_lines, 7), Err(ChunkFault::TrailerTooLong));
    }

    #[test]
    fn the_largest_size_is_counted_down() {
        let mut decoder = ChunkDecoder::new();
        assert_eq!(decoder.step(b"ffffffffffffffff\r\nab"), Ok((18, Step::Data(2))));
        decoder.take(2);
        assert_eq!(decoder.state, State::Data { left: u64::MAX - 2 });
    }
}
