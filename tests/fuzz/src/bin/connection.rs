//! Feeds a connection of the native server.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharfinger_fuzz::connection::run(bytes));
