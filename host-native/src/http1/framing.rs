use super::target::{Target, is_host};
use super::{BodyLength, HeadRefusal, head::RawHead};

/// What the head says about the message and the connection: Host, length, coding, expectation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Framing {
    pub length: BodyLength,
    /// The client waits for `100 Continue` before it sends its body.
    pub expects_continue: bool,
    /// The client will not send another request on this connection.
    pub closes: bool,
}

impl Framing {
    /// Reads the fields that frame the message (RFC 9112 section 6.3), refusing all that two readers
    /// could understand in two ways.
    pub fn read(head: &RawHead<'_>, target: &Target<'_>) -> Result<Self, HeadRefusal> {
        check_host(head, target)?;
        let length = stated_length(head)?.unwrap_or(BodyLength::Exactly(0));
        let expects_continue = expects_continue(head)? && length != BodyLength::Exactly(0);
        Ok(Self { length, expects_continue, closes: head.http10 || asks_to_close(head) })
    }
}

/// The length that a message states (RFC 9112 section 6.3); `None` if it states none.
pub(crate) fn stated_length(head: &RawHead<'_>) -> Result<Option<BodyLength>, HeadRefusal> {
    match (sole(head, "content-length"), sole(head, "transfer-encoding")) {
        (Sole::None, Sole::None) => Ok(None),
        (Sole::Many, Sole::None) => Err(HeadRefusal::LengthRepeated),
        (Sole::One(value), Sole::None) => Ok(Some(BodyLength::Exactly(parse_length(value)?))),
        (Sole::None, Sole::One(value)) if !head.http10 => {
            parse_coding(value)?;
            Ok(Some(BodyLength::Chunked))
        }
        (Sole::None, Sole::One(_) | Sole::Many) => Err(HeadRefusal::CodingMisplaced),
        (Sole::One(_) | Sole::Many, Sole::One(_) | Sole::Many) => Err(HeadRefusal::LengthAndCoding),
    }
}

enum Sole<'a> {
    None,
    One(&'a str),
    Many,
}

fn values<'a>(head: &RawHead<'a>, name: &'static str) -> impl Iterator<Item = &'a str> {
    head.fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|&(_, value)| value)
}

fn sole<'a>(head: &RawHead<'a>, name: &'static str) -> Sole<'a> {
    let mut values = values(head, name);
    match (values.next(), values.next()) {
        (None, _) => Sole::None,
        (Some(value), None) => Sole::One(value),
        (Some(_), Some(_)) => Sole::Many,
    }
}

fn check_host(head: &RawHead<'_>, target: &Target<'_>) -> Result<(), HeadRefusal> {
    match sole(head, "host") {
        Sole::None if head.http10 => Ok(()),
        Sole::None => Err(HeadRefusal::HostMissing),
        Sole::Many => Err(HeadRefusal::HostRepeated),
        Sole::One(host) if is_host(host) => Ok(()),
        // A proxy may leave Host empty beside an absolute target, which alone counts.
        Sole::One("") if target.authority.is_some() => Ok(()),
        Sole::One(_) => Err(HeadRefusal::Host),
    }
}

/// Only digits: `u64::from_str` alone would let `+5` through.
fn parse_length(value: &str) -> Result<u64, HeadRefusal> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HeadRefusal::Length);
    }
    value.parse().map_err(|_| HeadRefusal::Length)
}

fn parse_coding(value: &str) -> Result<(), HeadRefusal> {
    if value.eq_ignore_ascii_case("chunked") {
        return Ok(());
    }
    let mut codings = value.split(',').map(|coding| coding.trim_matches([' ', '\t']));
    let only_chunked = codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case("chunked"));
    Err(if only_chunked { HeadRefusal::CodingMisplaced } else { HeadRefusal::CodingUnknown })
}

/// HTTP/1.0 clients cannot mean it (RFC 9110 section 10.1.1).
fn expects_continue(head: &RawHead<'_>) -> Result<bool, HeadRefusal> {
    let mut expects = false;
    for value in values(head, "expect") {
        if head.http10 {
            return Ok(false);
        }
        if !value.eq_ignore_ascii_case("100-continue") {
            return Err(HeadRefusal::Expectation);
        }
        expects = true;
    }
    Ok(expects)
}

