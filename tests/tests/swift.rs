//! The registry on a real Swift.

#[path = "swift/counts.rs"]
mod counts;
#[path = "swift/faults.rs"]
mod faults;
#[path = "swift/keystone.rs"]
mod keystone;
#[path = "swift/redirect.rs"]
mod redirect;
#[path = "swift/resume.rs"]
mod resume;
#[path = "swift/retries.rs"]
mod retries;
#[path = "swift/start.rs"]
mod start;
#[path = "swift/tokens.rs"]
mod tokens;

use std::path::Path;
use std::sync::OnceLock;

use wharfinger_tests::contents::Contents;
use wharfinger_tests::conversation::{Conversation, Kind};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::image::{Image, Layout};
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::{Folder, Server};
use wharfinger_tests::swift::fault::FaultProxy;
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{Options, Swift};
use wharfinger_tests::tools::Tools;

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

#[test]
fn all_conversations_are_held_on_swift_as_on_files() {
    let swift = shared();
    let plain = berth(swift, "talk").start().expect("the registry starts");
    let sparse = berth(swift, "talk-sparse").with("  sparse-manifests: true\n");
    let sparse = sparse.start().expect("the registry starts");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations");
    let mut failures = Vec::new();
    let mut held = 0;
    for entry in std::fs::read_dir(folder).expect("the conversations are there").flatten() {
        if entry.path().extension().is_some_and(|ending| ending == "txt") {
            let conversation = Conversation::read(&entry.path()).expect("a conversation");
            let server = match conversation.server() {
                Kind::Plain => &plain,
                Kind::Sparse => &sparse,
            };
            held += 1;
            failures.extend(conversation.run(server.address()).err().map(|failure| failure.text));
        }
    }
    assert!(held > 50, "only {held} conversations");
    assert!(failures.is_empty(), "{} of {held} failed:\n{}", failures.len(), failures.join("\n\n"));
    plain.stop().and_then(|()| sparse.stop()).expect("the registries stop well");
}

#[test]
fn skopeo_pulls_from_swift_what_it_pushed() {
    let room = Folder::new("swift-skopeo").expect("the temporary directory is writable");
    // Several segments in the larger layer.
    let berth = berth(shared(), "skopeo").with("  limits: {segment-bytes: 3145728}\n");
    let registry = berth.start().expect("the registry starts");
    let tools = Tools::new(&room.path().join("home"));
    let path = room.path().join("pushed");
    Layout::create(&path).add("t", &Image::new(71, &[100_000, 8 << 20, 0, 7]));
    let remote = format!("docker://{}/deep/in/app:t", registry.address());
    let back = room.path().join("pulled");
    let local = |path: &Path| format!("oci:{}:t", path.display());
    let copy = ["copy", "--quiet", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
    tools.skopeo(&[&copy[..], &[&local(&path), &remote]].concat());
    tools.skopeo(&[&copy[..], &[&remote, &local(&back)]].concat());
    assert_eq!(Contents::of_layout(&back), Contents::of_layout(&path));
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
