//! The component in jco, another runtime than the one of the other tests, on files and on a real Swift.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::json;
use wharfinger_tests::contents::Contents;
use wharfinger_tests::conversation::{Conversation, Kind};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::image::{CONFIG, Image, Layout, MANIFEST};
use wharfinger_tests::jco::{Jco, Requests};
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::{OCTETS, Repository, finishing, refused};
use wharfinger_tests::server::{self, Folder, Server};
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{self, Swift};
use wharfinger_tests::tools::Tools;
use wharfinger_tests::wasi::Options;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image whose parts are pushed each in another way.
struct Pushed {
    manifest: Vec<u8>,
    config: Vec<u8>,
    whole: Vec<u8>,
    /// The digest of the one of which the bytes were made as they left.
    streamed: String,
}

const STREAMED_MIB: u64 = 3;

impl Pushed {
    fn through(repository: &Repository) -> Self {
        let mut random = Random::new(77);
        let (config, whole) = (random.bytes(2_000), random.bytes(2_500_000));
        repository.push_whole(&config).and_then(|answer| answer.expect(201)).expect("POST and PUT");
        repository.push_pieces(&whole, 900_000).and_then(|answer| answer.expect(201)).expect("PATCHes");
        let streamed = repository.push_mib(78, STREAMED_MIB).expect("a PATCH in chunks");
        let described = |kind: &str, digest: &str, size: usize| json!({"mediaType": kind, "digest": digest, "size": size});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &sha256(&config), config.len()),
            "layers": [
                described(LAYER, &sha256(&whole), whole.len()),
                described(LAYER, &streamed, usize::try_from(STREAMED_MIB << 20).expect("a size")),
            ],
        });
        let manifest = manifest.to_string().into_bytes();
        let put = repository.push_manifest("v1", MANIFEST, &manifest);
        put.and_then(|answer| answer.expect(201)).expect("the manifest");
        Self { manifest, config, whole, streamed }
    }

    /// Pulls all of it, by tag and by digest.
    fn is_served_by(&self, repository: &Repository) {
        for reference in ["v1", &sha256(&self.manifest)] {
            let found = repository.read_manifest(reference).expect("GET");
            assert_eq!(found.as_ref(), Some(&self.manifest), "{reference}");
        }
        for blob in [&self.config, &self.whole] {
            let digest = sha256(blob);
            assert_eq!(repository.stat(&digest).expect("HEAD"), Some(blob.len() as u64));
            assert!(repository.read(&digest).expect("GET").as_ref() == Some(blob), "{digest}");
        }
        // A GET compares the digest.
        let streamed = repository.read(&self.streamed).expect("GET").map(|bytes| bytes.len() as u64);
        assert_eq!(streamed, Some(STREAMED_MIB << 20));
    }
}

/// What is no image, or not there.
fn refuses(repository: &Repository) {
    let other = sha256(b"something else");
    let mut connection = repository.connect().expect("connects");
    let begun = repository.begin(&mut connection).expect("POST");
    let bytes = Random::new(79).bytes(300_000);
    let put = connection.request("PUT", &finishing(&begun, &other), &[OCTETS], &bytes).expect("PUT");
    refused(put, 400).expect("a wrong digest is refused");
    for digest in [other, sha256(&bytes)] {
        assert_eq!(repository.stat(&digest).expect("HEAD"), None);
    }
    assert_eq!(repository.read_manifest("v2").expect("GET"), None);
}

