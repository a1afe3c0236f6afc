//! All that a client can be told when its request is not granted.

mod message;

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::digest::{Digest, DigestError};
use super::name::NameError;
use super::tag::TagError;

/// A request that is not granted: its status, its code of the distribution specification, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The repository does not hold this blob.
    BlobUnknown {
        /// The blob that was asked for.
        digest: Digest,
    },
    /// The upload's URL was not made here, is too old, or belongs to another repository or user.
    BlobUploadUnknown,
    /// The upload cannot go on as asked; the reason ends the sentence "This upload cannot continue: ...".
    BlobUploadInvalid(Cow<'static, str>),
    /// The content that arrived is not the content that was announced.
    DigestInvalid {
        /// What the client announced.
        expected: Digest,
        /// What its bytes hash to; boxed, as this would be by far the largest variant otherwise.
        got: Box<Digest>,
    },
    /// A digest in the request breaks the grammar, or is missing where one is needed.
    DigestMalformed,
    /// A digest in the request uses an algorithm that is not kept here.
    AlgorithmUnsupported,
    /// The repository has no such manifest.
    ManifestUnknown,
    /// The manifest cannot be accepted; the reason ends the sentence "This manifest is not valid: ...".
    ManifestInvalid(Cow<'static, str>),
    /// The manifest references content that the repository does not hold.
    ManifestBlobUnknown {
        /// The content that is missing.
        digest: Digest,
    },
    /// The manifest states another size for its content than that content has.
    ManifestReferenceSize {
        /// The referenced content.
        digest: Digest,
        /// The size in the manifest, in bytes.
        stated: u64,
        /// The size of the content, in bytes.
        found: u64,
    },
    /// The manifest has more bytes than are accepted.
    ManifestTooLarge {
        /// The most bytes that are accepted.
        max: u64,
    },
    /// The manifest references more than is accepted.
    TooManyReferences {
        /// The most references that are accepted.
        max: u32,
    },
    /// The annotations of a manifest with a subject have more bytes than its entry among the referrers can hold.
    AnnotationsTooLong {
        /// The most bytes that are accepted.
        max: u32,
    },
    /// More tags came with a manifest than are accepted.
    TooManyTags {
        /// The most tags that are accepted.
        max: u32,
    },
    /// The path holds no valid repository name.
    NameInvalid,
    /// There is no such repository.
    NameUnknown,
    /// The path holds no valid tag.
    TagInvalid,
    /// The body ended before the length that was promised.
    SizeInvalid {
        /// The length that was promised, in bytes.
        promised: u64,
        /// What arrived, in bytes.
        got: u64,
    },
    /// A chunk does not begin where the upload ended.
    RangeOutOfOrder {
        /// Where the next chunk must begin: the bytes that were received so far.
        offset: u64,
    },
    /// None of the ranges asked for lies within the content.
    RangeNotSatisfiable {
        /// The size of the content, in bytes.
        size: u64,
    },
    /// The Content-Range of a chunk cannot be read, or disagrees with its length.
    ContentRangeMalformed,
    /// The `n` or `last` of a listing cannot be used.
    PaginationInvalid,
    /// An If-Match or a like condition does not hold.
    PreconditionFailed,
    /// The path leads nowhere.
    RouteUnknown,
    /// The path is known, but not with this method.
    MethodNotAllowed {
        /// The value of the Allow header.
        allow: &'static str,
    },
    /// The body broke off before its end.
    BodyBroken,
    /// The body did not arrive in time.
    BodyLate,
    /// The head of the request breaks HTTP; the reason ends the sentence "This request cannot be read: ...".
    HeadInvalid(Cow<'static, str>),
    /// It has to be shown, or shown again, who asks.
    Unauthorized {
        /// The value of WWW-Authenticate (RFC 9110, section 11.6.1).
        challenge: Box<str>,
        /// What is wrong with what was shown; `None` if nothing was.
        fault: Option<AuthFault>,
    },
    /// Who asks may not do this.
    Denied,
    /// Passwords were wrong too often.
    TooManyTries {
        /// When to come back.
        retry_after: Duration,
    },
    /// The form that asks for a token cannot be understood; the reason ends the sentence "No token can be had by this: ...".
    TokenFormInvalid(Cow<'static, str>),
    /// Too much is going on at once.
    Busy {
        /// When to come back.
        retry_after: Duration,
    },
    /// The store behind the registry cannot be reached, or fails.
    StoreUnavailable {
        /// When to come back.
        retry_after: Duration,
    },
    /// The store has no room left.
    StoreFull,
    /// The store takes no writes at present, or does not even permit to read: an operator has to act.
    StoreReadOnly,
    /// The registry itself is at fault.
    Internal,
}

/// What is wrong with what somebody shows of who they are. Nothing tells an unknown name from a wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthFault {
    /// Not the password of that user, or no such user, or no such token.
    Wrong,
    /// A token that is not taken here.
    TokenInvalid,
    /// A token that has ended.
    TokenExpired,
    /// A token that was not made for this.
    TokenInsufficient,
}

impl Refusal {
    /// The status of the reply.
    pub const fn status(&self) -> StatusCode {
        self.terms().0
    }

    /// The code in the body, one of distribution-spec, "Error Codes", wherever one of them is true.
    pub const fn code(&self) -> &'static str {
        self.terms().1
    }

    /// When the client may come back: the value of Retry-After.
    pub const fn retry_after(&self) -> Option<Duration> {
        if let Self::Busy { retry_after }
        | Self::StoreUnavailable { retry_after }
        | Self::TooManyTries { retry_after } = self
        {
            Some(*retry_after)
        } else {
            None
        }
    }

    /// The methods for the Allow header.
    pub const fn allow(&self) -> Option<&'static str> {
        if let Self::MethodNotAllowed { allow } = self { Some(allow) } else { None }
    }

    /// How to show who asks: the value of WWW-Authenticate.
    pub fn challenge(&self) -> Option<&str> {
        if let Self::Unauthorized { challenge, .. } = self { Some(challenge) } else { None }
    }

    /// The JSON body: `{"errors":[{"code","message","detail"?}]}` (distribution-spec, "Error Codes").
    pub fn body(&self) -> Bytes {
        body_of(std::slice::from_ref(self))
    }

    /// Status and code belong together, so that one look at a line shows both.
    ///
    /// MANIFEST_INVALID and TAG_INVALID make containers/image push again in another format, which changes digests: they
    /// stand only where that is the cure. A 4xx has one of the specification's codes. For a 5xx it has none: that is
    /// UNAVAILABLE where waiting or an operator helps, which clients of the Docker family print with its message.
    const fn terms(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BlobUnknown { .. } => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
            Self::BlobUploadUnknown => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
            Self::BlobUploadInvalid(_) => (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
            Self::DigestInvalid { .. } => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            Self::DigestMalformed => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            Self::AlgorithmUnsupported => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            Self::ManifestUnknown => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
            Self::ManifestInvalid(_) => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
            Self::ManifestBlobUnknown { .. } => (StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN"),
            Self::ManifestReferenceSize { .. } => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
            Self::ManifestTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID"),
            Self::TooManyReferences { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID"),
            Self::AnnotationsTooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID"),
            Self::TooManyTags { .. } => (StatusCode::URI_TOO_LONG, "SIZE_INVALID"),
            Self::NameInvalid => (StatusCode::BAD_REQUEST, "NAME_INVALID"),
            Self::NameUnknown => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            Self::TagInvalid => (StatusCode::BAD_REQUEST, "TAG_INVALID"),
            Self::SizeInvalid { .. } => (StatusCode::BAD_REQUEST, "SIZE_INVALID"),
            Self::RangeOutOfOrder { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID"),
            Self::RangeNotSatisfiable { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID"),
            Self::ContentRangeMalformed => (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
            Self::PaginationInvalid => (StatusCode::BAD_REQUEST, "UNSUPPORTED"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "UNSUPPORTED"),
            Self::RouteUnknown => (StatusCode::NOT_FOUND, "UNSUPPORTED"),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            Self::BodyBroken => (StatusCode::BAD_REQUEST, "SIZE_INVALID"),
            Self::BodyLate => (StatusCode::REQUEST_TIMEOUT, "SIZE_INVALID"),
            Self::HeadInvalid(_) => (StatusCode::BAD_REQUEST, "UNSUPPORTED"),
            Self::Unauthorized { .. } => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            Self::Denied => (StatusCode::FORBIDDEN, "DENIED"),
            Self::TooManyTries { .. } => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
            Self::TokenFormInvalid(_) => (StatusCode::BAD_REQUEST, "UNSUPPORTED"),
            Self::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Self::StoreUnavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            // DENIED would send people to look at their password.
            Self::StoreFull => (StatusCode::INSUFFICIENT_STORAGE, "UNAVAILABLE"),
            Self::StoreReadOnly => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        }
    }

    /// What a program may want to know: the `detail` of the body.
    pub fn detail(&self) -> Option<Value> {
        match self {
            Self::BlobUnknown { digest } | Self::ManifestBlobUnknown { digest } => {
                Some(json!({ "digest": digest.to_string() }))
            }
            Self::DigestInvalid { expected, got } => {
                Some(json!({ "expected": expected.to_string(), "got": got.to_string() }))
            }
            Self::ManifestReferenceSize { digest, stated, found } => {
                Some(json!({ "digest": digest.to_string(), "stated": stated, "found": found }))
            }
            Self::BlobUploadInvalid(reason)
            | Self::ManifestInvalid(reason)
            | Self::HeadInvalid(reason)
            | Self::TokenFormInvalid(reason) => Some(json!({ "reason": reason })),
            Self::ManifestTooLarge { max } => Some(json!({ "max": max })),
            Self::TooManyReferences { max }
            | Self::TooManyTags { max }
            | Self::AnnotationsTooLong { max } => Some(json!({ "max": max })),
            Self::SizeInvalid { promised, got } => Some(json!({ "promised": promised, "got": got })),
            Self::RangeOutOfOrder { offset } => Some(json!({ "offset": offset })),
            Self::RangeNotSatisfiable { size } => Some(json!({ "size": size })),
            Self::MethodNotAllowed { allow } => Some(json!({ "allow": allow })),
            Self::BlobUploadUnknown
            | Self::DigestMalformed
            | Self::AlgorithmUnsupported
            | Self::ManifestUnknown
            | Self::NameInvalid
            | Self::NameUnknown
            | Self::TagInvalid
            | Self::ContentRangeMalformed
            | Self::PaginationInvalid
            | Self::PreconditionFailed
            | Self::RouteUnknown
            | Self::BodyLate
            | Self::BodyBroken
            | Self::Unauthorized { .. }
            | Self::Denied
            | Self::TooManyTries { .. }
            | Self::Busy { .. }
            | Self::StoreUnavailable { .. }
            | Self::StoreFull
            | Self::StoreReadOnly
            | Self::Internal => None,
        }
    }
}

/// The JSON body that tells of several refusals at once, such as every blob that a manifest misses.
pub fn body_of(refusals: &[Refusal]) -> Bytes {
    #[derive(Serialize)]
    struct Body<'a> {
        errors: Vec<Entry<'a>>,
    }
    #[derive(Serialize)]
    struct Entry<'a> {
        code: &'a str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<Value>,
    }
    let errors = refusals
        .iter()
        .map(|refusal| Entry { code: refusal.code(), message: refusal.message(), detail: refusal.detail() })
        .collect();
    // Strings and numbers always serialise; the fall-back only keeps this function total.
    serde_json::to_vec(&Body { errors }).map_or_else(|_| Bytes::from_static(UNKNOWN_BODY), Bytes::from)
}

const UNKNOWN_BODY: &[u8] = br#"{"errors":[{"code":"UNKNOWN","message":"The registry failed. Try again."}]}"#;

impl From<DigestError> for Refusal {
    fn from(error: DigestError) -> Self {
        match error {
            DigestError::Malformed => Self::DigestMalformed,
            DigestError::UnknownAlgorithm => Self::AlgorithmUnsupported,
        }
    }
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Malformed | NameError::TooLong => Self::NameInvalid,
        }
    }
}

impl From<TagError> for Refusal {
    fn from(TagError: TagError) -> Self {
        Self::TagInvalid
    }
}
#[cfg(test)]
mod tests {
    use super::super::digest::Algorithm;
    use super::*;

    fn unauthorized(fault: AuthFault) -> Refusal {
        Refusal::Unauthorized { challenge: "Bearer".into(), fault: Some(fault) }
    }

    fn all() -> Vec<(Refusal, u16, &'static str)> {
        let digest = Digest::of(Algorithm::Sha256, b"");
        let got = Box::new(Digest::of(Algorithm::Sha512, b""));
        let retry_after = Duration::from_secs(7);
        vec![
            (Refusal::BlobUnknown { digest }, 404, "BLOB_UNKNOWN"),
            (Refusal::BlobUploadUnknown, 404, "BLOB_UPLOAD_UNKNOWN"),
            (Refusal::BlobUploadInvalid("it \"ended\"".into()), 400, "BLOB_UPLOAD_INVALID"),
            (Refusal::DigestInvalid { expected: digest, got }, 400, "DIGEST_INVALID"),
            (Refusal::DigestMalformed, 400, "DIGEST_INVALID"),
            (Refusal::AlgorithmUnsupported, 400, "DIGEST_INVALID"),
            (Refusal::ManifestUnknown, 404, "MANIFEST_UNKNOWN"),
            (Refusal::ManifestInvalid("it is no JSON\n\0é".into()), 400, "MANIFEST_INVALID"),
            (Refusal::ManifestBlobUnknown { digest }, 400, "MANIFEST_BLOB_UNKNOWN"),
            (Refusal::ManifestReferenceSize { digest, stated: 1, found: 2 }, 400, "MANIFEST_INVALID"),
            (Refusal::ManifestTooLarge { max: 4 }, 413, "SIZE_INVALID"),
            (Refusal::TooManyReferences { max: 4 }, 413, "SIZE_INVALID"),
            (Refusal::TooManyTags { max: 4 }, 414, "SIZE_INVALID"),
            (Refusal::NameInvalid, 400, "NAME_INVALID"),
            (Refusal::NameUnknown, 404, "NAME_UNKNOWN"),
            (Refusal::TagInvalid, 400, "TAG_INVALID"),
            (Refusal::SizeInvalid { promised: u64::MAX, got: 0 }, 400, "SIZE_INVALID"),
            (Refusal::RangeOutOfOrder { offset: 5 }, 416, "BLOB_UPLOAD_INVALID"),
            (Refusal::RangeNotSatisfiable { size: 5 }, 416, "SIZE_INVALID"),
            (Refusal::ContentRangeMalformed, 400, "BLOB_UPLOAD_INVALID"),
            (Refusal::PaginationInvalid, 400, "UNSUPPORTED"),
            (Refusal::PreconditionFailed, 412, "UNSUPPORTED"),
            (Refusal::RouteUnknown, 404, "UNSUPPORTED"),
            (Refusal::MethodNotAllowed { allow: "GET" }, 405, "UNSUPPORTED"),
            (Refusal::BodyLate, 408, "SIZE_INVALID"),
            (Refusal::HeadInvalid("it is too long".into()), 400, "UNSUPPORTED"),
            (Refusal::BodyBroken, 400, "SIZE_INVALID"),
            (Refusal::AnnotationsTooLong { max: 4 }, 413, "SIZE_INVALID"),
            (Refusal::Unauthorized { challenge: "Bearer".into(), fault: None }, 401, "UNAUTHORIZED"),
            (unauthorized(AuthFault::Wrong), 401, "UNAUTHORIZED"),
            (unauthorized(AuthFault::TokenInvalid), 401, "UNAUTHORIZED"),
            (unauthorized(AuthFault::TokenExpired), 401, "UNAUTHORIZED"),
            (unauthorized(AuthFault::TokenInsufficient), 401, "UNAUTHORIZED"),
            (Refusal::Denied, 403, "DENIED"),
            (Refusal::TooManyTries { retry_after }, 429, "TOOMANYREQUESTS"),
            (Refusal::TokenFormInvalid("it is empty".into()), 400, "UNSUPPORTED"),
            (Refusal::Busy { retry_after }, 503, "UNAVAILABLE"),
            (Refusal::StoreUnavailable { retry_after }, 503, "UNAVAILABLE"),
            (Refusal::StoreFull, 507, "UNAVAILABLE"),
            (Refusal::StoreReadOnly, 503, "UNAVAILABLE"),
            (Refusal::Internal, 500, "UNKNOWN"),
        ]
    }

    #[test]
    fn each_has_its_status_code_and_body() {
        for (refusal, status, code) in all() {
            assert_eq!((refusal.status().as_u16(), refusal.code()), (status, code), "{refusal:?}");
            let body: Value = serde_json::from_slice(&refusal.body()).unwrap();
            let [entry] = body["errors"].as_array().unwrap().as_slice() else { panic!("{body}") };
            assert_eq!(entry["code"], code);
            assert_eq!(entry["message"], refusal.message());
            assert_eq!(entry.get("detail").cloned(), refusal.detail());
            assert!(refusal.message().len() > 20 && refusal.message().ends_with('.'), "{refusal:?}");
            assert!(code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
        }
    }

    #[test]
    fn only_some_carry_headers() {
        for (refusal, status, _) in all() {
            assert_eq!(refusal.allow().is_some(), status == 405, "{refusal:?}");
            assert_eq!(refusal.challenge().is_some(), status == 401, "{refusal:?}");
            let waits = [429, 503].contains(&status) && refusal != Refusal::StoreReadOnly;
            assert_eq!(refusal.retry_after(), waits.then(|| Duration::from_secs(7)), "{refusal:?}");
        }
    }

    #[test]
    fn several_are_told_in_order() {
        let digests = [b"a", b"b"].map(|content| Digest::of(Algorithm::Sha256, content));
        let body = body_of(&digests.map(|digest| Refusal::ManifestBlobUnknown { digest }));
        let body: Value = serde_json::from_slice(&body).unwrap();
        for (at, digest) in digests.iter().enumerate() {
            assert_eq!(body["errors"][at]["detail"]["digest"], digest.to_string());
        }
        assert!(serde_json::from_slice::<Value>(UNKNOWN_BODY).is_ok());
    }

    #[test]
    fn parse_errors_become_refusals() {
        assert_eq!(Refusal::from(DigestError::Malformed), Refusal::DigestMalformed);
        assert_eq!(Refusal::from(DigestError::UnknownAlgorithm), Refusal::AlgorithmUnsupported);
        assert_eq!(Refusal::from(NameError::TooLong), Refusal::NameInvalid);
        assert_eq!(Refusal::from(TagError), Refusal::TagInvalid);
    }
}
