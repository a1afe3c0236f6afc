//! All that async-h1 does for this server, behind a fence.
//!
//! async-h1 2.3.4 splices Host into a URL and normalises the path, answers `Expect` from a runtime of
//! its own, frames bodies loosely, knows a fixed list of methods in any case of letters, takes heads of
//! less than 8 KiB, and panics at any byte that is not ASCII. So it is given a head with a target and
//! Host of ours, with HTTP/1.1, and with those fields that are checked ASCII and mean nothing to it.
//! The rest goes around it. What it encodes gets the status line and the length of ours.

use std::io;
use std::io::Write as _;
use std::pin::{Pin, pin};
use std::str::FromStr as _;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_h1::server::{Encoder, decode};
use futures_lite::io::{AsyncRead, AsyncWrite};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::HeadRefusal;
use super::head::RawHead;

/// Longest head given to the decoder, in bytes. It refuses 8 KiB.
const DECODER_BYTES_MAX: usize = 8000;
/// Most fields given to the decoder. It refuses more than 128, Host included.
const DECODER_FIELDS_MAX: usize = 120;
/// Fields that would make the decoder build a URL, frame a body or start a task.
const WITHHELD: [&str; 4] = ["host", "expect", "content-length", "transfer-encoding"];
/// Last second that the encoder can write as a date, from 1970: beyond it, and before 1970, it panics.
const DATE_MAX: Duration = Duration::from_secs(253_402_300_799);

/// The method and fields of a checked head. Fields of one name stay in order.
pub(super) fn decode_head(head: &RawHead<'_>) -> Result<(Method, HeaderMap), HeadRefusal> {
    let known = http_types::Method::from_str(head.method).ok().filter(|known| known.as_ref() == head.method);
    let mut text = format!("{} / HTTP/1.1\r\nhost: h\r\n", known.map_or("GET", |_| head.method));
    let mut given = 0;
    let mut around = Vec::new();
    for &(name, value) in &head.fields {
        let length = text.len() + name.len() + value.len() + ": \r\n\r\n".len();
        if WITHHELD.iter().any(|withheld| name.eq_ignore_ascii_case(withheld)) {
            around.push((name, value));
        } else if given == DECODER_FIELDS_MAX || length > DECODER_BYTES_MAX {
            // Every later field goes around too: two fields of one name must not change places.
            given = DECODER_FIELDS_MAX;
            around.push((name, value));
        } else {
            given += 1;
            text.extend([name, ": ", value, "\r\n"]);
        }
    }
    text.push_str("\r\n");
    let given = head.fields.len() - around.len();
    let (method, mut fields) = run_decoder(text, given)?;
    for (name, value) in around {
        append(&mut fields, name, value)?;
    }
    let method = if known.is_some() { method } else { head.method.to_owned() };
    Ok((Method::from_bytes(method.as_bytes()).map_err(|_| HeadRefusal::Method)?, fields))
}

