//! Media types.

use std::borrow::Cow;
use std::fmt;

/// The longest media type, in bytes: 127 on either side of the slash (RFC 6838, section 4.2).
pub const MEDIA_TYPE_BYTES_MAX: usize = 255;

/// A media type without parameters, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaType(Cow<'static, str>);

/// A text is not a media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MediaTypeError;

impl MediaType {
    /// An image manifest of the OCI.
    pub const OCI_MANIFEST: Self = Self(Cow::Borrowed("application/vnd.oci.image.manifest.v1+json"));
    /// An image index of the OCI.
    pub const OCI_INDEX: Self = Self(Cow::Borrowed("application/vnd.oci.image.index.v1+json"));
    /// The artifact manifest that the image specification had before 1.1 was final.
    pub const OCI_ARTIFACT: Self = Self(Cow::Borrowed("application/vnd.oci.artifact.manifest.v1+json"));
    /// Docker's image manifest, version 2, schema 2.
    pub const DOCKER_MANIFEST: Self =
        Self(Cow::Borrowed("application/vnd.docker.distribution.manifest.v2+json"));
    /// Docker's manifest list.
    pub const DOCKER_LIST: Self =
        Self(Cow::Borrowed("application/vnd.docker.distribution.manifest.list.v2+json"));

    /// Reads a Content-Type, or the `mediaType` of a descriptor: parameters are dropped, upper case becomes lower.
    ///
    /// # Errors
    /// What breaks the grammar of RFC 6838, section 4.2, is refused.
    pub fn parse(text: &str) -> Result<Self, MediaTypeError> {
        let essence = text.split(';').next().unwrap_or_default().trim_matches([' ', '\t']);
        let (kind, name) = essence.split_once('/').ok_or(MediaTypeError)?;
        if !is_restricted_name(kind) || !is_restricted_name(name) {
            return Err(MediaTypeError);
        }
        Ok(Self(Cow::Owned(essence.to_ascii_lowercase())))
    }

    /// The type as it goes into a Content-Type.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names a list of manifests: an OCI index or a Docker list.
    pub fn is_index(&self) -> bool {
        *self == Self::OCI_INDEX || *self == Self::DOCKER_LIST
    }

    /// Whether it names a manifest of one image or artifact that is known here.
    pub fn is_image(&self) -> bool {
        *self == Self::OCI_MANIFEST || *self == Self::DOCKER_MANIFEST || *self == Self::OCI_ARTIFACT
    }

    /// Whether it names Docker's schema 1, which cannot be kept: its digest is not that of its bytes.
    pub fn is_schema1(&self) -> bool {
        self.0.starts_with("application/vnd.docker.distribution.manifest.v1+")
    }

    /// Whether it names a layer that registries need not hold: its bytes come from elsewhere (image-spec, layer.md,
    /// "Non-Distributable Layers", and Docker's foreign layers).
    pub fn is_nondistributable(&self) -> bool {
        self.0.starts_with("application/vnd.oci.image.layer.nondistributable.")
            || self.0.starts_with("application/vnd.docker.image.rootfs.foreign.")
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for MediaType {
    type Err = MediaTypeError;

    fn from_str(text: &str) -> Result<Self, MediaTypeError> {
        Self::parse(text)
    }
}

impl fmt::Display for MediaTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a media type is <type>/<subtype>, each of at most 127 letters, digits and !#$&-^_.+; correct it",
        )
    }
}

impl std::error::Error for MediaTypeError {}

fn is_restricted_name(name: &str) -> bool {
    let is_char = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
    name.len() <= MEDIA_TYPE_BYTES_MAX / 2
        && name.bytes().all(is_char)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_are_dropped() {
        let longest = format!("{}/{}", "a".repeat(127), "b".repeat(127));
        for (text, expected) in [
            ("application/json", "application/json"),
            ("application/json; charset=utf-8", "application/json"),
            ("application/json;", "application/json"),
            (" Application/JSON\t;x", "application/json"),
            ("application/vnd.a!b#c$d&e-f^g_h.i+j", "application/vnd.a!b#c$d&e-f^g_h.i+j"),
            ("1/2", "1/2"),
            (&longest, &longest),
        ] {
            assert_eq!(MediaType::parse(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("a/{}", "b".repeat(128));
        for text in [
            "",
            "/",
            "a",
            "a/",
            "/a",
            "a/b/c",
            "*/*",
            "a/*",
            "a /b",
            "a/ b",
            "a/b c",
            "+a/b",
            "a/.b",
            "a/b, c/d",
            "a/é",
            "a/b\0",
            "a/b\r\nx: y",
            "\"a/b\"",
            ";a/b",
            "a/b%20",
            &long,
        ] {
            assert_eq!(MediaType::parse(text), Err(MediaTypeError), "{text:?}");
        }
    }

    #[test]
    fn known_types_are_parsed_to_their_constants() {
        let consts = [
            MediaType::OCI_MANIFEST,
            MediaType::OCI_ARTIFACT,
            MediaType::DOCKER_MANIFEST,
            MediaType::OCI_INDEX,
            MediaType::DOCKER_LIST,
        ];
        for (at, constant) in consts.into_iter().enumerate() {
            assert_eq!(MediaType::parse(constant.as_str()), Ok(constant.clone()));
            assert_eq!((constant.is_image(), constant.is_index()), (at < 3, at >= 3), "{constant}");
            assert!(!constant.is_schema1() && !constant.is_nondistributable());
        }
    }

    #[test]
    fn special_types_are_told_apart() {
        for (text, schema1, exempt) in [
            ("application/vnd.docker.distribution.manifest.v1+json", true, false),
            ("application/vnd.docker.distribution.manifest.v1+prettyjws", true, false),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar", false, true),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", false, true),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", false, true),
            ("application/vnd.oci.image.layer.v1.tar+gzip", false, false),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", false, false),
        ] {
            let parsed = MediaType::parse(text).unwrap();
            assert_eq!((parsed.is_schema1(), parsed.is_nondistributable()), (schema1, exempt), "{text}");
            assert!(!parsed.is_image() && !parsed.is_index());
        }
    }
}
