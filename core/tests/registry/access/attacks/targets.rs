use super::registry;
use super::scopes::assert_is_tidy;
use crate::support::sha256;

/// Ways to write a repository that is not one's own.
const NAMES: [&str; 30] = [
    "secret",
    "se%63ret",
    "%73%65%63%72%65%74",
    "public/../secret",
    "public/%2e%2e/secret",
    "public/%2E%2E/secret",
    "public/.%2e/secret",
    "public%2f..%2fsecret",
    "public%2F%2E%2E%2Fsecret",
    "public/a%2f..%2f..%2fsecret",
    "public/a/..%2fsecret",
    "%2fsecret",
    "secret%2f",
    "secret%00",
    "secret%00/public",
    "secret%20",
    "secret%0a",
    "secret%0d%0aX-Header:%20x",
    "%2573ecret",
    "public%252f..%252fsecret",
    "%c0%ae%c0%ae/secret",
    "public/%c0%ae%c0%ae%c0%afsecret",
    "public/%e0%80%ae%e0%80%ae/secret",
    "./secret",
    "public/./../secret",
    "SECRET",
    "Secret",
    "secret;public",
    "secret%23",
    "public\\..\\secret",
];

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn no_way_to_write_a_name_gets_by_the_rules() {
    let mut registry = registry();
    for name in NAMES {
        for user in [None, Some("ci")] {
            for (method, rest) in [
                ("GET", "tags/list"),
                ("GET", "manifests/v1"),
                ("HEAD", "manifests/v1"),
                ("GET", "manifests/../../../secret/manifests/v1"),
                ("GET", &format!("blobs/{DIGEST}")),
                ("GET", &format!("referrers/{DIGEST}")),
                ("POST", "blobs/uploads/"),
                ("PUT", "manifests/v2"),
                ("DELETE", "manifests/v1"),
            ] {
                let target = format!("/v2/{name}/{rest}");
                let reply = registry.ask_as(user, method, &target);
                let refused = [400, 401, 403, 404, 405].contains(&reply.status);
                assert!(refused && reply.ops.is_empty(), "{user:?} {method} {target}: {}", reply.status);
                if let Some(challenge) = reply.field("www-authenticate") {
                    assert_is_tidy(challenge);
                }
            }
        }
    }
}

/// The gate and the endpoints read a target once, together: what a name stands for is the same for both.
#[test]
fn an_escaped_name_is_the_name() {
    let mut registry = registry();
    for name in ["team/a", "te%61m/a", "team/%61"] {
        let target = format!("/v2/{name}/tags/list");
        assert_eq!(registry.ask_as(Some("ci"), "GET", &target).status, 200, "{target}");
        assert_eq!(registry.ask_as(None, "GET", &target).status, 401, "{target}");
    }
    for base in ["/v2/", "/v2", "/%762/", "http://other.example.org/v2/"] {
        assert_eq!(registry.ask_as(None, "GET", base).status, 401, "{base}");
    }
}

#[test]
fn no_mount_reads_where_its_sender_may_not() {
    let mut registry = registry();
    let blob = sha256(b"layer of image");
    for from in NAMES.into_iter().chain(["", "*", "**", "team/*", "secret&from=team/a", "secret,team/a"]) {
        let target = format!("/v2/tools/blobs/uploads/?mount={blob}&from={from}");
        let reply = registry.ask_as(Some("ci"), "POST", &target);
        assert_eq!((reply.status, reply.ops.len()), (202, 0), "{from}");
    }
    // The first counts where there are two: for the gate as for the mount.
    let both = format!("/v2/tools/blobs/uploads/?mount={blob}&from=team/a&from=secret");
    assert_eq!(registry.ask_as(Some("ci"), "POST", &both).status, 201);
    let token = registry.have_token(Some("ci"), "repository:tools:pull,push");
    let other = format!("/v2/tools/blobs/uploads/?mount={blob}&from=team/a");
    let reply = registry.show(&format!("Bearer {token}"), "POST", &other);
    assert_eq!((reply.status, reply.ops.len()), (202, 0), "the token is not for where it mounts from");
    let deleted = format!("/v2/tools/blobs/{blob}");
    registry.unlocked(|open| assert_eq!(open.delete(&deleted).status, 202));
}

#[test]
fn a_page_begins_where_it_may() {
    let mut registry = registry();
    for last in ["a", "public/a", "secret", "se%63ret", "secret%00", "..%2f", "%ff", "zzz", ""] {
        let reply = registry.ask_as(Some("ci"), "GET", &format!("/v2/_catalog?n=1&last={last}"));
        assert!([200, 400].contains(&reply.status), "{last}");
        assert!(!reply.text().contains("secret"), "{last}: {}", reply.text());
        assert!(!reply.field("link").unwrap_or_default().contains("secret"), "{last}");
    }
    assert_eq!(registry.ask_as(None, "GET", "/v2/_catalog").status, 200, "strangers see what is public");
    assert_eq!(registry.ask_as(None, "GET", "/v2/_catalog").json()["repositories"][0], "public/a");
}

#[test]
fn what_refers_to_a_hidden_image_is_hidden() {
    let mut registry = registry();
    let (_, manifest) = registry.unlocked(|open| open.push_image("secret", "v2", "other"));
    for user in [None, Some("ci")] {
        let mut tell = |repository: &str, subject: &str| {
            let target = format!("/v2/{repository}/referrers/{subject}");
            let reply = registry.ask_as(user, "GET", &target);
            let fields = format!("{:?}", reply.fields).replace(repository, "?");
            (reply.status, fields, reply.body.clone(), reply.ops.len())
        };
        let there = tell("secret", &manifest.to_string());
        assert_eq!(there, tell("secret", DIGEST));
        assert_eq!(there, tell("nowhere", &manifest.to_string()));
    }
}
