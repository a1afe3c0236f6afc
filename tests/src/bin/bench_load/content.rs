//! What is pushed and pulled: random bytes made from a seed, with their digests.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::arguments::Arguments;

/// The repository that everything is pushed to.
pub const REPOSITORY: &str = "bench/image";
/// The tag of the image's manifest.
pub const TAG: &str = "latest";
/// The media type of the image's manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

const SMALL_BLOB_BYTES: usize = 1024;
const LAYERS: u64 = 8;
const LAYERS_FEW: u64 = 2;

/// Bytes and what names them.
#[derive(Debug)]
pub struct Blob {
    /// The content.
    pub bytes: Vec<u8>,
    /// `sha256:<hex>`
    pub digest: String,
}

/// An image of small blobs, so that reading its manifest is a request and not a transfer.
#[derive(Debug)]
pub struct Image {
    /// The config first, then the layers; 1 KiB each.
    pub blobs: Vec<Blob>,
    /// The manifest, of about 1.5 KiB.
    pub manifest: Blob,
}

/// The blobs of one push or pull: the same arguments make the same blobs.
pub fn blobs(arguments: &Arguments) -> Vec<Blob> {
    (0..arguments.count as u64).map(|n| Blob::random(arguments.bytes, (arguments.seed << 16) + n)).collect()
}

/// `count` images of two layers: the blobs are the same, the manifests are not.
pub fn images(arguments: &Arguments) -> Vec<Image> {
    (0..arguments.count).map(|n| Image::of(arguments.seed, LAYERS_FEW, &n.to_string())).collect()
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes).iter().fold(String::from("sha256:"), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Blob { bytes, digest }
    }

    /// Random to the eye of a compressor or a deduplicating file system, yet the same for the same seed (splitmix64).
    fn random(len: usize, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0xd134_2543_de82_ef95);
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
        }
        bytes.truncate(len);
        Blob::new(bytes)
    }
}

impl Image {
    /// The image of a seed.
    pub fn new(seed: u64) -> Self {
        Self::of(seed, LAYERS, "")
    }

    /// With so many layers; what `note` says is part of the manifest.
    fn of(seed: u64, layers: u64, note: &str) -> Self {
        let blobs: Vec<Blob> =
            (0..=layers).map(|n| Blob::random(SMALL_BLOB_BYTES, (seed << 16) + n)).collect();
        let described: Vec<String> = blobs
            .iter()
            .enumerate()
            .map(|(n, blob)| {
                let kind = if n == 0 { "config.v1+json" } else { "layer.v1.tar+gzip" };
                format!(
                    "{{\"mediaType\":\"application/vnd.oci.image.{kind}\",\"digest\":\"{}\",\"size\":{}}}",
                    blob.digest,
                    blob.bytes.len()
                )
            })
            .collect();
        let manifest = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST_TYPE}\",\"config\":{},\"layers\":[{}],\"annotations\":{{\"note\":\"{note}\"}}}}",
            described[0],
            described[1..].join(",")
        );
        Image { blobs, manifest: Blob::new(manifest.into_bytes()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_that_of_the_bytes() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Blob::new(Vec::new()).digest, empty);
    }

    #[test]
    fn same_seed_same_blob_other_seed_other_blob() {
        assert_eq!(Blob::random(1021, 7).digest, Blob::random(1021, 7).digest);
        assert_ne!(Blob::random(1021, 7).digest, Blob::random(1021, 8).digest);
        assert_eq!(Blob::random(1021, 7).bytes.len(), 1021);
    }

    #[test]
    fn images_share_blobs_and_no_manifest() {
        let (one, two) = (Image::of(4, LAYERS_FEW, "1"), Image::of(4, LAYERS_FEW, "2"));
        assert_eq!(one.blobs.len(), 3);
        assert!(one.blobs.iter().zip(&two.blobs).all(|(one, two)| one.digest == two.digest));
        assert_ne!(one.manifest.digest, two.manifest.digest);
    }

    #[test]
    fn manifest_names_every_blob() {
        let image = Image::new(3);
        let manifest = String::from_utf8_lossy(&image.manifest.bytes).into_owned();
        assert_eq!(image.blobs.len() as u64, LAYERS + 1);
        assert!(image.blobs.iter().all(|blob| manifest.contains(&blob.digest)));
    }
}
