//! Every conversation that is held on files, held with a registry that stores in Swift: there are no exceptions.

use std::collections::BTreeMap;

use wharfinger_tests::conversation::{Conversation, Kind};
use wharfinger_tests::server::Server;

use super::{berth, shared};

#[test]
fn all_conversations_are_held_on_swift_as_on_files() {
    let swift = shared();
    let start = |kind: Kind| {
        let berth = berth(swift, &format!("talk-{}", kind.name())).with(&kind.lines());
        (kind, berth.start().expect("the registry starts"))
    };
    let servers = BTreeMap::from(Kind::ALL.map(start));
    let all = Conversation::all().expect("the conversations can be read");
    let mut failures = Vec::new();
    for conversation in &all {
        let server = &servers[&conversation.server()];
        failures.extend(conversation.run(server.address()).err().map(|failure| failure.text));
    }
    let held = all.len();
    assert!(failures.is_empty(), "{} of {held} failed:\n{}", failures.len(), failures.join("\n\n"));
    assert!(held > 100, "only {held} conversations");
    servers.into_values().try_for_each(Server::stop).expect("the registries stop well");
}
