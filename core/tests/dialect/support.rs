use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, StatusCode};
use wharfinger_core::oci::{Algorithm, ByteRange, Digest, Repository, Tag};
use wharfinger_core::store::{Key, Listing, Op, Part, Reply};
use wharfinger_core::swift::{Endpoint, HttpHead, Rendered, Token, Verdict, classify, render};
use wharfinger_core::upload::{Nonce, UploadId};

pub const BUSY: Verdict = Verdict::Reply(Reply::Unavailable { retry_after: None });

pub const REFUSED: Verdict = Verdict::Reply(Reply::Refused);

/// Sun, 06 Nov 1994 08:49:37 GMT
pub const NOW: u64 = 784_111_777;

pub fn endpoint() -> Endpoint {
    Endpoint::new("https://swift:8080/v1/AUTH_a", "wharf", "wharf_segments").unwrap()
}

pub fn digest() -> Digest {
    Digest::parse(&format!("sha256:{}", "ab".repeat(32))).unwrap()
}

pub fn repository() -> Repository {
    Repository::parse("team/app").unwrap()
}

pub fn blob() -> Key {
    Key::Blob(digest())
}

pub fn tag() -> Key {
    Key::Tag(repository(), Tag::parse("v1").unwrap())
}

pub fn segment(number: u32) -> Key {
    Key::Segment { upload: UploadId::new([0x11; 16]), number, nonce: Nonce::new([0x22; 8]) }
}

/// One key of every kind.
pub fn keys() -> Vec<Key> {
    let (upload, nonce) = (UploadId::new([0x11; 16]), Nonce::new([0x22; 8]));
    let long = Digest::of(Algorithm::Sha512, b"");
    vec![
        blob(),
        segment(0),
        Key::SegmentList { upload, number: 16, nonce },
        Key::Link(repository(), long),
        Key::Manifest(repository(), digest()),
        tag(),
        Key::Referrer { repository: repository(), subject: digest(), referrer: long },
    ]
}

pub fn listings() -> Vec<Listing> {
    vec![
        Listing::Repositories,
        Listing::Manifests(repository()),
        Listing::Links(repository()),
        Listing::Tags(repository()),
        Listing::Referrers(repository(), digest()),
        names("tags/team", false),
        names("segments/", true),
    ]
}

pub fn part(number: u32, size: u64, md5: Option<u8>) -> Part {
    Part { key: segment(number), size, skip: 0, md5: md5.map(|byte| [byte; 16]) }
}

pub fn join(parts: &[Part]) -> Op {
    Op::Join { key: blob(), parts: parts.into() }
}

pub fn copy() -> Op {
    Op::Copy { from: blob(), to: Box::new(segment(7)) }
}

pub fn names(prefix: &str, deep: bool) -> Listing {
    Listing::Names { prefix: prefix.into(), deep }
}

pub fn list(listing: Listing, after: Option<&str>, limit: u32) -> Op {
    Op::List { listing, after: after.map(Into::into), limit }
}

/// One op of every kind that asks Swift something.
pub fn ops() -> Vec<Op> {
    let range = ByteRange::within(0, 9, 100);
    vec![
        Op::Read { key: tag(), range: None, if_match: None },
        Op::Read { key: blob(), range, if_match: None },
        Op::Stat { key: blob() },
        Op::Write { key: tag(), create_only: false },
        Op::Write { key: tag(), create_only: true },
        join(&[part(0, 1, Some(1))]),
        copy(),
        Op::Touch { key: blob() },
        Op::Remove { key: blob() },
        list(Listing::Repositories, None, 2),
        list(names("tags/", false), None, 2),
    ]
}

pub fn head(status: u16, fields: &[(&'static str, &str)]) -> HttpHead {
    HttpHead::new(StatusCode::from_u16(status).unwrap(), &fields_of(fields))
}

pub fn fields_of(fields: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    pairs.collect()
}

pub fn judge(op: &Op, status: u16, fields: &[(&'static str, &str)]) -> Verdict {
    classify(op, &head(status, fields), None, NOW)
}

pub fn judge_body(op: &Op, status: u16, body: &[u8]) -> Verdict {
    classify(op, &head(status, &[]), Some(body), NOW)
}

pub fn shown(op: &Op, length: Option<u64>, md5: Option<[u8; 16]>) -> String {
    show(&render(op, length, md5, &endpoint(), &Token::new("tok").unwrap()).unwrap())
}

/// A request as it would stand on the wire, its headers sorted, then the length that the host is told.
pub fn show(rendered: &Rendered) -> String {
    let request = &rendered.request;
    let mut text = format!("{} {}\n", request.method(), request.uri());
    let mut fields: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
        .collect();
    fields.sort();
    text.extend(fields);
    if let Some(body) = &rendered.body {
        assert_eq!(rendered.length, Some(body.len() as u64));
        let _ = writeln!(text, "\n{}", str::from_utf8(body).unwrap());
    } else {
        let _ = writeln!(text, "{:?}", rendered.length);
    }
    text
}
