//! A reader of requests that takes less than the server does: what it takes has one meaning, by whatever reader.

use super::place::HEAD_BYTES_MAX;

/// What was sent.
pub(super) struct Requests<'a> {
    /// The whole requests at its beginning that have one meaning.
    pub(super) clear: Vec<Clear>,
    /// What follows: part of a request, or what is none, or may be read as one.
    pub(super) rest: &'a [u8],
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clear {
    /// It is a HEAD: no body follows the head of the reply.
    pub(super) is_head: bool,
    /// It may be told to go on.
    pub(super) expects: bool,
    /// It is the last one of its connection.
    pub(super) closes: bool,
}

enum Length {
    Bytes(usize),
    Chunked,
}

const METHODS: [&str; 7] = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"];

/// Digits of a length that fits anything.
const DIGITS_MAX: usize = 9;

impl<'a> Requests<'a> {
    pub(super) fn read(sent: &'a [u8]) -> Self {
        let mut requests = Self { clear: Vec::new(), rest: sent };
        while let Some((clear, rest)) = request(requests.rest) {
            requests.clear.push(clear);
            if clear.closes {
                requests.rest = &[];
                break;
            }
            requests.rest = rest;
        }
        requests
    }

    /// No more replies come after those to the clear requests.
    pub(super) fn rest_max(&self) -> usize {
        if self.rest.is_empty() {
            return 0;
        }
        // A head ends in an empty line; what ends in none may be refused.
        1 + self.rest.windows(3).filter(|bytes| *bytes == b"\n\r\n").count()
    }

    /// Whether the rest may hold a HEAD, after which nobody knows where a reply ends.
    pub(super) fn rest_has_head(&self) -> bool {
        self.rest.windows(4).any(|bytes| bytes.eq_ignore_ascii_case(b"HEAD"))
    }
}

/// One request and what follows it.
fn request(bytes: &[u8]) -> Option<(Clear, &[u8])> {
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    if end + 4 > HEAD_BYTES_MAX {
        return None;
    }
    let head = str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let method = request_line(lines.next()?)?;
    let mut hosts = 0;
    let mut length = None;
    let mut clear = Clear { is_head: method == "HEAD", expects: false, closes: false };
    for line in lines {
        let (name, value) = field(line)?;
        match name.to_ascii_lowercase().as_str() {
            "host" => {
                let is_plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
                hosts += usize::from(is_plain && value.len() < 64);
                is_plain.then_some(())?;
            }
            "content-length" if length.is_none() => {
                let is_short = value.len() <= DIGITS_MAX && value.bytes().all(|byte| byte.is_ascii_digit());
                length = Some(Length::Bytes(value.parse().ok().filter(|_| is_short)?));
            }
            "transfer-encoding" if length.is_none() && value == "chunked" => length = Some(Length::Chunked),
            "content-length" | "transfer-encoding" => return None,
            "expect" => clear.expects = (value == "100-continue").then_some(true)?,
            "connection" => {
                let options = || value.split(',').map(str::trim);
                clear.closes |= options().any(|option| option.eq_ignore_ascii_case("close"));
            }
            _ => {}
        }
    }
    if hosts != 1 || head.matches("\r\n").count() > 90 {
        return None;
    }
    let body = &bytes[end + 4..];
    let rest = match length {
        None => body,
        Some(Length::Bytes(count)) => body.get(count..)?,
        Some(Length::Chunked) => unchunked(body)?,
    };
    Some((clear, rest))
}

fn request_line(line: &str) -> Option<&str> {
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_target = target.starts_with('/')
        && target.bytes().all(|byte| byte.is_ascii_graphic())
        && !target.contains('#');
    let is_clear = METHODS.contains(&method) && is_target && version == "HTTP/1.1" && words.next().is_none();
    is_clear.then_some(method)
}

fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_value = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (is_name && is_value).then_some((name, value.trim()))
}

/// What follows a body in chunks without extensions and trailers.
fn unchunked(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let end = bytes.windows(2).position(|bytes| bytes == b"\r\n").filter(|end| (1..=8).contains(end))?;
        let digits = str::from_utf8(&bytes[..end]).ok()?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let count = usize::from_str_radix(digits, 16).ok().filter(|_| is_number)?;
        bytes = bytes[end + 2..].get(count..)?.strip_prefix(b"\r\n")?;
        if count == 0 {
            return Some(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_end_where_they_say() {
        let sent = b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcHEAD / HTTP/1.1\r\nhost: h\r\n\r\n\
            POST / HTTP/1.1\r\nhost:h\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /";
        let requests = Requests::read(sent);
        let found: Vec<_> = requests.clear.iter().map(|clear| (clear.is_head, clear.expects)).collect();
        assert_eq!(found, [(false, false), (true, false), (false, true)]);
        assert_eq!((requests.rest, requests.rest_max()), (&b"GET /"[..], 1));
    }

    #[test]
    fn what_may_mean_two_things_is_not_clear() {
        for sent in [
            "GET / HTTP/1.0\r\nhost: h\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\nhost: h\r\n\r\n",
            "GET / HTTP/1.1\nhost: h\n\n",
            "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na",
            "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\na",
            "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
        ] {
            assert!(Requests::read(sent.as_bytes()).clear.is_empty(), "{sent:?}");
        }
    }
}
