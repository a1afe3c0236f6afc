//! The component in wasmtime, on files and on a real Swift, by itself and beside the native server.

#[path = "wasi/both.rs"]
mod both;
#[path = "wasi/conversations.rs"]
mod conversations;
#[path = "wasi/counts.rs"]
mod counts;
#[path = "wasi/durable.rs"]
mod durable;
#[path = "wasi/edge.rs"]
mod edge;
#[path = "wasi/issuers.rs"]
mod issuers;
#[path = "wasi/keystone.rs"]
mod keystone;
#[path = "wasi/locks.rs"]
mod locks;
#[path = "wasi/logins.rs"]
mod logins;
#[path = "wasi/nginx.rs"]
mod nginx;
#[path = "wasi/redirects.rs"]
mod redirects;
#[path = "wasi/unheard.rs"]
mod unheard;
#[path = "wasi/wrong.rs"]
mod wrong;

use std::sync::OnceLock;

use wharfinger_tests::random::Random;
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{self, Swift};
use wharfinger_tests::wasi::{Component, Options};

/// The rig of all tests. It ends with the process.
fn shared() -> &'static Swift {
    static SWIFT: OnceLock<Swift> = OnceLock::new();
    SWIFT.get_or_init(|| Swift::start(&swift::Options::default()).expect("Swift starts"))
}

/// A native registry on a container of its own.
fn berth(container: &str) -> Berth {
    let swift = shared();
    Berth::v1(&swift.auth_url(), swift.user(), swift.key(), container)
}

/// Variables of the environment of a component.
type Variables = [(&'static str, &'static str)];

/// The component, with these variables beside those that it needs.
fn start(options: Options, variables: &Variables) -> Component {
    let options = variables.iter().fold(options, |options, (name, value)| options.with(name, value));
    Component::start(options).expect("the component starts")
}

fn bytes(seed: u64, length: usize) -> Vec<u8> {
    Random::new(seed).bytes(length)
}
