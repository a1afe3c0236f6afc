//! The endpoints: each a small state machine that hears [`Event`]s and acts through [`Cx`].

mod admit;
mod authenticate;
mod base;
mod blob_delete;
mod blob_get;
mod blob_parts;
mod blob_redirect;
mod catalog;
mod fill;
mod fit;
mod listing;
mod manifest_delete;
mod manifest_get;
mod manifest_put;
mod merge;
mod mount;
mod nest;
mod publish;
mod references;
mod referrers;
mod tag_delete;
mod tags;
mod token;
mod touch;
mod untag;
mod upload_chunk;
mod upload_finish;
mod upload_start;
mod upload_status;

use crate::access::{Credentials, Origin};
use crate::exchange::{Cx, Event, Given, Request, RequestHead};
use crate::oci::{Reference, Refusal};
use crate::route::{Route, Routed, Verb};
use crate::store::Reply;

/// What is being done for the client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Flow {
    /// The reply has been given.
    Over,
    Admit(Box<admit::Admit>),
    TokenGrant(Box<token::TokenGrant>),
    BlobGet(Box<blob_get::BlobGet>),
    BlobParts(Box<blob_parts::BlobParts>),
    BlobRedirect(Box<blob_redirect::BlobRedirect>),
    BlobDelete(blob_delete::BlobDelete),
    Mount(Box<mount::Mount>),
    UploadChunk(Box<upload_chunk::UploadChunk>),
    UploadFinish(Box<upload_finish::UploadFinish>),
    Publish(Box<publish::Publish>),
    ManifestGet(Box<manifest_get::ManifestGet>),
    ManifestPut(Box<manifest_put::ManifestPut>),
    ManifestDelete(Box<manifest_delete::ManifestDelete>),
    TagDelete(tag_delete::TagDelete),
    Tags(Box<tags::Tags>),
    Catalog(Box<catalog::Catalog>),
    Referrers(Box<referrers::Referrers>),
}

impl Flow {
    /// Starts what a request asks for.
    pub(crate) fn start(head: &RequestHead<'_>, given: Given, cx: &mut Cx<'_>) -> Self {
        match Route::parse(head.method, head.target) {
            Ok(routed) => Self::start_route(routed, head, given, cx),
            Err(refusal) => refuse(&refusal, cx),
        }
    }

    fn start_route(routed: Routed, head: &RequestHead<'_>, given: Given, cx: &mut Cx<'_>) -> Self {
        let access = &cx.config.access;
        let is_token = routed.route == Route::Token;
        if access.is_open() && !is_token {
            return Self::enter(routed, Request::new(head, given, Origin::default()), cx);
        }
        let mut request = Request::new(head, given, access.front.origin(&head.peer, head.headers));
        request.certified = access.user_of(head.peer.certificate).map(Into::into);
        let credentials = Credentials::read(head.headers);
        if is_token {
            return token::TokenGrant::start(routed.method, &routed.query, request, credentials, cx);
        }
        admit::Admit::start(routed, request, credentials, cx)
    }

