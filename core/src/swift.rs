//! The dialect of OpenStack Swift, as pure data: [`render`] makes a request of an [`Op`], [`classify`] a verdict of what
//! Swift answered to it. Nothing here opens a connection or reads a clock.
//!
//! What Swift promises decides the form of it. There is no compare-and-swap. A PUT that is answered with anything but 201
//! may not be stored, with 202 it certainly is not. New names read back at once; names that were written again or removed
//! only with `X-Newest: true`. Listings lag behind.

mod advice;
mod auth_error;
mod base_url;
mod bounded;
mod container;
mod copy;
mod draft;
mod endpoint;
mod head;
mod info;
mod join;
mod key_check;
pub mod keystone;
mod lease;
mod list;
mod login;
mod read;
mod redirects;
mod remove;
mod secret_text;
mod session;
mod stat;
mod temp_url;
mod temp_url_keys;
mod text;
pub(crate) mod time;
mod token;
mod touch;
pub mod v1_auth;
mod verdict;
mod write;

pub use advice::advice;
pub use auth_error::AuthError;
pub use base_url::{UrlFault, origin};
pub use container::{classify_container, render_containers};
pub use draft::Rendered;
pub use endpoint::{Endpoint, EndpointError};
pub use head::{ContentRange, HttpHead};
pub use info::{Info, InfoError, LargeObjects, TempUrls, render_info};
pub use key_check::{KeyCheck, KeyError, KeyStep};
pub use lease::Lease;
pub use list::ROWS_MAX;
pub use login::Login;
pub use redirects::{RedirectError, Redirects};
pub use secret_text::SecretText;
pub use session::Session;
pub use temp_url::temp_url;
pub use temp_url_keys::{KeyPlace, KeyPlan, KeySlots, StandingKeys, TempUrlKeys, classify_keys};
pub use token::Token;
pub use verdict::Verdict;

use crate::store::{Key, Op, Reply};

/// The request that carries out an op; `None` if Swift has nothing to do for it, and the answer is [`Reply::Done`].
///
/// `length` is how long the body is that a Write is fed with, `None` if nobody knows yet; `md5` is that of the body, if
/// it is known: then Swift stores nothing else. Both are ignored for all other ops.
pub fn render(
    op: &Op,
    length: Option<u64>,
    md5: Option<[u8; 16]>,
    endpoint: &Endpoint,
    token: &Token,
) -> Option<Rendered> {
    Some(match op {
        Op::Read { key, range, if_match } => {
            read::render(key, range.as_ref(), if_match.as_ref(), endpoint, token)
        }
        Op::Stat { key } => stat::render(key, endpoint, token),
        Op::Write { key, create_only } => write::render(key, *create_only, length, md5, endpoint, token),
        Op::Join { key, parts } => join::render(key, parts, endpoint, token),
        Op::Copy { from, to } => copy::render(from, to, endpoint, token),
        Op::Touch { key } => touch::render(key, endpoint, token),
        // A large object keeps pointing at its segments.
        Op::Release { .. } => return None,
        Op::Remove { key } => remove::render(key, endpoint, token),
        Op::List { listing, after, limit } => {
            list::render(listing, after.as_deref(), *limit, endpoint, token)
        }
    })
}

/// What Swift's answer means for the op.
///
/// `body` is `None` at first. After [`Verdict::Body`] it is asked again with the body, cut at the length named there.
/// `now` is the host's clock in seconds since 1970; it counts only where the answer has no Date.
pub fn classify(op: &Op, head: &HttpHead, body: Option<&[u8]>, now: u64) -> Verdict {
    match op {
        Op::Read { range, if_match, .. } => read::classify(range.as_ref(), if_match.is_some(), head, now),
        Op::Stat { .. } => stat::classify(head, now),
        Op::Write { create_only, .. } => write::classify(*create_only, head),
        Op::Join { .. } => join::classify(head, body),
        Op::Copy { .. } => copy::classify(head),
        Op::Touch { .. } => touch::classify(head),
        Op::Release { .. } => Verdict::Reply(Reply::Done),
        Op::Remove { .. } => remove::classify(head),
        Op::List { listing, limit, .. } => list::classify(listing, *limit, head, body),
    }
}

/// Whether a read has to ask every replica: names that are written again or removed may be stale on some of them.
/// Content and segments are never written with other bytes.
fn needs_newest(key: &Key) -> bool {
    match key {
        Key::Blob(_) | Key::Segment { .. } | Key::SegmentList { .. } => false,
        Key::Link(..) | Key::Manifest(..) | Key::Tag(..) | Key::Referrer { .. } => true,
    }
}
