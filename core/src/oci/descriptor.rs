//! Descriptors of referrers, and the index that lists them.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::digest::Digest;
use super::json::{Object, StringMap};
use super::media_type::MediaType;

/// The longest annotations that a manifest with a subject may have, in bytes as pushed: its record stays under 64 KiB.
pub const ANNOTATIONS_BYTES_MAX: usize = 60 * 1_024;

/// The annotations of a manifest: the text of a JSON object whose values are strings, as pushed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Annotations(Box<str>);

/// A text is no JSON object of strings, or is longer than [`ANNOTATIONS_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AnnotationsError;

impl Annotations {
    /// Checks the text of a JSON object of strings.
    ///
    /// # Errors
    /// Other JSON, no JSON, and too long a text are refused.
    pub fn parse(json: &str) -> Result<Self, AnnotationsError> {
        if json.len() > ANNOTATIONS_BYTES_MAX || serde_json::from_str::<StringMap>(json).is_err() {
            return Err(AnnotationsError);
        }
        Ok(Self(json.into()))
    }

    /// The JSON text as pushed.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

/// The descriptor that a subject's referrers list shows for a manifest (distribution-spec, "Listing Referrers").
pub fn referrer_descriptor(
    media_type: &MediaType,
    digest: &Digest,
    size: u64,
    artifact_type: Option<&str>,
    annotations: Option<&Annotations>,
) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Referrer<'a> {
        media_type: &'a str,
        digest: String,
        size: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        artifact_type: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        annotations: Option<&'a RawValue>,
    }
    let annotations = annotations.and_then(|annotations| serde_json::from_str(annotations.as_json()).ok());
    let digest = digest.to_string();
    let referrer = Referrer { media_type: media_type.as_str(), digest, size, artifact_type, annotations };
    // Strings, numbers and checked JSON always serialise.
    serde_json::to_vec(&referrer).unwrap_or_default().into()
}

/// The OCI index of these descriptors, each given as the JSON that [`referrer_descriptor`] made.
///
/// What is no descriptor is left out: one damaged record must not hide the others.
pub fn index_of<D: AsRef<[u8]>>(descriptors: impl IntoIterator<Item = D>) -> Bytes {
    let mut index = BytesMut::new();
    index.put_slice(br#"{"schemaVersion":2,"mediaType":""#);
    index.put_slice(MediaType::OCI_INDEX.as_str().as_bytes());
    index.put_slice(br#"","manifests":["#);
    let good = descriptors.into_iter().filter(|json| read(json.as_ref()).is_some());
    for (at, json) in good.enumerate() {
        if at > 0 {
            index.put_u8(b',');
        }
        index.put_slice(json.as_ref());
    }
    index.put_slice(b"]}");
    index.freeze()
}

/// The artifact type in a descriptor, by which a client may filter; `None` if it has none or is no descriptor.
pub fn artifact_type_of(descriptor: &[u8]) -> Option<String> {
    read(descriptor)?.artifact_type
}

/// A descriptor as it stands in a manifest: the fields that are read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: Option<String>,
    pub(super) digest: String,
    pub(super) size: u64,
    pub(super) artifact_type: Option<String>,
}

fn read(json: &[u8]) -> Option<Descriptor> {
    let Object(descriptor) = serde_json::from_slice::<Object<Descriptor>>(json).ok()?;
    Digest::parse(&descriptor.digest).is_ok().then_some(descriptor)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::digest::Algorithm;
    use super::*;

    fn digest() -> Digest {
        Digest::of(Algorithm::Sha256, b"x")
    }

    #[test]
    fn a_descriptor_has_all_its_fields() {
        let annotations = Annotations::parse("{ \"a\": \"b\\n\" }").unwrap();
        let kind = Some("text/\"x\"");
        let json = referrer_descriptor(&MediaType::OCI_MANIFEST, &digest(), 7, kind, Some(&annotations));
        assert_eq!(
            serde_json::from_slice::<Value>(&json).unwrap(),
            json!({ "mediaType": MediaType::OCI_MANIFEST.as_str(), "digest": digest().to_string(), "size": 7,
                    "artifactType": "text/\"x\"", "annotations": { "a": "b\n" } })
        );
        assert_eq!(artifact_type_of(&json).as_deref(), kind);
        let json = referrer_descriptor(&MediaType::OCI_INDEX, &digest(), 7, None, None);
        assert_eq!(
            serde_json::from_slice::<Value>(&json).unwrap(),
            json!({ "mediaType": MediaType::OCI_INDEX.as_str(), "digest": digest().to_string(), "size": 7 })
        );
        assert_eq!(artifact_type_of(&json), None);
    }

    #[test]
    fn an_index_lists_what_is_whole() {
        let good = referrer_descriptor(&MediaType::OCI_MANIFEST, &digest(), 7, Some("a/b"), None);
        let good = std::str::from_utf8(&good).unwrap();
        let bad = [
            "",
            "{}",
            "null",
            "[]",
            &good[1..],
            &good[..good.len() - 1],
            r#"{"digest":"sha256:0","size":1}"#,
        ];
        for (given, listed) in [(vec![], 0), (vec![good], 1), (vec![good, good], 2), (bad.to_vec(), 0)] {
            let index: Value = serde_json::from_slice(&index_of(&given)).unwrap();
            assert_eq!(index["schemaVersion"], 2);
            assert_eq!(index["mediaType"], MediaType::OCI_INDEX.as_str());
            assert_eq!(index["manifests"].as_array().unwrap().len(), listed);
        }
        let mixed: Value = serde_json::from_slice(&index_of([bad[0], good, bad[1], good])).unwrap();
        assert_eq!(mixed["manifests"][1]["artifactType"], "a/b");
        for text in bad {
            assert_eq!(artifact_type_of(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn annotations_are_bounded_objects_of_strings() {
        for text in ["{}", r#"{"a":"b"}"#, " {} "] {
            assert_eq!(Annotations::parse(text).unwrap().as_json(), text);
        }
        for text in ["", "[]", "null", r#"{"a":1}"#, "{} {}", "{}}", "{},\"x\":1"] {
            assert_eq!(Annotations::parse(text), Err(AnnotationsError), "{text}");
        }
        let of_length = |length: usize| format!(r#"{{"a":"{}"}}"#, "b".repeat(length - 8));
        assert!(Annotations::parse(&of_length(ANNOTATIONS_BYTES_MAX)).is_ok());
        assert!(Annotations::parse(&of_length(ANNOTATIONS_BYTES_MAX + 1)).is_err());
    }
}
