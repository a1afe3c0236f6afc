//! What a refusal tells a person: first what happened, then what to do next.

use std::borrow::Cow;

use super::{AuthFault, Refusal};

impl Refusal {
    /// What happened and what to do next, for a person.
    pub fn message(&self) -> String {
        format!("{} {}", self.event(), self.advice())
    }

    fn event(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::BlobUnknown { .. } => "This repository has no such blob.",
            Self::BlobUploadUnknown => "This upload is unknown, too old, or another's.",
            Self::BlobUploadInvalid(reason) => {
                return format!("This upload cannot continue: {reason}.").into();
            }
            Self::DigestInvalid { expected, got } => {
                return format!("The content hashes to {got}, not to {expected}.").into();
            }
            Self::DigestMalformed => "The digest is missing or malformed.",
            Self::AlgorithmUnsupported => "Only sha256 and sha512 digests are kept here.",
            Self::ManifestUnknown => "This repository has no such manifest.",
            Self::ManifestInvalid(reason) => return format!("This manifest is not valid: {reason}.").into(),
            Self::ManifestBlobUnknown { digest } => {
                return format!("The manifest references {digest}, which this repository does not have.")
                    .into();
            }
            Self::ManifestReferenceSize { digest, stated, found } => {
                return format!("The manifest says that {digest} has {stated} bytes, but it has {found}.")
                    .into();
            }
            Self::ManifestTooLarge { max } => {
                return format!("A manifest may have at most {max} bytes.").into();
            }
            Self::TooManyReferences { max } => {
                return format!("A manifest may reference at most {max} contents.").into();
            }
            Self::AnnotationsTooLong { max } => {
                return format!("With a subject, a manifest may have at most {max} bytes of annotations.")
                    .into();
            }
            Self::TooManyTags { max } => {
                return format!("At most {max} tags may come with a manifest.").into();
            }
            Self::NameInvalid => "The repository name is not valid.",
            Self::NameUnknown => "There is no such repository.",
            Self::TagInvalid => "The tag is not valid.",
            Self::SizeInvalid { promised, got } => {
                return format!("{promised} bytes were promised, but {got} arrived.").into();
            }
            Self::RangeOutOfOrder { offset } => {
                return format!("{offset} bytes have been received, and this chunk begins elsewhere.").into();
            }
            Self::RangeNotSatisfiable { size } => {
                return format!("The content has {size} bytes, and none of them was asked for.").into();
            }
            Self::ContentRangeMalformed => "The Content-Range is malformed or disagrees with the body.",
            Self::PaginationInvalid => "The page that was asked for cannot be read.",
            Self::PreconditionFailed => "The content is not what the request expected.",
            Self::RouteUnknown => "There is nothing at this path.",
            Self::MethodNotAllowed { allow } => {
                return format!("This path does not know the method; it accepts {allow}.").into();
            }
            Self::BodyBroken => "The body broke off before its end.",
            Self::BodyLate => "The body did not arrive in time.",
            Self::HeadInvalid(reason) => return format!("This request cannot be read: {reason}.").into(),
            Self::Unauthorized { fault, .. } => unauthorized(*fault).0,
            Self::Denied => "You may not do this here.",
            Self::TooManyTries { .. } => "There were too many wrong passwords.",
            Self::TokenFormInvalid(reason) => {
                return format!("No token can be had by this: {reason}.").into();
            }
            Self::Busy { .. } => "The registry is busy.",
            Self::StoreUnavailable { .. } => "The registry's storage does not answer.",
            Self::StoreFull => "The registry's storage is full.",
            Self::StoreReadOnly => "The registry's storage does not permit this at present.",
            Self::Internal => "The registry failed.",
        })
    }

    const fn advice(&self) -> &'static str {
        match self {
            Self::BlobUnknown { .. } => "Push it, or check its digest and the repository.",
            Self::BlobUploadUnknown => "Start again with a POST.",
            Self::BlobUploadInvalid(_) => "Start it again with a POST.",
            Self::DigestInvalid { .. } => "It changed on its way, or the digest is wrong: push it again.",
            Self::DigestMalformed => "Send sha256: and 64, or sha512: and 128, lowercase hex digits.",
            Self::AlgorithmUnsupported => "Use one of the two.",
            Self::ManifestUnknown => "Push it, or check the tag or digest and the repository.",
            Self::ManifestInvalid(_) => "Correct it and push it again.",
            Self::ManifestBlobUnknown { .. } => "Push that first.",
            Self::ManifestReferenceSize { .. } => "Correct the manifest, or push the content that was meant.",
            Self::ManifestTooLarge { .. } => "Move what is large into a blob.",
            Self::TooManyReferences { .. } => "Split it under an index.",
            Self::AnnotationsTooLong { .. } => "Move what is large into a blob.",
            Self::TooManyTags { .. } => "Push the manifest again with the others.",
            Self::NameInvalid => {
                "Use at most 254 lowercase letters and digits, parted by / and by single . or _, by __ or by dashes."
            }
            Self::NameUnknown => "Check its name, or push something to it.",
            Self::TagInvalid => "Use 1 to 128 letters, digits, _ . and -, not beginning with . or -.",
            Self::SizeInvalid { .. } => "Send the request again.",
            Self::RangeOutOfOrder { .. } => "Send the chunk that begins right after those bytes.",
            Self::RangeNotSatisfiable { .. } => "Ask for a range within it.",
            Self::ContentRangeMalformed => "Send <first>-<last>, both inclusive, as long as the body.",
            Self::PaginationInvalid => "Send a number as n, and as last a name from the page before.",
            Self::PreconditionFailed => "Fetch it again, then decide.",
            Self::RouteUnknown => "The registry's API begins at /v2/: check the URL.",
            Self::MethodNotAllowed { .. } => "Use one of these.",
            Self::BodyBroken => "Send the request again.",
            Self::BodyLate => "Check the connection and send the request again.",
            Self::HeadInvalid(_) => "Correct it and send it again.",
            Self::Unauthorized { fault, .. } => unauthorized(*fault).1,
            Self::Denied => "Check the repository's name, or ask who runs the registry to be let in.",
            Self::TooManyTries { .. } => {
                "Wait for the time in Retry-After, and check the password before you try again."
            }
            Self::TokenFormInvalid(_) => "Correct it, or ask with GET.",
            Self::Busy { .. } => "Wait for the time in Retry-After, then send the request again.",
            Self::StoreUnavailable { .. } => "Wait for the time in Retry-After, then send the request again.",
            Self::StoreFull => "Ask who runs it for room, then push again.",
            Self::StoreReadOnly => "Ask who runs it to look into its log, then try again.",
            Self::Internal => "Try again; if it stays, tell who runs it the time of this reply.",
        }
    }
}

