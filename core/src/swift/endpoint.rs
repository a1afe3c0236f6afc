use std::fmt::{self, Display};

use http::Uri;

use super::base_url::{BaseUrl, UrlFault};
use super::text::escape;
use crate::store::{Key, Listing};

/// Where the objects of a registry stand: a storage URL and two containers in it.
///
/// Segments may have a container of their own, so that they do not slow down the listings of all else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    storage_url: BaseUrl,
    container: Box<str>,
    segments_container: Box<str>,
}

/// Why there is no such endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EndpointError {
    /// The storage URL is not one.
    Url {
        /// The URL.
        url: Box<str>,
        /// What is wrong with it.
        fault: UrlFault,
    },
    /// Swift takes no container of that name.
    Container {
        /// The name.
        name: Box<str>,
    },
}

impl Endpoint {
    /// An endpoint at a storage URL as Keystone's catalog or v1 auth tells it. The containers may be one and the same.
    pub fn new(storage_url: &str, container: &str, segments_container: &str) -> Result<Self, EndpointError> {
        let storage_url = BaseUrl::parse(storage_url)
            .map_err(|fault| EndpointError::Url { url: storage_url.into(), fault })?;
        let named = |name: &str| match Self::takes_container(name) {
            true => Ok(name.into()),
            false => Err(EndpointError::Container { name: name.into() }),
        };
        let (container, segments_container) = (named(container)?, named(segments_container)?);
        Ok(Self { storage_url, container, segments_container })
    }

    /// Whether Swift takes a container of that name.
    pub fn takes_container(name: &str) -> bool {
        !matches!(name, "" | "." | "..") && name.len() <= CONTAINER_BYTES_MAX && !name.contains(['/', '\0'])
    }

    /// The same objects, by the scheme and authority of another URL: as somebody else reaches them.
    pub fn reached_at(&self, url: &str) -> Result<Self, EndpointError> {
        let other = BaseUrl::parse(url).map_err(|fault| EndpointError::Url { url: url.into(), fault })?;
        Ok(Self { storage_url: other.with_path(self.storage_url.path()), ..self.clone() })
    }

    /// The container of everything but segments.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The container of segments.
    pub fn segments_container(&self) -> &str {
        &self.segments_container
    }

    /// The name of the account, as it stands in the storage URL.
    pub(super) fn account(&self) -> &str {
        self.storage_url.path().rsplit('/').next().unwrap_or_default()
    }

    pub(super) fn account_uri(&self) -> Uri {
        self.storage_url.join(if self.storage_url.path().is_empty() { "/" } else { "" })
    }

    /// The container that an object stands in.
    pub(super) fn container_of(&self, key: &Key) -> &str {
        match key {
            Key::Segment { .. } | Key::SegmentList { .. } => &self.segments_container,
            Key::Blob(_) | Key::Link(..) | Key::Manifest(..) | Key::Tag(..) | Key::Referrer { .. } => {
                &self.container
            }
        }
    }

    /// The container that a listing shows.
    pub(super) fn container_listed(&self, listing: &Listing) -> &str {
        match listing {
            Listing::Names { prefix, .. } if prefix.starts_with(SEGMENTS) => &self.segments_container,
            Listing::Names { .. }
            | Listing::Repositories
            | Listing::Manifests(_)
            | Listing::Links(_)
            | Listing::Tags(_)
            | Listing::Referrers(..) => &self.container,
        }
    }

    /// `/<container>/<object>`, not escaped.
    pub(super) fn path_of(&self, key: &Key) -> String {
        format!("/{}/{key}", self.container_of(key))
    }

    pub(super) fn object_uri(&self, key: &Key) -> Uri {
        self.storage_url.join(&escape(&self.path_of(key)))
    }

    /// `query` is empty, or begins with `?` and is escaped.
    pub(super) fn object_uri_with(&self, key: &Key, query: &str) -> Uri {
        self.storage_url.join(&format!("{}{query}", escape(&self.path_of(key))))
    }

    /// `query` is empty, or begins with `?` and is escaped.
    pub(super) fn container_uri(&self, container: &str, query: &str) -> Uri {
        self.storage_url.join(&format!("/{}{query}", escape(container)))
    }

    pub(super) fn storage_url(&self) -> &BaseUrl {
        &self.storage_url
    }
}

impl Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, fault } => write!(f, "the storage URL {url:?} {fault}"),
            Self::Container { name } => write!(
                f,
                "{name:?} cannot be the name of a container; choose one of 1 to 256 bytes without a slash"
            ),
        }
    }
}

impl std::error::Error for EndpointError {}

/// Where the names of segments begin.
const SEGMENTS: &str = "segments/";

/// Swift takes no longer names of containers, in bytes.
const CONTAINER_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Algorithm, Digest, Repository, Tag};
    use crate::upload::{Nonce, UploadId};

    #[test]
    fn segments_stand_apart() {
        let endpoint = Endpoint::new("https://swift:8080/v1/AUTH_a/", "wharf", "wharf segments").unwrap();
        let upload = UploadId::new([0x11; 16]);
        let nonce = Nonce::new([0x22; 8]);
        let uuid = "11111111-1111-1111-1111-111111111111";
        assert_eq!(
            endpoint.object_uri(&Key::Segment { upload, number: 3, nonce }).to_string(),
            format!("https://swift:8080/v1/AUTH_a/wharf%20segments/segments/{uuid}/3-2222222222222222")
        );
        let tag = Key::Tag(Repository::parse("a/b").unwrap(), Tag::parse("v1").unwrap());
        assert_eq!(
            endpoint.object_uri(&tag).to_string(),
            "https://swift:8080/v1/AUTH_a/wharf/tags/a/b%21/v1"
        );
    }

    #[test]
    fn the_longest_of_all_is_a_url() {
        let name = "\u{1}".repeat(CONTAINER_BYTES_MAX);
        let url = format!("https://{}/{}", "h".repeat(200), "p".repeat(1800));
        let endpoint = Endpoint::new(&url, &name, &name).unwrap();
        let digest = Digest::of(Algorithm::Sha512, b"");
        let repository = Repository::parse(&"a".repeat(254)).unwrap();
        let key = Key::Referrer { repository, subject: digest, referrer: digest };
        assert!(endpoint.object_uri(&key).to_string().len() > 3000);
    }

    #[test]
    fn errors_say_what_to_do() {
        let error = Endpoint::new("ftp://swift", "a", "b").unwrap_err();
        assert_eq!(error.to_string(), r#"the storage URL "ftp://swift" must begin with https:// or http://"#);
        for name in ["", ".", "..", "a/b", "a\0b", &"a".repeat(257)] {
            let error = Endpoint::new("http://swift/v1", "a", name).unwrap_err();
            assert_eq!(error, EndpointError::Container { name: name.into() });
            assert!(error.to_string().contains("1 to 256 bytes"), "{error}");
            assert!(Endpoint::new("http://swift/v1", name, "a").is_err());
        }
    }
}
