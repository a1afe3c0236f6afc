//! The simulated Swift is held to what is said of the real one.

use wharfinger_tests::swift_statements::{SimulatedSwift, all, of_replicas};

#[test]
fn the_simulated_swift_does_what_is_said_of_swift() {
    let statements = all();
    for statement in statements.iter().chain(&of_replicas()) {
        for seed in 0..5 {
            statement.make(&mut SimulatedSwift::new(seed));
        }
    }
    println!("{} statements", statements.len() + of_replicas().len());
}
