use http::Method;

use super::draft::{Draft, Rendered};
use super::verdict::{trouble, unavailable};
use super::{Endpoint, HttpHead, Token, Verdict};
use crate::store::{Key, Reply};

/// A POST without a header of metadata: it clears what metadata there is, a date of expiry included, and keeps the type of
/// the content because it names none.
pub(super) fn render(key: &Key, endpoint: &Endpoint, token: &Token) -> Rendered {
    Draft::new(Method::POST, endpoint.object_uri(key)).with_token(token).bare()
}

pub(super) fn classify(head: &HttpHead) -> Verdict {
    match head.status.as_u16() {
        200..=202 | 204 => Verdict::Reply(Reply::Done),
        // Also where no server of the container can be reached; Swift does not say which.
        404 => Verdict::Reply(Reply::Missing),
        // By the clock of another proxy the object was changed later: this change was dropped.
        409 => unavailable(head),
        _ => trouble(head, false),
    }
}
