use std::fmt;

use http::HeaderValue;

/// What a request to Swift proves its rights with. It is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(HeaderValue);

impl Token {
    /// A token as Keystone or v1 auth gave it; `None` if it is empty, too long or cannot stand in a header.
    pub fn new(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let mut value = HeaderValue::from_str(text).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    pub(super) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A common bound of servers on one header, in bytes.
const TOKEN_BYTES_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_a_header_is_a_token() {
        assert!(Token::new("gAAAA-_=").is_some());
        for text in ["", "a\nb", "a\0", "\u{7f}"] {
            assert!(Token::new(text).is_none(), "{text:?}");
        }
        assert!(Token::new(&"a".repeat(TOKEN_BYTES_MAX + 1)).is_none());
    }

    #[test]
    fn it_is_never_shown() {
        let token = Token::new("secret").unwrap();
        assert_eq!(format!("{token:?} {:?}", token.value()), "Token(..) Sensitive");
    }
}
