//! The nouns of the OCI distribution and image specifications, each parsed once into a type that cannot be wrong.

pub mod content_range;
pub mod descriptor;
pub mod digest;
pub mod etag;
mod fields;
mod json;
pub mod manifest;
pub mod media_type;
pub mod name;
pub mod query;
pub mod range;
pub mod reference;
pub mod refusal;
pub mod tag;

pub use content_range::{ContentRange, ContentRangeError};
pub use descriptor::{Annotations, AnnotationsError, artifact_type_of, index_of, referrer_descriptor};
pub use digest::{Algorithm, Digest, DigestError};
pub use etag::{etag, if_match, if_none_match};
pub use fields::{
    DOCKER_CONTENT_DIGEST, DOCKER_DISTRIBUTION_API_VERSION, DOCKER_UPLOAD_UUID, OCI_CHUNK_MIN_LENGTH,
    OCI_FILTERS_APPLIED, OCI_SUBJECT, OCI_TAG,
};
pub use manifest::{Manifest, ManifestError, ManifestKind, ManifestLimits, ManifestReference, ReferenceKind};
pub use media_type::{MediaType, MediaTypeError};
pub use name::{NameError, Repository};
pub use query::{Query, encode_component};
pub use range::{ByteRange, Ranges};
pub use reference::{Reference, ReferenceError};
pub use refusal::{AuthFault, Refusal};
pub use tag::{Tag, TagError};
