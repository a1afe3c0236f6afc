//! What a request is about: its method, path and query, parsed once.

mod page;
mod path;

use http::Method;

use crate::oci::{Digest, Query, Reference, ReferenceError, Refusal, Repository, Tag};
use path::{Path, Shape};

pub use page::Page;

/// The longest last segment of an upload's URL, in bytes.
pub const UPLOAD_ID_BYTES_MAX: usize = 255;

/// An endpoint of the distribution specification with what its path names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `/v2/`
    Base,
    /// `/auth/token`: not of the distribution specification, but where challenges lead to.
    Token,
    /// `/v2/_catalog`
    Catalog {
        /// Which part of the list.
        page: Page<Repository>,
    },
    /// `/v2/<name>/tags/list`
    Tags {
        /// Whose tags.
        repository: Repository,
        /// Which part of the list.
        page: Page<Tag>,
    },
    /// `/v2/<name>/blobs/<digest>`
    Blob {
        /// Where the blob is linked.
        repository: Repository,
        /// Its content.
        digest: Digest,
    },
    /// `/v2/<name>/manifests/<reference>`
    Manifest {
        /// Where the manifest is.
        repository: Repository,
        /// Its tag or digest.
        reference: Reference,
    },
    /// `/v2/<name>/blobs/uploads/`
    Uploads {
        /// Where the blob will be linked.
        repository: Repository,
    },
    /// `/v2/<name>/blobs/uploads/<id>`
    Upload {
        /// Where the blob will be linked.
        repository: Repository,
        /// The upload: at most [`UPLOAD_ID_BYTES_MAX`] unreserved characters (RFC 3986, section 2.3), at least one.
        id: String,
    },
    /// `/v2/<name>/referrers/<digest>`
    Referrers {
        /// Where the referrers are.
        repository: Repository,
        /// What they refer to.
        subject: Digest,
    },
}

/// The methods that some endpoint knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

/// A request with an endpoint that knows its method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Routed {
    /// The endpoint.
    pub route: Route,
    /// The method, one of those that the endpoint knows.
    pub method: Verb,
    /// The whole query, paging included.
    pub query: Query,
}

impl Route {
    /// Reads method and request target. The target is taken as it stood on the wire: resolving dots or decoding slashes
    /// before would let two different repositories look like one.
    ///
    /// # Errors
    /// The path is looked at first, then the method, then what the path names.
    pub fn parse(method: &Method, target: &str) -> Result<Routed, Refusal> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = Path::parse(path).ok_or(Refusal::RouteUnknown)?;
        let shape = path.shape().ok_or(Refusal::RouteUnknown)?;
        let method = Verb::of(method)
            .filter(|verb| verbs(&shape).contains(verb))
            .ok_or(Refusal::MethodNotAllowed { allow: allow(&shape) })?;
        let query = Query::parse(query);
        let route = match shape {
            Shape::Base => Self::Base,
            Shape::Token => Self::Token,
            Shape::Catalog => {
                Self::Catalog { page: Page::parse(&query, |last| Repository::parse(last).ok())? }
            }
            Shape::Tags { name } => {
                let repository = Repository::parse(&name)?;
                Self::Tags { repository, page: Page::parse(&query, |last| Tag::parse(last).ok())? }
            }
            Shape::Blob { name, digest } => {
                Self::Blob { repository: Repository::parse(&name)?, digest: Digest::parse(digest)? }
            }
            Shape::Manifest { name, reference } => Self::Manifest {
                repository: Repository::parse(&name)?,
                reference: Reference::parse(reference).map_err(|error| no_reference(error, method))?,
            },
            Shape::Uploads { name } => Self::Uploads { repository: Repository::parse(&name)? },
            Shape::Upload { name, id } => {
                let repository = Repository::parse(&name)?;
                if id.len() > UPLOAD_ID_BYTES_MAX || !id.bytes().all(crate::oci::query::is_unreserved) {
                    return Err(Refusal::BlobUploadUnknown);
                }
                Self::Upload { repository, id: id.to_owned() }
            }
            Shape::Referrers { name, digest } => {
                Self::Referrers { repository: Repository::parse(&name)?, subject: Digest::parse(digest)? }
            }
        };
        Ok(Routed { route, method, query })
    }

    /// The repository that the request is about; the base and the catalog are about none.
    pub const fn repository(&self) -> Option<&Repository> {
        match self {
            Self::Base | Self::Token | Self::Catalog { .. } => None,
            Self::Tags { repository, .. }
            | Self::Blob { repository, .. }
            | Self::Manifest { repository, .. }
            | Self::Uploads { repository }
            | Self::Upload { repository, .. }
            | Self::Referrers { repository, .. } => Some(repository),
        }
    }
}

impl Verb {
    /// The method as it stands in a request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn of(method: &Method) -> Option<Self> {
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete]
            .into_iter()
            .find(|verb| verb.name() == method.as_str())
    }
}

const fn verbs(shape: &Shape<'_>) -> &'static [Verb] {
    match shape {
        Shape::Base | Shape::Catalog | Shape::Tags { .. } | Shape::Referrers { .. } => {
            &[Verb::Get, Verb::Head]
        }
        Shape::Token => &[Verb::Get, Verb::Post],
        Shape::Blob { .. } => &[Verb::Get, Verb::Head, Verb::Delete],
        Shape::Manifest { .. } => &[Verb::Get, Verb::Head, Verb::Put, Verb::Delete],
        Shape::Uploads { .. } => &[Verb::Post],
        Shape::Upload { .. } => &[Verb::Get, Verb::Patch, Verb::Put, Verb::Delete],
    }
}

const fn allow(shape: &Shape<'_>) -> &'static str {
    match shape {
        Shape::Base | Shape::Catalog | Shape::Tags { .. } | Shape::Referrers { .. } => "GET, HEAD",
        Shape::Token => "GET, POST",
        Shape::Blob { .. } => "GET, HEAD, DELETE",
        Shape::Manifest { .. } => "GET, HEAD, PUT, DELETE",
        Shape::Uploads { .. } => "POST",
        Shape::Upload { .. } => "GET, PATCH, PUT, DELETE",
    }
}

/// What cannot be a tag cannot be there: who asks for it is told so, who would make it is told why not.
fn no_reference(error: ReferenceError, method: Verb) -> Refusal {
    match (method, error) {
        (_, ReferenceError::Digest(error)) => error.into(),
        (Verb::Get | Verb::Head, ReferenceError::Tag(_)) => Refusal::ManifestUnknown,
        (Verb::Post | Verb::Put | Verb::Patch | Verb::Delete, ReferenceError::Tag(error)) => error.into(),
    }
}

#[cfg(test)]
mod tests;