/// skopeo pushes an image and pulls it again, by tag and by digest.
fn is_used_by_skopeo(address: SocketAddr, folder: &Path) -> Contents {
    let tools = Tools::new(&folder.join("home"));
    let local = |name: &str| format!("oci:{}:t", folder.join(name).display());
    let digest = Layout::create(&folder.join("pushed")).add("t", &Image::new(80, &[100_000, 0, 9_000_000]));
    let pushed = Contents::of_layout(&folder.join("pushed"));
    let copy = ["copy", "--quiet", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
    let remote = format!("docker://{address}/jco/skopeo");
    tools.skopeo(&[&copy[..], &[&local("pushed"), &format!("{remote}:t")]].concat());
    for (name, reference) in [("by-tag", ":t".to_owned()), ("by-digest", format!("@{digest}"))] {
        tools.skopeo(&[&copy[..], &[&format!("{remote}{reference}"), &local(name)]].concat());
        assert_eq!(Contents::of_layout(&folder.join(name)), pushed, "{name}");
    }
    pushed
}

/// Pushes and pulls through jco, and then pulls from the native server that `native` starts on the same store.
fn push_and_pull(jco: Jco, native: impl FnOnce() -> Server) {
    let folder = Folder::new("images").expect("a folder");
    let repository = Repository::new(jco.address(), "jco/image");
    let pushed = Pushed::through(&repository);
    pushed.is_served_by(&repository);
    refuses(&repository);
    let images = is_used_by_skopeo(jco.address(), folder.path());
    let log = jco.stop().expect("it serves to the end");
    assert!(!log.contains("rror"), "{log}");

    let native = native();
    pushed.is_served_by(&Repository::new(native.address(), "jco/image"));
    let skopeos = Repository::new(native.address(), "jco/skopeo");
    for (digest, size) in images.blobs.iter().filter(|(digest, _)| !images.roots.contains(digest)) {
        assert_eq!(skopeos.read(digest).expect("GET").map(|bytes| bytes.len() as u64), Some(*size));
    }
    native.stop().expect("it stops well");
}

#[test]
fn on_files_images_are_pushed_and_pulled_and_the_native_server_has_them() {
    let folder = Folder::new("jco-data").expect("a folder");
    let data = Some(folder.path().to_owned());
    let jco = Options { data: data.clone(), ..Options::default() };
    let jco = Jco::start(jco, Requests::Shared).expect("jco starts");
    push_and_pull(jco, || {
        Server::start(server::Options { data, ..server::Options::default() }).expect("the registry starts")
    });
}

#[test]
fn on_swift_images_are_pushed_and_pulled_and_the_native_server_has_them() {
    let swift = Swift::start(&swift::Options::default()).expect("Swift starts");
    let berth = Berth::v1(&swift.auth_url(), swift.user(), swift.key(), "jco");
    let jco = Jco::start(Options::default().on_swift(&berth), Requests::Shared).expect("jco starts");
    push_and_pull(jco, || berth.start().expect("the registry starts"));
}

/// Conversations that cannot be held in jco 1.35.0, and why. docs/wasi.md says the same.
const NOT_HELD: [(&str, &str); 4] = [
    ("manifest-several-tags", "of several fields of one name only the last is sent"),
    ("quirk-containerd-drops-open-ranges", "with one instance, a reply that is given up ends the server"),
    ("quirk-containers-image-too-long-range-is-400", "Node.js refuses a head of more than 16 KiB itself"),
    ("quirk-curl-waits-for-100", "100 Continue is sent before the component is asked"),
];

#[test]
fn on_files_all_conversations_but_four_are_held() {
    let start = |kind: Kind| {
        (kind, Jco::start(Options::default().of_kind(kind), Requests::Shared).expect("jco starts"))
    };
    let servers = BTreeMap::from(Kind::ALL.map(start));
    let all = Conversation::all().expect("the conversations can be read");
    let (not_held, held): (Vec<_>, Vec<_>) =
        all.iter().partition(|talk| NOT_HELD.iter().any(|(name, _)| *name == talk.name()));
    assert_eq!((not_held.len(), held.len() > 100), (NOT_HELD.len(), true));
    let mut wrong = Vec::new();
    for conversation in held {
        let address = servers[&conversation.server()].address();
        wrong.extend(conversation.run(address).err().map(|failure| failure.text));
    }
    assert!(wrong.is_empty(), "{}:\n{}\n{}", wrong.len(), wrong.join("\n"), servers[&Kind::Plain].log());
    for jco in servers.into_values() {
        jco.stop().expect("it serves to the end");
    }
}

/// With one instance for all, jco does not outlive a reply that is given up: docs/wasi.md says so.
#[test]
fn with_a_worker_for_each_request_jco_outlives_clients_that_leave() {
    let options = Options::default().with("WHARFINGER_LIMITS_WRITE_IDLE_SECONDS", "2");
    let jco = Jco::start(options, Requests::Isolated).expect("jco starts");
    let repository = Repository::new(jco.address(), "jco/left");
    let pushed = Pushed::through(&repository);

    let target = format!("/v2/jco/left/blobs/{}", pushed.streamed);
    let mut download = repository.connect().expect("connects");
    download.send_head("GET", &target, &[]).expect("sent");
    assert_eq!(download.read_head().expect("a head").status, 200);
    drop(download);

    let mut upload = repository.connect().expect("connects");
    let begun = repository.begin(&mut upload).expect("POST");
    let bytes = Random::new(81).bytes(3_000_000);
    let length = bytes.len().to_string();
    let target = finishing(&begun, &sha256(&bytes));
    upload.send_head("PUT", &target, &[OCTETS, ("Content-Length", &length)]).expect("sent");
    upload.send(&bytes[..2_000_000]).expect("sent");
    drop(upload);

    pushed.is_served_by(&repository);
    assert_eq!(repository.stat(&sha256(&bytes)).expect("HEAD"), None);
    jco.stop().expect("it serves to the end");
}
