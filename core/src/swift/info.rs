use std::fmt::{self, Display};

use http::{Method, StatusCode};
use serde::Deserialize;

use super::bounded::Bounded;
use super::draft::{Draft, Rendered};
use super::{Endpoint, join};
use crate::config::{Bounds, Joins};

/// What a Swift tells of itself under `/info`: its limits, and which of its optional parts it runs.
///
/// The default is what a Swift has that hides it and is otherwise as it comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Info {
    /// The longest object that is not a large one, in bytes; a segment is never longer.
    pub object_bytes_max: u64,
    /// So many rows a listing has at most.
    pub listing_rows_max: u32,
    /// The limits of static large objects; `None` if there are none, and nothing can be joined.
    pub large_objects: Option<LargeObjects>,
    /// What temporary URLs are like; `None` if there are none.
    pub temp_urls: Option<TempUrls>,
    /// So many objects one bulk delete takes; `None` if there is none.
    pub bulk_deletes_max: Option<u32>,
    /// Whether one object can be a link to another.
    pub symlinks: bool,
}

/// The limits of static large objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LargeObjects {
    /// So many segments an object has at most.
    pub segments_max: u32,
    /// The longest manifest in bytes.
    pub manifest_bytes_max: u64,
    /// The shortest segment in bytes, the last one aside.
    pub segment_bytes_min: u64,
}

/// What temporary URLs are like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TempUrls {
    /// Whether a GET can be signed.
    pub get: bool,
    /// Whether a signature may be made with SHA-256.
    pub sha256: bool,
}

/// Why nothing is known of a Swift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InfoError {
    /// It does not tell: the defaults are the best guess.
    Hidden {
        /// The status of the answer.
        status: StatusCode,
    },
    /// It cannot tell at the moment.
    Unavailable {
        /// The status of the answer.
        status: StatusCode,
    },
    /// What it tells is not what a Swift tells.
    Strange,
}

impl Default for Info {
    fn default() -> Self {
        Self {
            object_bytes_max: 5 << 30,
            listing_rows_max: LISTING_ROWS_MAX,
            large_objects: Some(LargeObjects::default()),
            temp_urls: None,
            bulk_deletes_max: None,
            symlinks: false,
        }
    }
}

impl Default for LargeObjects {
    fn default() -> Self {
        Self { segments_max: 1000, manifest_bytes_max: 8 << 20, segment_bytes_min: 1 }
    }
}

impl LargeObjects {
    /// What these limits mean for what is joined at `endpoint`.
    pub fn joins(&self, endpoint: &Endpoint) -> Joins {
        let entries =
            self.manifest_bytes_max.saturating_sub(MANIFEST_ENDS_BYTES) / join::entry_bytes_max(endpoint);
        let parts_max = self.segments_max.min(u32::try_from(entries).unwrap_or(u32::MAX)).max(1);
        Joins { parts_max, part_bytes_min: self.segment_bytes_min, copies: false }
    }
}

impl Info {
    /// No answer is read beyond so many bytes.
    pub const BYTES_MAX: u32 = 256 << 10;

    /// What a registry has to keep to; `None` if this Swift joins nothing.
    pub fn bounds(&self, endpoint: &Endpoint) -> Option<Bounds> {
        let joins = self.large_objects.as_ref()?.joins(endpoint);
        Some(Bounds {
            object_bytes_max: self.object_bytes_max,
            joins,
            small_segments_max: SMALL_SEGMENTS_MAX,
        })
    }

    /// Reads the answer to [`render_info`].
    pub fn read(status: StatusCode, body: &[u8]) -> Result<Self, InfoError> {
        match status.as_u16() {
            200 => {}
            408 | 429 | 497..=499 | 500.. => return Err(InfoError::Unavailable { status }),
            _ => return Err(InfoError::Hidden { status }),
        }
        let raw: RawInfo = serde_json::from_slice(body).map_err(|_| InfoError::Strange)?;
        let swift = raw.swift.ok_or(InfoError::Strange)?;
        let default = Self::default();
        let object_bytes_max = swift.max_file_size.unwrap_or(default.object_bytes_max);
        let listing_rows_max = swift.container_listing_limit.unwrap_or(default.listing_rows_max);
        Ok(Self {
            object_bytes_max,
            listing_rows_max,
            large_objects: raw.slo.map(RawSlo::limits),
            temp_urls: raw.tempurl.map(RawTempUrl::known),
            bulk_deletes_max: raw.bulk_delete.map(|bulk| bulk.max_deletes_per_request.unwrap_or(BULK_MAX)),
            symlinks: raw.symlink.is_some(),
        })
    }
}

/// Asks a Swift what it is like; no token is needed. Above the `/v1` of the storage URL stands what tells it.
pub fn render_info(endpoint: &Endpoint) -> Rendered {
    let url = endpoint.storage_url();
    let above = url.path().split_once("/v1").map_or("", |(above, _)| above);
    Draft::new(Method::GET, url.with_path(above).join("/info")).bare()
}

impl Display for InfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hidden { status } => {
                write!(f, "Swift does not tell its limits ({status}); the usual ones are assumed, or set expose_info there")
            }
            Self::Unavailable { status } => {
                write!(f, "Swift cannot tell its limits ({status}); wait until it is well again")
            }
            Self::Strange => f.write_str(
                "what answers under /info is not a Swift; check the storage URL, and what stands before Swift",
            ),
        }
    }
}

impl std::error::Error for InfoError {}

#[derive(Deserialize)]
struct RawInfo {
    swift: Option<RawSwift>,
    slo: Option<RawSlo>,
    tempurl: Option<RawTempUrl>,
    bulk_delete: Option<RawBulk>,
    symlink: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct RawSwift {
    max_file_size: Option<u64>,
    container_listing_limit: Option<u32>,
}

#[derive(Deserialize)]
struct RawSlo {
    max_manifest_segments: Option<u32>,
    max_manifest_size: Option<u64>,
    min_segment_size: Option<u64>,
}

#[derive(Deserialize)]
struct RawTempUrl {
    methods: Option<Bounded<Box<str>, NAMES_MAX>>,
    allowed_digests: Option<Bounded<Box<str>, NAMES_MAX>>,
}

#[derive(Deserialize)]
struct RawBulk {
    max_deletes_per_request: Option<u32>,
}

impl RawSlo {
    fn limits(self) -> LargeObjects {
        let default = LargeObjects::default();
        LargeObjects {
            segments_max: self.max_manifest_segments.unwrap_or(default.segments_max),
            manifest_bytes_max: self.max_manifest_size.unwrap_or(default.manifest_bytes_max),
            segment_bytes_min: self.min_segment_size.unwrap_or(default.segment_bytes_min),
        }
    }
}

impl RawTempUrl {
    /// A Swift that does not say which digests it allows is older than the choice, and knows SHA-1 alone.
    fn known(self) -> TempUrls {
        let has = |names: Option<Bounded<Box<str>, NAMES_MAX>>, name: &str| {
            names.is_some_and(|names| names.0.iter().any(|known| &**known == name))
        };
        TempUrls { get: has(self.methods, "GET"), sha256: has(self.allowed_digests, "sha256") }
    }
}

/// The brackets around the entries of a manifest.
const MANIFEST_ENDS_BYTES: u64 = 2;

/// So many segments below 1 MiB Swift sends at full speed, as it comes, before it slows down to one a second.
const SMALL_SEGMENTS_MAX: u32 = 10;

const LISTING_ROWS_MAX: u32 = 10_000;

const BULK_MAX: u32 = 10_000;

const NAMES_MAX: usize = 64;
