use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, FutureIncomingResponse, Method as WorldMethod, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme,
};
use wasip2::io::poll::Pollable;
use wharfinger_core::store::Fault;

use super::head::write_fields;
use super::{Reader, Writer, read_fields};

/// A request whose answer is waited for. Dropped, it is given up.
#[derive(Debug)]
pub struct Waiting(FutureIncomingResponse);

/// An answer.
#[derive(Debug)]
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Option<Reader>,
}

/// Time limits that the world keeps.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the answer comes, the sending of the body included.
    pub answer: Duration,
}

/// Sends the head of a request. `length` is that of its body; `None` sends it in chunks. The body is written to what comes
/// back with it, and ended there.
///
/// # Errors
/// The request cannot be sent at all.
pub fn send(request: &Request<()>, length: Option<u64>, times: Times) -> Result<(Waiting, Writer), Fault> {
    let told = length.filter(|length| *length > 0 || carries_body(request.method())).map(HeaderValue::from);
    let length_field = told.as_ref().map(|value| (&header::CONTENT_LENGTH, value));
    let outgoing = OutgoingRequest::new(write_fields(request.headers().iter().chain(length_field)));
    let uri = request.uri();
    let scheme = match uri.scheme_str() {
        Some("https") => Scheme::Https,
        Some(_) | None => Scheme::Http,
    };
    let path = uri.path_and_query().map(http::uri::PathAndQuery::as_str);
    let set = outgoing
        .set_method(&method(request.method()))
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(uri.authority().map(http::uri::Authority::as_str)))
        .and_then(|()| outgoing.set_path_with_query(path));
    let body: Result<OutgoingBody, ()> = set.and_then(|()| outgoing.body());
    let writer = body.ok().and_then(Writer::new).ok_or(Fault::Unreachable)?;
    let options = RequestOptions::new();
    // A runtime that cannot keep a limit says so here; core has limits of its own.
    let _ = options.set_connect_timeout(Some(nanoseconds(times.connect)));
    let _ = options.set_first_byte_timeout(Some(nanoseconds(times.answer)));
    let _ = options.set_between_bytes_timeout(Some(nanoseconds(times.answer)));
    let future = outgoing_handler::handle(outgoing, Some(options)).map_err(|error| fault(&error))?;
    Ok((Waiting(future), writer))
}

impl Waiting {
    /// The answer, if it has come.
    pub fn get(&self) -> Option<Result<Answered, Fault>> {
        let answer = match self.0.get()? {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Some(Err(fault(&error))),
            // It was taken before.
            Err(()) => return Some(Err(Fault::Broken)),
        };
        let status = StatusCode::from_u16(answer.status()).map_err(|_| Fault::Broken);
        let headers = read_fields(&answer.headers());
        let body = answer.consume().ok().and_then(Reader::of_body);
        Some(status.map(|status| Answered { status, headers, body }))
    }

    /// Ready when the answer has come.
    pub fn ready(&self) -> Pollable {
        self.0.subscribe()
    }
}

/// A request of such a method says how long its body is even where it has none: some runtimes would send an endless one.
fn carries_body(known: &Method) -> bool {
    !matches!(*known, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

fn method(known: &Method) -> WorldMethod {
    match *known {
        Method::GET => WorldMethod::Get,
        Method::HEAD => WorldMethod::Head,
        Method::POST => WorldMethod::Post,
        Method::PUT => WorldMethod::Put,
        Method::DELETE => WorldMethod::Delete,
        ref other => WorldMethod::Other(other.as_str().to_owned()),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other codes of the world mean one thing here")]
fn fault(error: &ErrorCode) -> Fault {
    match error {
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_)
        | ErrorCode::HttpRequestDenied => Fault::Unreachable,
        ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => Fault::Late,
        _ => Fault::Broken,
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
