//! What the fuzz targets do with the bytes that the fuzzer finds. `tests/fuzz/run` builds and runs them.

pub mod config;
pub mod connection;
pub mod exchange;
mod fill;
pub mod parsers;
mod reader;
#[cfg(test)]
mod seeds;
pub mod swift_replies;

pub use reader::Reader;
