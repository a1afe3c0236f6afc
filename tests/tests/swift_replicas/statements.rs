//! What is said of a Swift with three replicas, and is true of the simulated one, is true.

use wharfinger_tests::swift_statements::{RealSwift, all, of_replicas};

use super::rig;

#[test]
fn a_swift_with_three_replicas_does_what_is_said_of_it() {
    let swift = rig();
    let mut swift = RealSwift::new(&swift).expect("logs in");
    for statement in all().iter().chain(&of_replicas()) {
        statement.make(&mut swift);
    }
}
