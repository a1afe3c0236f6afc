use http::Method;

use super::draft::{Draft, Rendered};
use super::verdict::{trouble, unavailable};
use super::{Endpoint, HttpHead, Token, Verdict};
use crate::store::{Key, Reply};

/// A plain DELETE: of a large object it takes the manifest alone. Swift could take the segments as well, but takes them
/// first, and what breaks off between leaves an object that looks whole and is not.
pub(super) fn render(key: &Key, endpoint: &Endpoint, token: &Token) -> Rendered {
    Draft::new(Method::DELETE, endpoint.object_uri(key)).with_token(token).bare()
}

pub(super) fn classify(head: &HttpHead) -> Verdict {
    match head.status.as_u16() {
        200 | 204 => Verdict::Reply(Reply::Done),
        // Also where no server of the container can be reached; Swift does not say which.
        404 => Verdict::Reply(Reply::Missing),
        // By the clock of another proxy the object is newer than this.
        409 => unavailable(head),
        _ => trouble(head, false),
    }
}
