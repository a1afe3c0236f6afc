//! Replicas that missed something.

use wharfinger_tests::digest::sha256;
use wharfinger_tests::image::MANIFEST;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::fault::FaultProxy;

use super::{NUMBERS, berth, manifest, once, rig, status};

/// So often something is asked that each replica could answer.
const ASKED: usize = 24;

#[test]
fn what_was_overwritten_or_removed_is_never_seen_again() {
    let swift = rig();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth(&swift, &proxy, "stale").start().expect("the registry starts");
    let client = swift.client().expect("logs in");
    let mut all = Vec::new();
    for number in NUMBERS {
        let name = format!("stale/r{number}");
        let repository = Repository::new(registry.address(), &name);
        let (old, new) = (
            manifest(&repository, &format!("old {number}")),
            manifest(&repository, &format!("new {number}")),
        );
        let config = sha256(format!("old {number}").as_bytes());
        for tag in ["moved", "removed"] {
            status(repository.push_manifest(tag, MANIFEST, &old), 201);
        }
        let server = format!("object{number}");
        swift.stop(&server).expect("the rig does it");
        status(repository.push_manifest("moved", MANIFEST, &new), 201);
        status(repository.ask("DELETE", "manifests/removed"), 202);
        status(repository.ask("DELETE", &format!("blobs/{config}")), 202);
        status(repository.ask("DELETE", &format!("manifests/{}", sha256(&old))), 202);
        swift.restart(&server).expect("the rig does it");
        let stored = |name: String| client.stored_name(&format!("/stale/{name}"));
        let removed = stored(format!("tags/{name}!/removed"));
        let link = stored(format!("links/{name}!/{}", config.replace(':', "/")));
        for name in [&removed, &link] {
            let replicas = swift.replicas(name).expect("the rig asks");
            assert!(replicas.contains(&200) && replicas.contains(&404), "none is stale: {replicas:?}");
        }
        for _ in 0..ASKED {
            assert_eq!(repository.read_manifest("moved").expect("GET"), Some(new.clone()));
            assert_eq!(repository.read_manifest("removed").expect("GET"), None);
            assert_eq!(repository.read_manifest(&sha256(&old)).expect("GET"), None);
            assert_eq!(repository.stat(&config).expect("HEAD"), None);
            assert_eq!(repository.read(&config).expect("GET"), None);
        }
        all.extend([removed, link]);
    }
    once(&swift, "object-replicator");
    for name in all {
        assert_eq!(swift.replicas(&name).expect("the rig asks"), [404; 3], "{name}");
    }
}

/// X-Newest does not help here: Swift compares when the replicas were made, whatever their rows are.
#[test]
fn a_listing_may_lag_but_what_it_lists_does_not_and_both_converge() {
    let swift = rig();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let registry = berth(&swift, &proxy, "lists").start().expect("the registry starts");
    let client = swift.client().expect("logs in");
    let repositories = NUMBERS.map(|number| {
        let name = format!("lists/r{number}");
        (number, Repository::new(registry.address(), &name), name)
    });
    let list = |name: &str, tag: &str| format!("{{\"name\":\"{name}\",\"tags\":[\"{tag}\"]}}");
    let (mut any_plain, mut any_newest) = (0, 0);
    for (number, repository, name) in &repositories {
        let bytes = manifest(repository, &format!("list {number}"));
        status(repository.push_manifest("before", MANIFEST, &bytes), 201);
        let server = format!("container{number}");
        swift.stop(&server).expect("the rig does it");
        status(repository.push_manifest("later", MANIFEST, &bytes), 201);
        status(repository.ask("DELETE", "manifests/before"), 202);
        let tags = || status(repository.ask("GET", "tags/list"), 200).text();
        assert_eq!(tags(), list(name, "later"), "while {server} is away");
        swift.restart(&server).expect("the rig does it");
        for _ in 0..ASKED {
            let tags = tags();
            assert!(
                tags == list(name, "later") || tags == list(name, "before"),
                "neither old nor new: {tags}"
            );
            assert_eq!(repository.read_manifest("later").expect("GET"), Some(bytes.clone()));
            assert_eq!(repository.read_manifest("before").expect("GET"), None);
        }
        let path = format!("/lists?prefix=tags/{name}!/");
        let old = |newest: &str| {
            let answer = client.request("GET", &path, &[("X-Newest", newest)], b"");
            status(answer, 200).text() == format!("tags/{name}!/before\n")
        };
        let [plain, newest] = ["false", "true"].map(|newest| (0..ASKED).filter(|_| old(newest)).count());
        eprintln!("{server} was away: of {ASKED} listings {plain} are old, with X-Newest {newest}");
        (any_plain, any_newest) = (any_plain + plain, any_newest + newest);
    }
    assert!(any_plain > 0 && any_newest > 0, "X-Newest decides: {any_plain}, {any_newest}");
    once(&swift, "object-updater");
    for (_, repository, name) in &repositories {
        // Any replica may answer.
        for _ in 0..ASKED {
            let tags = status(repository.ask("GET", "tags/list"), 200).text();
            assert_eq!(tags, list(name, "later"));
            let names = client.names("lists", &format!("tags/{name}!/")).expect("a listing");
            assert_eq!(names, [format!("tags/{name}!/later")]);
        }
    }
}
