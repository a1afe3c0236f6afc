//! Feeds every reader of what Swift and Keystone answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharfinger_fuzz::swift_replies::run(bytes));
