//! Feeds every parser of what clients and stores send.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharfinger_fuzz::parsers::run(bytes));
