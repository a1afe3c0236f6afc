//! Every reader of what Swift and Keystone answer. What is read must not promise more than was said.

mod logins;
mod places;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use wharfinger_core::oci::{Algorithm, ByteRange, Digest, Repository, Tag};
use wharfinger_core::store::{Key, Listing, Op, Page, Part, Reply};
use wharfinger_core::swift::{
    Endpoint, HttpHead, Info, ROWS_MAX, Token, Verdict, advice, classify, classify_container, classify_keys,
    render,
};
use wharfinger_core::upload::{Nonce, UploadId};
use wharfinger_core::{Bounds, Limits};

use crate::Reader;
use crate::fill::CONTENT;

/// The clock of the host.
const NOW: u64 = 784_111_777;

/// No body is read beyond so many bytes, whatever the op.
const BODY_BYTES_MAX: u32 = 128 << 20;

/// Reads an answer, in the way that the first byte says.
///
/// # Panics
/// Where a reader believes what was not said.
pub fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    match first % 8 {
        0..=2 => ops(rest),
        3 => listings(rest),
        4 => info(rest),
        5 => logins::run(rest),
        6 => places::urls(rest),
        _ => places::keys(rest),
    }
}

/// An answer as text: a status, a field a line, an empty line, the body.
fn answer(bytes: &[u8]) -> (StatusCode, HeaderMap, &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((bytes, &b""[..]), |at| (&bytes[..at], &bytes[at + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|status| status.trim().parse().ok()).unwrap_or(200);
    let mut fields = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")).take(32) {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            fields.append(name, value);
        }
    }
    (StatusCode::from_u16(status).unwrap_or_default(), fields, body)
}

fn ops(bytes: &[u8]) {
    let mut reader = Reader(bytes);
    let op = op(&mut reader);
    let (status, fields, body) = answer(reader.0);
    let head = HttpHead::new(status, &fields);
    if let Some(range) = head.range {
        assert!(range.first <= range.last && range.last < range.size);
    }
    for verdict in [classify_container(&head), classify_keys(&head)] {
        if let Verdict::Reply(reply) = &verdict {
            assert!(*reply != Reply::Done || status.is_success(), "done by {status}");
        }
        assert!(!matches!(verdict, Verdict::Body { .. }));
    }
    judge(&op, &head, body);
}

/// What the op is answered with, after all that has to be true of it.
fn judge(op: &Op, head: &HttpHead, body: &[u8]) -> Option<Reply> {
    let endpoint = Endpoint::new("https://swift/v1/AUTH_a", "wharf", "segments").expect("it is a URL");
    for rejected in [false, true] {
        let said = advice(op, head, rejected, &endpoint);
        assert!(said.is_none_or(|said| said.contains("Swift") || said.contains("segment")));
    }
    let verdict = match classify(op, head, None, NOW) {
        Verdict::Body { max } => {
            assert!(max <= BODY_BYTES_MAX, "{max} bytes of a body");
            let body = &body[..body.len().min(max as usize)];
            let verdict = classify(op, head, Some(body), NOW);
            assert!(!matches!(verdict, Verdict::Body { .. }), "a body after the body");
            verdict
        }
        verdict @ (Verdict::Reply(_) | Verdict::TokenRejected) => verdict,
    };
    match verdict {
        Verdict::Reply(reply) => {
            promised(op, head, &reply);
            Some(reply)
        }
        Verdict::TokenRejected => {
            assert!(head.status == 401 || head.status == 400 && matches!(op, Op::Join { .. }));
            None
        }
        Verdict::Body { .. } => None,
    }
}

