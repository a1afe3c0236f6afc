use http::Method;

use super::draft::{Draft, Rendered};
use super::verdict::{trouble, unavailable};
use super::{Endpoint, HttpHead, Token, Verdict, needs_newest};
use crate::store::{Found, Key, Reply};

/// For a large object this looks at the manifest alone: it does not tell whether the segments are there.
pub(super) fn render(key: &Key, endpoint: &Endpoint, token: &Token) -> Rendered {
    Draft::new(Method::HEAD, endpoint.object_uri(key)).with_token(token).newest(needs_newest(key)).bare()
}

pub(super) fn classify(head: &HttpHead, now: u64) -> Verdict {
    match head.status.as_u16() {
        200 => match head.length.zip(head.age(now)) {
            Some((size, age)) => Verdict::Reply(Reply::Found(Found { size, age, etag: head.etag })),
            None => unavailable(head),
        },
        404 => Verdict::Reply(Reply::Missing),
        409 => Verdict::Reply(Reply::Damaged),
        _ => trouble(head, false),
    }
}