    /// Goes to an endpoint, past the gate.
    fn enter(routed: Routed, request: Request, cx: &mut Cx<'_>) -> Self {
        let Routed { route, method: verb, query } = routed;
        match (route, verb) {
            // Asked for before the gate.
            (Route::Token, _) => refuse(&Refusal::Internal, cx),
            (Route::Base, _) => base::start(cx),
            (Route::Catalog { page }, _) => catalog::Catalog::start(page, request.pass, cx),
            (Route::Tags { repository, page }, _) => tags::Tags::start(repository, page, cx),
            (Route::Referrers { repository, subject }, _) => {
                referrers::Referrers::start(repository, subject, &query, cx)
            }
            (Route::Blob { repository, digest }, Verb::Delete) => {
                blob_delete::BlobDelete::start(repository, digest, cx)
            }
            (Route::Blob { repository, digest }, _) => {
                blob_get::BlobGet::start(repository, digest, request, cx)
            }
            (Route::Uploads { repository }, _) => upload_start::start(repository, &query, &request, cx),
            (Route::Upload { repository, id }, verb) => {
                let upload = match upload_status::open(&repository, &id, &query, &request, cx) {
                    Ok(upload) => upload,
                    Err(refusal) => return refuse(&refusal, cx),
                };
                match verb {
                    Verb::Patch => upload_chunk::UploadChunk::start(upload, &request, cx),
                    Verb::Put => upload_finish::UploadFinish::start(upload, &query, &request, cx),
                    Verb::Delete => upload_status::cancel(cx),
                    Verb::Get | Verb::Head | Verb::Post => upload_status::status(&upload, cx),
                }
            }
            (Route::Manifest { repository, reference }, Verb::Put) => {
                manifest_put::ManifestPut::start(repository, reference, &query, request, cx)
            }
            (Route::Manifest { repository, reference: Reference::Tag(tag) }, Verb::Delete) => {
                tag_delete::TagDelete::start(repository, tag, cx)
            }
            (Route::Manifest { repository, reference: Reference::Digest(digest) }, Verb::Delete) => {
                manifest_delete::ManifestDelete::start(repository, digest, cx)
            }
            (Route::Manifest { repository, reference }, _) => {
                manifest_get::ManifestGet::start(repository, reference, request, cx)
            }
        }
    }

    /// Takes what happened.
    pub(crate) fn step(self, event: Event, cx: &mut Cx<'_>) -> Self {
        match self {
            Self::Over => Self::Over,
            Self::Admit(flow) => flow.step(event, cx),
            Self::TokenGrant(flow) => flow.step(event, cx),
            Self::BlobGet(flow) => flow.step(event, cx),
            Self::BlobParts(flow) => flow.step(event, cx),
            Self::BlobRedirect(flow) => flow.step(event, cx),
            Self::BlobDelete(flow) => flow.step(event, cx),
            Self::Mount(flow) => flow.step(event, cx),
            Self::UploadChunk(flow) => flow.step(event, cx),
            Self::UploadFinish(flow) => flow.step(event, cx),
            Self::Publish(flow) => flow.step(event, cx),
            Self::ManifestGet(flow) => flow.step(event, cx),
            Self::ManifestPut(flow) => flow.step(event, cx),
            Self::ManifestDelete(flow) => flow.step(event, cx),
            Self::TagDelete(flow) => flow.step(event, cx),
            Self::Tags(flow) => flow.step(event, cx),
            Self::Catalog(flow) => flow.step(event, cx),
            Self::Referrers(flow) => flow.step(event, cx),
        }
    }
}

/// Ends an exchange with a refusal.
fn refuse(refusal: &Refusal, cx: &mut Cx<'_>) -> Flow {
    cx.refuse(refusal);
    Flow::Over
}

/// Ends an exchange because of what a store answered where only a good answer helps.
fn refuse_reply(reply: &Reply, cx: &mut Cx<'_>) -> Flow {
    refuse(&store_refusal(reply), cx)
}

/// What a client is told of a store's answer that does not help.
fn store_refusal(reply: &Reply) -> Refusal {
    let retry_after = match reply {
        Reply::Full => return Refusal::StoreFull,
        Reply::Refused => return Refusal::StoreReadOnly,
        Reply::Unavailable { retry_after } => retry_after.unwrap_or(RETRY_AFTER),
        Reply::Found(_)
        | Reply::Missing
        | Reply::Written { .. }
        | Reply::Exists
        | Reply::Done
        | Reply::Page(_)
        | Reply::Damaged
        | Reply::Mismatch => RETRY_AFTER,
    };
    Refusal::StoreUnavailable { retry_after: std::time::Duration::from_secs(u64::from(retry_after)) }
}

/// When a client is asked to come back, in seconds.
const RETRY_AFTER: u32 = 5;
