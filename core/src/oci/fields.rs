//! Header fields that the distribution specification and Docker's registry API name.

use http::HeaderName;

/// `Docker-Content-Digest`: the digest of what the reply is about.
pub const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// `Docker-Distribution-API-Version`: says that this is a registry.
pub const DOCKER_DISTRIBUTION_API_VERSION: HeaderName =
    HeaderName::from_static("docker-distribution-api-version");
/// `Docker-Upload-UUID`: the name of an upload.
pub const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// `OCI-Chunk-Min-Length`: the shortest chunk that is wanted, in bytes (end-4a).
pub const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");
/// `OCI-Filters-Applied`: the filters that a list of referrers went through (end-12b).
pub const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
/// `OCI-Subject`: the digest of the manifest that a pushed one refers to (end-7a).
pub const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// `OCI-Tag`: a tag that a pushed manifest was given (end-7b).
pub const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
