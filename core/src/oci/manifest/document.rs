//! The JSON of a manifest.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed as _, IgnoredAny};
use serde_json::value::RawValue;

use super::super::descriptor::{ANNOTATIONS_BYTES_MAX, Annotations, Descriptor};
use super::super::digest::Digest;
use super::super::json::{AtMost, Object, StringMap};
use super::super::media_type::MediaType;
use super::{
    ARTIFACT_TYPE_BYTES_MAX, Manifest, ManifestError, ManifestKind, ManifestLimits, ManifestReference,
    ReferenceKind,
};

pub(super) fn read(
    bytes: &[u8],
    content_type: Option<&MediaType>,
    limits: ManifestLimits,
) -> Result<Manifest, ManifestError> {
    let Object(document) = serde_json::from_slice::<Object<Document<'_>>>(bytes).map_err(json_error)?;
    let media_type = media_type(&document, content_type)?;
    let kind = kind(&document, &media_type)?;
    let references = references(&document, kind, limits.references_max)?;
    let subject = document.subject.as_ref().map(|Object(subject)| digest(subject)).transpose()?;
    let annotations = annotations(document.annotations, subject.is_some())?;
    let artifact_type = artifact_type(document)?;
    Ok(Manifest { media_type, kind, references, subject, artifact_type, annotations })
}

/// The fields that are read. Lists stay text until they are counted; what is not named here is skipped.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Object<Descriptor>>,
    #[serde(borrow)]
    layers: Option<&'a RawValue>,
    #[serde(borrow)]
    blobs: Option<&'a RawValue>,
    #[serde(borrow)]
    manifests: Option<&'a RawValue>,
    fs_layers: Option<IgnoredAny>,
    subject: Option<Object<Descriptor>>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
}

fn media_type(document: &Document<'_>, content_type: Option<&MediaType>) -> Result<MediaType, ManifestError> {
    let stated = match document.media_type.as_deref() {
        None | Some("") => None,
        Some(text) if text.contains(';') => return Err(ManifestError::MediaTypeMalformed),
        Some(text) => Some(MediaType::parse(text).map_err(|_| ManifestError::MediaTypeMalformed)?),
    };
    let media_type = match (stated, content_type) {
        (Some(stated), Some(given)) if stated != *given => return Err(ManifestError::MediaTypeMismatch),
        (Some(stated), Some(_) | None) => stated,
        (None, Some(given)) => given.clone(),
        (None, None) if document.manifests.is_some() => MediaType::OCI_INDEX,
        (None, None) if document.config.is_some() && document.layers.is_some() => MediaType::OCI_MANIFEST,
        (None, None) if document.schema_version == Some(1) => {
            return Err(ManifestError::MediaTypeUnsupported);
        }
        (None, None) => return Err(ManifestError::MediaTypeUnknown),
    };
    let is_schema1 = media_type.is_schema1() || document.fs_layers.is_some();
    if is_schema1 || !media_type.as_str().ends_with("+json") {
        return Err(ManifestError::MediaTypeUnsupported);
    }
    match document.schema_version {
        None | Some(2) => Ok(media_type),
        Some(_) => Err(ManifestError::SchemaVersion),
    }
}

/// A manifest that has the fields of both kinds is read as one kind by some clients and as the other by others, under
/// one digest (CVE-2021-41190): only one reading is let in.
fn kind(document: &Document<'_>, media_type: &MediaType) -> Result<ManifestKind, ManifestError> {
    let Document { config, layers, blobs, manifests, .. } = document;
    if media_type.is_index() || (!media_type.is_image() && manifests.is_some()) {
        return match (config, layers, blobs) {
            (None, None, None) => Ok(ManifestKind::Index),
            (Some(_), _, _) => Err(ManifestError::FieldUnexpected("config")),
            (None, Some(_), _) => Err(ManifestError::FieldUnexpected("layers")),
            (None, None, Some(_)) => Err(ManifestError::FieldUnexpected("blobs")),
        };
    }
    if manifests.is_some() {
        return Err(ManifestError::FieldUnexpected("manifests"));
    }
    if *media_type == MediaType::OCI_ARTIFACT || config.is_some() {
        return Ok(ManifestKind::Image);
    }
    match blobs {
        Some(_) if !media_type.is_image() => Ok(ManifestKind::Image),
        Some(_) | None => Err(ManifestError::FieldMissing("config")),
    }
}

