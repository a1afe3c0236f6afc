//! A strict reader of replies (RFC 9112).

use serde_json::Value;

use super::requests::Requests;

/// A reply, read off the front.
struct Reply<'a> {
    status: u16,
    closes: bool,
    is_json: bool,
    body: &'a [u8],
    rest: &'a [u8],
}

/// How many requests have a whole reply.
pub(super) fn count(received: &[u8], requests: &Requests<'_>) -> usize {
    let mut rest = received;
    let mut count = 0;
    for clear in &requests.clear {
        let Some(reply) = answer(rest, clear.is_head, clear.expects) else { break };
        count += 1;
        rest = reply.rest;
    }
    count
}

/// Every clear request has one reply, in their order, unless one of them said that the connection closes; what follows
/// are whole replies too, and not too many. Returns their statuses.
pub(super) fn check(received: &[u8], requests: &Requests<'_>) -> Vec<u16> {
    let mut rest = received;
    let mut statuses = Vec::new();
    for (at, clear) in requests.clear.iter().enumerate() {
        let Some(reply) = answer(rest, clear.is_head, clear.expects) else {
            panic!("no reply to request {at}: {}", rest.escape_ascii())
        };
        rest = reply.rest;
        explained(&reply, clear.is_head);
        statuses.push(reply.status);
        if reply.closes {
            assert!(rest.is_empty(), "more after the last reply: {}", rest.escape_ascii());
            return statuses;
        }
        assert!(!clear.closes, "a connection that the client closes goes on");
    }
    let mut left = requests.rest_max();
    while !rest.is_empty() {
        assert!(left > 0, "a reply to no request: {}", rest.escape_ascii());
        left -= 1;
        if requests.rest_has_head() {
            assert!(rest.starts_with(b"HTTP/1.1 "));
            break;
        }
        // The client's end may break off what was on its way.
        let Some(reply) = answer(rest, false, true) else { break };
        rest = reply.rest;
        explained(&reply, false);
        statuses.push(reply.status);
        assert!(!reply.closes || rest.is_empty(), "more after the last reply: {}", rest.escape_ascii());
    }
    statuses
}

/// A refusal says why, in the form of OCI.
fn explained(reply: &Reply<'_>, is_head: bool) {
    assert!(reply.status != 500, "an internal error: {}", reply.body.escape_ascii());
    if reply.status < 400 || is_head {
        return;
    }
    assert!(reply.is_json, "{} in another form", reply.status);
    let said: Value = serde_json::from_slice(reply.body).expect("a refusal is JSON");
    let errors = said["errors"].as_array().expect("a refusal has errors");
    assert!(!errors.is_empty());
    for error in errors {
        let code = error["code"].as_str().expect("an error has a code");
        assert!(!code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
}

/// The next final reply; `None` if it is not whole.
fn answer(bytes: &[u8], to_head: bool, may_go_on: bool) -> Option<Reply<'_>> {
    let reply = one(bytes, to_head)?;
    if reply.status >= 200 {
        return Some(reply);
    }
    assert!(reply.status == 100 && may_go_on, "{} that nobody asked for", reply.status);
    let reply = one(reply.rest, to_head)?;
    assert!(reply.status >= 200, "a second interim reply");
    Some(reply)
}

fn one(bytes: &[u8], to_head: bool) -> Option<Reply<'_>> {
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = str::from_utf8(&bytes[..end]).expect("a head is ASCII");
    let mut lines = head.split("\r\n");
    let status = status(lines.next().unwrap_or_default());
    let (mut length, mut closes, mut is_json, mut dates) = (None, false, false, 0);
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a field has a name and a value");
        let is_token = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(!name.is_empty() && name.bytes().all(is_token), "{name:?}");
        assert!(
            value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && value.trim() == value,
            "{value:?}"
        );
        match name {
            "content-length" => {
                assert!(length.is_none(), "two lengths");
                assert!(value.bytes().all(|byte| byte.is_ascii_digit()));
                length = Some(value.parse::<usize>().expect("it is a length"));
            }
            "transfer-encoding" => panic!("every reply has a length"),
            "connection" => {
                assert_eq!(value, "close");
                closes = true;
            }
            "content-type" => is_json = value.starts_with("application/json"),
            "date" => dates += 1,
            _ => {}
        }
    }
    assert!(dates == usize::from(status >= 200), "{dates} dates");
    let rest = &bytes[end + 4..];
    let bare = status < 200 || status == 204;
    assert!(!bare || length.is_none(), "{status} has a length");
    let count = match length {
        _ if bare || status == 304 || to_head => 0,
        length => length.expect("a body has a length"),
    };
    let (body, rest) = rest.split_at_checked(count)?;
    Some(Reply { status, closes, is_json, body, rest })
}

fn status(line: &str) -> u16 {
    let rest = line.strip_prefix("HTTP/1.1 ").expect("a reply begins with the version");
    let (digits, reason) = rest.split_once(' ').expect("a reason follows");
    assert!(digits.len() == 3 && !reason.is_empty(), "{line:?}");
    digits.parse().ok().filter(|status| (100..600).contains(status)).expect("it is a status")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

    fn checked(received: &str, sent: &[u8]) -> bool {
        let received = received.replace("DATE\r\n", DATE);
        std::panic::catch_unwind(|| check(received.as_bytes(), &Requests::read(sent))).is_ok()
    }

    #[test]
    fn what_is_no_reply_is_found() {
        let sent = b"GET /v2/ HTTP/1.1\r\nhost: h\r\n\r\n";
        let good = "HTTP/1.1 200 OK\r\nDATE\r\ncontent-length: 2\r\n\r\nok";
        assert!(checked(good, sent));
        for wrong in [
            String::new(),
            good.replace("ok", "o"),
            good.replace("ok", "okk"),
            good.repeat(2),
            good.replace("content-length: 2", "content-length: 2\r\ncontent-length: 2"),
            good.replace("content-length: 2", "transfer-encoding: chunked"),
            good.replace("200 OK", "404 Not Found"),
            good.replace("HTTP/1.1", "HTTP/1.0"),
            good.replace("DATE\r\n", ""),
            format!("HTTP/1.1 100 Continue\r\n\r\n{good}"),
            good.replace("200 OK", "204 No Content"),
        ] {
            assert!(!checked(&wrong, sent), "{wrong}");
        }
    }

    #[test]
    fn nothing_follows_the_reply_that_closes() {
        let sent = b"GET / HTTP/1.1\r\nhost: h\r\n\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n";
        let last = "HTTP/1.1 200 OK\r\nDATE\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert!(checked(last, sent));
        assert!(!checked(&last.repeat(2), sent));
    }
}
