//! What is said of Swift, and is true of the simulated one, is true.

use wharfinger_tests::swift_statements::{RealSwift, all};

use super::shared;

#[test]
fn swift_does_what_is_said_of_it() {
    let mut swift = RealSwift::new(shared()).expect("logs in");
    for statement in all() {
        statement.make(&mut swift);
    }
}
