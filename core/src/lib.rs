//! The OCI registry protocol as pure data.

mod config;
pub mod exchange;
mod flow;
pub mod oci;
mod record;
pub mod route;
pub mod store;
pub mod transfer;
pub mod upload;

pub use config::{Config, Limits};
