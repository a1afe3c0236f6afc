//! Models of exchanges that meet in one store, small enough to be searched to the end.
//!
//! Nothing of the registry is copied here: a state holds real [`Exchange`](wharfinger_core::exchange::Exchange)s, with
//! real tokens and real digests of contents of a few bytes. Only what stands around them is modelled: a [`Store`] that
//! keeps objects by name, a [`Host`] that owes an exchange what it asked for, and clients that send their requests,
//! give up and come back. Whatever the outside may do in more than one order, or do or not do, is a choice of the search.

pub mod alone;
mod carries;
mod host;
mod mutant;
mod properties;
pub mod registry;
mod request;
mod store;
mod uploads;

pub use carries::Carries;
pub use host::{Arrival, Call, Cost, Drained, Dropped, Happening, Host, Told};
pub use mutant::Mutant;
pub use request::Request;
pub use store::{Author, Object, Store, StoreKind};
pub use uploads::{Action, Budget, Client, Late, Plan, Step, Uploads, World};
