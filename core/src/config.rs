use std::time::Duration;

use crate::upload::Secret;

/// What a registry is told once, for all its exchanges.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Seals the state of uploads.
    pub secret: Secret,
    /// Accepts manifests whose blobs or children are not in the repository.
    pub sparse_manifests: bool,
    /// Sends clients that GET a blob to the store itself, where the host has a URL for them.
    pub redirects: bool,
    /// Whether the store works with MD5 sums, so that every segment is checked by one.
    pub store_md5: bool,
    /// The bounds.
    pub limits: Limits,
}

/// Every bound that an operator can set. Those that nobody needs to set are constants beside their use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The longest manifest in bytes.
    pub manifest_bytes_max: u32,
    /// The most blobs and manifests that one manifest refers to.
    pub manifest_references_max: u32,
    /// The longest segment in bytes.
    pub segment_bytes_max: u64,
    /// A blob up to this size, sent in one request, is stored in one call, in bytes.
    pub small_blob_bytes_max: u32,
    /// An upload of more segments below 1 MiB than so many has them merged before they are joined; a store that copies
    /// them anyway needs no limit.
    pub small_segments_max: u32,
    /// What is told to clients as OCI-Chunk-Min-Length, in bytes; 0 tells nothing.
    pub chunk_bytes_min: u64,
    /// How long after its POST an upload may go on, in seconds.
    pub upload_age_seconds_max: u64,
    /// What nobody relied on for so long may be pruned, in seconds.
    pub grace_seconds: u64,
    /// How long one call to the store may take, the transfer of bodies aside.
    pub store_time_max: Duration,
    /// The shortest rest before a call is tried again; it doubles with every try.
    pub backoff_min: Duration,
    /// How long after the first failure in an exchange its calls are tried again.
    pub retry_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes_max: 4 << 20,
            manifest_references_max: 1000,
            segment_bytes_max: 1 << 30,
            small_blob_bytes_max: 1 << 20,
            small_segments_max: u32::MAX,
            chunk_bytes_min: 0,
            upload_age_seconds_max: 24 * 3600,
            grace_seconds: 24 * 3600,
            store_time_max: Duration::from_secs(30),
            backoff_min: Duration::from_millis(100),
            retry_time_max: Duration::from_secs(60),
        }
    }
}
