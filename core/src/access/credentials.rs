use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};

use crate::swift::SecretText;

/// What a request shows of who sends it: its Authorization (RFC 9110, section 11.6.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A name and a password (RFC 7617).
    Basic {
        /// The name.
        user: Box<str>,
        /// The password.
        password: SecretText,
    },
    /// A token (RFC 6750).
    Bearer(SecretText),
    /// Something that is neither, or broken.
    Unreadable,
}

impl Credentials {
    /// Reads the Authorization of a head. There may be one; of two nobody knows which one somebody before us looked at.
    pub fn read(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(value), None) => value.to_str().ok().and_then(Self::parse).unwrap_or(Self::Unreadable),
            (Some(_), Some(_)) => Self::Unreadable,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim_ascii().split_once(' ')?;
        let rest = rest.trim_ascii();
        if scheme.eq_ignore_ascii_case("bearer") {
            let token = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic());
            return (token && rest.len() <= BYTES_MAX).then(|| Self::Bearer(SecretText::new(rest)));
        }
        if !scheme.eq_ignore_ascii_case("basic") || rest.len() > BYTES_MAX {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Self::Basic { user: user.into(), password: SecretText::new(password) })
    }
}

/// No credentials are longer, in bytes. Tokens of workloads have about two thousand.
const BYTES_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(values: &[&str]) -> Credentials {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Credentials::read(&headers)
    }

    fn basic(user: &str, password: &str) -> Credentials {
        Credentials::Basic { user: user.into(), password: SecretText::new(password) }
    }

    #[test]
    fn names_and_passwords_are_read() {
        assert_eq!(read(&[]), Credentials::None);
        assert_eq!(read(&["Basic Y2k6cGFzcw=="]), basic("ci", "pass"));
        assert_eq!(read(&["bAsIc   Y2k6cDphOnM= "]), basic("ci", "p:a:s"));
        assert_eq!(read(&["Basic Y2k6"]), basic("ci", ""));
        assert_eq!(read(&["Basic OnBhc3M="]), basic("", "pass"));
        assert_eq!(read(&["BEARER a.b.c"]), Credentials::Bearer(SecretText::new("a.b.c")));
    }

    #[test]
    fn what_is_broken_is_not_guessed_at() {
        let long = format!("Bearer {}", "a".repeat(BYTES_MAX + 1));
        let long_basic = format!("Basic {}", "YQ==".repeat(BYTES_MAX));
        for values in [
            &[""][..],
            &["Basic"],
            &["Basic "],
            &["Basic Y2k="],
            &["Basic Y2k6cGFzcw"],
            &["Basic !!!!"],
            &["Basic /////w=="],
            &["Digest username=\"ci\""],
            &["Bearer "],
            &["Bearer a b"],
            &["Bearer a", "Bearer a"],
            &["Basic Y2k6cGFzcw==", "Bearer a"],
            &[&long],
            &[&long_basic],
        ] {
            assert_eq!(read(values), Credentials::Unreadable, "{values:?}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let shown = format!("{:?} {:?}", basic("ci", "hunter2"), read(&["Bearer hunter2"]));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
