use http::{StatusCode, header};

use super::{Flow, admit};
use crate::exchange::{Answer, Cx, Request};
use crate::oci::{AuthFault, DOCKER_UPLOAD_UUID, Query, Refusal, Repository};
use crate::upload::{TokenFault, Upload};

/// `GET` of an upload (distribution-spec, end-13): how far it is.
pub(crate) fn status(upload: &Upload, cx: &mut Cx<'_>) -> Flow {
    cx.reply(progress(StatusCode::NO_CONTENT, upload, cx));
    Flow::Over
}

/// `DELETE` of an upload (distribution-spec, end-14). Nothing is removed: another token of this upload may have
/// published its segments. Prune collects what was not.
pub(crate) fn cancel(cx: &mut Cx<'_>) -> Flow {
    cx.reply(Answer::new(StatusCode::NO_CONTENT));
    Flow::Over
}

/// Opens the token in an upload's URL.
pub(crate) fn open(
    repository: &Repository,
    id: &str,
    query: &Query,
    request: &Request,
    cx: &Cx<'_>,
) -> Result<Upload, Refusal> {
    let token = query.first(TOKEN).ok_or(Refusal::BlobUploadUnknown)?;
    let age_max = cx.config.limits.upload_age_seconds_max;
    let (user, secret) = (request.pass.user.as_deref(), &cx.config.secret);
    let upload =
        Upload::open(token, id, repository, user, secret, request.given.now, age_max).map_err(|fault| {
            match fault {
                TokenFault::Foreign | TokenFault::Old => Refusal::BlobUploadUnknown,
            }
        })?;
    // A push must not die of its length: a token that was good when the upload began is good to its end.
    let pass = &request.pass;
    if pass.expired && pass.ends.is_some_and(|ends| ends <= upload.started) {
        return Err(admit::unauthorized(request, Some(AuthFault::TokenExpired), &[], &cx.config.access));
    }
    Ok(upload)
}

/// A reply that tells how far an upload is and where it goes on. An empty upload has the range `0-0`, as others say it.
pub(crate) fn progress(status: StatusCode, upload: &Upload, cx: &Cx<'_>) -> Answer {
    let last = upload.offset().saturating_sub(1);
    with_location(Answer::new(status), upload, cx).with(header::RANGE, &format!("0-{last}"))
}

/// Adds where an upload goes on.
pub(crate) fn with_location(answer: Answer, upload: &Upload, cx: &Cx<'_>) -> Answer {
    let location = format!("{}?{TOKEN}={}", upload.path(), upload.seal(&cx.config.secret));
    answer.with(header::LOCATION, &location).with(DOCKER_UPLOAD_UUID, &upload.id.to_string())
}

/// The key in an upload's query that holds its token.
const TOKEN: &str = "state";
