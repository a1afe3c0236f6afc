//! The native host of the wharfinger registry: it carries out, on smol, what the core decides.
//!
//! The binary is a thin `main` over this library, so that tests can reach its parts.

pub mod cli;
pub mod client;
pub mod clouds;
pub mod config;
mod drive;
pub mod edge;
pub mod files;
pub mod http1;
pub mod logs;
mod memory;
pub mod operator;
mod registry;
mod retries;
pub mod secret;
pub mod serve;
pub mod swift;
