use std::time::Duration;

use crate::access::Access;
use crate::upload::Secret;

/// What a registry is told once, for all its exchanges.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Seals the state of uploads.
    pub secret: Secret,
    /// Who may do what.
    pub access: Access,
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
    /// A segment below so many bytes is a small one.
    pub small_segment_bytes: u32,
    /// An upload of more small segments than so many has them merged before they are joined; a store that copies them
    /// anyway needs no limit.
    pub small_segments_max: u32,
    /// What the store can join.
    pub joins: Joins,
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

/// How a store joins parts into one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Joins {
    /// So many parts an object has at most; at least 1. An object that was joined may be a part of another one.
    pub parts_max: u32,
    /// The shortest part in bytes, the last one aside.
    pub part_bytes_min: u64,
    /// Whether the store copies the parts. One that does not looks at each, and points at them from then on.
    pub copies: bool,
}

/// What a store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// The longest object, one that is joined aside, in bytes.
    pub object_bytes_max: u64,
    /// What it joins.
    pub joins: Joins,
    /// More segments below 1 MiB than so many it reads slowly.
    pub small_segments_max: u32,
}

impl Bounds {
    /// A store without bounds.
    pub fn none() -> Self {
        Self { object_bytes_max: u64::MAX, joins: Joins::default(), small_segments_max: u32::MAX }
    }

    /// A segment below so many bytes is a small one.
    pub fn small_segment_bytes(&self) -> u32 {
        Limits::default().small_segment_bytes.min(self.at_most(u32::MAX) / 2)
    }

    fn at_most(&self, bytes: u32) -> u32 {
        u32::try_from(self.object_bytes_max).unwrap_or(u32::MAX).min(bytes)
    }
}

impl Limits {
    /// The same on a store that has bounds.
    #[must_use]
    pub fn on(self, bounds: &Bounds) -> Self {
        Self {
            segment_bytes_max: self.segment_bytes_max.min(bounds.object_bytes_max),
            small_blob_bytes_max: bounds.at_most(self.small_blob_bytes_max),
            // Small ones are written again in runs that are shorter than two that are not small.
            small_segment_bytes: bounds.small_segment_bytes(),
            joins: bounds.joins,
            small_segments_max: bounds.small_segments_max,
            ..self
        }
    }

    /// So many segments an upload has at most: more could not be joined, be it in two steps.
    pub fn segments_max(&self) -> u32 {
        let parts_max = self.joins.parts_max.max(1);
        SEGMENTS_MAX.min(parts_max.saturating_mul(parts_max))
    }
}

impl Default for Joins {
    fn default() -> Self {
        Self { parts_max: u32::MAX, part_bytes_min: 0, copies: true }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes_max: 4 << 20,
            manifest_references_max: 1000,
            segment_bytes_max: 1 << 30,
            small_blob_bytes_max: 1 << 20,
            small_segment_bytes: 1 << 20,
            small_segments_max: u32::MAX,
            joins: Joins::default(),
            chunk_bytes_min: 0,
            upload_age_seconds_max: 24 * 3600,
            grace_seconds: 24 * 3600,
            store_time_max: Duration::from_secs(30),
            backoff_min: Duration::from_millis(100),
            retry_time_max: Duration::from_secs(60),
        }
    }
}

/// So many segments make an upload at most, whatever the store.
pub(crate) const SEGMENTS_MAX: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_has_no_more_segments_than_can_be_joined_in_two_steps() {
        for (parts_max, segments_max) in
            [(0, 1), (1, 1), (4, 16), (99, 9801), (100, 10_000), (1000, 10_000), (u32::MAX, 10_000)]
        {
            let joins = Joins { parts_max, ..Joins::default() };
            assert_eq!(Limits { joins, ..Limits::default() }.segments_max(), segments_max, "{parts_max}");
        }
    }
}
