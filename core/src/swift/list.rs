use std::fmt::Write as _;

use http::Method;
use serde::Deserialize;

use super::bounded::Bounded;
use super::draft::{Draft, Rendered};
use super::text::escape;
use super::time::parse_rfc3339;
use super::verdict::{trouble, unavailable};
use super::{Endpoint, HttpHead, Token, Verdict};
use crate::store::{Listing, Page, Reply, Row};

/// So many rows one listing answers with at most: Swift lists 10,000, and one of them tells whether more follow.
pub const ROWS_MAX: u32 = 9_999;

pub(super) fn render(
    listing: &Listing,
    after: Option<&str>,
    limit: u32,
    endpoint: &Endpoint,
    token: &Token,
) -> Rendered {
    let mut prefix = listing.to_string();
    // No name begins with more.
    prefix.truncate(prefix.floor_char_boundary(NAME_BYTES_MAX + 1));
    let mut query = format!("?format=json&limit={}&prefix={}", rows_asked(limit), escape(&prefix));
    if let Some(delimiter) = listing.delimiter() {
        let _ = write!(query, "&delimiter={}", escape(delimiter.encode_utf8(&mut [0; 4])));
    }
    if let Some(after) = after {
        let _ = write!(query, "&marker={}", escape(&marker(listing, &prefix, after)));
    }
    Draft::new(Method::GET, endpoint.container_uri(endpoint.container_listed(listing), &query))
        .with_token(token)
        .bare()
}

pub(super) fn classify(listing: &Listing, limit: u32, head: &HttpHead, body: Option<&[u8]>) -> Verdict {
    match (head.status.as_u16(), body) {
        (200, None) => Verdict::Body { max: rows_asked(limit) * row_bytes_max(listing) },
        (200, Some(body)) => match page(listing, limit, body) {
            Some(page) => Verdict::Reply(Reply::Page(page)),
            None => unavailable(head),
        },
        (204, _) => Verdict::Reply(Reply::Page(Page { rows: Vec::new(), more: false })),
        // There is no such container, or its servers cannot be reached. An empty page would be a lie.
        (404, _) => unavailable(head),
        (_, _) => trouble(head, false),
    }
}

/// One row more than wanted, so that it need not be asked for whether more follow.
fn rows_asked(limit: u32) -> u32 {
    limit.clamp(1, ROWS_MAX) + 1
}

/// The name above which a listing goes on. Where a delimiter cut the rows, it stands above all names that were cut to the
/// last one.
fn marker(listing: &Listing, prefix: &str, after: &str) -> String {
    // No name has a NUL, so that what follows one decides nothing, and Swift takes none.
    let after = after.split('\0').next().unwrap_or_default();
    let mut marker = format!("{prefix}{after}");
    // No name is longer: what comes after decides nothing either.
    let end = (0..=marker.len().min(NAME_BYTES_MAX)).rev().find(|end| marker.is_char_boundary(*end));
    marker.truncate(end.unwrap_or(0));
    if matches!(listing, Listing::Names { .. }) {
        // Such a row has its delimiter still. No letter stands above this one.
        if listing.cut(after).is_some() {
            marker.push(char::MAX);
        }
    } else if let Some(delimiter) = listing.delimiter() {
        let above = char::from_u32(u32::from(delimiter) + 1).unwrap_or(char::MAX);
        marker.push(above);
    }
    marker
}

/// A row as Swift writes it: an object, or what names were cut to.
#[derive(Deserialize)]
struct RawRow {
    name: Option<Box<str>>,
    bytes: Option<u64>,
    last_modified: Option<Box<str>>,
    subdir: Option<Box<str>>,
}

/// `None` if this is no listing of what was asked for.
fn page(listing: &Listing, limit: u32, body: &[u8]) -> Option<Page> {
    let Bounded(raw) = serde_json::from_slice::<Bounded<RawRow, { ROWS_MAX as usize + 1 }>>(body).ok()?;
    let count = u32::try_from(raw.len()).ok()?;
    if count > rows_asked(limit) {
        return None;
    }
    let prefix = listing.to_string();
    let mut rows = Vec::with_capacity(raw.len());
    for raw in raw {
        let row = row(listing, &prefix, raw)?;
        // Something other than a registry may have put an object at the prefix itself.
        if !row.name.is_empty() || matches!(listing, Listing::Names { .. }) {
            rows.push(row);
        }
    }
    rows.truncate(limit.clamp(1, ROWS_MAX) as usize);
    Some(Page { rows, more: count == rows_asked(limit) })
}

fn row(listing: &Listing, prefix: &str, raw: RawRow) -> Option<Row> {
    let (name, size) = match (raw.name, &raw.subdir) {
        (Some(name), None) => (name.strip_prefix(prefix)?.into(), raw.bytes?),
        (None, Some(name)) => (cut_by_swift(listing, name.strip_prefix(prefix)?)?.into(), 0),
        (None, None) | (Some(_), Some(_)) => return None,
    };
    // Swift leaves out that its clocks show UTC.
    let written = raw.last_modified.and_then(|time| parse_rfc3339(&format!("{time}Z")));
    Some(Row { name, size, written })
}

/// What Swift cut a name to; it cuts behind the first delimiter, and leaves that.
fn cut_by_swift<'n>(listing: &Listing, name: &'n str) -> Option<&'n str> {
    let (_, behind) = name.split_once(listing.delimiter()?)?;
    if behind.is_empty() { listing.cut(name) } else { None }
}

/// What one row takes of a body at most, in bytes.
fn row_bytes_max(listing: &Listing) -> u32 {
    match listing {
        // Names of others are as long as Swift takes them, and JSON may write six bytes for one.
        Listing::Names { .. } => 8 << 10,
        Listing::Repositories
        | Listing::Manifests(_)
        | Listing::Links(_)
        | Listing::Tags(_)
        | Listing::Referrers(..) => ROW_BYTES_MAX,
    }
}

/// Swift's limit of a name, in bytes.
const NAME_BYTES_MAX: usize = 1024;

/// What one row of ours takes of a body at most, in bytes: our names are below 550, the rest of a row below 400.
const ROW_BYTES_MAX: u32 = 1024;
