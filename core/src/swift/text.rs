//! How bytes are written in URLs and headers.

use std::fmt::Write as _;

/// Percent-encodes every byte outside `A-Za-z0-9-_.~/`.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

/// The bytes that a percent-encoded text stands for; a `%` that begins no escape stands for itself.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%'
            && let Some(([high, low], after)) = rest.split_first_chunk()
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(*byte);
        }
    }
    bytes
}

/// Lowercase hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads an MD5 in hex, in double quotes or without.
pub(super) fn parse_md5(text: &str) -> Option<[u8; 16]> {
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let (pairs, []) = quoted.unwrap_or(text).as_bytes().as_chunks::<2>() else { return None };
    let mut md5 = [0; 16];
    if pairs.len() != md5.len() {
        return None;
    }
    for (byte, [high, low]) in md5.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(md5)
}

/// Reads a number that is all digits.
pub(super) fn parse_number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

fn digit(hex: u8) -> Option<u8> {
    char::from(hex).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_byte_by_byte() {
        for (text, escaped) in [
            ("", ""),
            ("aZ09-_.~/", "aZ09-_.~/"),
            ("a!/v1", "a%21/v1"),
            ("a:b@c+d e", "a%3Ab%40c%2Bd%20e"),
            ("ü\n\0%", "%C3%BC%0A%00%25"),
        ] {
            assert_eq!(escape(text), escaped);
            assert_eq!(unescape(escaped), text.as_bytes());
        }
        assert_eq!(unescape("%c3%Bc%"), [0xc3, 0xbc, b'%']);
        assert_eq!(unescape("%4"), b"%4");
        assert_eq!(unescape("%zz%%41"), b"%zz%A");
    }

    #[test]
    fn only_an_md5_is_read_as_one() {
        let hex_text = "00112233445566778899aabbccddeeff";
        let md5 = parse_md5(hex_text).unwrap();
        assert_eq!(hex(&md5), hex_text);
        assert_eq!(parse_md5(&format!("\"{hex_text}\"")), Some(md5));
        assert_eq!(parse_md5(&hex_text.to_uppercase()), Some(md5));
        for text in
            ["", "\"", "\"\"", "zz", "00112233445566778899aabbccddeef", "0x112233445566778899aabbccddeeff"]
        {
            assert_eq!(parse_md5(text), None, "{text}");
        }
        assert_eq!(parse_md5(&format!("{hex_text}-3")), None);
        assert_eq!(parse_md5(&format!("\"{hex_text}")), None);
        assert_eq!(parse_md5(&"é".repeat(16)), None);
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!(parse_number("18446744073709551615"), Some(u64::MAX));
        for text in ["", "+1", "-1", " 1", "1 ", "1.0", "18446744073709551616"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }
}
