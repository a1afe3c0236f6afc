use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};

use super::Token;

/// A request to Swift or to its authentication, without its body.
///
/// It carries no Host, Connection, Content-Length or Transfer-Encoding: the authority stands in the URI, the length in a
/// field of its own. The host sends its headers as they are and adds none that speaks of the content.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Method, URI and headers.
    pub request: Request<()>,
    /// The body where core makes it; `None` if there is none, or if it is fed.
    pub body: Option<Bytes>,
    /// How long the body is in bytes; `None` if nobody knows yet: then it goes in chunks.
    pub length: Option<u64>,
}

/// A [`Rendered`] in the making.
pub(super) struct Draft(Rendered);

impl Draft {
    pub(super) fn new(method: Method, uri: Uri) -> Self {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        Self(Rendered { request, body: None, length: Some(0) })
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.request.headers_mut().insert(name, value);
        self
    }

    pub(super) fn with_static(self, name: HeaderName, value: &'static str) -> Self {
        self.with(name, HeaderValue::from_static(value))
    }

    /// `value` is ASCII made here.
    pub(super) fn with_text(self, name: HeaderName, value: String) -> Self {
        let value = HeaderValue::try_from(value).expect("digits, hex and marks can stand in a header");
        self.with(name, value)
    }

    /// `value` is ASCII made here, and is never shown.
    pub(super) fn with_secret(self, name: HeaderName, value: &str) -> Self {
        let mut value = HeaderValue::from_str(value).expect("digits, hex and marks can stand in a header");
        value.set_sensitive(true);
        self.with(name, value)
    }

    pub(super) fn with_token(self, token: &Token) -> Self {
        self.with(X_AUTH_TOKEN, token.value())
    }

    /// Asks every replica and takes the newest answer.
    pub(super) fn newest(self, wanted: bool) -> Self {
        if wanted { self.with_static(X_NEWEST, "true") } else { self }
    }

    pub(super) fn fed(mut self, length: Option<u64>) -> Rendered {
        self.0.length = length;
        self.0
    }

    pub(super) fn json(self, body: String) -> Rendered {
        self.with_static(header::CONTENT_TYPE, "application/json").made(body)
    }

    pub(super) fn made(mut self, body: String) -> Rendered {
        self.0.length = Some(body.len() as u64);
        self.0.body = Some(body.into());
        self.0
    }

    pub(super) fn bare(self) -> Rendered {
        self.0
    }
}

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

const X_NEWEST: HeaderName = HeaderName::from_static("x-newest");
