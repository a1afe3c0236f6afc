use std::fmt::{self, Display};

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// An `http` or `https` URL that paths are appended to. Its path neither ends in `/` nor has a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    path: Box<str>,
}

/// Why a text is no base URL; [`Display`] writes half a sentence that goes on after the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UrlFault {
    /// It does not parse.
    Malformed,
    /// It begins with something else than `http://` or `https://`.
    Scheme,
    /// It has a user or a password in it.
    UserInfo,
    /// It has a query or a fragment.
    Query,
    /// It is longer than a server would take.
    TooLong,
}

/// Scheme, host and port of an `http` or `https` URL that has nothing else; `None` of all other texts.
pub fn origin(url: &str) -> Option<String> {
    let BaseUrl { scheme, authority, path } = BaseUrl::parse(url).ok()?;
    path.is_empty().then(|| format!("{scheme}://{authority}"))
}

impl BaseUrl {
    pub(super) fn parse(text: &str) -> Result<Self, UrlFault> {
        if text.len() > URL_BYTES_MAX {
            return Err(UrlFault::TooLong);
        }
        // A fragment would be dropped without a word.
        if text.contains(['?', '#']) {
            return Err(UrlFault::Query);
        }
        let parts = text.parse::<Uri>().map_err(|_| UrlFault::Malformed)?.into_parts();
        let scheme = parts.scheme.ok_or(UrlFault::Scheme)?;
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(UrlFault::Scheme);
        }
        let authority = parts.authority.ok_or(UrlFault::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(UrlFault::UserInfo);
        }
        if authority.host().is_empty() {
            return Err(UrlFault::Malformed);
        }
        let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::path).trim_end_matches('/');
        Ok(Self { scheme, authority, path: path.into() })
    }

    /// The path, as it stands in the URL; it is empty or begins with `/`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The same server with another path.
    pub(super) fn with_path(&self, path: &str) -> Self {
        Self { path: path.trim_end_matches('/').into(), ..self.clone() }
    }

    /// The URL with `rest` after its path. Callers pass only what is percent-encoded and short.
    pub(super) fn join(&self, rest: &str) -> Uri {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{rest}", self.path))
            .build()
            .expect("the parts were parsed before, the rest is percent-encoded and its length is bounded")
    }
}

impl Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

impl Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is not a URL; write it as https://host:port/path",
            Self::Scheme => "must begin with https:// or http://",
            Self::UserInfo => "must not have a user or password in it; give them as settings of their own",
            Self::Query => "must not have a ? or # in it; leave out what follows",
            Self::TooLong => "is longer than 2048 bytes; shorten it",
        })
    }
}

const URL_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (text, shown) in [
            ("http://swift:8080/v1/AUTH_a", "http://swift:8080/v1/AUTH_a"),
            ("https://swift/v1/AUTH_a//", "https://swift/v1/AUTH_a"),
            ("https://swift", "https://swift"),
            ("https://[::1]:5000/", "https://[::1]:5000"),
            ("HTTPS://swift/%7Ea", "https://swift/%7Ea"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_taken() {
        for (text, fault) in [
            ("", UrlFault::Malformed),
            ("swift", UrlFault::Scheme),
            ("/v1/AUTH_a", UrlFault::Scheme),
            ("ftp://swift/v1", UrlFault::Scheme),
            ("http://", UrlFault::Malformed),
            ("http://a b/", UrlFault::Malformed),
            ("http://:80/", UrlFault::Malformed),
            ("http://u:p@swift/", UrlFault::UserInfo),
            ("http://swift/?a", UrlFault::Query),
            ("http://swift/#a", UrlFault::Query),
            ("http://swift/\n", UrlFault::Malformed),
        ] {
            assert_eq!(BaseUrl::parse(text), Err(fault), "{text}");
        }
        assert_eq!(BaseUrl::parse(&format!("http://a/{}", "b".repeat(3000))), Err(UrlFault::TooLong));
    }
}
