use serde_json::Value;
use wharfinger_core::oci::{
    Algorithm, Annotations, Digest, Manifest, ManifestKind, ManifestLimits, MediaType, artifact_type_of,
    index_of, referrer_descriptor,
};

use crate::Reader;

/// Another reader of JSON finds the same references in what is accepted.
pub(super) fn run(bytes: &[u8]) {
    let limits = ManifestLimits { references_max: 20 };
    for content_type in [None, Some(MediaType::OCI_INDEX), Some(MediaType::DOCKER_MANIFEST)] {
        match Manifest::parse(bytes, content_type.as_ref(), limits) {
            Ok(manifest) => {
                assert!(content_type.is_none_or(|stated| stated == *manifest.media_type()));
                read_alike(bytes, &manifest);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fn read_alike(bytes: &[u8], manifest: &Manifest) {
    // It minds what stands in texts that nobody needs: bytes that are no UTF-8, and halves of characters.
    let Ok(said) = serde_json::from_slice::<Value>(bytes) else { return };
    let listed = |key: &str| said[key].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let said: Vec<(&Value, &Value)> = match manifest.kind() {
        ManifestKind::Image => listed("layers").chain([&said["config"]]),
        ManifestKind::Index => listed("manifests").chain([&said["manifests"]]),
    }
    .filter(|descriptor| descriptor.is_object())
    .map(|descriptor| (&descriptor["digest"], &descriptor["size"]))
    .collect();
    let found = manifest.references();
    assert!(found.len() <= said.len() && said.len() <= 21, "{} references of {}", found.len(), said.len());
    for reference in found {
        let digest = reference.digest.to_string();
        let is_said = |(said, size): &(&Value, &Value)| **said == digest && **size == reference.size;
        assert!(said.iter().any(is_said), "{digest} is not in the manifest");
    }
    for (digest, _) in said {
        let is_found = found.iter().any(|reference| *digest == reference.digest.to_string());
        assert!(is_found, "{digest} is not found");
    }
}

/// What is written for the list of referrers is read as what it was.
pub(super) fn descriptors(bytes: &[u8]) {
    let mut reader = Reader(bytes);
    let digest = Digest::of(Algorithm::Sha256, b"");
    let size = reader.count();
    let artifact_type = String::from_utf8_lossy(reader.some()).into_owned();
    let artifact_type = (!artifact_type.is_empty()).then_some(artifact_type);
    let annotations = Annotations::parse(&String::from_utf8_lossy(reader.0)).ok();
    let kind = MediaType::OCI_INDEX;
    let descriptor =
        referrer_descriptor(&kind, &digest, size, artifact_type.as_deref(), annotations.as_ref());
    let said: Value = serde_json::from_slice(&descriptor).expect("a descriptor is JSON");
    assert_eq!((&said["digest"], &said["size"]), (&digest.to_string().into(), &size.into()));
    assert_eq!(said["annotations"].is_object(), annotations.is_some());
    assert_eq!(artifact_type_of(&descriptor), artifact_type);
    let index: Value = serde_json::from_slice(&index_of([&descriptor])).expect("an index is JSON");
    assert_eq!(index["manifests"], Value::Array(vec![said]));
}
