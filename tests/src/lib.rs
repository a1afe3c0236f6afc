//! Shared parts of the tests.

pub mod contents;
pub mod conversation;
pub mod digest;
pub mod disk;
pub mod forms;
pub mod http;
pub mod image;
pub mod issuer;
pub mod jco;
pub mod model;
pub mod nginx;
pub mod process;
pub mod random;
pub mod repository;
pub mod server;
pub mod sim;
pub mod store;
pub mod swift;
pub mod swift_statements;
pub mod tls_relay;
pub mod tools;
pub mod trace;
pub mod traced;
pub mod tracer;
pub mod wasi;
