//! A registry that sends its clients to Swift: what both hosts hold to. `HOST` is the one that is meant.

#[path = "redirect/keys.rs"]
mod keys;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wharfinger_tests::contents::Contents;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::image::{Image, Layout};
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::Folder;
use wharfinger_tests::swift::fault::FaultProxy;
use wharfinger_tests::swift::host::{Host, Registry};
use wharfinger_tests::tools::Tools;

use super::{HOST, berth, berth_through, bytes, shared};

/// How long an effect is waited for that comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A setting: its key below `registry`, and its value.
type Setting<'a> = (&'a str, &'a str);

const REDIRECT: Setting<'static> = ("storage.redirect", "true");

/// Three segments and a bit.
const SEGMENTS: Setting<'static> = ("limits.segment-bytes", "1048576");

/// All that the native server can say.
const LOG: Setting<'static> = ("log.level", "trace");

/// What a signature begins with, in a URL.
const SIGNATURE: &str = "temp_url_sig=";

/// Keeps segments with the rest.
fn together(container: &str) -> [Setting<'_>; 2] {
    [("storage.segments-container", container), REDIRECT]
}

/// Where a redirect leads: the address, and the rest of the URL.
fn target(redirect: &Response) -> (SocketAddr, String) {
    assert_eq!((redirect.status(), redirect.body.len()), (307, 0), "{}", redirect.text());
    let url = redirect.head.field("location").expect("a Location");
    let (address, path) = url.strip_prefix("http://").and_then(|url| url.split_once('/')).expect("a URL");
    (address.parse().expect("an address"), format!("/{path}"))
}

/// GETs without credentials.
fn fetch((address, path): &(SocketAddr, String), fields: &[(&str, &str)]) -> Response {
    let connection = Connection::open(*address);
    connection.and_then(|mut connection| connection.request("GET", path, fields, b"")).expect("is answered")
}

fn blob_of(repository: &Repository, digest: &str) -> Response {
    repository.ask("GET", &format!("blobs/{digest}")).expect("is answered")
}