/// A whole reply head. `length` is written as Content-Length; of the `headers` those that frame the
/// message or manage the connection are left out.
pub(super) fn encode_head(
    status: StatusCode,
    headers: &HeaderMap,
    length: Option<u64>,
    closes: bool,
) -> Vec<u8> {
    let mut response = http_types::Response::new(http_types::StatusCode::Ok);
    let mut around = Vec::new();
    for (name, value) in headers.iter().filter(|(name, _)| !is_ours(name)) {
        match value.to_str() {
            Ok(text) => response.append_header(name.as_str(), text),
            Err(_) => around.push((name, value)),
        }
    }
    let clock_is_off = !SystemTime::now().duration_since(UNIX_EPOCH).is_ok_and(|now| now <= DATE_MAX);
    if clock_is_off && response.header("date").is_none() {
        response.append_header("date", "Thu, 01 Jan 1970 00:00:00 GMT");
    }
    let encoded = run_encoder(response);

    let mut head = Vec::with_capacity(encoded.len() + 64);
    let reason = status.canonical_reason().unwrap_or("Unknown");
    // Writing to a Vec cannot fail.
    let _ = write!(head, "HTTP/1.1 {} {reason}\r\n", status.as_str());
    for line in encoded.split_inclusive(|&byte| byte == b'\n').skip(1) {
        if line != b"\r\n" && !line.starts_with(b"content-length:") {
            head.extend_from_slice(line);
        }
    }
    for (name, value) in around {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    if let Some(length) = length {
        let _ = write!(head, "content-length: {length}\r\n");
    }
    if closes {
        head.extend_from_slice(b"connection: close\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn is_ours(name: &HeaderName) -> bool {
    *name == http::header::CONTENT_LENGTH
        || *name == http::header::TRANSFER_ENCODING
        || *name == http::header::CONNECTION
}

fn run_decoder(text: String, given: usize) -> Result<(String, HeaderMap), HeadRefusal> {
    let decoding = pin!(decode(HeadBytes(io::Cursor::new(text.into_bytes()))));
    // All bytes are at hand, so the decoder never has to wait.
    let Poll::Ready(Ok(Some((request, _no_body)))) = decoding.poll(&mut Context::from_waker(Waker::noop()))
    else {
        return Err(HeadRefusal::Undecodable);
    };
    let mut fields = HeaderMap::new();
    for (name, values) in request.iter().filter(|(name, _)| name.as_str() != "host") {
        for value in values {
            append(&mut fields, name.as_str(), value.as_str())?;
        }
    }
    if fields.len() != given {
        return Err(HeadRefusal::Undecodable);
    }
    Ok((request.method().as_ref().to_owned(), fields))
}

fn append(fields: &mut HeaderMap, name: &str, value: &str) -> Result<(), HeadRefusal> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeadRefusal::FieldName)?;
    let value = HeaderValue::from_str(value).map_err(|_| HeadRefusal::FieldValue)?;
    fields.try_append(name, value).map_err(|_| HeadRefusal::TooManyFields)?;
    Ok(())
}

fn run_encoder(response: http_types::Response) -> Vec<u8> {
    let mut encoder = Encoder::new(response, http_types::Method::Head);
    let mut encoded = vec![0; 1024];
    let mut length = 0;
    let mut context = Context::from_waker(Waker::noop());
    // It reads from memory: it neither waits nor fails, and ends with the head.
    while let Poll::Ready(Ok(count @ 1..)) =
        Pin::new(&mut encoder).poll_read(&mut context, &mut encoded[length..])
    {
        length += count;
        encoded.resize(encoded.len().max(length * 2), 0);
    }
    encoded.truncate(length);
    encoded
}

/// A head in memory, in the shape of the connection that the decoder asks for.
#[derive(Clone)]
struct HeadBytes(io::Cursor<Vec<u8>>);

impl AsyncRead for HeadBytes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Read::read(&mut self.0, buffer))
    }
}

