//! Feeds an exchange whatever may come.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharfinger_fuzz::exchange::run(bytes));
