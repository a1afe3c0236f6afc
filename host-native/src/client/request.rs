use std::str::FromStr as _;

use bytes::Bytes;
use http::{HeaderName, header};
use surf::http::Request;

use super::outgoing::Payload;
use super::{Body, ClientError};

/// A body at hand, beside the request: surf's own can be read only once.
struct AtHand(Bytes);

/// The request in the types of surf.
pub(super) fn translate(request: &http::Request<()>, body: Body) -> Result<Request, ClientError> {
    let url = translate_url(request.uri())?;
    let method = surf::http::Method::from_str(request.method().as_str())
        .ok()
        .filter(|known| known.as_ref() == request.method().as_str())
        .ok_or(ClientError::Request("its method is not known to surf"))?;
    let mut translated = Request::new(method, url);
    match body {
        Body::Empty => {}
        Body::Bytes(bytes) => drop(translated.ext_mut().insert(AtHand(bytes))),
        Body::Stream(stream) => {
            let length = stream.length.map(usize::try_from).transpose();
            let length = length.map_err(|_| ClientError::Request("its body is too long for this machine"))?;
            translated.set_body(surf::Body::from_reader(stream.reader, length));
            // surf guesses one.
            translated.remove_header(header::CONTENT_TYPE.as_str());
        }
    }
    for (name, value) in request.headers().iter().filter(|(name, _)| !is_ours(name)) {
        let value = value.to_str().map_err(|_| ClientError::Request("a header is not ASCII text"))?;
        translated.append_header(name.as_str(), value);
    }
    Ok(translated)
}

/// The head of the request as it is sent, and what follows it.
pub(super) fn encode(request: &mut Request) -> Result<(Vec<u8>, Payload), ClientError> {
    let url = request.url();
    let host = url.host_str().ok_or(ClientError::Request("its URL has no host"))?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut head = format!("{} {}{query} HTTP/1.1\r\nhost: {host}{port}\r\n", request.method(), url.path());
    for (name, values) in request.iter() {
        for value in values {
            if value.as_str().bytes().any(|byte| byte != b'\t' && byte.is_ascii_control()) {
                return Err(ClientError::Request("a header holds control characters"));
            }
            head.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
        }
    }
    let payload = match request.ext_mut().remove::<AtHand>() {
        Some(AtHand(bytes)) => Payload::Bytes(bytes),
        None if request.is_empty() == Some(true) => Payload::Bytes(Bytes::new()),
        None => {
            let body = request.take_body();
            let length = body.len().map(|length| length as u64);
            Payload::Stream { body, length }
        }
    };
    let length = match &payload {
        Payload::Bytes(bytes) => Some(bytes.len() as u64),
        Payload::Stream { length, .. } => *length,
    };
    match length {
        // A method that means nothing by a body says nothing of one.
        Some(0) if request.method().is_safe() || request.method() == surf::http::Method::Delete => {}
        Some(length) => head.push_str(&format!("content-length: {length}\r\n")),
        None => head.push_str("transfer-encoding: chunked\r\n"),
    }
    head.push_str("\r\n");
    Ok((head.into_bytes(), payload))
}

/// The same URL, or none: the parser normalises, and a changed path is another object.
fn translate_url(uri: &http::Uri) -> Result<surf::Url, ClientError> {
    let url = surf::Url::parse(&uri.to_string())
        .map_err(|_| ClientError::Request("its URL is not http://HOST[:PORT]/PATH"))?;
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(ClientError::Request("its URL has no host, or a user before it"));
    }
    if url.path() != uri.path() || url.query() != uri.query() {
        return Err(ClientError::Request(
            "its path would be changed; percent-encode it and leave out dot segments",
        ));
    }
    Ok(url)
}

/// Fields that frame the message or manage the connection.
fn is_ours(name: &HeaderName) -> bool {
    [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT]
        .contains(name)
}
