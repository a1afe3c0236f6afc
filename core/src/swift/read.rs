use http::{Method, header};

use super::draft::{Draft, Rendered};
use super::verdict::{trouble, unavailable};
use super::{Endpoint, HttpHead, Token, Verdict, needs_newest};
use crate::oci::ByteRange;
use crate::store::{Found, Key, Reply};

pub(super) fn render(key: &Key, range: Option<&ByteRange>, endpoint: &Endpoint, token: &Token) -> Rendered {
    let draft = Draft::new(Method::GET, endpoint.object_uri(key)).with_token(token).newest(needs_newest(key));
    match range {
        Some(range) => {
            draft.with_text(header::RANGE, format!("bytes={}-{}", range.first(), range.last())).bare()
        }
        None => draft.bare(),
    }
}

pub(super) fn classify(range: Option<&ByteRange>, head: &HttpHead, now: u64) -> Verdict {
    match head.status.as_u16() {
        200 | 206 => match size(range, head).zip(head.age(now)) {
            Some((size, age)) => Verdict::Reply(Reply::Found(Found { size, age, etag: head.etag })),
            // No Swift answers so, but a page of something that stands before it may.
            None => unavailable(head),
        },
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
