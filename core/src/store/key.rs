mod parse;

pub use parse::KeyError;

use std::fmt::{self, Display, Write as _};

use crate::oci::{Digest, Repository, Tag};
use crate::upload::{Nonce, UploadId};

/// The name of an object in a store.
///
/// Built from parsed values only, so no text of a client reaches a path or a URL any other way. [`Display`] writes the
/// name as it stands in the store, `/` between its parts; every part is plain ASCII, at most 255 bytes, never `.` or `..`.
///
/// `!` cannot occur in a repository name and sorts below all that can: `<repository>!/` ends the name, so that a listing
/// of `foo` never shows `foo/bar`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Content by its digest: `blobs/<algorithm>/<first 2 hex>/<hex>`.
    Blob(Digest),
    /// What an upload has written, once: `segments/<upload>/<number>-<nonce>`.
    Segment {
        /// The upload that wrote it.
        upload: UploadId,
        /// Counts from 0 within one history of the upload.
        number: u32,
        /// Keeps the histories of one upload apart.
        nonce: Nonce,
    },
    /// A part of an upload's list of segments that grew too long for its token: `segments/<upload>/list-<number>-<nonce>`.
    SegmentList {
        /// The upload that wrote it.
        upload: UploadId,
        /// The number of the first segment that it does not list.
        number: u32,
        /// Keeps the histories of one upload apart.
        nonce: Nonce,
    },
    /// `links/<repository>!/<algorithm>/<hex>`: this repository holds that blob.
    Link(Repository, Digest),
    /// `manifests/<repository>!/<algorithm>/<hex>`: a record line, then the manifest as pushed.
    Manifest(Repository, Digest),
    /// `tags/<repository>!/<tag>`: the same record again.
    Tag(Repository, Tag),
    /// `referrers/<repository>!/<algorithm>/<hex>/<algorithm>/<hex>`: the descriptor of a referrer.
    Referrer {
        /// The repository that holds the referrer.
        repository: Repository,
        /// What is referred to.
        subject: Digest,
        /// The manifest that refers to it.
        referrer: Digest,
    },
}

impl Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blob(digest) => {
                let hex = digest.hex();
                write!(f, "blobs/{}/{}/{hex}", digest.algorithm().name(), &hex[..2])
            }
            Self::Segment { upload, number, nonce } => write!(f, "segments/{upload}/{number}-{nonce}"),
            Self::SegmentList { upload, number, nonce } => {
                write!(f, "segments/{upload}/list-{number}-{nonce}")
            }
            Self::Link(repository, digest) => {
                write!(f, "links/{repository}!/")?;
                write_digest(f, digest)
            }
            Self::Manifest(repository, digest) => {
                write!(f, "manifests/{repository}!/")?;
                write_digest(f, digest)
            }
            Self::Tag(repository, tag) => write!(f, "tags/{repository}!/{}", tag.as_str()),
            Self::Referrer { repository, subject, referrer } => {
                write!(f, "referrers/{repository}!/")?;
                write_digest(f, subject)?;
                f.write_char('/')?;
                write_digest(f, referrer)
            }
        }
    }
}

/// `<algorithm>/<hex>`, the form of a digest inside a name.
pub(crate) fn write_digest(f: &mut fmt::Formatter<'_>, digest: &Digest) -> fmt::Result {
    write!(f, "{}/{}", digest.algorithm().name(), digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_as_the_layout_says() {
        let digest = Digest::parse(&format!("sha256:{}", "ab".repeat(32))).unwrap();
        let hex = "ab".repeat(32);
        let repository = Repository::parse("a/b").unwrap();
        let upload = UploadId::new([0x11; 16]);
        let uuid = "11111111-1111-1111-1111-111111111111";
        let nonce = Nonce::new([0x22; 8]);
        let cases = [
            (Key::Blob(digest), format!("blobs/sha256/ab/{hex}")),
            (Key::Segment { upload, number: 3, nonce }, format!("segments/{uuid}/3-{}", "22".repeat(8))),
            (
                Key::SegmentList { upload, number: 16, nonce },
                format!("segments/{uuid}/list-16-{}", "22".repeat(8)),
            ),
            (Key::Link(repository.clone(), digest), format!("links/a/b!/sha256/{hex}")),
            (Key::Manifest(repository.clone(), digest), format!("manifests/a/b!/sha256/{hex}")),
            (Key::Tag(repository.clone(), Tag::parse("v1").unwrap()), "tags/a/b!/v1".to_owned()),
            (
                Key::Referrer { repository, subject: digest, referrer: digest },
                format!("referrers/a/b!/sha256/{hex}/sha256/{hex}"),
            ),
        ];
        for (key, name) in cases {
            assert_eq!(key.to_string(), name);
        }
    }
}
