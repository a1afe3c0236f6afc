//! Every conversation that is held on files, held with a registry that stores in Swift: there are no exceptions.

use wharfinger_tests::conversation::{Conversation, Kind};

use super::{berth, shared};

#[test]
fn all_conversations_are_held_on_swift_as_on_files() {
    let swift = shared();
    let plain = berth(swift, "talk").start().expect("the registry starts");
    let sparse = berth(swift, "talk-sparse").with("  sparse-manifests: true\n");
    let sparse = sparse.start().expect("the registry starts");
    let all = Conversation::all().expect("the conversations can be read");
    let mut failures = Vec::new();
    for conversation in &all {
        let server = match conversation.server() {
            Kind::Plain => &plain,
            Kind::Sparse => &sparse,
        };
        failures.extend(conversation.run(server.address()).err().map(|failure| failure.text));
    }
    let held = all.len();
    assert!(failures.is_empty(), "{} of {held} failed:\n{}", failures.len(), failures.join("\n\n"));
    assert!(held > 100, "only {held} conversations");
    plain.stop().and_then(|()| sparse.stop()).expect("the registries stop well");
}
