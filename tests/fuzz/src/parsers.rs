//! Every parser of what clients and stores send. What is read must say the same when it is written again.

use http::Method;
use wharfinger_core::oci::{
    Algorithm, Annotations, ContentRange, Digest, Manifest, ManifestLimits, MediaType, Query, Ranges,
    Reference, Repository, Tag, artifact_type_of, encode_component, if_match, if_none_match, index_of,
};
use wharfinger_core::route::Route;
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
    match first % 8 {
        0 => names(&text),
        1 => routes(&text),
        2 => ranges(&text),
        3 => manifests(rest),
        4 => tokens(rest),
        5 => hashes(rest),
        6 => saved(rest),
        _ => fields(&text, rest),
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

fn manifests(bytes: &[u8]) {
    let limits = ManifestLimits { references_max: 20 };
    for content_type in [None, Some(MediaType::OCI_INDEX), Some(MediaType::DOCKER_MANIFEST)] {
        if let Ok(manifest) = Manifest::parse(bytes, content_type.as_ref(), limits) {
            assert!(manifest.references().len() <= 21);
            assert!(content_type.is_none_or(|stated| stated == *manifest.media_type()));
        }
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
        Upload::open(token, &upload.id.to_string(), &upload.repository, &secret, upload.started, 0)
    };
    assert_eq!(open(&token), Ok(upload.clone()));
    let mut altered = token.clone().into_bytes();
    let at = reader.count() as usize % altered.len();
    altered[at] = reader.byte();
    let altered = String::from_utf8_lossy(&altered).into_owned();
    assert!(altered == token || open(&altered).is_err(), "a token opens that was not sealed");
    let _ = open(&String::from_utf8_lossy(reader.0));
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
    let _ = artifact_type_of(bytes);
    let _ = index_of([bytes]);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_seeds_are_parsed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/parsers");
        let mut count = 0;
        for seed in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(seed.unwrap().path()).unwrap();
            (0..=bytes.len()).for_each(|end| super::run(&bytes[..end]));
            count += 1;
        }
        assert!(count > 8, "{count} seeds");
    }
}
