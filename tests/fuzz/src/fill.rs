//! What no fuzzer can guess stands in its inputs as `$` and a letter.

use wharfinger_core::oci::{Algorithm, Digest, Repository};
use wharfinger_core::transfer::{Blocks, Hashed, Hasher, Hashing, SavedHash};
use wharfinger_core::upload::{Nonce, Secret, Segment, Spill, Upload, UploadId};

/// The content that has a digest in the inputs.
pub(crate) const CONTENT: &[u8] = b"blob";

/// The repository that tokens are for, and that has something in it.
pub(crate) const REPOSITORY: &str = "a";

/// A manifest of [`CONTENT`]; `$D` stands for its digest.
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"$D","size":4},
"layers":[{"mediaType":"application/octet-stream","digest":"$D","size":4}],
"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"$D","size":4}}"#;

/// Replaces the digests `$D` and `$L` of the content, `$E`, `$G` and `$H` of what is in the uploads of two, sixteen and
/// five segments, and `$M` of the manifest, the manifest's length `$N`, the upload's name `$U`, and its tokens: of
/// no (`$0`), one (`$1`), two (`$2`) and so many segments that the next one spills them (`$F`), or with a spilled list
/// (`$S`).
pub(crate) fn fill(bytes: &[u8], secret: &Secret) -> Vec<u8> {
    let mut filled = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        let value = after.first().filter(|_| *byte == b'$').and_then(|letter| value(*letter, secret));
        match value {
            Some(value) => {
                filled.extend_from_slice(value.as_bytes());
                rest = &after[1..];
            }
            None => {
                filled.push(*byte);
                rest = after;
            }
        }
    }
    filled
}

fn value(letter: u8, secret: &Secret) -> Option<String> {
    Some(match letter {
        b'D' => Digest::of(Algorithm::Sha256, CONTENT).to_string(),
        b'E' => Digest::of(Algorithm::Sha256, &CONTENT.repeat(2)).to_string(),
        b'G' => Digest::of(Algorithm::Sha256, &CONTENT.repeat(16)).to_string(),
        b'H' => Digest::of(Algorithm::Sha256, &CONTENT.repeat(5)).to_string(),
        b'L' => Digest::of(Algorithm::Sha512, CONTENT).to_string(),
        b'M' => Digest::of(Algorithm::Sha256, manifest().as_bytes()).to_string(),
        b'N' => manifest().len().to_string(),
        b'U' => upload(0, false).id.to_string(),
        b'0' => upload(0, false).seal(secret),
        b'1' => upload(1, false).seal(secret),
        b'2' => upload(2, false).seal(secret),
        b'F' => upload(16, false).seal(secret),
        b'S' => upload(2, true).seal(secret),
        _ => return None,
    })
}

/// A manifest whose content is [`CONTENT`].
pub(crate) fn manifest() -> String {
    MANIFEST.replace("$D", &Digest::of(Algorithm::Sha256, CONTENT).to_string())
}

/// The same, as a store keeps it.
pub(crate) fn record() -> Vec<u8> {
    let manifest = manifest();
    let digest = Digest::of(Algorithm::Sha256, manifest.as_bytes());
    let size = manifest.len();
    format!(
        "{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"{digest}\",\"size\":{size}}}\n\
         {manifest}"
    )
    .into_bytes()
}

/// An upload of some segments, each of which is [`CONTENT`]; with a spilled list of three more before them.
pub(crate) fn upload(segments: u32, spilled: bool) -> Upload {
    let repository = Repository::parse(REPOSITORY).expect("it is a name");
    let mut upload = Upload::new(UploadId::new([7; 16]), 1, repository, Algorithm::Sha256);
    let nonce = Nonce::new([1; 8]);
    let first = if spilled { SPILLED } else { 0 };
    upload.segments.spill = spilled.then_some(Spill { number: first, nonce });
    for number in first..first + segments {
        upload.segments.recent.push(segment(number));
    }
    let all = CONTENT.repeat((first + segments) as usize);
    upload.content = hashed(&upload.content, &all, false).saved;
    upload
}

/// The list of segments that the token `$S` says was spilled.
pub(crate) fn spilled() -> Vec<u8> {
    let mut segments = upload(0, false).segments;
    segments.recent.extend((0..SPILLED).map(segment));
    segments.spilled(Nonce::new([1; 8])).1
}

/// Content hashed on from a state.
pub(crate) fn hashed(content: &SavedHash, bytes: &[u8], md5: bool) -> Hashed {
    let mut hasher = Hasher::new(&Hashing { content: *content, md5 }, Blocks::default());
    hasher.update(bytes);
    hasher.finish()
}

fn segment(number: u32) -> Segment {
    Segment { number, nonce: Nonce::new([1; 8]), size: CONTENT.len() as u64, md5: None }
}

const SPILLED: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_replaced_and_all_else_stays() {
        let secret = Secret::new(b"sixteen or more bytes");
        assert_eq!(fill(b"$", &secret), b"$");
        assert_eq!(fill(b"a$$\xff$Z", &secret), b"a$$\xff$Z");
        let filled = fill(b"x$Dy$U", &secret);
        let expected = format!("x{}y{}", Digest::of(Algorithm::Sha256, CONTENT), upload(0, false).id);
        assert_eq!(filled, expected.as_bytes());
    }
}
