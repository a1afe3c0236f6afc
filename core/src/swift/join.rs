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
use crate::upload::{Nonce, UploadId};

/// The parts become the segments of a static large object. Swift looks at each, compares size and MD5, and then the MD5
/// of all MD5s with the Etag; to the MD5 of a part of which it takes a range, the range is added. A large object is a part
/// like any other, and its Etag stands for its MD5. Parts without a byte add nothing, and only the last one would be let
/// through: none is named.
pub(super) fn render(key: &Key, parts: &[Part], endpoint: &Endpoint, token: &Token) -> Rendered {
    let mut manifest = String::with_capacity(parts.len() * 160 + 2);
    let mut md5s = Some(Md5::new());
    for part in parts.iter().filter(|part| part.length() > 0) {
        manifest.push(if manifest.is_empty() { '[' } else { ',' });
        let path = Value::from(endpoint.path_of(&part.key));
        let _ = write!(manifest, "{{\"path\":{path},\"size_bytes\":{}", part.size);
        let range = (part.skip > 0).then(|| format!("{}-{}", part.skip, part.size - 1));
        match part.md5.map(|md5| hex(&md5)) {
            Some(md5) => {
                let _ = write!(manifest, ",\"etag\":\"{md5}\"");
                if let Some(md5s) = &mut md5s {
                    md5s.update(md5);
                    range.iter().for_each(|range| md5s.update(format!(":{range};")));
                }
            }
            None => md5s = None,
        }
        if let Some(range) = range {
            let _ = write!(manifest, ",\"range\":\"{range}\"");
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

/// The longest entry of a manifest for a segment of this endpoint, in bytes.
pub(super) fn entry_bytes_max(endpoint: &Endpoint) -> u64 {
    let upload = UploadId::new([0xFF; 16]);
    let key = Key::Segment { upload, number: u32::MAX, nonce: Nonce::new([0xFF; 8]) };
    let path = Value::from(endpoint.path_of(&key)).to_string();
    let rest = r#",{"path":,"size_bytes":,"etag":"","range":"-"}"#;
    (rest.len() + path.len() + 2 * MD5_BYTES + 3 * NUMBER_BYTES_MAX) as u64
}

pub(super) fn classify(head: &HttpHead, body: Option<&[u8]>) -> Verdict {
    match (head.status.as_u16(), body) {
        // The Etag is not the MD5 of the content, but what the object goes by as a segment.
        (201, _) => Verdict::Reply(Reply::Written { md5: head.etag }),
        (400, None) => Verdict::Body { max: PROBLEMS_BYTES_MAX },
        (400, Some(body)) => match serde_json::from_slice::<Problems>(body) {
            Ok(problems) => problems.verdict(head),
            // Swift does not understand what arrived.
            Err(_) => Verdict::Reply(Reply::Mismatch),
        },
        (404 | 409, _) => unavailable(head),
        (413, None) if head.retry_after.is_none() => Verdict::Body { max: PROBLEMS_BYTES_MAX },
        // More segments, or a longer manifest, than Swift takes: not what a quota says.
        (413, Some(body)) if TOO_MANY.iter().any(|text| body.starts_with(text)) => {
            Verdict::Reply(Reply::Refused)
        }
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

/// How Swift's refusals begin of a manifest that is beyond its limits.
const TOO_MANY: [&[u8]; 2] = [b"Number of object-backed segments", b"Manifest File"];

const MD5_BYTES: usize = 16;

/// The digits of `u64::MAX`.
const NUMBER_BYTES_MAX: usize = 20;

/// Each part may be named twice: for its size and for its MD5. An operator may have set a higher limit of parts.
const PROBLEMS_MAX: usize = 20_000;

const PROBLEMS_BYTES_MAX: u32 = 512 << 10;
