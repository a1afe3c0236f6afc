use http::{HeaderName, Method};

use super::draft::{Draft, Rendered};
use super::text::escape;
use super::verdict::{trouble, unavailable};
use super::{Endpoint, HttpHead, Token, Verdict};
use crate::store::{Key, Reply};

/// A COPY inside of Swift. Of a large object it takes the manifest, which keeps pointing at the same segments: without the
/// query Swift would read all of them and store one plain object, if it took one so long.
pub(super) fn render(from: &Key, to: &Key, endpoint: &Endpoint, token: &Token) -> Rendered {
    Draft::new(COPY.parse().unwrap_or(Method::PUT), endpoint.object_uri_with(from, "?multipart-manifest=get"))
        .with_token(token)
        // Whatever kind of name it is: an older version must not get the new name.
        .newest(true)
        .with_text(DESTINATION, escape(&endpoint.path_of(to)))
        .bare()
}

pub(super) fn classify(head: &HttpHead) -> Verdict {
    match head.status.as_u16() {
        // The Etag is that of what was copied, which of a large object is the manifest and not the content.
        201 => Verdict::Reply(Reply::Written { md5: None }),
        // Also where the container of the second name is missing; Swift does not say which.
        404 => Verdict::Reply(Reply::Missing),
        // A newer version of the second name stands.
        409 => unavailable(head),
        // What arrived is not what was read.
        422 => Verdict::Reply(Reply::Mismatch),
        _ => trouble(head, true),
    }
}

const COPY: &str = "COPY";

const DESTINATION: HeaderName = HeaderName::from_static("destination");
