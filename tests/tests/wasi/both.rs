//! A native server and the component on one store at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::image::{CONFIG, MANIFEST};
use wharfinger_tests::repository::{OCTETS, Repository, finishing, location};
use wharfinger_tests::server::{self, Folder, Server};
use wharfinger_tests::wasi::{Component, Options, SECRET};

use super::{berth, bytes, start};

/// Segments that are small enough for a blob to have several.
const SEGMENT_BYTES: &str = "1048576";
/// So many push at once, half of them through each host.
const PUSHERS: usize = 8;

/// Both hosts, on one store.
struct Both {
    native: Server,
    component: Component,
    // Dropped after both have ended.
    _folder: Folder,
}

impl Both {
    fn on_files() -> Self {
        let folder = Folder::new("both").expect("a folder");
        let data = Some(folder.path().to_owned());
        let config = format!(
            "registry:\n  secret: {SECRET}\n  storage:\n    driver: filesystem\n    root: ${{data}}\n  limits: {{segment-bytes: {SEGMENT_BYTES}}}\n"
        );
        let native =
            server::Options { data: data.clone(), config: Some(config), ..server::Options::default() };
        let native = Server::start(native).expect("the registry starts");
        let options = Options { data, ..Options::default() };
        Self {
            native,
            component: start(options, &[("WHARFINGER_LIMITS_SEGMENT_BYTES", SEGMENT_BYTES)]),
            _folder: folder,
        }
    }

    fn on_swift(container: &str) -> Self {
        let berth = berth(container);
        let native = berth.clone().with(&format!("  limits: {{segment-bytes: {SEGMENT_BYTES}}}\n"));
        let native = native.start().expect("the registry starts");
        let options = Options::default().on_swift(&berth);
        let component = start(options, &[("WHARFINGER_LIMITS_SEGMENT_BYTES", SEGMENT_BYTES)]);
        Self { native, component, _folder: Folder::new("both").expect("a folder") }
    }

    fn addresses(&self) -> [SocketAddr; 2] {
        [self.native.address(), self.component.address()]
    }

    fn stop(self) {
        self.native.stop().and_then(|()| self.component.stop()).map(drop).expect("they stop well");
    }
}

/// Pushes an image through `to`, which `from` serves; the upload of its layer goes on at the other host each time.
fn serve_what_the_other_took(name: &str, to: SocketAddr, from: SocketAddr) {
    let (pushes, pulls) = (Repository::new(to, name), Repository::new(from, name));
    let (config, layer) = (bytes(1, 2000), bytes(2, 3_300_000));
    pushes.push_whole(&config).and_then(|answer| answer.expect(201)).expect("pushed");

    let mut at = pushes.begin(&mut pushes.connect().expect("connects")).expect("POST");
    for (number, piece) in layer.chunks(1_500_000).enumerate() {
        let host = if number % 2 == 0 { &pulls } else { &pushes };
        let patched =
            host.connect().and_then(|mut connection| connection.request("PATCH", &at, &[OCTETS], piece));
        at = patched.and_then(|answer| location(&answer.expect(202)?)).expect("PATCH");
    }
    let digest = sha256(&layer);
    let put = pulls
        .connect()
        .and_then(|mut connection| connection.request("PUT", &finishing(&at, &digest), &[], b""));
    put.and_then(|answer| answer.expect(201)).expect("PUT");

    let described =
        |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": sha256(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let pushed = pushes.push_manifest("v1", MANIFEST, &manifest);
    pushed.and_then(|answer| answer.expect(201)).expect("pushed");

    for repository in [&pulls, &pushes] {
        assert_eq!(repository.stat(&digest).expect("HEAD"), Some(layer.len() as u64));
        for blob in [&config, &layer] {
            assert_eq!(repository.read(&sha256(blob)).expect("GET").as_ref(), Some(blob));
        }
        assert_eq!(repository.read_manifest("v1").expect("GET"), Some(manifest.clone()));
    }
    let deleted = pulls.ask("DELETE", &format!("manifests/{}", sha256(&manifest)));
    deleted.and_then(|answer| answer.expect(202)).expect("deleted");
    assert_eq!(pushes.read_manifest("v1").expect("GET"), None);
}

/// Pushes one blob through both hosts at once, while each is asked for what the other takes. What looks before the first
/// 201 may find nothing, but nothing that is not whole; what looks after it finds all.
fn race(name: &str, seed: u64, length: usize, hosts: [SocketAddr; 2]) {
    let blob = bytes(seed, length);
    let digest = sha256(&blob);
    let size = Some(blob.len() as u64);
    let (told, looks, done) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let (blob, digest, told, looks, done) = (&blob, &digest, &told, &looks, &done);
    std::thread::scope(|scope| {
        for number in 0..PUSHERS {
            scope.spawn(move || {
                let pushes = Repository::new(hosts[number % 2], name);
                let pulls = Repository::new(hosts[(number + 1) % 2], name);
                let pushed = match number % 4 {
                    0 | 1 => pushes.push_pieces(blob, blob.len() / 3 + 1),
                    _ => pushes.push_whole(blob),
                };
                pushed.and_then(|answer| answer.expect(201)).expect("it is stored");
                told.store(true, Ordering::SeqCst);
                assert_eq!(pulls.stat(digest).expect("HEAD"), size, "after a 201");
                assert_eq!(pulls.read(digest).expect("GET").as_ref(), Some(blob), "after a 201");
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        for host in hosts {
            scope.spawn(move || {
                let repository = Repository::new(host, name);
                while done.load(Ordering::SeqCst) < PUSHERS {
                    let known = told.load(Ordering::SeqCst);
                    let found = repository.stat(digest).expect("HEAD");
                    assert!(found == size || (found.is_none() && !known), "{found:?} of {size:?}");
                    let known = known || found.is_some();
                    // A GET compares the digest.
                    let read = repository.read(digest).expect("GET");
                    assert!(read.is_some() || !known, "gone after it was there");
                    looks.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert!(looks.load(Ordering::SeqCst) > 0, "nobody looked");
}

fn share(both: Both) {
    let [native, component] = both.addresses();
    serve_what_the_other_took("both/native-first", native, component);
    serve_what_the_other_took("both/component-first", component, native);
    for (round, length) in [2_200_000, 30_000, 2_200_000].into_iter().enumerate() {
        race(&format!("both/race-{round}"), 400 + round as u64, length, both.addresses());
    }
    both.stop();
}

#[test]
fn one_directory_serves_both_hosts_at_once() {
    share(Both::on_files());
}

#[test]
fn one_container_serves_both_hosts_at_once() {
    share(Both::on_swift("wasi-both"));
}
