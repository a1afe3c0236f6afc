//! Every parser of what clients and stores send. What is read must say the same when it is written again.

mod access;
mod locks;
mod manifests;

use http::Method;
use serde_json::Value;
use wharfinger_core::oci::{
    Algorithm, Annotations, ByteRange, ContentRange, Digest, MediaType, Query, Ranges, Reference, Refusal,
    Repository, Tag, artifact_type_of, encode_component, etag, if_match, if_none_match, index_of,
};
use wharfinger_core::route::Route;
use wharfinger_core::store::Key;
use wharfinger_core::transfer::{Blocks, Hasher, Hashing, SavedHash};
use wharfinger_core::upload::{Nonce, Secret, Segment, Upload, UploadId};

use crate::Reader;

/// Parses, in the way that the first byte says.
///
/// # Panics
/// Where a parser takes what it should not, or a text does not come back.
pub fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    if matches!(first, b'<' | 192..) {
        return access::run(rest);
    }
    if matches!(first, b'>' | 160..=191) {
        return locks::run(rest);
    }
    match first % 12 {
        0 => names(&text),
        1 => routes(&text),
        2 => ranges(&text),
        3 => manifests::run(rest),
        4 => tokens(rest),
        5 => hashes(rest),
        6 => saved(rest),
        7 => fields(&text, rest),
        8 => keys(&text),
        9 => manifests::descriptors(rest),
        10 => pieces(rest),
        _ => refusals(&text),
    }
}

fn names(text: &str) {
    if let Ok(digest) = Digest::parse(text) {
        assert_eq!(digest.to_string(), text);
        assert_eq!(digest.hex().len(), digest.algorithm().hex_len());
    }
    if let Ok(repository) = Repository::parse(text) {
        assert_eq!(repository.as_str(), text);
        assert!(!text.contains('!') && !text.split('/').any(|part| part.is_empty() || part == ".."));
    }
    if let Ok(tag) = Tag::parse(text) {
        assert_eq!(tag.as_str(), text);
        assert!(!text.contains('/') && !text.starts_with('.'));
    }
    if let Ok(media_type) = MediaType::parse(text) {
        assert_eq!(MediaType::parse(media_type.as_str()).as_ref(), Ok(&media_type));
        assert!(!media_type.as_str().contains(['"', '\n', '\\']));
    }
    let _ = Reference::parse(text);
    let _ = Algorithm::parse(text);
}

fn routes(text: &str) {
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let routed = Route::parse(&method, text).ok();
        if let Some(repository) = routed.as_ref().and_then(|routed| routed.route.repository()) {
            assert_eq!(Repository::parse(repository.as_str()).as_ref(), Ok(repository));
            // Escapes of what needs none are taken for what they stand for.
            let stands = text.contains('%') || text.contains(repository.as_str());
            assert!(stands, "a repository that is not in the target");
        }
    }
    let query = Query::parse(&format!("key={}&key=2", encode_component(text)));
    assert_eq!(query.first("key"), Some(text));
    assert_eq!(query.all("key").count(), 2);
    let _ = Query::parse(text);
}

fn ranges(text: &str) {
    for size in [0, 1, 1000, u64::MAX] {
        match Ranges::decide(Some(text), size) {
            Ranges::Whole | Ranges::Unsatisfiable => {}
            Ranges::One(range) => assert!(range.first() <= range.last() && range.last() < size),
            Ranges::Several(ranges) => {
                assert!(ranges.iter().all(|range| range.first() <= range.last() && range.last() < size));
            }
        }
    }
    if let Ok(range) = ContentRange::parse(text) {
        assert_eq!(range.len() - 1, range.last() - range.first());
    }
}

/// Ranges that are written as RFC 9110 does are read as what they say.
fn pieces(bytes: &[u8]) {
    let mut reader = Reader(bytes);
    let size = reader.count();
    let mut asked = Vec::new();
    let mut expected = Vec::new();
    while !reader.is_empty() && asked.len() < 20 {
        let (form, first, last) = (reader.byte() % 3, reader.count(), reader.count());
        let (text, piece) = match form {
            0 => (format!("{first}-{last}"), ByteRange::within(first, last, size)),
            1 => (format!("{first}-"), ByteRange::within(first, u64::MAX, size)),
            _ if first == 0 || size == 0 => continue,
            _ => (format!("-{first}"), ByteRange::within(size.saturating_sub(first), u64::MAX, size)),
        };
        asked.push(text);
        expected.extend(piece);
    }
    let expected = match (asked.len(), expected.as_slice()) {
        (0, _) => Ranges::Whole,
        (_, []) => Ranges::Unsatisfiable,
        (_, [one]) => Ranges::One(*one),
        (_, _) => Ranges::Several(expected),
    };
    assert_eq!(Ranges::decide(Some(&format!("bytes={}", asked.join(", "))), size), expected);
    if let Ranges::One(range) = expected {
        let text = range.content_range(size);
        let said = text.strip_prefix("bytes ").and_then(|text| text.split_once('/')).map(|(range, _)| range);
        let said = ContentRange::parse(said.expect("a range and a size")).expect("it is a range");
        assert_eq!((said.last(), said.len()), (range.last(), range.len()));
    }
}

