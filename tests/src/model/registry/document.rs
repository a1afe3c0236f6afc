use bytes::Bytes;
use wharfinger_core::oci::{Algorithm, Digest, Manifest, ManifestLimits};

/// A manifest that clients push.
#[derive(Clone, Debug)]
pub struct Document {
    /// As pushed.
    pub bytes: Bytes,
    /// Its SHA-256.
    pub digest: Digest,
}

impl Document {
    /// An image that is made of one blob; `note` makes it another one.
    pub fn image(blob: &[u8], note: &str, subject: Option<&Self>) -> Self {
        let config = descriptor("application/vnd.oci.image.config.v1+json", blob);
        let subject = match subject {
            Some(subject) => format!(",\"subject\":{}", descriptor(IMAGE, &subject.bytes)),
            None => String::new(),
        };
        let note = format!(",\"annotations\":{{\"note\":\"{note}\"}}");
        Self::new(format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{IMAGE}\",\"config\":{config},\"layers\":[]{subject}{note}}}"
        ))
    }

    /// An index of one image.
    pub fn index(child: &Self) -> Self {
        let child = descriptor(IMAGE, &child.bytes);
        Self::new(format!("{{\"schemaVersion\":2,\"mediaType\":\"{INDEX}\",\"manifests\":[{child}]}}"))
    }

    /// Whether it refers to another manifest.
    pub(super) fn has_subject(&self) -> bool {
        let manifest = Manifest::parse(&self.bytes, None, ManifestLimits::default());
        manifest.is_ok_and(|manifest| manifest.subject().is_some())
    }

    fn new(text: String) -> Self {
        let bytes = Bytes::from(text);
        Self { digest: digest(&bytes), bytes }
    }
}

/// What a record under a digest or tag holds, if it is whole: the digest in its first line is that of the rest.
pub(super) fn pushed(record: &[u8]) -> Option<(Digest, Manifest)> {
    let end = record.iter().position(|byte| *byte == b'\n')? + 1;
    let (line, bytes) = record.split_at(end);
    let line: serde_json::Value = serde_json::from_slice(line).ok()?;
    let whole = line["size"].as_u64() == Some(bytes.len() as u64);
    let named = line["digest"].as_str() == Some(&digest(bytes).to_string());
    let manifest = Manifest::parse(bytes, None, ManifestLimits::default()).ok()?;
    (whole && named).then(|| (digest(bytes), manifest))
}

pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

fn descriptor(media_type: &str, bytes: &[u8]) -> String {
    format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"{}\",\"size\":{}}}", digest(bytes), bytes.len())
}

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What a document says that it is.
pub(super) fn media_type(bytes: &[u8]) -> String {
    let document: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    document["mediaType"].as_str().unwrap_or_default().to_owned()
}
