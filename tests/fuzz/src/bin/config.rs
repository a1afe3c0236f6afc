//! Feeds every reader of configuration.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharfinger_fuzz::config::run(bytes));
