//! The registry on a real Swift.

#[path = "swift/clouds.rs"]
mod clouds;
#[path = "swift/conversations.rs"]
mod conversations;
#[path = "swift/counts.rs"]
mod counts;
#[path = "swift/faults.rs"]
mod faults;
#[path = "swift/keystone.rs"]
mod keystone;
#[path = "swift/latency.rs"]
mod latency;
#[path = "swift/names.rs"]
mod names;
#[path = "swift/race.rs"]
mod race;
#[path = "swift/redirect.rs"]
mod redirect;
#[path = "swift/resume.rs"]
mod resume;
#[path = "swift/retries.rs"]
mod retries;
#[path = "swift/segments.rs"]
mod segments;
#[path = "swift/skew.rs"]
mod skew;
#[path = "swift/start.rs"]
mod start;
#[path = "swift/statements.rs"]
mod statements;
#[path = "swift/store_command.rs"]
mod store_command;
#[path = "swift/table.rs"]
mod table;
#[path = "swift/tls.rs"]
mod tls;
#[path = "swift/tokens.rs"]
mod tokens;
#[path = "swift/zuul_file.rs"]
mod zuul_file;

use std::sync::OnceLock;

use wharfinger_tests::digest::sha256;
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::Server;
use wharfinger_tests::swift::fault::FaultProxy;
use wharfinger_tests::swift::host::Host;
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{Options, Swift};

/// The host of the tests that both hold to.
const HOST: Host = Host::Native;

/// The rig of all tests that need nothing special. It ends with the process.
fn shared() -> &'static Swift {
    static SWIFT: OnceLock<Swift> = OnceLock::new();
    SWIFT.get_or_init(|| Swift::start(&Options::default()).expect("Swift starts"))
}

/// A registry on a container of its own.
fn berth(swift: &Swift, container: &str) -> Berth {
    Berth::v1(&swift.auth_url(), swift.user(), swift.key(), container)
}

/// A registry all of whose requests to Swift, logins too, go through the proxy.
fn berth_through(proxy: &FaultProxy, swift: &Swift, container: &str) -> Berth {
    let url = format!("http://{}/auth/v1.0", proxy.address());
    Berth::v1(&url, swift.user(), swift.key(), container)
}

fn bytes(seed: u64, length: usize) -> Vec<u8> {
    Random::new(seed).bytes(length)
}

/// Eight clients push one blob at once while others ask a second server for it.
#[test]
fn after_any_201_of_racing_pushes_the_blob_is_whole_everywhere() {
    let berth = berth(shared(), "race").with("  limits: {segment-bytes: 1048576}\n");
    let servers: Vec<Server> = (0..2).map(|_| berth.start().expect("the registry starts")).collect();
    for round in 0..3 {
        let blob = bytes(100 + round, 2_500_000);
        let digest = sha256(&blob);
        let name = format!("race/r{round}");
        std::thread::scope(|scope| {
            for pusher in 0..8 {
                let (blob, digest, name) = (&blob, &digest, &name);
                let servers = &servers;
                scope.spawn(move || {
                    let pushes = Repository::new(servers[0].address(), name);
                    let looks = Repository::new(servers[1].address(), name);
                    let pushed = match pusher % 2 {
                        0 => pushes.push_pieces(blob, 900_000),
                        _ => pushes.push_whole(blob),
                    };
                    pushed.and_then(|answer| answer.expect(201)).expect("it is stored");
                    let size = Some(blob.len() as u64);
                    assert_eq!(looks.stat(digest).expect("HEAD is answered"), size);
                    assert_eq!(looks.read(digest).expect("GET is whole").as_ref(), Some(blob));
                    assert_eq!(looks.stat(digest).expect("HEAD is answered"), size);
                });
            }
        });
    }
}