fn references(
    document: &Document<'_>,
    kind: ManifestKind,
    references_max: u32,
) -> Result<Vec<ManifestReference>, ManifestError> {
    let too_many = ManifestError::TooManyReferences { max: references_max };
    let mut left = usize::try_from(references_max).unwrap_or(usize::MAX);
    let mut references = Vec::new();
    let mut seen = BTreeSet::new();
    let mut add = |descriptor: &Descriptor| {
        let reference = reference(descriptor, kind)?;
        if seen.insert(reference) {
            references.push(reference);
        }
        Ok(())
    };
    if let Some(Object(config)) = &document.config {
        left = left.checked_sub(1).ok_or_else(|| too_many.clone())?;
        add(config)?;
    }
    for list in [document.layers, document.blobs, document.manifests].into_iter().flatten() {
        let seed = AtMost { max: left, item: PhantomData::<Object<Descriptor>> };
        let mut reader = serde_json::Deserializer::from_str(list.get());
        let items = seed.deserialize(&mut reader).map_err(json_error)?;
        left = left.checked_sub(items.count).ok_or_else(|| too_many.clone())?;
        for Object(descriptor) in &items.kept {
            add(descriptor)?;
        }
    }
    Ok(references)
}

fn reference(descriptor: &Descriptor, kind: ManifestKind) -> Result<ManifestReference, ManifestError> {
    let media_type = descriptor.media_type.as_deref().and_then(|text| MediaType::parse(text).ok());
    let kind = match kind {
        ManifestKind::Index if !media_type.as_ref().is_some_and(is_blob_type) => ReferenceKind::Child,
        ManifestKind::Index | ManifestKind::Image => ReferenceKind::Blob,
    };
    let exempt = media_type.is_some_and(|media_type| media_type.is_nondistributable());
    Ok(ManifestReference { kind, digest: digest(descriptor)?, size: descriptor.size, exempt })
}

/// BuildKit exports its cache as an index whose "manifests" are layers and one config.
fn is_blob_type(media_type: &MediaType) -> bool {
    const PREFIXES: [&str; 3] = [
        "application/vnd.oci.image.layer.",
        "application/vnd.docker.image.rootfs.",
        "application/vnd.buildkit.cacheconfig.",
    ];
    PREFIXES.iter().any(|prefix| media_type.as_str().starts_with(prefix))
}

fn digest(descriptor: &Descriptor) -> Result<Digest, ManifestError> {
    Digest::parse(&descriptor.digest).map_err(ManifestError::Digest)
}

/// Distribution-spec, "Listing Referrers": an empty artifact type counts as a missing one.
fn artifact_type(document: Document<'_>) -> Result<Option<String>, ManifestError> {
    let config_type = document.config.and_then(|Object(config)| config.media_type);
    let chosen = [document.artifact_type, config_type].into_iter().flatten().find(|text| !text.is_empty());
    match chosen {
        Some(text) if text.len() > ARTIFACT_TYPE_BYTES_MAX => Err(ManifestError::ArtifactTypeTooLong),
        Some(_) | None => Ok(chosen),
    }
}

fn annotations(raw: Option<&RawValue>, has_subject: bool) -> Result<Option<Annotations>, ManifestError> {
    let Some(raw) = raw else { return Ok(None) };
    if has_subject {
        if raw.get().len() > ANNOTATIONS_BYTES_MAX {
            return Err(ManifestError::AnnotationsTooLong { max: ANNOTATIONS_BYTES_MAX as u32 });
        }
        return Annotations::parse(raw.get()).map(Some).map_err(|_| ManifestError::Annotations);
    }
    serde_json::from_str::<StringMap>(raw.get()).map(|_| None).map_err(|_| ManifestError::Annotations)
}

/// The parser may quote what it found, whole.
fn json_error(error: serde_json::Error) -> ManifestError {
    const CHARS_MAX: usize = 160;
    ManifestError::Json(error.to_string().chars().take(CHARS_MAX).collect())
}

#[cfg(test)]
mod tests;