/// What Swift has promised by this status, and nothing beyond it.
fn promised(op: &Op, head: &HttpHead, reply: &Reply) {
    let status = head.status.as_u16();
    let fits = match (reply, op) {
        (Reply::Found(found), Op::Read { range: None, .. } | Op::Stat { .. }) => {
            status == 200 && head.length == Some(found.size) && found.etag == head.etag
        }
        (Reply::Found(found), Op::Read { range: Some(range), .. }) => {
            range.first() < found.size
                && match status {
                    206 => head.range.is_some_and(|sent| sent.first == range.first()),
                    status => status == 200 && range.first() == 0,
                }
        }
        // Nothing else is stored for certain, and 202 is certain not to be.
        (Reply::Written { .. }, Op::Write { .. } | Op::Join { .. } | Op::Copy { .. }) => status == 201,
        (Reply::Exists, Op::Write { create_only: true, .. }) => status == 412,
        (Reply::Done, Op::Touch { .. }) => (200..=204).contains(&status),
        (Reply::Done, Op::Remove { .. }) => matches!(status, 200 | 204),
        (Reply::Missing, Op::Join { .. }) => status == 400,
        (Reply::Missing, Op::Read { if_match: Some(_), .. }) => matches!(status, 404 | 412),
        (
            Reply::Missing,
            Op::Read { .. } | Op::Stat { .. } | Op::Touch { .. } | Op::Remove { .. } | Op::Copy { .. },
        ) => status == 404,
        (Reply::Page(_), Op::List { .. }) => matches!(status, 200 | 204),
        (Reply::Damaged, Op::Read { .. } | Op::Stat { .. }) => matches!(status, 409 | 416),
        (Reply::Mismatch, Op::Write { .. } | Op::Join { .. } | Op::Copy { .. }) => {
            matches!(status, 400 | 422)
        }
        (Reply::Full, Op::Write { .. } | Op::Join { .. } | Op::Copy { .. }) => matches!(status, 413 | 507),
        (Reply::Refused, _) => (300..500).contains(&status),
        (Reply::Unavailable { retry_after }, _) => *retry_after == head.retry_after,
        (_, _) => false,
    };
    assert!(fits, "{reply:?} of {status} to {op:?}");
}

fn listings(bytes: &[u8]) {
    let mut reader = Reader(bytes);
    let listing = listing(&mut reader);
    let limit = u32::try_from(reader.count()).unwrap_or(u32::MAX);
    let op = Op::List { listing: listing.clone(), after: None, limit };
    let body = reader.0;
    let head = HttpHead::new(StatusCode::OK, &HeaderMap::new());
    if let Some(Reply::Page(page)) = judge(&op, &head, body) {
        rows(&listing, limit, body, &page);
    }
}

/// The rows are those of the JSON, by another reader of it.
fn rows(listing: &Listing, limit: u32, body: &[u8], page: &Page) {
    let prefix = listing.to_string();
    let wanted = limit.clamp(1, ROWS_MAX) as usize;
    assert!(page.rows.len() <= wanted);
    // The other reader minds what stands in texts that nobody needs.
    let Ok(said) = serde_json::from_slice::<Value>(body) else { return };
    let said = said.as_array().expect("rows of what is no list");
    assert_eq!(page.more, said.len() == wanted + 1, "whether there are more");
    let is_own = matches!(listing, Listing::Names { .. });
    let mut said = said.iter().filter_map(|row| {
        let (name, size) = match (row["name"].as_str(), row["subdir"].as_str()) {
            (Some(name), _) => (name, row["bytes"].as_u64()?),
            (None, subdir) => (subdir?, 0),
        };
        let name = name.strip_prefix(&*prefix).expect("a name of another listing");
        (is_own || !name.is_empty()).then_some((name, size))
    });
    for row in &page.rows {
        let (name, size) = said.next().expect("a row that nobody said");
        assert_eq!(row.size, size);
        let rest = name.strip_prefix(&*row.name).expect("a row of another name");
        assert!(rest.is_empty() || (listing.delimiter().is_some() && rest == "!"), "{rest:?} is lost");
        // What is a key stands in the store under just that name.
        let full = format!("{prefix}{}", row.name);
        if let Ok(key) = Key::parse(&full) {
            assert_eq!(key.to_string(), full);
        }
        goes_on(listing, &row.name, limit);
    }
}

