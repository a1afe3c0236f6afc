//! The small records that a store keeps beside content.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::oci::{Digest, MediaType};

/// No link record is longer, in bytes.
pub(crate) const LINK_BYTES_MAX: u32 = 128;

/// No line before a manifest is longer, in bytes.
pub(crate) const MANIFEST_LINE_BYTES_MAX: u32 = 512;

/// No record of a referrer is longer, in bytes.
pub(crate) const REFERRER_BYTES_MAX: u32 = 64 << 10;

/// Says that a repository holds a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The size of the blob in bytes.
    pub(crate) size: u64,
}

impl Link {
    pub(crate) fn write(self) -> Bytes {
        format!("{{\"size\":{}}}", self.size).into()
    }

    /// Reads a record; `None` if it is damaged.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// The line that stands before a manifest, so that one read by tag has all that a reply needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ManifestLine {
    /// As pushed.
    pub(crate) media_type: MediaType,
    /// The digest by which it was pushed, or its SHA-256.
    pub(crate) digest: Digest,
    /// Its size in bytes, without this line.
    pub(crate) size: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLine<'a> {
    #[serde(borrow)]
    media_type: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    digest: std::borrow::Cow<'a, str>,
    size: u64,
}

impl ManifestLine {
    /// The whole record: the line, then the manifest as pushed.
    pub(crate) fn record(&self, manifest: &[u8]) -> Bytes {
        let line = format!(
            "{{\"mediaType\":\"{}\",\"digest\":\"{}\",\"size\":{}}}\n",
            self.media_type.as_str(),
            self.digest,
            self.size
        );
        let mut record = BytesMut::with_capacity(line.len() + manifest.len());
        record.put_slice(line.as_bytes());
        record.put_slice(manifest);
        record.freeze()
    }

    /// Reads the line, its line feed included; `None` if it is damaged.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n")?;
        let raw: RawLine<'_> = serde_json::from_slice(line).ok()?;
        Some(Self {
            media_type: MediaType::parse(&raw.media_type).ok()?,
            digest: Digest::parse(&raw.digest).ok()?,
            size: raw.size,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Algorithm;

    #[test]
    fn records_read_back_as_written() {
        assert_eq!(Link::read(&Link { size: 7 }.write()), Some(Link { size: 7 }));
        assert_eq!(Link::read(b"{\"size\":"), None);
        assert_eq!(Link::read(b"{\"size\":-1}"), None);
        let line = ManifestLine {
            media_type: MediaType::parse("application/vnd.oci.image.manifest.v1+json").unwrap(),
            digest: Digest::of(Algorithm::Sha512, b"{}"),
            size: 2,
        };
        let record = line.record(b"{}");
        let end = record.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert_eq!(ManifestLine::read(&record[..end]), Some(line));
        assert_eq!(&record[end..], b"{}");
        assert_eq!(ManifestLine::read(&record[..end - 1]), None);
        assert_eq!(ManifestLine::read(b"\n"), None);
    }

    #[test]
    fn the_longest_line_is_within_its_bound() {
        let line = ManifestLine {
            media_type: MediaType::parse(&format!("a/{}", "b".repeat(120))).unwrap(),
            digest: Digest::of(Algorithm::Sha512, b""),
            size: u64::MAX,
        };
        assert!(line.record(b"").len() <= MANIFEST_LINE_BYTES_MAX as usize);
    }
}
