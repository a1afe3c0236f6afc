use super::HeadRefusal;

/// Empty lines that may stand before a request line (RFC 9112 section 2.2).
const EMPTY_LINES_MAX: usize = 4;
/// First byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// Finds where a head ends while its bytes are still arriving; looks at no byte twice.
#[derive(Debug, Default)]
pub(crate) struct HeadSearch {
    start: usize,
    line_start: usize,
    looked_at: usize,
    empty_lines: usize,
}

/// A head, taken apart and checked line by line. All strings are ASCII without control characters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawHead<'a> {
    pub method: &'a str,
    /// The request target as sent.
    pub target: &'a str,
    pub http10: bool,
    /// Names as sent, values without the white space around them, in order.
    pub fields: Vec<(&'a str, &'a str)>,
}

impl HeadSearch {
    /// Where the head starts and ends (behind its empty line) in `bytes`, which may only have grown
    /// since the last call. `None`: more bytes are needed.
    pub fn advance(
        &mut self,
        bytes: &[u8],
        head_bytes_max: usize,
    ) -> Result<Option<(usize, usize)>, HeadRefusal> {
        while let Some(found) =
            bytes.get(self.looked_at..).and_then(|rest| rest.iter().position(|&byte| byte == b'\n'))
        {
            let line_feed = self.looked_at + found;
            self.looked_at = line_feed + 1;
            let line = &bytes[self.line_start..line_feed];
            if self.line_start == self.start {
                refuse_foreign_protocol(line)?;
            }
            if line.last() != Some(&b'\r') {
                return Err(HeadRefusal::BareLineFeed);
            }
            if self.looked_at - self.start > head_bytes_max {
                return Err(HeadRefusal::HeadTooLarge);
            }
            let is_first = self.line_start == self.start;
            self.line_start = self.looked_at;
            match (line.len(), is_first) {
                (1, true) => self.skip_empty_line()?,
                (1, false) => return Ok(Some((self.start, self.looked_at))),
                (_, _) => {}
            }
        }
        self.looked_at = bytes.len();
        if self.line_start == self.start {
            refuse_foreign_protocol(&bytes[self.start..])?;
        }
        if bytes.len() - self.start >= head_bytes_max {
            return Err(HeadRefusal::HeadTooLarge);
        }
        Ok(None)
    }

    fn skip_empty_line(&mut self) -> Result<(), HeadRefusal> {
        self.start = self.line_start;
        self.empty_lines += 1;
        if self.empty_lines > EMPTY_LINES_MAX { Err(HeadRefusal::NotHttp) } else { Ok(()) }
    }
}

impl<'a> RawHead<'a> {
    /// Takes apart the bytes that [`HeadSearch`] found, the empty line included.
    pub fn parse(head: &'a [u8], headers_max: usize) -> Result<Self, HeadRefusal> {
        let mut lines = head_lines(head);
        let (method, target, http10) = parse_request_line(lines.next().unwrap_or_default())?;
        let mut fields = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            if fields.len() == headers_max {
                return Err(HeadRefusal::TooManyFields);
            }
            fields.push(parse_field(line)?);
        }
        Ok(Self { method, target, http10, fields })
    }
}

/// Speaks up as soon as the first byte cannot begin a method: what follows may never hold a line end.
fn refuse_foreign_protocol(line: &[u8]) -> Result<(), HeadRefusal> {
    match line.first() {
        Some(&TLS_HANDSHAKE) => Err(HeadRefusal::Tls),
        Some(&byte) if byte != b'\r' && !byte.is_ascii_graphic() => Err(HeadRefusal::NotHttp),
        Some(_) | None => Ok(()),
    }
}

fn parse_request_line(line: &[u8]) -> Result<(&str, &str, bool), HeadRefusal> {
    let mut words = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(HeadRefusal::RequestLine);
    };
    let method = token(method).ok_or(HeadRefusal::Method)?;
    let target = match std::str::from_utf8(target) {
        Ok(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => text,
        Ok(_) | Err(_) => return Err(HeadRefusal::Target),
    };
    let http10 = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(HeadRefusal::Version);
        }
        _ => return Err(HeadRefusal::RequestLine),
    };
    Ok((method, target, http10))
}

fn parse_field(line: &[u8]) -> Result<(&str, &str), HeadRefusal> {
    let (name, value) = split_field(line)?;
    let value = std::str::from_utf8(value).map_err(|_| HeadRefusal::FieldValue)?;
    if value.is_ascii() { Ok((name, value)) } else { Err(HeadRefusal::FieldValue) }
}

/// The lines of a head without their line ends; the empty one ends the fields.
pub(crate) fn head_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The name and the value of a field line. The value may hold bytes that are not ASCII, but no control characters.
pub(crate) fn split_field(line: &[u8]) -> Result<(&str, &[u8]), HeadRefusal> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(HeadRefusal::FoldedField);
    }
    let colon = line.iter().position(|&byte| byte == b':').ok_or(HeadRefusal::FieldWithoutColon)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if matches!(name.last(), Some(b' ' | b'\t')) {
        return Err(HeadRefusal::SpaceBeforeColon);
    }
    let name = token(name).ok_or(HeadRefusal::FieldName)?;
    if !value.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f)) {
        return Err(HeadRefusal::FieldValue);
    }
    // White space around it is all that `trim_ascii` finds: other such bytes are control characters.
    Ok((name, value.trim_ascii()))
}

