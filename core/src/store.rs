//! What flows ask of a store, as data: [`Op`] in, [`Reply`] out.
//!
//! A store keeps whole objects under names ([`Key`]). It promises little, so that object storage can keep it: an object
//! appears whole or not at all, an unfinished body is never stored, a new name reads back at once. Listings may lag.

mod folders;
mod key;
mod listing;
mod moving;
mod op;
mod reply;

pub use folders::{Folders, Kind, page_of_folders};
pub use key::{Key, KeyError};
pub use listing::{Listing, Row};
pub use moving::{Move, Moved, Step};
pub use op::{Op, Part};
pub use reply::{Fault, Found, Page, Reply};
