//! Makes image layouts with random content, valid enough to be unpacked by every client.

use crate::digest::sha256;
use crate::random::Random;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The media type of an OCI image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an OCI image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of an OCI image configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// How a layer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// A bare tar archive.
    Plain,
    /// A tar archive in gzip.
    Gzip,
}

/// An image to be made.
#[derive(Clone, Debug)]
pub struct Image {
    /// The processor that it claims to be for.
    pub architecture: &'static str,
    /// How its layers are packed.
    pub packing: Packing,
    /// The sizes of the one file that each layer holds, bytes.
    pub layers: Vec<usize>,
    /// Where the content comes from: images of different seeds share no layer, empty files excepted.
    pub seed: u64,
}

impl Image {
    /// An image for amd64 in gzip.
    pub fn new(seed: u64, layers: &[usize]) -> Self {
        Self { architecture: "amd64", packing: Packing::Gzip, layers: layers.to_vec(), seed }
    }
}

/// An OCI image layout that is being written.
#[derive(Debug)]
pub struct Layout {
    path: PathBuf,
    entries: Vec<Value>,
}

impl Layout {
    /// Begins an empty layout at `path`.
    ///
    /// # Panics
    /// When `path` cannot be written.
    pub fn create(path: &Path) -> Self {
        fs::create_dir_all(path.join("blobs/sha256")).expect("the place of a layout must be writable");
        let layout = Self { path: path.to_owned(), entries: Vec::new() };
        layout.write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        layout
    }

    /// Writes an image, names it `tag`, and answers the digest of its manifest.
    pub fn add(&mut self, tag: &str, image: &Image) -> String {
        let entry = self.image(image);
        self.name(tag, entry)
    }

    /// Writes an index over some images, names it `tag`, and answers its digest.
    pub fn add_index(&mut self, tag: &str, images: &[Image]) -> String {
        let entries: Vec<Value> = images
            .iter()
            .map(|image| {
                let mut entry = self.image(image);
                entry["platform"] = json!({"os": "linux", "architecture": image.architecture});
                entry
            })
            .collect();
        let entry = self.json(INDEX, &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}));
        self.name(tag, entry)
    }

    fn image(&self, image: &Image) -> Value {
        let mut random = Random::new(image.seed);
        let (mut layers, mut sums) = (Vec::new(), Vec::new());
        for (number, &size) in image.layers.iter().enumerate() {
            let archive = tar(&format!("file-{}-{number}", image.seed), &random.bytes(size));
            sums.push(sha256(&archive));
            layers.push(match image.packing {
                Packing::Plain => self.blob("application/vnd.oci.image.layer.v1.tar", &archive),
                Packing::Gzip => self.blob("application/vnd.oci.image.layer.v1.tar+gzip", &gzip(&archive)),
            });
        }
        let config = json!({
            "architecture": image.architecture, "os": "linux", "config": {"Cmd": ["/none"]},
            "rootfs": {"type": "layers", "diff_ids": sums},
            "history": sums.iter().map(|_| json!({"created_by": "a test"})).collect::<Vec<_>>(),
        });
        let config = self.json(CONFIG, &config);
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        self.json(MANIFEST, &manifest)
    }

    fn json(&self, media_type: &str, value: &Value) -> Value {
        self.blob(media_type, value.to_string().as_bytes())
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = sha256(bytes);
        self.write(&format!("blobs/{}", digest.replace(':', "/")), bytes);
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    fn name(&mut self, tag: &str, mut entry: Value) -> String {
        let digest = entry["digest"].as_str().unwrap_or_default().to_owned();
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        self.entries.push(entry);
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.entries});
        self.write("index.json", index.to_string().as_bytes());
        digest
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path.join(name), bytes).expect("a layout must be writable");
    }
}

/// A tar archive (ustar) of one file.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut head = [0; 512];
    let mut put = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{:011o}", content.len()));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    let sum: u32 = head.iter().map(|&byte| u32::from(byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = head.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

/// A gzip file whose content is stored, not squeezed: random bytes do not shrink.
fn gzip(content: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let pieces = content.chunks(usize::from(u16::MAX));
    let last = pieces.len() - 1;
    for (number, piece) in pieces.enumerate() {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        file.push(u8::from(number == last));
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&(!length).to_le_bytes());
        file.extend_from_slice(piece);
    }
    file.extend_from_slice(&crc32(content).to_le_bytes());
    let length = u32::try_from(content.len() & 0xffff_ffff).unwrap_or_default();
    file.extend_from_slice(&length.to_le_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256u32)
        .map(|byte| {
            (0..8).fold(byte, |sum, _| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 })
        })
        .collect();
    !bytes.iter().fold(u32::MAX, |sum, &byte| table[((sum ^ u32::from(byte)) & 255) as usize] ^ (sum >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::Contents;
    use crate::server::Folder;

    #[test]
    fn check_sum_is_the_one_of_gzip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn layout_holds_what_was_added() {
        let folder = Folder::new("layout").expect("a folder");
        let mut layout = Layout::create(folder.path());
        let one = layout.add("one", &Image::new(1, &[0, 70_000]));
        let two = layout.add_index("two", &[Image::new(2, &[5]), Image::new(3, &[6])]);
        let contents = Contents::of_layout(folder.path());
        let mut roots = vec![one, two];
        roots.sort();
        assert_eq!(contents.roots, roots);
        assert_eq!(contents.blobs.len(), 4 + 1 + 2 * 3);
    }
}
