use http::{HeaderMap, HeaderName, Method, header};

use crate::access::{Origin, Pass, Peer};

/// The head of a request, as the host received and checked it.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target in origin form, as sent: nothing decoded, nothing normalised.
    pub target: &'a str,
    /// The fields.
    pub headers: &'a HeaderMap,
    /// The length of the body.
    pub body: BodyLength,
    /// Whom the host has the connection with.
    pub peer: Peer<'a>,
}

/// The length of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyLength {
    /// So many bytes; 0 where there is no body.
    Exactly(u64),
    /// It ends when it ends.
    Unknown,
}

/// What the host gives at the head of a request, since core has neither clock nor chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Given {
    /// Seconds of Unix time.
    pub now: u64,
    /// Random bytes, new for every request.
    pub entropy: [u8; 16],
}

/// What flows know of a request beside its route: the few fields they read, in a form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// What the host gave.
    pub given: Given,
    /// The length of the body.
    pub body: BodyLength,
    /// Where it comes from.
    pub origin: Origin,
    /// The user that a certificate stands for.
    pub certified: Option<Box<str>>,
    /// What its sender may do.
    pub pass: Pass,
    /// Content-Type.
    pub content_type: Option<Box<str>>,
    /// Content-Range.
    pub content_range: Option<Box<str>>,
    /// Range.
    pub range: Option<Box<str>>,
    /// If-Range.
    pub if_range: Option<Box<str>>,
    /// If-Match, all of them in one list.
    pub if_match: Option<Box<str>>,
    /// If-None-Match, all of them in one list.
    pub if_none_match: Option<Box<str>>,
}

impl Request {
    pub(crate) fn new(head: &RequestHead<'_>, given: Given, origin: Origin) -> Self {
        let headers = head.headers;
        Self {
            given,
            body: head.body,
            origin,
            certified: None,
            pass: Pass::stranger(),
            content_type: text(headers, &header::CONTENT_TYPE),
            content_range: text(headers, &header::CONTENT_RANGE),
            range: text(headers, &header::RANGE),
            if_range: text(headers, &header::IF_RANGE),
            if_match: text(headers, &header::IF_MATCH),
            if_none_match: text(headers, &header::IF_NONE_MATCH),
        }
    }

    pub(crate) fn has_body(&self) -> bool {
        self.body != BodyLength::Exactly(0)
    }
}

/// All values of a field in one list (RFC 9110, section 5.3); `None` if there is none, or one is not plain text.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<Box<str>> {
    let mut values = headers.get_all(name).iter();
    let mut text = values.next()?.to_str().ok()?.to_owned();
    for value in values {
        text.push_str(", ");
        text.push_str(value.to_str().ok()?);
    }
    Some(text.into())
}