impl AsyncWrite for HeadBytes {
    fn poll_write(self: Pin<&mut Self>, _context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_fields(method: &str, fields: &[(&str, &str)]) -> Result<(Method, HeaderMap), HeadRefusal> {
        decode_head(&RawHead { method, target: "/", http10: false, fields: fields.to_vec() })
    }

    fn values<'a>(fields: &'a HeaderMap, name: &str) -> Vec<&'a str> {
        fields.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect()
    }

    #[test]
    fn fields_keep_their_order_and_values() {
        let fields = [
            ("Host", "weird host/%"),
            ("ACCEPT", "b"),
            ("x", ""),
            ("accept", "a, c"),
            ("Expect", "100-continue"),
            ("Content-Length", "+5"),
            ("Transfer-Encoding", "foreign"),
        ];
        let (method, decoded) = decode_fields("PATCH", &fields).unwrap();
        assert_eq!(method, Method::PATCH);
        assert_eq!(values(&decoded, "accept"), ["b", "a, c"]);
        assert_eq!(values(&decoded, "x"), [""]);
        assert_eq!(values(&decoded, "host"), ["weird host/%"]);
        assert_eq!(values(&decoded, "expect"), ["100-continue"]);
        assert_eq!(values(&decoded, "content-length"), ["+5"]);
        assert_eq!(values(&decoded, "transfer-encoding"), ["foreign"]);
        assert_eq!(decoded.len(), fields.len());
    }

    #[test]
    fn methods_are_taken_to_the_letter() {
        for method in ["GET", "PROPFIND", "PRI", "get", "Get", "BREW", "!#$%&'*+-.^_`|~09"] {
            assert_eq!(decode_fields(method, &[]).unwrap().0.as_str(), method);
        }
    }

    #[test]
    fn heads_beyond_the_decoder_are_whole_too() {
        let long = "x".repeat(30_000);
        let fields = [("a", "1"), ("b", &long), ("a", "2"), ("b", "short")];
        let (_, decoded) = decode_fields("GET", &fields).unwrap();
        assert_eq!(values(&decoded, "a"), ["1", "2"]);
        assert_eq!(values(&decoded, "b"), [long.as_str(), "short"]);

        let numbers: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        let fields: Vec<_> = numbers.iter().map(|number| ("n", number.as_str())).collect();
        let (_, decoded) = decode_fields("GET", &fields).unwrap();
        assert_eq!(values(&decoded, "n"), numbers);
    }

    #[test]
    fn every_length_about_the_limit_of_the_decoder_works() {
        for length in DECODER_BYTES_MAX - 60..DECODER_BYTES_MAX + 200 {
            let value = "x".repeat(length);
            let (_, decoded) = decode_fields("GET", &[("a", &value)]).unwrap();
            assert_eq!(values(&decoded, "a"), [value]);
        }
    }

    fn encode(status: u16, headers: &[(&str, &[u8])], length: Option<u64>, closes: bool) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value).unwrap(),
            );
        }
        let head = encode_head(StatusCode::from_u16(status).unwrap(), &map, length, closes);
        let text = String::from_utf8_lossy(&head).into_owned();
        let is_date = |line: &&str| line.starts_with("date: ");
        assert_eq!(text.split("\r\n").filter(is_date).count(), 1, "{text}");
        text.split("\r\n").filter(|line| !is_date(line)).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn heads_are_mended() {
        let table: &[(u16, Option<u64>, bool, &str)] = &[
            (200, Some(0), false, "HTTP/1.1 200 OK|content-length: 0||"),
            (
                201,
                Some(u64::MAX),
                true,
                "HTTP/1.1 201 Created|content-length: 18446744073709551615|connection: close||",
            ),
            (204, None, false, "HTTP/1.1 204 No Content||"),
            (304, None, false, "HTTP/1.1 304 Not Modified||"),
            (304, Some(7), false, "HTTP/1.1 304 Not Modified|content-length: 7||"),
            (416, Some(1), false, "HTTP/1.1 416 Range Not Satisfiable|content-length: 1||"),
            (499, Some(1), false, "HTTP/1.1 499 Unknown|content-length: 1||"),
            (999, Some(1), false, "HTTP/1.1 999 Unknown|content-length: 1||"),
        ];
        for (status, length, closes, expected) in table {
            assert_eq!(encode(*status, &[], *length, *closes), *expected);
        }
    }

    #[test]
    fn framing_fields_of_the_caller_are_left_out_and_odd_values_pass() {
        let headers: &[(&str, &[u8])] = &[
            ("content-length", b"99"),
            ("transfer-encoding", b"chunked"),
            ("connection", b"keep-alive"),
            ("warning", b"b\xc3\xa4"),
            ("allow", b"GET"),
            ("allow", b"\tPUT"),
        ];
        let expected = "HTTP/1.1 200 OK|allow: GET|allow: \tPUT|warning: b\u{e4}|content-length: 3||";
        assert_eq!(encode(200, headers, Some(3), false), expected);
    }

    #[test]
    fn a_date_of_the_caller_is_kept_and_long_heads_are_whole() {
        let mut map = HeaderMap::new();
        map.insert("date", HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        map.insert("x", HeaderValue::from_str(&"y".repeat(50_000)).unwrap());
        let head = encode_head(StatusCode::OK, &map, None, false);
        let text = String::from_utf8(head).unwrap();
        let expected = format!(
            "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\nx: {}\r\n\r\n",
            "y".repeat(50_000)
        );
        assert_eq!(text, expected);
    }
}