/// What happened and what to do about it, where it has to be shown who asks.
const fn unauthorized(fault: Option<AuthFault>) -> (&'static str, &'static str) {
    match fault {
        None => ("This needs a login.", "Log in with a name and a password that are known here."),
        Some(AuthFault::Wrong) => {
            ("The name or the password is wrong.", "Log in with a name and a password that are known here.")
        }
        Some(AuthFault::TokenInvalid) => {
            ("The token is not valid here.", "Ask for a new one, or log in again.")
        }
        Some(AuthFault::TokenExpired) => ("The token has expired.", "Ask for a new one, or log in again."),
        Some(AuthFault::TokenInsufficient) => (
            "The token was not made for this.",
            "Ask for one with this scope; if you get none, log in as somebody who may do this.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{name::REPOSITORY_BYTES_MAX, tag::TAG_BYTES_MAX};
    use super::*;

    #[test]
    fn limits_are_told_as_they_are() {
        assert!(Refusal::NameInvalid.message().contains(&format!(" {REPOSITORY_BYTES_MAX} ")));
        assert!(Refusal::TagInvalid.message().contains(&format!(" {TAG_BYTES_MAX} ")));
    }

    #[test]
    fn reasons_and_numbers_are_told() {
        let refusal = Refusal::ManifestInvalid("it has no config".into());
        assert_eq!(
            refusal.message(),
            "This manifest is not valid: it has no config. Correct it and push it again."
        );
        let refusal = Refusal::SizeInvalid { promised: 10, got: 3 };
        assert_eq!(refusal.message(), "10 bytes were promised, but 3 arrived. Send the request again.");
    }
}
