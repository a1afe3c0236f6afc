//! A log that nobody reads.

use wharfinger_tests::http::Connection;
use wharfinger_tests::repository::refused;
use wharfinger_tests::wasi::{Component, Options};

/// Whoever started the runtime may have closed the other end of its standard error. A line that cannot be written is lost,
/// and nothing else is.
#[test]
fn a_request_outlives_a_line_that_nobody_takes() {
    let options = Options { unheard: true, ..Options::default() };
    let component = Component::start(options.with("WHARFINGER_PORT", "80")).expect("wasmtime starts");
    for _ in 0..3 {
        let mut connection = Connection::open(component.address()).expect("connects");
        let answer = connection.request("GET", "/v2/", &[], b"").expect("is answered");
        refused(answer, 500).expect("an error of the registry");
    }
}
