use std::fmt::Write as _;

use http::{Method, header};
use md5::{Digest as _, Md5};
use serde::Deserialize;
use serde_json::Value;

use super::bounded::Bounded;
use super::draft::{Draft, Rendered};
use super::text::hex;
use super::verdict::{trouble, unavailable};
use super::{Endpoint, HttpHead, Token, Verdict};
use crate::store::{Key, Part, Reply};

/// So many parts a large object has at most where an operator of Swift has not set another limit; what is true is told
/// by [`super::Info`].
pub const PARTS_MAX: u32 = 1000;

/// The parts become the segments of a static large object. Swift looks at each, compares size and MD5, and then the MD5
/// of all MD5s with the Etag. Parts without a byte add nothing, and only the last one would be let through: none is named.
pub(super) fn render(key: &Key, parts: &[Part], endpoint: &Endpoint, token: &Token) -> Rendered {
    let mut manifest = String::with_capacity(parts.len() * 160 + 2);
    let mut md5s = Some(Md5::new());
    for part in parts.iter().filter(|part| part.size > 0) {
        manifest.push(if manifest.is_empty() { '[' } else { ',' });
        let path = Value::from(endpoint.path_of(&part.key));
        let _ = write!(manifest, "{{\"path\":{path},\"size_bytes\":{}", part.size);
        match part.md5.map(|md5| hex(&md5)) {
            Some(md5) => {
                let _ = write!(manifest, ",\"etag\":\"{md5}\"");
                if let Some(md5s) = &mut md5s {
                    md5s.update(md5);
                }
            }
            None => md5s = None,
        }
        manifest.push('}');
    }
    manifest.push_str(if manifest.is_empty() { "[]" } else { "]" });
    let mut draft = Draft::new(Method::PUT, endpoint.object_uri_with(key, "?multipart-manifest=put"))
        .with_token(token)
        .with_static(header::ACCEPT, "application/json");
    if let Some(md5s) = md5s {
        draft = draft.with_text(header::ETAG, hex(&md5s.finalize()));
    }
    // That of the object: whoever reads it does not get the manifest.
    draft.with_static(header::CONTENT_TYPE, "application/octet-stream").made(manifest)
}

pub(super) fn classify(parts: &[Part], head: &HttpHead, body: Option<&[u8]>) -> Verdict {
    match (head.status.as_u16(), body) {
        // The Etag is not the MD5 of the content.
        (201, _) => Verdict::Reply(Reply::Written { md5: None }),
        (400, None) => Verdict::Body { max: PROBLEMS_BYTES_MAX },
        (400, Some(body)) => match serde_json::from_slice::<Problems>(body) {
            Ok(problems) => problems.verdict(head),
            // Swift does not understand the request: no later try will do better.
            Err(_) => Verdict::Reply(Reply::Refused),
        },
        (404 | 409, _) => unavailable(head),
        (413, _) if parts.len() > PARTS_MAX as usize => Verdict::Reply(Reply::Refused),
        (422, _) => Verdict::Reply(Reply::Mismatch),
        (_, _) => trouble(head, true),
    }
}

/// What Swift finds wrong with the parts: for each a name and a reason.
#[derive(Deserialize)]
struct Problems {
    #[serde(rename = "Errors")]
    errors: Bounded<(String, String), PROBLEMS_MAX>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// Swift could not look at the part.
    Unknown,
    /// It was not let.
    Token,
    Gone,
    Other,
    Different,
}

impl Problems {
    /// What may pass comes first: a try that looks at every part tells what is really wrong.
    fn verdict(&self, head: &HttpHead) -> Verdict {
        let has = |reason| self.errors.0.iter().any(|(_, text)| Reason::of(text) == reason);
        if has(Reason::Unknown) {
            unavailable(head)
        } else if has(Reason::Token) {
            Verdict::TokenRejected
        } else if has(Reason::Gone) {
            Verdict::Reply(Reply::Missing)
        } else if has(Reason::Other) || !has(Reason::Different) {
            Verdict::Reply(Reply::Refused)
        } else {
            Verdict::Reply(Reply::Mismatch)
        }
    }
}

impl Reason {
    fn of(text: &str) -> Self {
        match text {
            "Etag Mismatch" | "Size Mismatch" => return Self::Different,
            _ => {}
        }
        let status = text.split_once(' ').map_or(text, |(status, _)| status);
        match status.parse::<u16>() {
            Ok(404) => Self::Gone,
            Ok(401) => Self::Token,
            Ok(408 | 429 | 497..=499 | 500..=599) => Self::Unknown,
            Ok(_) | Err(_) => Self::Other,
        }
    }
}

/// Each part may be named twice: for its size and for its MD5. An operator may have set a higher limit of parts.
const PROBLEMS_MAX: usize = 20_000;

const PROBLEMS_BYTES_MAX: u32 = 512 << 10;
