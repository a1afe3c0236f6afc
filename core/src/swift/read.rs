use http::{Method, header};

use super::draft::{Draft, Rendered};
use super::text::hex;
use super::verdict::{trouble, unavailable};
use super::{Endpoint, HttpHead, Token, Verdict, needs_newest};
use crate::oci::ByteRange;
use crate::store::{Found, Key, Reply};

pub(super) fn render(
    key: &Key,
    range: Option<&ByteRange>,
    if_match: Option<&[u8; 16]>,
    endpoint: &Endpoint,
    token: &Token,
) -> Rendered {
    let mut draft =
        Draft::new(Method::GET, endpoint.object_uri(key)).with_token(token).newest(needs_newest(key));
    if let Some(range) = range {
        draft = draft.with_text(header::RANGE, format!("bytes={}-{}", range.first(), range.last()));
    }
    if let Some(etag) = if_match {
        // Swift ignores If-Range.
        draft = draft.with_text(header::IF_MATCH, format!("\"{}\"", hex(etag)));
    }
    draft.bare()
}

/// `conditional`: a certain object is meant.
pub(super) fn classify(range: Option<&ByteRange>, conditional: bool, head: &HttpHead, now: u64) -> Verdict {
    match head.status.as_u16() {
        200 | 206 => match size(range, head).zip(head.age(now)) {
            Some((size, age)) => Verdict::Reply(Reply::Found(Found { size, age, etag: head.etag })),
            // No Swift answers so, but a page of something that stands before it may.
            None => unavailable(head),
        },
        // The object that is meant is gone, whatever stands there.
        412 if conditional => Verdict::Reply(Reply::Missing),
        404 => Verdict::Reply(Reply::Missing),
        // A segment is gone; or the object is shorter than the caller knows it to be.
        409 | 416 => Verdict::Reply(Reply::Damaged),
        _ => trouble(head, false),
    }
}

/// The size of the whole object; `None` if the body that follows does not begin where it was asked to.
fn size(range: Option<&ByteRange>, head: &HttpHead) -> Option<u64> {
    match (range, head.status.as_u16()) {
        (None, 200) => head.length,
        (Some(asked), 200) => head.length.filter(|size| asked.first() == 0 && *size > 0),
        (Some(asked), 206) => {
            let sent = head.range.filter(|sent| sent.first == asked.first() && sent.last <= asked.last())?;
            Some(sent.size)
        }
        (None | Some(_), _) => None,
    }
}
