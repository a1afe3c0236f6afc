//! Why a manifest is refused.

use std::fmt;

use super::super::digest::DigestError;
use super::super::refusal::Refusal;
use super::ARTIFACT_TYPE_BYTES_MAX;

/// Why bytes are not a manifest that can be kept. Its text ends the sentence "This manifest is not valid: ...".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ManifestError {
    /// It is no JSON, or a field has the wrong type or stands twice; the parser's words, cut to a few.
    Json(String),
    /// A media type breaks the grammar.
    MediaTypeMalformed,
    /// The body's `mediaType` and the Content-Type differ.
    MediaTypeMismatch,
    /// Neither the types nor the fields say what it is.
    MediaTypeUnknown,
    /// It is of Docker's schema 1, or of a type that is no JSON manifest.
    MediaTypeUnsupported,
    /// Its `schemaVersion` is another than 2.
    SchemaVersion,
    /// A field is missing that its type needs.
    FieldMissing(&'static str),
    /// A field belongs to the other kind of manifest, so that clients may disagree about what it is.
    FieldUnexpected(&'static str),
    /// A digest in it is malformed, or of an unknown algorithm.
    Digest(DigestError),
    /// Its artifact type is too long.
    ArtifactTypeTooLong,
    /// Its annotations are no strings, or with a subject too long.
    Annotations,
    /// Its annotations are too long for its entry among the referrers of its subject.
    AnnotationsTooLong {
        /// The limit, in bytes.
        max: u32,
    },
    /// It references more than the limit.
    TooManyReferences {
        /// The limit.
        max: u32,
    },
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(words) => write!(f, "its JSON cannot be read ({words})"),
            Self::MediaTypeMalformed => f.write_str("its mediaType is malformed"),
            Self::MediaTypeMismatch => {
                f.write_str("its mediaType and the Content-Type of the request differ")
            }
            Self::MediaTypeUnknown => {
                f.write_str("neither mediaType nor Content-Type nor its fields say what it is")
            }
            Self::MediaTypeUnsupported => f.write_str(
                "manifests of this type are not kept here, but those of the OCI and of Docker's schema 2 are",
            ),
            Self::SchemaVersion => f.write_str("its schemaVersion is not 2"),
            Self::FieldMissing(name) => write!(f, "it has no {name}"),
            Self::FieldUnexpected(name) => write!(f, "manifests of its type have no {name}"),
            Self::Digest(DigestError::Malformed) => f.write_str("a digest in it is malformed"),
            Self::Digest(DigestError::UnknownAlgorithm) => {
                f.write_str("a digest in it is of an algorithm that is not kept here")
            }
            Self::ArtifactTypeTooLong => {
                write!(f, "its artifactType has more than {ARTIFACT_TYPE_BYTES_MAX} bytes")
            }
            Self::Annotations => f.write_str("its annotations are not strings"),
            Self::AnnotationsTooLong { max } => write!(f, "its annotations have more than {max} bytes"),
            Self::TooManyReferences { max } => write!(f, "it references more than {max} contents"),
        }
    }
}

impl std::error::Error for ManifestError {}

impl From<ManifestError> for Refusal {
    fn from(error: ManifestError) -> Self {
        match error {
            ManifestError::AnnotationsTooLong { max } => Self::AnnotationsTooLong { max },
            ManifestError::TooManyReferences { max } => Self::TooManyReferences { max },
            ManifestError::Digest(DigestError::UnknownAlgorithm) => Self::AlgorithmUnsupported,
            ManifestError::Json(_)
            | ManifestError::MediaTypeMalformed
            | ManifestError::MediaTypeMismatch
            | ManifestError::MediaTypeUnknown
            | ManifestError::MediaTypeUnsupported
            | ManifestError::SchemaVersion
            | ManifestError::FieldMissing(_)
            | ManifestError::FieldUnexpected(_)
            | ManifestError::Digest(DigestError::Malformed)
            | ManifestError::ArtifactTypeTooLong
            | ManifestError::Annotations => Self::ManifestInvalid(error.to_string().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_becomes_a_refusal() {
        let max = 3;
        for (error, status, code) in [
            (ManifestError::Json("eof".into()), 400, "MANIFEST_INVALID"),
            (ManifestError::MediaTypeUnsupported, 400, "MANIFEST_INVALID"),
            (ManifestError::FieldMissing("config"), 400, "MANIFEST_INVALID"),
            (ManifestError::Digest(DigestError::Malformed), 400, "MANIFEST_INVALID"),
            (ManifestError::Digest(DigestError::UnknownAlgorithm), 400, "DIGEST_INVALID"),
            (ManifestError::TooManyReferences { max }, 413, "SIZE_INVALID"),
        ] {
            let refusal = Refusal::from(error);
            assert_eq!((refusal.status().as_u16(), refusal.code()), (status, code));
        }
        assert_eq!(
            Refusal::from(ManifestError::FieldMissing("config")).message(),
            "This manifest is not valid: it has no config. Correct it and push it again."
        );
    }
}