/// No signature and no key is in any log.
fn logs_nothing(registry: &Registry) {
    let log = registry.log();
    for secret in [SIGNATURE, "wharfinger-0", "wharfinger-1"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

/// Reads a blob of one segment and one of several, whole and in ranges.
fn reads_all(registry: &Registry, name: &str) {
    let repository = Repository::new(registry.address(), name);
    for (seed, length) in [(1, 1000), (2, (3 << 20) + 5)] {
        let blob = bytes(seed, length);
        let digest = sha256(&blob);
        repository.push_pieces(&blob, blob.len()).and_then(|answer| answer.expect(201)).expect("pushed");
        let redirect = blob_of(&repository, &digest);
        let field = |name| redirect.head.field(name);
        assert_eq!(field("docker-content-digest"), Some(digest.as_str()));
        assert_eq!(field("etag"), Some(format!("\"{digest}\"").as_str()));
        assert_eq!(field("cache-control"), Some("no-store"));
        let at = target(&redirect);
        let whole = fetch(&at, &[]);
        assert_eq!((whole.status(), sha256(&whole.body)), (200, digest.clone()), "{}", whole.text());
        assert_eq!(whole.head.field("content-type"), Some("application/octet-stream"));
        assert!(whole.head.field("content-disposition").is_some_and(|how| how.starts_with("attachment")));
        assert_eq!(repository.stat(&digest).expect("HEAD is answered here"), Some(length as u64));

        let last = length - 1;
        for (range, first, end) in [
            ("bytes=0-0".to_owned(), 0, 0),
            (format!("bytes={}-{last}", length - 7), length - 7, last),
            ("bytes=-5".to_owned(), length - 5, last),
            (format!("bytes={}-", length / 2), length / 2, last),
            // Over the seams of the segments, where there are any.
            (format!("bytes=900-{}", length - 2), 900, length - 2),
        ] {
            let asked = [("Range", range.as_str())];
            let redirect = repository
                .connect()
                .and_then(|mut connection| {
                    connection.request("GET", &format!("/v2/{name}/blobs/{digest}"), &asked, b"")
                })
                .expect("is answered");
            let part = fetch(&target(&redirect), &asked);
            assert_eq!(part.status(), 206, "{range}: {}", part.text());
            assert!(part.body == blob[first..=end], "{range}");
            let stated = format!("bytes {first}-{end}/{length}");
            assert_eq!(part.head.field("content-range"), Some(stated.as_str()));
        }
        let beyond = fetch(&at, &[("Range", &format!("bytes={length}-"))]);
        assert_eq!(beyond.status(), 416);
        assert_eq!(beyond.head.field("content-range"), Some(format!("bytes */{length}").as_str()));
    }
}

#[test]
fn blobs_are_read_from_swift_wherever_their_segments_stand() {
    let swift = shared();
    let apart = HOST.start(&berth(swift, "redirect-apart"), &[REDIRECT, SEGMENTS, LOG]);
    let apart = apart.expect("the registry starts");
    reads_all(&apart, "redirected/apart");
    logs_nothing(&apart);
    let settings = [&together("redirect")[..], &[SEGMENTS, LOG]].concat();
    let together = HOST.start(&berth(swift, "redirect"), &settings).expect("the registry starts");
    reads_all(&together, "redirected/together");
    logs_nothing(&together);
    let client = swift.client().expect("logs in");
    let head = client.head("/redirect").expect("is answered").head;
    assert!(head.fields.iter().any(|(name, _)| name.starts_with("x-container-meta-temp-url-key")));
}

#[test]
fn a_redirected_get_takes_two_requests_and_what_is_gone_is_not_redirected() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let berth = berth_through(&proxy, swift, "redirect-counts");
    let registry = HOST.start(&berth, &together("redirect-counts")).expect("the registry starts");
    // Those for objects: another instance of the component may start at any time.
    let passed = || {
        let log = proxy.take_log();
        let part = |one: &wharfinger_tests::swift::fault::Exchange| {
            Some(format!("{} {}", one.method, one.target.split('/').nth(4)?))
        };
        let mut kinds: Vec<String> = log.iter().filter_map(part).collect();
        kinds.sort();
        kinds
    };
    let begun = proxy.take_log();
    assert_eq!(
        begun.len(),
        6,
        "a login, a container, /info, a look at the keys, a key, another look: {begun:?}"
    );
    let repository = Repository::new(registry.address(), "redirected/counts");
    let blob = bytes(3, 5000);
    let digest = sha256(&blob);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("pushed");
    passed();
    let at = target(&blob_of(&repository, &digest));
    assert_eq!(passed(), ["GET links", "HEAD blobs"]);
    assert_eq!(fetch(&at, &[]).body, blob);
    assert_eq!(passed(), ["GET blobs"]);

    let client = swift.client().expect("logs in");
    let hex = digest.trim_start_matches("sha256:");
    let path = format!("/redirect-counts/blobs/sha256/{}/{hex}", &hex[..2]);
    client.delete(&path).and_then(|answer| answer.expect(204)).expect("it was there");
    assert_eq!(blob_of(&repository, &digest).status(), 404);
    assert_eq!(client.names("redirect-counts", "links/").expect("a listing"), [""; 0]);
}

#[test]
fn damage_that_only_the_client_sees_is_healed_by_a_delete_and_a_push() {
    let swift = shared();
    let registry = HOST.start(&berth(swift, "redirect-damage"), &[REDIRECT, SEGMENTS]);
    let registry = registry.expect("the registry starts");
    let repository = Repository::new(registry.address(), "redirected/damage");
    let blob = bytes(11, 3 << 20);
    let digest = sha256(&blob);
    repository.push_pieces(&blob, blob.len()).and_then(|answer| answer.expect(201)).expect("pushed");
    let client = swift.client().expect("logs in");
    for segment in client.names("redirect-damage-segments", "segments/").expect("a listing") {
        let path = format!("/redirect-damage-segments/{segment}");
        client.delete(&path).and_then(|answer| answer.expect(204)).expect("it was there");
    }
    assert_eq!(repository.stat(&digest).expect("is answered"), Some(blob.len() as u64));
    assert_eq!(fetch(&target(&blob_of(&repository, &digest)), &[]).status(), 409);
    let deleted = repository.ask("DELETE", &format!("blobs/{digest}"));
    deleted.and_then(|answer| answer.expect(202)).expect("is deleted");
    repository.push_pieces(&blob, blob.len()).and_then(|answer| answer.expect(201)).expect("pushed");
    assert_eq!(sha256(&fetch(&target(&blob_of(&repository, &digest)), &[]).body), digest);
}

#[test]
fn a_url_ends_when_it_is_said_to() {
    let settings = [&together("redirect-ends")[..], &[("storage.redirect-seconds", "1")]].concat();
    let registry = HOST.start(&berth(shared(), "redirect-ends"), &settings).expect("the registry starts");
    let repository = Repository::new(registry.address(), "redirected/ends");
    let blob = bytes(4, 5000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("pushed");
    let at = target(&blob_of(&repository, &sha256(&blob)));
    let begun = Instant::now();
    while fetch(&at, &[]).status() == 200 {
        assert!(begun.elapsed() < PATIENCE, "it never ends");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(fetch(&at, &[]).status(), 401);
    let other = (at.0, at.1.replace("temp_url_expires=", "temp_url_expires=9"));
    assert_eq!(fetch(&other, &[]).status(), 401);
    assert_eq!(sha256(&fetch(&target(&blob_of(&repository, &sha256(&blob))), &[]).body), sha256(&blob));
}

#[test]
fn clients_can_be_sent_another_way_than_the_registry_goes() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let url = format!("http://{}", proxy.address());
    let settings = [&together("redirect-way")[..], &[("storage.redirect-url", &url)]].concat();
    let registry = HOST.start(&berth(swift, "redirect-way"), &settings).expect("the registry starts");
    let repository = Repository::new(registry.address(), "redirected/way");
    let blob = bytes(5, 5000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("pushed");
    let at = target(&blob_of(&repository, &sha256(&blob)));
    assert_eq!(at.0, proxy.address());
    assert!(proxy.log().is_empty());
    assert_eq!(fetch(&at, &[]).body, blob);
}

#[test]
fn skopeo_pulls_through_redirects_what_it_pushed() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let room = Folder::new("swift-redirect").expect("the temporary directory is writable");
    let berth = berth_through(&proxy, swift, "redirect-skopeo");
    let registry = HOST.start(&berth, &[REDIRECT, SEGMENTS]).expect("the registry starts");
    let tools = Tools::new(&room.path().join("home"));
    let path = room.path().join("pushed");
    Layout::create(&path).add("t", &Image::new(72, &[100_000, 4 << 20, 0, 7]));
    let remote = format!("docker://{}/deep/in/app:t", registry.address());
    let back = room.path().join("pulled");
    let local = |path: &std::path::Path| format!("oci:{}:t", path.display());
    let copy = ["copy", "--quiet", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
    tools.skopeo(&[&copy[..], &[&local(&path), &remote]].concat());
    proxy.take_log();
    tools.skopeo(&[&copy[..], &[&remote, &local(&back)]].concat());
    assert_eq!(Contents::of_layout(&back), Contents::of_layout(&path));
    let signed = proxy.log().iter().filter(|one| one.target.contains(SIGNATURE)).count();
    assert!(signed >= 4, "{signed} reads of blobs by temporary URLs");
}
