use http::{HeaderMap, HeaderName, StatusCode, header};

use super::text::{parse_md5, parse_number};
use super::time::{parse_http_date, parse_timestamp};

/// What is read of the head of Swift's answer. A field that is missing, malformed, or there twice with two values, is
/// `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HttpHead {
    /// The status; Swift has some that no standard knows.
    pub status: StatusCode,
    /// Content-Length.
    pub length: Option<u64>,
    /// Content-Range, if it names a range of bytes and the whole size.
    pub range: Option<ContentRange>,
    /// Etag, if it is an MD5. That of a large object is the MD5 of the MD5s of its segments, and not of its content.
    pub etag: Option<[u8; 16]>,
    /// When the object was written or touched, in seconds since 1970: X-Timestamp, or Last-Modified.
    pub written: Option<u64>,
    /// Date, in seconds since 1970: what the clock of the store shows.
    pub date: Option<u64>,
    /// Retry-After in seconds, if it is a number or a date beside a Date.
    pub retry_after: Option<u32>,
}

/// The part of content that an answer carries, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentRange {
    /// The first byte's offset.
    pub first: u64,
    /// The last byte's offset; below `size`, and not below `first`.
    pub last: u64,
    /// The size of the whole content in bytes.
    pub size: u64,
}

impl HttpHead {
    /// Reads status and fields.
    pub fn new(status: StatusCode, fields: &HeaderMap) -> Self {
        let text = |name| field(fields, name);
        let date = text(header::DATE).and_then(parse_http_date);
        let written = text(X_TIMESTAMP).and_then(parse_timestamp);
        Self {
            status,
            length: text(header::CONTENT_LENGTH).and_then(parse_number),
            range: text(header::CONTENT_RANGE).and_then(ContentRange::parse),
            etag: text(header::ETAG).and_then(parse_md5),
            written: written.or_else(|| text(header::LAST_MODIFIED).and_then(parse_http_date)),
            date,
            retry_after: text(header::RETRY_AFTER).and_then(|text| parse_retry_after(text, date)),
        }
    }

    /// Seconds since the object was written or touched, by the clock of the store where it tells it: two clocks of one
    /// cluster differ less than those of two.
    pub(super) fn age(&self, now: u64) -> Option<u64> {
        Some(self.date.unwrap_or(now).saturating_sub(self.written?))
    }
}

impl From<&http::response::Parts> for HttpHead {
    fn from(parts: &http::response::Parts) -> Self {
        Self::new(parts.status, &parts.headers)
    }
}

impl ContentRange {
    fn parse(text: &str) -> Option<Self> {
        let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let range =
            Self { first: parse_number(first)?, last: parse_number(last)?, size: parse_number(size)? };
        (range.first <= range.last && range.last < range.size).then_some(range)
    }
}

/// A field's text; `None` if it is there with two values, or is not visible ASCII.
pub(super) fn field(fields: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = fields.get_all(name).iter();
    let first = values.next()?;
    if values.any(|value| value != first) {
        return None;
    }
    first.to_str().ok().map(|text| text.trim_matches([' ', '\t']))
}

pub(super) fn parse_retry_after(text: &str, date: Option<u64>) -> Option<u32> {
    let seconds = match parse_number(text) {
        Some(seconds) => seconds,
        None => parse_http_date(text)?.saturating_sub(date?),
    };
    Some(u32::try_from(seconds).unwrap_or(u32::MAX))
}

const X_TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&'static str, &str)]) -> HttpHead {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, value.parse().unwrap());
        }
        HttpHead::new(StatusCode::OK, &map)
    }

    #[test]
    fn the_few_fields_are_read() {
        let head = head(&[
            ("content-length", "600"),
            ("content-range", "bytes 0-599/1000"),
            ("etag", "\"00112233445566778899aabbccddeeff\""),
            ("x-timestamp", "1700000000.12345"),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT"),
        ]);
        assert_eq!(head.length, Some(600));
        assert_eq!(head.range, Some(ContentRange { first: 0, last: 599, size: 1000 }));
        assert_eq!(head.etag.map(|md5| md5[15]), Some(0xff));
        assert_eq!(head.written, Some(1_700_000_000));
        assert_eq!(head.date, Some(784_111_777));
        assert_eq!(head.retry_after, Some(3));
    }

    #[test]
    fn what_contradicts_itself_is_not_there() {
        assert_eq!(head(&[("content-length", "1"), ("content-length", "1")]).length, Some(1));
        assert_eq!(head(&[("content-length", "1"), ("content-length", "2")]).length, None);
        assert_eq!(head(&[("content-length", "+1")]).length, None);
        assert_eq!(head(&[("content-length", "")]).length, None);
        for range in [
            "",
            "bytes",
            "bytes 0-0/0",
            "bytes 2-1/3",
            "bytes 0-3/3",
            "bytes */3",
            "bytes 0-1/*",
            "items 0-1/3",
        ] {
            assert_eq!(head(&[("content-range", range)]).range, None, "{range}");
        }
        assert_eq!(head(&[("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")]).retry_after, None);
        assert_eq!(head(&[("retry-after", "99999999999")]).retry_after, Some(u32::MAX));
        assert_eq!(head(&[("retry-after", "-1")]).retry_after, None);
    }

    #[test]
    fn age_is_told_by_the_clock_of_the_store() {
        let modified = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
        let date = ("date", "Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(head(&[modified, date]).age(0), Some(10));
        assert_eq!(head(&[modified]).age(784_111_780), Some(3));
        assert_eq!(head(&[modified]).age(0), Some(0));
        assert_eq!(head(&[date]).age(0), None);
        assert_eq!(head(&[("x-timestamp", "784111700.9"), modified, date]).age(0), Some(87));
    }
}