/// Whether the sender will not use the connection again.
pub(crate) fn asks_to_close(head: &RawHead<'_>) -> bool {
    values(head, "connection")
        .flat_map(|value| value.split(','))
        .any(|option| option.trim_matches([' ', '\t']).eq_ignore_ascii_case("close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<Framing, HeadRefusal> {
        let text = format!("{lines}\r\n\r\n").replace('|', "\r\n");
        let head = RawHead::parse(text.as_bytes(), 20)?;
        Framing::read(&head, &Target::parse(head.method, head.target)?)
    }

    #[test]
    fn good_framing_is_read() {
        let plain = |length| Framing { length, expects_continue: false, closes: false };
        let table = [
            ("GET / HTTP/1.1|Host: h", plain(BodyLength::Exactly(0))),
            ("GET / HTTP/1.1|host: h|content-length: 0", plain(BodyLength::Exactly(0))),
            ("PUT / HTTP/1.1|Host: h|CONTENT-LENGTH: 0012", plain(BodyLength::Exactly(12))),
            (
                "PUT / HTTP/1.1|Host: h|Content-Length: 18446744073709551615",
                plain(BodyLength::Exactly(u64::MAX)),
            ),
            ("PUT / HTTP/1.1|Host: h|Transfer-Encoding: Chunked", plain(BodyLength::Chunked)),
            ("GET http://h/ HTTP/1.1|Host:", plain(BodyLength::Exactly(0))),
            (
                "PUT / HTTP/1.1|Host: h|Expect: 100-Continue|Content-Length: 5",
                Framing { length: BodyLength::Exactly(5), expects_continue: true, closes: false },
            ),
            ("GET / HTTP/1.1|Host: h|Expect: 100-continue", plain(BodyLength::Exactly(0))),
            (
                "GET / HTTP/1.0|Expect: x",
                Framing { length: BodyLength::Exactly(0), expects_continue: false, closes: true },
            ),
            (
                "GET / HTTP/1.1|Host: h|Connection: x, Close",
                Framing { length: BodyLength::Exactly(0), expects_continue: false, closes: true },
            ),
        ];
        for (lines, expected) in table {
            assert_eq!(read(lines), Ok(expected), "{lines}");
        }
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        use HeadRefusal::*;
        let table = [
            ("", HostMissing),
            ("Host: h|Host: h", HostRepeated),
            ("Host:", Host),
            ("Host: a b", Host),
            ("Host: h/x", Host),
            ("Host: h|Content-Length: 5|Content-Length: 5", LengthRepeated),
            ("Host: h|Content-Length: 5|Content-Length: 6", LengthRepeated),
            ("Host: h|Content-Length: 5, 5", Length),
            ("Host: h|Content-Length: +5", Length),
            ("Host: h|Content-Length: -1", Length),
            ("Host: h|Content-Length:", Length),
            ("Host: h|Content-Length: 0x5", Length),
            ("Host: h|Content-Length: 5 5", Length),
            ("Host: h|Content-Length: 18446744073709551616", Length),
            ("Host: h|Content-Length: 5|Transfer-Encoding: chunked", LengthAndCoding),
            ("Host: h|Transfer-Encoding: chunked|Content-Length: 5", LengthAndCoding),
            ("Host: h|Transfer-Encoding: x|Content-Length: 5", LengthAndCoding),
            ("Host: h|Transfer-Encoding: chunked|Transfer-Encoding: chunked", CodingMisplaced),
            ("Host: h|Transfer-Encoding: gzip|Transfer-Encoding: chunked", CodingMisplaced),
            ("Host: h|Transfer-Encoding: chunked, chunked", CodingMisplaced),
            ("Host: h|Transfer-Encoding:", CodingMisplaced),
            ("Host: h|Transfer-Encoding: gzip", CodingUnknown),
            ("Host: h|Transfer-Encoding: gzip, chunked", CodingUnknown),
            ("Host: h|Transfer-Encoding: identity", CodingUnknown),
            ("Host: h|Transfer-Encoding: xchunked", CodingUnknown),
            ("Host: h|Transfer-Encoding: chunked;q=1", CodingUnknown),
            ("Host: h|Expect: 200-ok", Expectation),
        ];
        for (fields, expected) in table {
            let bar = if fields.is_empty() { "" } else { "|" };
            assert_eq!(read(&format!("PUT / HTTP/1.1{bar}{fields}")), Err(expected), "{fields}");
        }
        assert_eq!(read("PUT / HTTP/1.0|Transfer-Encoding: chunked"), Err(CodingMisplaced));
        assert_eq!(read("PUT / HTTP/1.0|Host: h|Host: h"), Err(HostRepeated));
    }
}
