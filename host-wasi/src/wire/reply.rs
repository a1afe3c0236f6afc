use std::mem;

use http::{HeaderName, HeaderValue, StatusCode, header};
use wasip2::http::types::{ErrorCode, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wharfinger_core::oci::DOCKER_DISTRIBUTION_API_VERSION;

use super::Writer;
use super::head::write_fields;

/// The reply to a client, before, in and after its body. Dropped within its body it is cut: the client sees that.
#[derive(Debug)]
pub enum Reply {
    /// Nothing was told.
    Owed(ResponseOutparam),
    /// The head left, the body is on its way.
    Open(Writer),
    /// It is over, whole or not.
    Over,
}

impl Reply {
    /// Tells the head. `length` is that of the body, which follows only `with_body`.
    pub fn respond(
        &mut self,
        status: StatusCode,
        fields: &[(HeaderName, HeaderValue)],
        length: Option<u64>,
        with_body: bool,
    ) {
        let Self::Owed(owed) = mem::replace(self, Self::Over) else { return };
        let told = length.map(HeaderValue::from);
        let length_field = told.as_ref().map(|value| (&header::CONTENT_LENGTH, value));
        let fields = fields.iter().map(|(name, value)| (name, value)).chain(length_field);
        let response = OutgoingResponse::new(write_fields(fields));
        let taken = response.set_status_code(status.as_u16());
        let body = response.body();
        let (Ok(()), Ok(body)) = (taken, body) else {
            return ResponseOutparam::set(owed, Err(ErrorCode::InternalError(None)));
        };
        ResponseOutparam::set(owed, Ok(response));
        if with_body {
            *self = Writer::new(body).map_or(Self::Over, Self::Open);
        } else {
            // The length that a HEAD tells is not that of what follows; the world says so, and sends the head as it is.
            let _ = OutgoingBody::finish(body, None);
        }
    }

    /// The body, while it is on its way.
    pub fn writer(&self) -> Option<&Writer> {
        match self {
            Self::Open(writer) => Some(writer),
            Self::Owed(_) | Self::Over => None,
        }
    }

    /// Ends the body as whole. `false` if it is not, or nobody takes it.
    pub fn finish(&mut self) -> bool {
        match mem::replace(self, Self::Over) {
            Self::Open(writer) => writer.finish().is_ok(),
            Self::Owed(_) | Self::Over => false,
        }
    }
}

/// Answers with an error of the registry, whose body is in the form that clients read.
pub fn refuse(owed: ResponseOutparam, status: StatusCode, body: &[u8]) {
    let fields = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (DOCKER_DISTRIBUTION_API_VERSION, HeaderValue::from_static("registry/2.0")),
    ];
    let mut reply = Reply::Owed(owed);
    reply.respond(status, &fields, Some(body.len() as u64), true);
    if let Some(writer) = reply.writer()
        && writer.room().is_ok_and(|room| room >= body.len() as u64)
    {
        let _ = writer.write(body);
    }
    reply.finish();
}