/// A listing goes on above the row that it stopped at, or it would never end.
fn goes_on(listing: &Listing, name: &str, limit: u32) {
    let endpoint = Endpoint::new("https://swift/v1/AUTH_a", "wharf", "segments").expect("it is a URL");
    let token = Token::new("token").expect("it is one");
    let op = Op::List { listing: listing.clone(), after: Some(name.into()), limit };
    let rendered = render(&op, None, None, &endpoint, &token).expect("there is a request");
    let query = rendered.request.uri().query().expect("there is a query");
    let marker = query.split('&').find_map(|pair| pair.strip_prefix("marker=")).expect("there is a marker");
    let marker = unescaped(marker);
    let full = format!("{listing}{name}").into_bytes();
    // Swift has no such names.
    if full.len() <= 1024 && !full.contains(&0) {
        assert!(marker >= full, "{} after {}", marker.escape_ascii(), full.escape_ascii());
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let digits = str::from_utf8(&rest[..2]).expect("they are digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("they are digits"));
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    bytes
}

/// Whatever a Swift says of itself, the bounds of the registry hold together.
fn info(bytes: &[u8]) {
    let (status, _, body) = answer(bytes);
    let endpoint = Endpoint::new("https://swift/v1/AUTH_a", "wharf", "segments").expect("it is a URL");
    let info = match Info::read(status, body) {
        Ok(info) => info,
        Err(error) => return assert!(error.to_string().contains(';')),
    };
    assert_eq!(status, StatusCode::OK);
    let Some(bounds) = info.bounds(&endpoint) else { return assert!(info.large_objects.is_none()) };
    let Bounds { object_bytes_max, joins, .. } = bounds;
    assert!(joins.parts_max >= 1 && !joins.copies);
    let limits = Limits::default().on(&bounds);
    assert!(limits.segment_bytes_max <= object_bytes_max);
    assert!(u64::from(limits.small_blob_bytes_max) <= object_bytes_max);
    // Small ones are written again in runs below twice that: such a run has to fit.
    assert!(u64::from(limits.small_segment_bytes) * 2 <= object_bytes_max);
    assert!((1..=10_000).contains(&limits.segments_max()));
}

/// Any op, its names out of a few.
fn op(reader: &mut Reader<'_>) -> Op {
    let key = key(reader);
    match reader.byte() % 10 {
        0 => Op::Read { key, range: None, if_match: None },
        1 => Op::Read { key, range: ByteRange::within(reader.count(), u64::MAX, u64::MAX), if_match: None },
        2 => Op::Read { key, range: None, if_match: Some([9; 16]) },
        3 => Op::Stat { key },
        4 => Op::Write { key, create_only: reader.byte() > 128 },
        5 => {
            let part = |at| Part { key: segment(at), size: reader.count(), skip: 0, md5: None };
            Op::Join { key, parts: (0..2).map(part).collect() }
        }
        6 => Op::Copy { from: key, to: Box::new(segment(3)) },
        7 => Op::Touch { key },
        8 => Op::Remove { key },
        _ => Op::List { listing: listing(reader), after: None, limit: u32::from(reader.byte()) },
    }
}

fn key(reader: &mut Reader<'_>) -> Key {
    let digest = Digest::of(Algorithm::Sha256, CONTENT);
    let repository = repository();
    match reader.byte() % 5 {
        0 => Key::Blob(digest),
        1 => segment(1),
        2 => Key::Link(repository, digest),
        3 => Key::Tag(repository, Tag::parse("v1").expect("it is a tag")),
        _ => Key::Manifest(repository, digest),
    }
}

fn listing(reader: &mut Reader<'_>) -> Listing {
    match reader.byte() % 7 {
        0 => Listing::Repositories,
        1 => Listing::Manifests(repository()),
        2 => Listing::Links(repository()),
        3 => Listing::Tags(repository()),
        4 => Listing::Referrers(repository(), Digest::of(Algorithm::Sha256, CONTENT)),
        kind => {
            let prefix = String::from_utf8_lossy(reader.some()).into_owned();
            Listing::Names { prefix: prefix.into(), deep: kind == 5 }
        }
    }
}

fn segment(number: u32) -> Key {
    Key::Segment { upload: UploadId::new([7; 16]), number, nonce: Nonce::new([1; 8]) }
}

fn repository() -> Repository {
    Repository::parse("a/b").expect("it is a name")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_seeds_are_read() {
        assert!(crate::seeds::each_beginning("swift-replies", super::run) > 20);
    }
}
