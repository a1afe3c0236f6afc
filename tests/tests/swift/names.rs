//! Names with every character that they may have, through to the names of objects in Swift.

use serde_json::json;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::image::{CONFIG, MANIFEST};
use wharfinger_tests::repository::Repository;

use super::{berth, bytes, shared};

/// Repositories, in the order of their bytes: every character that the specification allows, and names that begin with others.
const REPOSITORIES: [&str; 7] = [
    "0",
    "0-9/a.b/c_d",
    "0123456789abcdefghijklmnopqrstuvwxyz",
    "0123456789abcdefghijklmnopqrstuvwxyz/a",
    "a--b/c__d/e.f/g-h_i.j0",
    "a/b",
    "ab",
];
/// Tags, in the order of their bytes, with every character that the specification allows.
const TAGS: [&str; 5] =
    ["0", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "_", "a.b-c_D", "abcdefghijklmnopqrstuvwxyz-0123456789._"];

#[test]
fn every_name_that_is_allowed_is_the_name_of_an_object() {
    let swift = shared();
    // The container's own name needs escapes too.
    let container = "names all+of%25 it";
    let registry = berth(swift, container).start().expect("the registry starts");
    let client = swift.client().expect("logs in");
    let (mut expected, subject) = (Vec::new(), sha256(b"subject"));
    let path = |digest: &str| digest.replace(':', "/");
    for (number, name) in REPOSITORIES.into_iter().enumerate() {
        let repository = Repository::new(registry.address(), name);
        let config = bytes(number as u64, 100);
        repository.push_whole(&config).and_then(|answer| answer.expect(201)).expect("is stored");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": {"mediaType": CONFIG, "digest": sha256(&config), "size": config.len()},
            "subject": {"mediaType": MANIFEST, "digest": subject, "size": 1},
        });
        let manifest = manifest.to_string().into_bytes();
        let digest = sha256(&manifest);
        for tag in TAGS {
            let pushed = repository.push_manifest(tag, MANIFEST, &manifest);
            pushed.and_then(|answer| answer.expect(201)).expect("is stored");
            assert_eq!(repository.read_manifest(tag).expect("GET"), Some(manifest.clone()), "{name}:{tag}");
            expected.push(format!("tags/{name}!/{tag}"));
        }
        let hex = sha256(&config).trim_start_matches("sha256:").to_owned();
        expected.push(format!("blobs/sha256/{}/{hex}", &hex[..2]));
        expected.push(format!("links/{name}!/sha256/{hex}"));
        expected.push(format!("manifests/{name}!/{}", path(&digest)));
        expected.push(format!("referrers/{name}!/{}/{}", path(&subject), path(&digest)));
    }
    expected.sort();
    let found = client.names("names%20all%2Bof%2525%20it", "").expect("a listing");
    assert_eq!(found, expected);

    for name in REPOSITORIES {
        let repository = Repository::new(registry.address(), name);
        let tags = repository.ask("GET", "tags/list").and_then(|answer| answer.expect(200)).expect("GET");
        let tags: serde_json::Value = serde_json::from_slice(&tags.body).expect("JSON");
        assert_eq!(tags, json!({"name": name, "tags": TAGS}));
        let referrers = repository.ask("GET", &format!("referrers/{subject}")).expect("GET");
        let referrers: serde_json::Value = serde_json::from_slice(&referrers.body).expect("JSON");
        assert_eq!(referrers["manifests"].as_array().map(Vec::len), Some(1), "{name}: {referrers}");
    }
    // Page by page: what is asked for next goes through a URL as well.
    let (mut listed, mut last) = (Vec::new(), String::new());
    loop {
        let mut connection = Repository::new(registry.address(), "a").connect().expect("connects");
        let page =
            connection.request("GET", &format!("/v2/_catalog?n=1&last={last}"), &[], b"").expect("GET");
        let page: serde_json::Value = serde_json::from_slice(&page.body).expect("JSON");
        let Some(name) = page["repositories"][0].as_str() else { break };
        name.clone_into(&mut last);
        listed.push(last.clone());
    }
    assert_eq!(listed, REPOSITORIES);
}

#[test]
fn what_is_gone_by_one_name_is_there_by_its_neighbours() {
    let swift = shared();
    let registry = berth(swift, "neighbours").start().expect("the registry starts");
    let config = bytes(50, 100);
    let digest = sha256(&config);
    let all = ["a", "a/b", "a-b", "ab"].map(|name| Repository::new(registry.address(), name));
    for repository in &all {
        repository.push_whole(&config).and_then(|answer| answer.expect(201)).expect("is stored");
    }
    for (gone, repository) in all.iter().enumerate() {
        let removed = repository.ask("DELETE", &format!("blobs/{digest}"));
        removed.and_then(|answer| answer.expect(202)).expect("is removed");
        for (number, other) in all.iter().enumerate() {
            let expected = (number > gone).then_some(100);
            assert_eq!(other.stat(&digest).expect("HEAD"), expected, "{number} after {gone}");
        }
    }
}
