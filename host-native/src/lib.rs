//! The native host of the wharfinger registry: it carries out, on smol, what the core decides.
//!
//! The binary is a thin `main` over this library, so that tests can reach its parts.

pub mod cli;
pub mod client;
pub mod clouds;
pub mod config;
mod doors;
mod drive;
pub mod edge;
pub mod files;
pub mod http1;
mod issuers;
pub mod logs;
mod memory;
pub mod operator;
pub mod passwords;
mod registry;
mod retries;
pub mod secret;
pub mod serve;
pub mod swift;
pub mod tls;
