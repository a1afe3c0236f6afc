use bytes::Bytes;
use http::Method;
use wharfinger_core::oci::Repository;

use super::super::Request;
use super::document::digest;
use super::{Plan, Registry};

/// One request of a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// A POST with all of the blob.
    Push,
    /// A PATCH with all of the blob.
    Patch,
    /// The PUT after a PATCH.
    Finish,
    /// One PUT with all of the blob, of a length that is stated or not.
    Put {
        /// Whether it is.
        stated: bool,
    },
    /// A POST that mounts the blob.
    Mount {
        /// From where; `None`: from wherever it may be.
        from: Option<Repository>,
    },
    /// A HEAD of the blob.
    Head,
    /// A GET of the blob.
    Get,
    /// A DELETE of the blob.
    DeleteBlob,
    /// A PUT of a manifest.
    PutManifest {
        /// Which of the model's documents.
        document: usize,
        /// Under the tag, or by its digest.
        tagged: bool,
    },
    /// A GET of a manifest by its digest.
    GetManifest(usize),
    /// A GET of a manifest by the tag.
    GetTag,
    /// A DELETE of a manifest by its digest.
    DeleteManifest(usize),
    /// A DELETE of the tag.
    DeleteTag,
}

impl Deed {
    /// Whether it goes on with an upload.
    pub(super) fn is_of_upload(&self) -> bool {
        matches!(self, Self::Patch | Self::Finish | Self::Put { .. })
    }

    /// Whether it ends in a blob of the repository.
    pub(super) fn makes_blob(&self) -> bool {
        matches!(self, Self::Push | Self::Finish | Self::Put { .. } | Self::Mount { .. })
    }

    /// Whether it takes something away.
    pub(super) fn deletes(&self) -> bool {
        matches!(self, Self::DeleteBlob | Self::DeleteManifest(_) | Self::DeleteTag)
    }

    /// Whether what it ends in may be undone by another deed in the same repository, if both are under way at once. A push
    /// and a delete of one manifest are held to more: what the push was told after the delete has ended is true.
    pub(super) fn is_undone_by(&self, other: &Self) -> bool {
        match other {
            Self::DeleteBlob => self.makes_blob() || *self == Self::Head,
            Self::DeleteTag => matches!(self, Self::PutManifest { tagged: true, .. }),
            Self::DeleteManifest(deleted) => {
                matches!(self, Self::PutManifest { document, tagged: true } if document != deleted)
            }
            Self::Push
            | Self::Patch
            | Self::Finish
            | Self::Put { .. }
            | Self::Mount { .. }
            | Self::Head
            | Self::Get
            | Self::PutManifest { .. }
            | Self::GetManifest(_)
            | Self::GetTag => false,
        }
    }

    pub(super) fn request(&self, model: &Registry, plan: &Plan, location: &str) -> Request {
        let repository = &plan.repository;
        let (blob, body) = (digest(model.blob), Bytes::from_static(model.blob));
        let uploads = format!("/v2/{repository}/blobs/uploads/");
        let finish = format!("{location}&digest={blob}");
        let content = format!("/v2/{repository}/blobs/{blob}");
        let manifest = |at: &usize| format!("/v2/{repository}/manifests/{}", model.documents[*at].digest);
        let tag = format!("/v2/{repository}/manifests/{}", Registry::TAG);
        match self {
            Self::Push => Request { body, ..Request::new(Method::POST, format!("{uploads}?digest={blob}")) },
            Self::Patch => Request { body, ..Request::new(Method::PATCH, location.to_owned()) },
            Self::Finish => Request::new(Method::PUT, finish),
            Self::Put { stated } => {
                Request { body, length_stated: *stated, ..Request::new(Method::PUT, finish) }
            }
            Self::Mount { from } => {
                let from = from.iter().map(|from| format!("&from={from}")).collect::<String>();
                Request::new(Method::POST, format!("{uploads}?mount={blob}{from}"))
            }
            Self::Head => Request::new(Method::HEAD, content),
            Self::Get => Request::new(Method::GET, content),
            Self::DeleteBlob => Request::new(Method::DELETE, content),
            Self::PutManifest { document, tagged } => {
                let target = if *tagged { tag } else { manifest(document) };
                let body = model.documents[*document].bytes.clone();
                Request { body, ..Request::new(Method::PUT, target) }
            }
            Self::GetManifest(document) => Request::new(Method::GET, manifest(document)),
            Self::GetTag => Request::new(Method::GET, tag),
            Self::DeleteManifest(document) => Request::new(Method::DELETE, manifest(document)),
            Self::DeleteTag => Request::new(Method::DELETE, tag),
        }
    }
}
