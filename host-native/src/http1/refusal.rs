use std::fmt;

use http::StatusCode;

/// Why a request head was not let in. The connection closes after the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeadRefusal {
    /// The first bytes are no HTTP at all.
    NotHttp,
    /// A TLS handshake arrived on a plain HTTP port.
    Tls,
    /// Plain HTTP arrived on a port for TLS.
    Plain,
    /// The head did not arrive within the time limit.
    HeadSlow,
    /// The head is longer than the limit.
    HeadTooLarge,
    /// The head has more fields than the limit.
    TooManyFields,
    /// A line ends in a bare LF.
    BareLineFeed,
    /// The request line is not `method SP target SP version`.
    RequestLine,
    /// The method is not a token.
    Method,
    /// The target is neither a path nor an absolute URL, or holds characters that no URL may hold.
    Target,
    /// CONNECT is for proxies.
    Connect,
    /// The version is neither HTTP/1.0 nor HTTP/1.1.
    Version,
    /// A header line has no colon.
    FieldWithoutColon,
    /// White space between a field name and its colon.
    SpaceBeforeColon,
    /// A header line is folded (obs-fold, RFC 9112 section 5.2).
    FoldedField,
    /// A field name is not a token.
    FieldName,
    /// A field value holds a control character or is not ASCII.
    FieldValue,
    /// An HTTP/1.1 request without Host.
    HostMissing,
    /// More than one Host.
    HostRepeated,
    /// The Host is not `name[:port]`.
    Host,
    /// More than one Content-Length, equal or not.
    LengthRepeated,
    /// Content-Length is not a decimal number that fits 64 bits.
    Length,
    /// Both Content-Length and Transfer-Encoding.
    LengthAndCoding,
    /// More than one Transfer-Encoding, or chunked in an HTTP/1.0 request.
    CodingMisplaced,
    /// A transfer coding other than chunked.
    CodingUnknown,
    /// An expectation other than 100-continue.
    Expectation,
    /// The head passed every check of ours, but the decoder did not understand it.
    Undecodable,
}

impl HeadRefusal {
    /// The status of the reply. A head over the limit is 400 and not 431: containers/image tells its
    /// user only about the former.
    pub fn status(self) -> StatusCode {
        match self {
            Self::HeadSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Connect | Self::CodingUnknown => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::NotHttp
            | Self::Tls
            | Self::Plain
            | Self::HeadTooLarge
            | Self::TooManyFields
            | Self::BareLineFeed
            | Self::RequestLine
            | Self::Method
            | Self::Target
            | Self::FieldWithoutColon
            | Self::SpaceBeforeColon
            | Self::FoldedField
            | Self::FieldName
            | Self::FieldValue
            | Self::HostMissing
            | Self::HostRepeated
            | Self::Host
            | Self::LengthRepeated
            | Self::Length
            | Self::LengthAndCoding
            | Self::CodingMisplaced
            | Self::Undecodable => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for HeadRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "this is not an HTTP request; send HTTP/1.1",
            Self::Tls => "this port speaks plain HTTP; use http://, or a proxy that serves TLS",
            Self::Plain => "this port speaks HTTPS; use https://",
            Self::HeadSlow => "the request head took too long; send it at once",
            Self::HeadTooLarge => "the request head is too large; send fewer or shorter headers",
            Self::TooManyFields => "the request has too many headers; send fewer",
            Self::BareLineFeed => "a line of the request head ends in LF alone; end every line with CR LF",
            Self::RequestLine => "the first line must be: method, space, target, space, HTTP/1.1",
            Self::Method => "the method holds characters that no method may hold; check the first line",
            Self::Target => "the request target is no path; start it with / and percent-encode the rest",
            Self::Connect => "this server is no proxy; do not send CONNECT to it",
            Self::Version => "this server speaks HTTP/1.1 (and answers HTTP/1.0); use one of these",
            Self::FieldWithoutColon => "a header line has no colon; write it as name: value",
            Self::SpaceBeforeColon => "a header has white space before its colon; remove it",
            Self::FoldedField => "a header is folded over several lines; put it on one",
            Self::FieldName => "a header name holds characters that no name may hold; correct it",
            Self::FieldValue => "a header value holds control or non-ASCII characters; encode it",
            Self::HostMissing => "the Host header is missing; HTTP/1.1 requires one",
            Self::HostRepeated => "there is more than one Host header; send exactly one",
            Self::Host => "the Host header is no host name with an optional port; correct it",
            Self::LengthRepeated => "there is more than one Content-Length; send exactly one",
            Self::Length => "Content-Length must be a plain decimal number of bytes",
            Self::LengthAndCoding => "both Content-Length and Transfer-Encoding are given; send one of them",
            Self::CodingMisplaced => "Transfer-Encoding must be given once, in an HTTP/1.1 request",
            Self::CodingUnknown => "the only Transfer-Encoding known here is chunked; use that or a length",
            Self::Expectation => "the only expectation known here is 100-continue; drop the Expect header",
            Self::Undecodable => "the request head cannot be decoded; simplify its headers",
        })
    }
}

impl std::error::Error for HeadRefusal {}
