use http::{Method, header};

use super::draft::{Draft, Rendered};
use super::text::hex;
use super::verdict::{trouble, unavailable};
use super::{Endpoint, HttpHead, Token, Verdict};
use crate::store::{Key, Reply};

pub(super) fn render(
    key: &Key,
    create_only: bool,
    length: Option<u64>,
    md5: Option<[u8; 16]>,
    endpoint: &Endpoint,
    token: &Token,
) -> Rendered {
    let mut draft = Draft::new(Method::PUT, endpoint.object_uri(key))
        .with_token(token)
        .with_static(header::CONTENT_TYPE, "application/octet-stream");
    if create_only {
        draft = draft.with_static(header::IF_NONE_MATCH, "*");
    }
    if let Some(md5) = md5 {
        draft = draft.with_text(header::ETAG, hex(&md5));
    }
    draft.fed(length)
}

pub(super) fn classify(create_only: bool, head: &HttpHead) -> Verdict {
    match head.status.as_u16() {
        201 => Verdict::Reply(Reply::Written { md5: head.etag }),
        // 409, which most of Swift turns into 202: a newer version of the name stands, so this one was dropped. 404: there
        // is no such container, or its servers cannot be reached; Swift does not say which.
        404 | 409 => unavailable(head),
        412 if create_only => Verdict::Reply(Reply::Exists),
        422 => Verdict::Reply(Reply::Mismatch),
        _ => trouble(head, true),
    }
}
