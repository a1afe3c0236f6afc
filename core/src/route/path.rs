//! The path of a request, cut into segments and matched from its end, as repository names hold slashes.

use crate::oci::query::{is_unreserved, unescape};

/// The segments of a path. Only the last one may be empty: the path then ends in a slash.
pub(super) struct Path(Vec<String>);

/// An endpoint whose names are not parsed yet.
pub(super) enum Shape<'a> {
    Base,
    Token,
    Catalog,
    Tags { name: String },
    Blob { name: String, digest: &'a str },
    Manifest { name: String, reference: &'a str },
    Uploads { name: String },
    Upload { name: String, id: &'a str },
    Referrers { name: String, digest: &'a str },
}

impl Path {
    /// Cuts a path, or the path of an absolute URL (RFC 9112, section 3.2.2). Empty segments and those of one or two dots
    /// are never resolved: no client needs them, and servers that do have let requests into places they did not name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let path = match text.split_once("://") {
            Some((scheme, rest))
                if ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) =>
            {
                rest.find('/').map(|at| &rest[at..])?
            }
            Some(_) | None => text,
        };
        let segments: Vec<String> = path.strip_prefix('/')?.split('/').map(decode).collect();
        let (_, inner) = segments.split_last()?;
        let is_dots = |segment: &String| segment == "." || segment == "..";
        (!inner.iter().any(String::is_empty) && !segments.iter().any(is_dots)).then_some(Self(segments))
    }

    pub(super) fn shape(&self) -> Option<Shape<'_>> {
        let segments: Vec<&str> = self.0.iter().map(String::as_str).collect();
        if let ["auth", "token"] = segments.as_slice() {
            return Some(Shape::Token);
        }
        let ["v2", path @ ..] = segments.as_slice() else { return None };
        let joined = |name: &[&str]| (!name.is_empty()).then(|| name.join("/"));
        Some(match path {
            [] | [""] => Shape::Base,
            ["_catalog"] => Shape::Catalog,
            [name @ .., "tags", "list"] => Shape::Tags { name: joined(name)? },
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                Shape::Uploads { name: joined(name)? }
            }
            [.., ""] => return None,
            [name @ .., "blobs", "uploads", id] => Shape::Upload { name: joined(name)?, id },
            [name @ .., "blobs", digest] => Shape::Blob { name: joined(name)?, digest },
            [name @ .., "manifests", reference] => Shape::Manifest { name: joined(name)?, reference },
            [name @ .., "referrers", digest] => Shape::Referrers { name: joined(name)?, digest },
            [..] => return None,
        })
    }
}

/// Decodes what means the same escaped or not and clients escape at times. All else stays escaped, and as no name may hold
/// a percent sign, is refused later: an escaped slash above all.
fn decode(segment: &str) -> String {
    let mut decoded = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some(at) = rest.find('%') {
        let (plain, escape) = rest.split_at(at);
        decoded.push_str(plain);
        rest = match unescape(escape.as_bytes()) {
            Some((byte, _)) if is_unreserved(byte) || matches!(byte, b':' | b'@' | b'+') => {
                decoded.push(char::from(byte));
                &escape["%xx".len()..]
            }
            Some(_) | None => {
                decoded.push('%');
                &escape["%".len()..]
            }
        };
    }
    decoded.push_str(rest);
    decoded
}
