//! Object servers that go in the midst of a write.

use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Connection;
use wharfinger_tests::repository::{Repository, finishing, location};
use wharfinger_tests::swift::Swift;
use wharfinger_tests::swift::fault::FaultProxy;

use super::{berth, bytes, once, rig, status, until};

/// The part of a blob that is sent before anything happens.
const FIRST: usize = 300_000;

/// How servers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Killed,
    Paused,
}

impl Loss {
    fn strike(self, swift: &Swift, server: &str) {
        match self {
            Self::Killed => swift.kill9(server),
            Self::Paused => swift.pause(server),
        }
        .expect("the rig does it");
    }

    fn heal(self, swift: &Swift, server: &str) {
        match self {
            Self::Killed => swift.restart(server),
            Self::Paused => swift.cont(server),
        }
        .expect("the rig does it");
    }
}

fn send_chunk(connection: &mut Connection, bytes: &[u8]) {
    let size = format!("{:x}\r\n", bytes.len());
    for part in [size.as_bytes(), bytes, b"\r\n"] {
        // A registry that has answered reads no more.
        if connection.send(part).is_err() {
            return;
        }
    }
}

#[test]
fn a_segment_counts_only_if_two_of_three_servers_have_it() {
    let swift = rig();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth(&swift, &proxy, "loss").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "loss/app");
    let mut all = Vec::new();
    for (number, (loss, servers)) in [
        (Loss::Killed, &["object3"][..]),
        (Loss::Paused, &["object1"]),
        (Loss::Killed, &["object2", "object3"]),
        (Loss::Paused, &["object1", "object2"]),
    ]
    .into_iter()
    .enumerate()
    {
        let blob = bytes(number as u64, 2 * FIRST);
        let digest = sha256(&blob);
        let mut connection = repository.connect().expect("connects");
        let begun = repository.begin(&mut connection).expect("POST");
        proxy.take_log();
        connection.send_head("PATCH", &begun, &[("Transfer-Encoding", "chunked")]).expect("is sent");
        send_chunk(&mut connection, &blob[..FIRST]);
        until("the segment is on its way", || {
            proxy.log().iter().any(|exchange| exchange.request_bytes >= FIRST as u64 / 2)
        });
        servers.iter().for_each(|server| loss.strike(&swift, server));
        send_chunk(&mut connection, &blob[FIRST..]);
        // It may have been refused already.
        let _ = connection.send(b"0\r\n\r\n");
        let patched = connection.read_response("PATCH").expect("an answer");
        if servers.len() == 1 {
            assert_eq!(patched.status(), 202, "{loss:?} {servers:?}: {}", patched.text());
            let target = finishing(&location(&patched).expect("a Location"), &digest);
            status(connection.request("PUT", &target, &[], b""), 201);
            assert_eq!(repository.read(&digest).expect("GET"), Some(blob.clone()));
        } else {
            assert_eq!(patched.status(), 503, "{loss:?} {servers:?}: {}", patched.text());
            assert!(patched.head.field("retry-after").is_some());
            assert!(location(&patched).is_ok());
        }
        servers.iter().for_each(|server| loss.heal(&swift, server));
        if servers.len() == 2 {
            assert_eq!(repository.stat(&digest).expect("HEAD"), None, "{loss:?} {servers:?}");
            status(repository.push_pieces(&blob, blob.len()), 201);
        }
        assert_eq!(repository.read(&digest).expect("GET"), Some(blob), "{loss:?} {servers:?}");
        let (_, hex) = digest.split_once(':').expect("a digest");
        let client = swift.client().expect("logs in");
        let name = client.stored_name(&format!("/loss/blobs/sha256/{}/{hex}", &hex[..2]));
        all.push(name);
    }
    once(&swift, "object-replicator");
    for name in all {
        assert_eq!(swift.replicas(&name).expect("the rig asks"), [200; 3], "{name}");
    }
}
