//! Manifests: what a pushed one is, and what it needs.

mod document;
mod error;

use super::descriptor::Annotations;
use super::digest::Digest;
use super::media_type::MediaType;

pub use error::ManifestError;

/// The most references of a manifest, unless configured otherwise.
pub const REFERENCES_MAX: u32 = 1_000;

/// The longest artifact type, in bytes: that of a media type.
pub const ARTIFACT_TYPE_BYTES_MAX: usize = super::media_type::MEDIA_TYPE_BYTES_MAX;

/// What a registry needs to know of a manifest (image-spec, manifest.md and image-index.md; Docker's version 2,
/// schema 2 and manifest list).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Manifest {
    media_type: MediaType,
    kind: ManifestKind,
    references: Vec<ManifestReference>,
    subject: Option<Digest>,
    artifact_type: Option<String>,
    annotations: Option<Annotations>,
}

/// The two shapes of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestKind {
    /// One image or artifact: a config and layers.
    Image,
    /// A list of manifests.
    Index,
}

/// One content that a manifest needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ManifestReference {
    /// Where to look for it.
    pub kind: ReferenceKind,
    /// Its name.
    pub digest: Digest,
    /// Its size as the manifest states it, in bytes.
    pub size: u64,
    /// Whether the manifest is good without it: its bytes come from elsewhere.
    pub exempt: bool,
}

/// What a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReferenceKind {
    /// A blob of the repository.
    Blob,
    /// A manifest of the repository.
    Child,
}

/// How much of a manifest is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ManifestLimits {
    /// The most references, repeated ones counted each time.
    pub references_max: u32,
}

impl Default for ManifestLimits {
    fn default() -> Self {
        Self { references_max: REFERENCES_MAX }
    }
}

impl Manifest {
    /// Reads a manifest. Memory stays in proportion to the bytes given and the limits, whatever the JSON holds.
    ///
    /// The `mediaType` of the body and the Content-Type must agree where both are given; where neither is, the fields
    /// decide.
    ///
    /// # Errors
    /// Says what is wrong with it; see [`ManifestError`].
    pub fn parse(
        bytes: &[u8],
        content_type: Option<&MediaType>,
        limits: ManifestLimits,
    ) -> Result<Self, ManifestError> {
        document::read(bytes, content_type, limits)
    }

    /// The type that a reply's Content-Type names.
    pub const fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// Whether it is a list.
    pub const fn kind(&self) -> ManifestKind {
        self.kind
    }

    /// All that it needs, in its own order, equal ones once. The subject is not among them.
    pub fn references(&self) -> &[ManifestReference] {
        &self.references
    }

    /// The manifest that this one refers to, which need not exist.
    pub const fn subject(&self) -> Option<&Digest> {
        self.subject.as_ref()
    }

    /// The type under which the subject's referrers list shows it: its `artifactType`, else the type of its config.
    pub fn artifact_type(&self) -> Option<&str> {
        self.artifact_type.as_deref()
    }

    /// The annotations for the subject's referrers list; kept only if there is a subject.
    pub const fn annotations(&self) -> Option<&Annotations> {
        self.annotations.as_ref()
    }
}
