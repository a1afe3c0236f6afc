//! The query of a URL.

/// The most pairs that are read; what follows is dropped.
pub const QUERY_PAIRS_MAX: usize = 256;

/// The pairs of a query, decoded, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c`, without the question mark. A `+` is a space, `%xx` a byte, and a key without `=` has an empty value.
    ///
    /// Nothing is refused: a part whose escapes are broken, or do not yield UTF-8, is kept as it was written.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(QUERY_PAIRS_MAX);
        Self(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key), decode(value))
                })
                .collect(),
        )
    }

    /// The first value of a key.
    pub fn first(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// All values of a key, in their order.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Escapes a text so that it stands unchanged for itself anywhere in a path or query: all but RFC 3986's unreserved
/// characters become `%XX`.
pub fn encode_component(text: &str) -> String {
    const HEX_DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_unreserved(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX_DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX_DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

/// RFC 3986, section 2.3.
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Splits the byte that `%xx` stands for off a text that begins with one.
pub(crate) fn unescape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else { return None };
    let value = |digit: u8| char::from(digit).to_digit(16);
    let byte = u8::try_from(value(*high)? << 4 | value(*low)?).ok()?;
    Some((byte, rest))
}

fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, left) = match first {
            b'+' => (b' ', after),
            b'%' => unescape(rest).unwrap_or((b'%', after)),
            other => (*other, after),
        };
        decoded.push(byte);
        rest = left;
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        for (text, expected) in [
            ("", &[][..]),
            ("&&", &[]),
            ("a=b", &[("a", "b")]),
            ("a", &[("a", "")]),
            ("a=", &[("a", "")]),
            ("=b", &[("", "b")]),
            ("=", &[("", "")]),
            ("a=b=c", &[("a", "b=c")]),
            ("a=b&c=d&a=e", &[("a", "b"), ("c", "d"), ("a", "e")]),
            ("digest=sha256:00", &[("digest", "sha256:00")]),
            ("digest=sha256%3A00%3a", &[("digest", "sha256:00:")]),
            ("a+b=c+%2B", &[("a b", "c +")]),
            ("a=%26%3D%3F", &[("a", "&=?")]),
            ("a=%C3%A9", &[("a", "é")]),
            ("a=é", &[("a", "é")]),
            ("a=%", &[("a", "%")]),
            ("a=%4", &[("a", "%4")]),
            ("a=%zz%41", &[("a", "%zzA")]),
            ("a=%%41", &[("a", "%A")]),
            ("a=%+1", &[("a", "% 1")]),
            ("a=%FF", &[("a", "%FF")]),
            ("a=%00", &[("a", "\0")]),
            ("a?b=c#d", &[("a?b", "c#d")]),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            assert_eq!(Query::parse(text), Query(expected), "{text}");
        }
    }

    #[test]
    fn values_are_found_by_key() {
        let query = Query::parse("a=1&b=2&a=3&A=4");
        assert_eq!(query.first("a"), Some("1"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!((query.first("c"), query.all("c").next()), (None, None));
    }

    #[test]
    fn the_number_of_pairs_is_bounded() {
        let query = Query::parse(&format!("{}b=1", "a&".repeat(QUERY_PAIRS_MAX - 1)));
        assert_eq!((query.all("a").count(), query.first("b")), (QUERY_PAIRS_MAX - 1, Some("1")));
        let query = Query::parse(&format!("{}b=1", "a&".repeat(QUERY_PAIRS_MAX)));
        assert_eq!((query.all("a").count(), query.first("b")), (QUERY_PAIRS_MAX, None));
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let all: String = (0..=255_u8).map(char::from).collect();
        for text in ["", "aZ0-._~", "a b+c", "sha256:00", "%41", "é&=?/#", &all] {
            let encoded = encode_component(text);
            assert!(encoded.bytes().all(|b| is_unreserved(b) || b == b'%'), "{encoded}");
            let query = Query::parse(&format!("{encoded}={encoded}"));
            assert_eq!(query.first(text), if text.is_empty() { Some("") } else { Some(text) });
        }
        assert_eq!(encode_component("a/b:c~"), "a%2Fb%3Ac~");
    }
}
