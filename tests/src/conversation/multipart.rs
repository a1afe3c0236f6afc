//! Reads a multipart/byteranges body (RFC 9110, section 14.6; RFC 2046, section 5.1).

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its Content-Range.
    pub range: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The parts of a body with this Content-Type, in order.
pub fn parts(content_type: &str, body: &[u8]) -> Result<Vec<Part>, String> {
    let boundary = content_type
        .strip_prefix("multipart/byteranges;")
        .and_then(|rest| rest.trim().strip_prefix("boundary="))
        .map(|boundary| boundary.trim_matches('"'))
        .filter(|boundary| !boundary.is_empty() && boundary.len() <= 70)
        .ok_or_else(|| {
            format!("Content-Type `{content_type}` is not multipart/byteranges with a boundary")
        })?;
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter needs no CR LF before it: lending it one makes all alike.
    let body = [b"\r\n", body].concat();
    let mut at = find(&body, delimiter.as_bytes()).ok_or("no boundary in the body")? + delimiter.len();
    let mut parts = Vec::new();
    loop {
        if body[at..].starts_with(b"--") {
            return Ok(parts);
        }
        let Some(rest) = body[at..].strip_prefix(b"\r\n") else {
            return Err("a boundary line has something behind the boundary".to_owned());
        };
        let length = find(rest, delimiter.as_bytes()).ok_or("the last part has no closing boundary")?;
        parts.push(part(&rest[..length])?);
        at += 2 + length + delimiter.len();
    }
}

fn part(bytes: &[u8]) -> Result<Part, String> {
    let head_length = find(bytes, b"\r\n\r\n").ok_or("a part has no head")?;
    let head = String::from_utf8_lossy(&bytes[..head_length]);
    let range = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-range").then(|| value.trim().to_owned())
    });
    let range = range.ok_or("a part has no Content-Range")?;
    Ok(Part { range, bytes: bytes[head_length + 4..].to_vec() })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/byteranges; boundary=B";

    #[test]
    fn parts_are_told_apart() {
        let body = b"--B\r\nContent-Type: a/b\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n--B\r\ncontent-range: bytes 2-2/9\r\n\r\nc\r\n--B--\r\n";
        let read = parts(TYPE, body).expect("parts");
        assert_eq!(
            read,
            [
                Part { range: "bytes 0-1/9".to_owned(), bytes: b"ab".to_vec() },
                Part { range: "bytes 2-2/9".to_owned(), bytes: b"c".to_vec() },
            ]
        );
    }

    #[test]
    fn broken_bodies_are_errors() {
        for body in
            ["", "--B\r\n\r\n", "--B\r\nContent-Range: x\r\n\r\nabc", "--B\r\nA: b\r\n\r\nabc\r\n--B--"]
        {
            assert!(parts(TYPE, body.as_bytes()).is_err(), "{body:?}");
        }
        assert!(parts("application/octet-stream", b"--B--").is_err());
    }
}
