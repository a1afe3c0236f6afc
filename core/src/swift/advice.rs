use super::{Endpoint, HttpHead};
use crate::store::Op;

/// For the log: what an operator can do about an answer of Swift that does not help; `None` if there is nothing to say,
/// as about most.
///
/// Where `rejected` is set, even a new token was answered with 401.
pub fn advice(op: &Op, head: &HttpHead, rejected: bool, endpoint: &Endpoint) -> Option<String> {
    let (verb, container) = subject(op, endpoint)?;
    let status = head.status.as_u16();
    let place = format!("the container {container:?} at {}", endpoint.storage_url());
    Some(match (op, status) {
        (_, 401) if rejected => format!(
            "Swift takes no token to {verb} in {place}: check that the storage URL belongs to the project of the credentials"
        ),
        (_, 401) => return None,
        (_, 403) => format!(
            "Swift does not let us {verb} in {place}: give the user the right to read and write there"
        ),
        (Op::Write { .. } | Op::Join { .. } | Op::List { .. }, 404) => {
            format!(
                "Swift does not find {place}: create it, or correct its name; or its container servers are down"
            )
        }
        (_, 404) => return None,
        (Op::Write { .. } | Op::Join { .. } | Op::Copy { .. }, 202) => format!(
            "Swift dropped what was written to {place}, because it knows a newer version: \
             set the clocks of its servers with NTP"
        ),
        (Op::Touch { .. } | Op::Remove { .. }, 409) => format!(
            "Swift did not {verb} in {place}, because it knows a newer version: set the clocks of its servers with NTP"
        ),
        (Op::Read { .. } | Op::Stat { .. }, 409) => {
            format!(
                "a segment of an object in {place} is gone: push the image again, and find out what removed it"
            )
        }
        (Op::Join { parts, .. }, 413) if head.retry_after.is_none() => format!(
            "Swift does not join {} segments in {place}: raise the quota of the account or the container, or prune; \
             or, if there is room, have Swift tell its limits (expose_info), or raise max_manifest_segments of its slo \
             middleware",
            parts.len()
        ),
        (Op::Write { .. } | Op::Join { .. } | Op::Copy { .. }, 413 | 507) if head.retry_after.is_none() => {
            format!(
                "Swift has no room to {verb} in {place}: raise the quota of the account or the container, or prune"
            )
        }
        (_, 413 | 429 | 497 | 498) => format!("Swift limits how often we {verb} in {place}: raise the limit"),
        (_, 300..400) => format!(
            "Swift redirects us from {place}: give the storage URL that it redirects to, \
             with https if it wants that"
        ),
        // That is an answer like any other.
        (Op::Write { create_only: true, .. }, 412) => return None,
        (_, 400 | 402 | 405..=407 | 410..=412) if !matches!(op, Op::Join { .. }) => format!(
            "Swift answers {status} where we {verb} in {place}: check that this is the storage URL of a Swift"
        ),
        (_, _) => return None,
    })
}

/// What the op does, as a verb, and to which container.
fn subject<'a>(op: &Op, endpoint: &'a Endpoint) -> Option<(&'static str, &'a str)> {
    Some(match op {
        Op::Read { key, .. } => ("read", endpoint.container_of(key)),
        Op::Stat { key } => ("look", endpoint.container_of(key)),
        Op::Write { key, .. } => ("write", endpoint.container_of(key)),
        Op::Join { key, .. } => ("join segments", endpoint.container_of(key)),
        Op::Copy { to, .. } => ("copy an object", endpoint.container_of(to)),
        Op::Touch { key } => ("renew an object", endpoint.container_of(key)),
        Op::Remove { key } => ("remove", endpoint.container_of(key)),
        Op::List { listing, .. } => ("list", endpoint.container_listed(listing)),
        Op::Release { .. } => return None,
    })
}
