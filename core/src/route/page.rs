//! Which part of a list is asked for.

use crate::oci::{Query, Refusal};

/// The paging parameters of a listing (distribution-spec, "Listing Tags").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page<T> {
    /// The most entries to send; 0 asks for an empty list, and none is the registry's choice.
    pub n: Option<u32>,
    /// The list goes on after this entry, which need not exist.
    pub last: Option<T>,
}

impl<T> Page<T> {
    pub(super) fn parse(query: &Query, parse_last: impl Fn(&str) -> Option<T>) -> Result<Self, Refusal> {
        let n = query.first("n").map(|text| number(text).ok_or(Refusal::PaginationInvalid)).transpose()?;
        let last = query.first("last").filter(|text| !text.is_empty());
        let last = last.map(|text| parse_last(text).ok_or(Refusal::PaginationInvalid)).transpose()?;
        Ok(Self { n, last })
    }
}

/// More than can be counted is as much as can be counted.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u32::MAX))
}
