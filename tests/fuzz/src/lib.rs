//! What the fuzz targets do with the bytes that the fuzzer finds. `tests/fuzz/run` builds and runs them.

pub mod exchange;
pub mod parsers;
mod reader;

pub use reader::Reader;
