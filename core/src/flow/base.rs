use bytes::Bytes;
use http::StatusCode;

use super::Flow;
use crate::exchange::{Answer, Cx};

/// `GET /v2/` (distribution-spec, end-1): this is a registry.
pub(crate) fn start(cx: &mut Cx<'_>) -> Flow {
    cx.reply(Answer::json(StatusCode::OK, Bytes::from_static(b"{}")));
    Flow::Over
}
