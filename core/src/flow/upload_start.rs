use http::StatusCode;

use super::mount::Mount;
use super::upload_finish::UploadFinish;
use super::upload_status::progress;
use super::{Flow, refuse};
use crate::exchange::{Cx, Request};
use crate::oci::{Algorithm, Digest, OCI_CHUNK_MIN_LENGTH, Query, Refusal, Repository};
use crate::upload::{Upload, UploadId};

/// `POST` of an upload (distribution-spec, end-4a, 4b, 4c and 11): a new one, a whole blob at once, or a mount.
pub(crate) fn start(repository: Repository, query: &Query, request: &Request, cx: &mut Cx<'_>) -> Flow {
    let algorithm = match query.first("digest-algorithm").map(Algorithm::parse) {
        None => Algorithm::Sha256,
        Some(Some(algorithm)) => algorithm,
        Some(None) => return refuse(&Refusal::AlgorithmUnsupported, cx),
    };
    let mut upload =
        Upload::new(UploadId::new(request.given.entropy), request.given.now, repository, algorithm);
    upload.user = request.pass.user.clone();
    if let Some(Ok(digest)) = query.first("mount").map(Digest::parse) {
        return Mount::start(upload, digest, query.first("from"), &request.pass, cx);
    }
    match query.first("digest").map(Digest::parse) {
        Some(Err(error)) => refuse(&error.into(), cx),
        Some(Ok(digest)) if request.has_body() || digest.is_of_empty() => {
            UploadFinish::receive(upload, digest, request, cx)
        }
        Some(Ok(_)) | None => session(&upload, cx),
    }
}

/// Tells where the upload goes on.
pub(crate) fn session(upload: &Upload, cx: &mut Cx<'_>) -> Flow {
    let mut answer = progress(StatusCode::ACCEPTED, upload, cx);
    if cx.config.limits.chunk_bytes_min > 0 {
        answer = answer.with(OCI_CHUNK_MIN_LENGTH, &cx.config.limits.chunk_bytes_min.to_string());
    }
    cx.reply(answer);
    Flow::Over
}