fn token(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))).then_some(text)
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS_MAX: usize = 5;
    const HEAD_BYTES_MAX: usize = 200;

    type Found = Result<Option<(usize, usize)>, HeadRefusal>;

    fn search_whole(bytes: &[u8]) -> Found {
        HeadSearch::default().advance(bytes, HEAD_BYTES_MAX)
    }

    fn search_byte_by_byte(bytes: &[u8]) -> Found {
        let mut search = HeadSearch::default();
        for end in 0..=bytes.len() {
            if let Some(found) = search.advance(&bytes[..end], HEAD_BYTES_MAX)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    #[test]
    fn ends_are_found_whole_and_in_pieces() {
        let long = [b"GET / HTTP/1.1\r\na: ".as_slice(), &[b'x'; HEAD_BYTES_MAX], b"\r\n\r\n"].concat();
        let table: &[(&[u8], Found)] = &[
            (b"", Ok(None)),
            (b"GET / HTTP/1.1\r\n", Ok(None)),
            (b"GET / HTTP/1.1\r\n\r\n", Ok(Some((0, 18)))),
            (b"GET / HTTP/1.1\r\n\r\nGET", Ok(Some((0, 18)))),
            (b"\r\n\r\nGET / HTTP/1.1\r\na: b\r\n\r\n", Ok(Some((4, 28)))),
            (b"\r\n\r\n\r\n\r\n\r\n", Err(HeadRefusal::NotHttp)),
            (b"GET / HTTP/1.1\n", Err(HeadRefusal::BareLineFeed)),
            (b"GET / HTTP/1.1\r\na: b\n\r\n", Err(HeadRefusal::BareLineFeed)),
            (b"\n", Err(HeadRefusal::BareLineFeed)),
            (b"\x16\x03\x01\x02", Err(HeadRefusal::Tls)),
            (b"\0\0", Err(HeadRefusal::NotHttp)),
            (b"\xc3\xa4", Err(HeadRefusal::NotHttp)),
            (&long, Err(HeadRefusal::HeadTooLarge)),
        ];
        for (bytes, expected) in table {
            assert_eq!(search_whole(bytes), *expected, "{}", bytes.escape_ascii());
            assert_eq!(search_byte_by_byte(bytes), *expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_head_of_exactly_the_limit_passes() {
        let mut head = b"GET / HTTP/1.1\r\na: ".to_vec();
        head.resize(HEAD_BYTES_MAX - 4, b'x');
        head.extend_from_slice(b"\r\n\r\n");
        assert_eq!(search_whole(&head), Ok(Some((0, HEAD_BYTES_MAX))));
        head.insert(20, b'x');
        assert_eq!(search_whole(&head), Err(HeadRefusal::HeadTooLarge));
    }

    #[test]
    fn good_heads_are_taken_apart() {
        let head = RawHead::parse(
            b"PATCH /v2/a/../b%2Fc?x=%zz HTTP/1.0\r\nHost:\t h \t\r\nA:\r\na: b: c\r\n\r\n",
            HEADERS_MAX,
        );
        let fields = vec![("Host", "h"), ("A", ""), ("a", "b: c")];
        let target = "/v2/a/../b%2Fc?x=%zz";
        assert_eq!(head, Ok(RawHead { method: "PATCH", target, http10: true, fields }));
    }

    #[test]
    fn bad_heads_are_refused() {
        use HeadRefusal::*;
        let table: &[(&[u8], HeadRefusal)] = &[
            (b"GET /\r\n\r\n", RequestLine),
            (b"GET  / HTTP/1.1\r\n\r\n", RequestLine),
            (b"GET / HTTP/1.1 \r\n\r\n", RequestLine),
            (b"GET / http/1.1\r\n\r\n", RequestLine),
            (b"GET / HTTP/1.1x\r\n\r\n", RequestLine),
            (b"GET / HTTP/2.0\r\n\r\n", Version),
            (b"GET / HTTP/1.2\r\n\r\n", Version),
            (b"GET / HTTP/0.9\r\n\r\n", Version),
            (b"G(T / HTTP/1.1\r\n\r\n", Method),
            (b" / HTTP/1.1\r\n\r\n", Method),
            (b"G\xc3\xa4T / HTTP/1.1\r\n\r\n", Method),
            (b"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", Target),
            (b"GET /\xff HTTP/1.1\r\n\r\n", Target),
            (b"GET /\x01 HTTP/1.1\r\n\r\n", Target),
            (b"GET /\t HTTP/1.1\r\n\r\n", Target),
            (b"GET /\x7f HTTP/1.1\r\n\r\n", Target),
            (b"GET /\ra HTTP/1.1\r\n\r\n", Target),
            (b"GET / HTTP/1.1\r\n a: b\r\n\r\n", FoldedField),
            (b"GET / HTTP/1.1\r\na: b\r\n\tc\r\n\r\n", FoldedField),
            (b"GET / HTTP/1.1\r\na b\r\n\r\n", FieldWithoutColon),
            (b"GET / HTTP/1.1\r\na : b\r\n\r\n", SpaceBeforeColon),
            (b"GET / HTTP/1.1\r\na\t: b\r\n\r\n", SpaceBeforeColon),
            (b"GET / HTTP/1.1\r\n: b\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\na b: b\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\na\0: b\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\n\xc3\xa4: b\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\na: \xc3\xa4\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\r\na: \xe9\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\r\na: \0\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\r\na: \x7f\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\r\na: b\rc\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\r\na: b\r\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n", TooManyFields),
        ];
        for (bytes, expected) in table {
            assert_eq!(RawHead::parse(bytes, HEADERS_MAX).err(), Some(*expected), "{}", bytes.escape_ascii());
        }
    }
}
