//! What there is to push, and where it stands in Swift.

use bytes::Bytes;
use serde_json::{Value, json};
use wharfinger_core::oci::{Algorithm, Digest};

use crate::image::{CONFIG, INDEX, MANIFEST};
use crate::random::Random;

/// The container of everything but segments.
pub const CONTAINER: &str = "wharf";
/// The container of segments.
pub const SEGMENTS: &str = "wharf_segments";
/// The repositories.
pub const REPOSITORIES: [&str; 2] = ["a", "b/c"];
/// The tags.
pub const TAGS: [&str; 3] = ["latest", "v1", "v2"];

/// Content with its name.
#[derive(Clone, Debug)]
pub struct Blob {
    pub bytes: Bytes,
    pub digest: Digest,
}

/// A manifest with what it needs.
#[derive(Clone, Debug)]
pub struct Image {
    pub bytes: Bytes,
    pub digest: Digest,
    pub media_type: &'static str,
    /// Blobs, by their place.
    pub blobs: Vec<usize>,
    /// Manifests, by their place.
    pub children: Vec<usize>,
    pub subject: Option<Digest>,
}

/// All that clients push in one run.
#[derive(Clone, Debug)]
pub struct Goods {
    pub blobs: Vec<Blob>,
    pub images: Vec<Image>,
}

impl Goods {
    pub fn new(random: &mut Random) -> Self {
        let mut blobs = Vec::new();
        for range in [1..8, 3..20, 20..50, 50..96, 0..96] {
            let length = range.start + pick(random, range.end - range.start);
            let bytes = Bytes::from(random.bytes(length));
            let algorithm = if pick(random, 5) == 0 { Algorithm::Sha512 } else { Algorithm::Sha256 };
            blobs.push(Blob { digest: Digest::of(algorithm, &bytes), bytes });
        }
        blobs.push(Blob { digest: Digest::of(Algorithm::Sha256, b""), bytes: Bytes::new() });
        let mut goods = Self { blobs, images: Vec::new() };
        for number in 0..3 {
            let subject = (number == 2).then(|| goods.images[0].digest);
            let image = goods.image(random, number, subject);
            goods.images.push(image);
        }
        let index = goods.index();
        goods.images.push(index);
        goods
    }

    fn image(&self, random: &mut Random, number: usize, subject: Option<Digest>) -> Image {
        let config = pick(random, self.blobs.len());
        let layers: Vec<usize> = (0..pick(random, 4)).map(|_| pick(random, self.blobs.len())).collect();
        let described = |at: usize, kind: &str| {
            let blob = &self.blobs[at];
            json!({"mediaType": kind, "digest": blob.digest.to_string(), "size": blob.bytes.len()})
        };
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": described(config, CONFIG),
            "layers": layers.iter().map(|at| described(*at, "application/octet-stream")).collect::<Vec<_>>(),
            "annotations": {"number": number.to_string()},
        });
        if let Some(subject) = subject {
            let size = self.images[0].bytes.len();
            manifest["subject"] = json!({"mediaType": MANIFEST, "digest": subject.to_string(), "size": size});
        }
        let bytes = Bytes::from(manifest.to_string());
        let digest = Digest::of(Algorithm::Sha256, &bytes);
        let blobs = [vec![config], layers].concat();
        Image { bytes, digest, media_type: MANIFEST, blobs, children: Vec::new(), subject }
    }

    fn index(&self) -> Image {
        let child = |at: usize| {
            let image = &self.images[at];
            json!({"mediaType": MANIFEST, "digest": image.digest.to_string(), "size": image.bytes.len()})
        };
        let manifests: Vec<Value> = [0, 1].map(child).into();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let bytes = Bytes::from(index.to_string());
        let digest = Digest::of(Algorithm::Sha256, &bytes);
        Image { bytes, digest, media_type: INDEX, blobs: Vec::new(), children: vec![0, 1], subject: None }
    }

    /// The manifest of that digest.
    pub fn image_of(&self, digest: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.digest.to_string() == digest)
    }

    /// The blob of that digest.
    pub fn blob_of(&self, digest: &str) -> Option<&Blob> {
        self.blobs.iter().find(|blob| blob.digest.to_string() == digest)
    }
}

/// A number below `count`.
pub fn pick(random: &mut Random, count: usize) -> usize {
    (random.word() % count.max(1) as u64) as usize
}

/// Whether something comes to pass that does so in `parts` of a thousand cases.
pub fn happens(random: &mut Random, parts: u64) -> bool {
    random.word() % 1000 < parts
}

fn pair(digest: &Digest) -> String {
    format!("{}/{}", digest.algorithm().name(), digest.hex())
}

/// Where a link stands.
pub fn link(repository: &str, digest: &Digest) -> String {
    format!("/{CONTAINER}/links/{repository}!/{}", pair(digest))
}

/// Where a manifest stands.
pub fn manifest(repository: &str, digest: &Digest) -> String {
    format!("/{CONTAINER}/manifests/{repository}!/{}", pair(digest))
}

/// Where a tag stands.
pub fn tag(repository: &str, tag: &str) -> String {
    format!("/{CONTAINER}/tags/{repository}!/{tag}")
}

/// Where the entry of a referrer stands.
pub fn referrer(repository: &str, subject: &Digest, referrer: &Digest) -> String {
    format!("/{CONTAINER}/referrers/{repository}!/{}/{}", pair(subject), pair(referrer))
}

/// Where content stands.
pub fn blob(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("/{CONTAINER}/blobs/{}/{}/{hex}", digest.algorithm().name(), &hex[..2])
}