/// The name of an object is read in the form in which it is written, and can be a path.
fn keys(text: &str) {
    match Key::parse(text) {
        Ok(key) => {
            assert_eq!(key.to_string(), text);
            let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255;
            assert!(text.is_ascii() && text.split('/').all(is_part), "{text:?} is no path");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A refusal is JSON, whatever it quotes.
fn refusals(text: &str) {
    let said = || text.to_owned().into();
    let digest = Digest::of(Algorithm::Sha256, b"");
    for refusal in [
        Refusal::BlobUploadInvalid(said()),
        Refusal::ManifestInvalid(said()),
        Refusal::HeadInvalid(said()),
        Refusal::DigestInvalid { expected: digest, got: Box::new(digest) },
    ] {
        let body: Value = serde_json::from_slice(&refusal.body()).expect("a refusal is JSON");
        assert!(body["errors"][0]["code"].is_string() && refusal.status().as_u16() >= 400);
        assert!(body["errors"][0]["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
}

/// A token opens as it was sealed, and not when a byte of it was changed.
fn tokens(bytes: &[u8]) {
    let mut reader = Reader(bytes);
    let repository = Repository::parse("a").expect("it is a name");
    let mut upload =
        Upload::new(UploadId::new([reader.byte(); 16]), reader.count(), repository, Algorithm::Sha256);
    for number in 0..u32::from(reader.byte() % 17) {
        let md5 = (reader.byte() > 100).then_some([reader.byte(); 16]);
        let nonce = Nonce::new([reader.byte(); 8]);
        upload.segments.recent.push(Segment { number, nonce, size: reader.count(), md5 });
    }
    let secret = Secret::new(reader.some());
    let token = upload.seal(&secret);
    let open = |token: &str| {
        Upload::open(token, &upload.id.to_string(), &upload.repository, None, &secret, upload.started, 0)
    };
    assert_eq!(open(&token), Ok(upload.clone()));
    let mut altered = token.clone().into_bytes();
    let at = reader.count() as usize % altered.len();
    altered[at] = reader.byte();
    let altered = String::from_utf8_lossy(&altered).into_owned();
    assert!(altered == token || open(&altered).is_err(), "a token opens that was not sealed");
    assert!(
        open(&token[..at]).is_err() && open(&format!("{token}A")).is_err(),
        "a token of another length opens"
    );
    let other = Repository::parse("b").expect("it is a name");
    let (id, now) = (upload.id.to_string(), upload.started);
    assert!(Upload::open(&token, &id, &other, None, &secret, now, 0).is_err(), "for another repository");
    let user = Some("another");
    assert!(
        Upload::open(&token, &id, &upload.repository, user, &secret, now, 0).is_err(),
        "for another user"
    );
    assert!(Upload::open(&token, &id, &upload.repository, None, &Secret::new(b"other"), now, 0).is_err());
    assert!(Upload::open(&token, "other", &upload.repository, None, &secret, now, 0).is_err());
    if let Some(later) = now.checked_add(8) {
        assert!(Upload::open(&token, &id, &upload.repository, None, &secret, later, 7).is_err(), "too old");
    }
    if let Ok(opened) = open(&String::from_utf8_lossy(reader.0)) {
        assert_eq!(opened, upload, "a token opens that was not sealed");
    }
}

/// Content hashed in two pieces, through a stored state, is the content hashed at once.
fn hashes(bytes: &[u8]) {
    let Some((cut, content)) = bytes.split_first() else { return };
    let (head, tail) = content.split_at(usize::from(*cut).min(content.len()));
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let first = hashed(SavedHash::new(algorithm), head);
        assert_eq!(hashed(first, tail).digest(), Digest::of(algorithm, content));
    }
}

fn hashed(content: SavedHash, bytes: &[u8]) -> SavedHash {
    let mut hasher = Hasher::new(&Hashing { content, md5: false }, Blocks::default());
    hasher.update(bytes);
    hasher.finish().saved
}

fn saved(bytes: &[u8]) {
    let mut rest = bytes;
    let Some(saved) = SavedHash::read_from(&mut rest) else { return };
    let mut written = Vec::new();
    saved.write_to(&mut written);
    assert_eq!(written, bytes[..bytes.len() - rest.len()]);
    let _ = hashed(saved, rest).digest();
}

fn fields(text: &str, bytes: &[u8]) {
    let digest = Digest::of(Algorithm::Sha256, b"");
    let _ = (if_match(text, &digest), if_none_match(text, &digest));
    if let Ok(annotations) = Annotations::parse(text) {
        assert_eq!(annotations.as_json(), text);
    }
    let index: Value = serde_json::from_slice(&index_of([bytes, bytes])).expect("an index is JSON");
    let count = index["manifests"].as_array().map(Vec::len);
    assert!(matches!(count, Some(0 | 2)), "{count:?} descriptors");
    assert!(artifact_type_of(bytes).is_none() || count == Some(2));
    let tag = etag(&digest);
    assert!(if_match(&tag, &digest) && if_none_match(&tag, &digest));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_seeds_are_parsed() {
        assert!(crate::seeds::each_beginning("parsers", super::run) > 8);
    }
}
