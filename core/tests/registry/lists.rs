//! Listings: tags, catalog, referrers.

mod catalog;
mod referrers;
mod tags;
