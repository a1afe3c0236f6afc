use http::header::Entry;
use http::{HeaderMap, HeaderValue, Method, header};
use wasip2::http::types::{IncomingRequest, Method as WorldMethod, Scheme};
use wharfinger_core::exchange::BodyLength;

use super::{Reader, read_fields};

/// A client's request.
#[derive(Debug)]
pub struct Incoming {
    /// Its method.
    pub method: Method,
    /// Path and query as they came.
    pub target: String,
    /// Its fields.
    pub headers: HeaderMap,
    /// How long its body is.
    pub length: BodyLength,
    /// Its body; `None` if there is none.
    pub body: Option<Reader>,
    /// Whether it came by https, as far as the runtime tells.
    pub secure: bool,
}

/// Reads the head of a request. `None` if its method is none.
pub fn read_request(request: &IncomingRequest) -> Option<Incoming> {
    let method = match request.method() {
        WorldMethod::Get => Method::GET,
        WorldMethod::Head => Method::HEAD,
        WorldMethod::Post => Method::POST,
        WorldMethod::Put => Method::PUT,
        WorldMethod::Delete => Method::DELETE,
        WorldMethod::Connect => Method::CONNECT,
        WorldMethod::Options => Method::OPTIONS,
        WorldMethod::Trace => Method::TRACE,
        WorldMethod::Patch => Method::PATCH,
        WorldMethod::Other(name) => Method::from_bytes(name.as_bytes()).ok()?,
    };
    let target = request.path_with_query().unwrap_or_else(|| "/".to_owned());
    let mut headers = read_fields(&request.headers());
    // Most runtimes keep Host to themselves, and tell the authority.
    if let Entry::Vacant(entry) = headers.entry(header::HOST)
        && let Some(host) = request.authority().and_then(|host| HeaderValue::try_from(host).ok())
    {
        entry.insert(host);
    }
    let secure = matches!(request.scheme(), Some(Scheme::Https));
    let length = length(&headers, &method);
    let body = match length {
        BodyLength::Exactly(0) => None,
        BodyLength::Exactly(_) | BodyLength::Unknown => request.consume().ok().and_then(Reader::of_body),
    };
    Some(Incoming { method, target, headers, length, body, secure })
}

/// The world checks what it reads of a body against Content-Length, and hides Transfer-Encoding: without a length, only
/// methods that carry bodies are believed to have one.
fn length(headers: &HeaderMap, method: &Method) -> BodyLength {
    let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match told.and_then(|text| text.parse().ok()) {
        Some(length) => BodyLength::Exactly(length),
        None if matches!(*method, Method::POST | Method::PUT | Method::PATCH) => BodyLength::Unknown,
        None => BodyLength::Exactly(0),
    }
}
