use super::HttpHead;
use crate::store::Reply;

/// What an answer of Swift means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// This.
    Reply(Reply),
    /// The body decides: read up to so many bytes of it and classify again. The rest is dropped.
    Body {
        /// How many.
        max: u32,
    },
    /// The token has expired or was revoked: get another one and, if the body is at hand, send the request again. After
    /// a second time it is [`Reply::Unavailable`]: what is wrong is the token, and not the rights of its owner.
    TokenRejected,
}

/// What it is to the core that Swift cannot do it at the moment.
pub(super) fn unavailable(head: &HttpHead) -> Verdict {
    Verdict::Reply(Reply::Unavailable { retry_after: head.retry_after })
}

/// What an answer means that is not one of those an op expects. `stores` tells whether the op needs room.
pub(super) fn trouble(head: &HttpHead, stores: bool) -> Verdict {
    match head.status.as_u16() {
        401 => Verdict::TokenRejected,
        // Quotas; a limit of rates comes with a Retry-After.
        413 if stores && head.retry_after.is_none() => Verdict::Reply(Reply::Full),
        507 if stores => Verdict::Reply(Reply::Full),
        // 497 and 498 are Swift's limits of rates; with 408 and 499 the body was too slow or broke off. What is a success,
        // but not the one that was expected, promises nothing.
        408 | 413 | 425 | 429 | 497..=499 | 500.. | ..300 => unavailable(head),
        300..500 => Verdict::Reply(Reply::Refused),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn every_status_means_something() {
        for status in 100..1000 {
            let head = HttpHead::new(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
            for stores in [false, true] {
                let expected = match status {
                    401 => Verdict::TokenRejected,
                    413 | 507 if stores => Verdict::Reply(Reply::Full),
                    408 | 413 | 425 | 429 | 497 | 498 | 499 => unavailable(&head),
                    300..=499 => Verdict::Reply(Reply::Refused),
                    _ => unavailable(&head),
                };
                assert_eq!(trouble(&head, stores), expected, "{status}");
            }
        }
    }
}
