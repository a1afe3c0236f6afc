use serde_json::json;

use super::locked;
use crate::support::{Registry, sha256};

/// Rules of which no two say the same, and who each operation has to let in by them.
fn rules() -> serde_json::Value {
    json!({
        "users": [
            {"name": "root", "pass": "pass"},
            {"name": "ci", "pass": "pass"},
            {"name": "dev", "pass": "pass"},
            {"name": "idle", "pass": "pass"},
        ],
        "rules": [
            {"repositories": "**", "users": "root", "actions": ["pull", "push", "delete"]},
            {"repositories": ["team/**", "mirror/*"], "users": ["ci"], "actions": ["pull", "push"]},
            {"repositories": "team/*", "users": "dev", "actions": "pull"},
            {"repositories": "team/*", "users": "dev", "actions": "delete"},
            {"repositories": "drop", "users": "dev", "actions": "push"},
            {"repositories": "public/**", "users": "anonymous", "actions": "pull"},
            {"repositories": "inside", "users": "*", "actions": "pull"},
        ],
    })
}

const REPOSITORIES: [&str; 8] =
    ["team/a", "team/a/b", "mirror/x", "mirror/x/y", "drop", "public/x", "inside", "team"];

/// What the rules say, said once more without patterns.
fn may(user: Option<&str>, repository: &str, action: &str) -> bool {
    let pull = action == "pull";
    match (user, repository) {
        (Some("root"), _) => true,
        (_, "public/x") => pull,
        (Some(_), "inside") => pull,
        (Some("ci"), "team/a" | "team/a/b" | "mirror/x") => action != "delete",
        (Some("dev"), "team/a") => action != "push",
        (Some("dev"), "drop") => action == "push",
        _ => false,
    }
}

/// Every operation, and what it needs.
fn operations(repository: &str) -> Vec<(&'static str, String, &'static str)> {
    let blob = sha256(b"blob");
    let path = |rest: &str| format!("/v2/{repository}/{rest}");
    vec![
        ("GET", path("tags/list"), "pull"),
        ("GET", path(&format!("blobs/{blob}")), "pull"),
        ("HEAD", path(&format!("blobs/{blob}")), "pull"),
        ("GET", path("manifests/v1"), "pull"),
        ("HEAD", path("manifests/v1"), "pull"),
        ("GET", path(&format!("manifests/{blob}")), "pull"),
        ("GET", path(&format!("referrers/{blob}")), "pull"),
        ("HEAD", path(&format!("referrers/{blob}")), "pull"),
        ("POST", path("blobs/uploads/"), "push"),
        ("POST", path(&format!("blobs/uploads/?digest={blob}")), "push"),
        ("POST", path(&format!("blobs/uploads/?mount={blob}&from=inside")), "push"),
        ("GET", path("blobs/uploads/x?state=y"), "push"),
        ("PATCH", path("blobs/uploads/x?state=y"), "push"),
        ("PUT", path("blobs/uploads/x?state=y"), "push"),
        ("DELETE", path("blobs/uploads/x?state=y"), "push"),
        ("PUT", path("manifests/v1"), "push"),
        ("PUT", path(&format!("manifests/{blob}")), "push"),
        ("DELETE", path("manifests/v1"), "delete"),
        ("DELETE", path(&format!("manifests/{blob}")), "delete"),
        ("DELETE", path(&format!("blobs/{blob}")), "delete"),
    ]
}

#[test]
fn every_user_may_do_in_every_repository_what_the_rules_say() {
    let mut registry = locked(rules());
    let mut open = Registry::new();
    let (mut let_in, mut kept_out) = (0, 0);
    for user in [None, Some("root"), Some("ci"), Some("dev"), Some("idle")] {
        for repository in REPOSITORIES {
            for (method, target, action) in operations(repository) {
                let reply = registry.ask_as(user, method, &target);
                let expected = if may(user, repository, action) {
                    let_in += 1;
                    open.ask_as(None, method, &target).status
                } else {
                    kept_out += 1;
                    assert!(reply.ops.is_empty());
                    if user.is_some() { 403 } else { 401 }
                };
                assert_eq!(reply.status, expected, "{user:?} {method} {target}");
            }
        }
    }
    assert!(let_in > 200 && kept_out > 300, "{let_in} {kept_out}");
}

#[test]
fn a_refusal_is_the_same_whether_something_is_there_or_not() {
    let mut registry = locked(rules());
    let (_, manifest) = registry.unlocked(|open| open.push_image("team/a", "v1", "image"));
    let blob = sha256(b"layer of image");
    for user in [None, Some("idle")] {
        for (method, there, missing) in [
            ("GET", format!("manifests/{manifest}"), format!("manifests/{blob}")),
            ("HEAD", "manifests/v1".to_owned(), "manifests/v2".to_owned()),
            ("GET", format!("blobs/{blob}"), format!("blobs/{}", sha256(b"none"))),
            ("GET", "tags/list".to_owned(), "tags/list".to_owned()),
        ] {
            let mut tell = |repository: &str, rest: &str| {
                let reply = registry.ask_as(user, method, &format!("/v2/{repository}/{rest}"));
                let body = String::from_utf8(reply.body.clone()).unwrap();
                let fields = format!("{:?}", reply.fields).replace(repository, "?");
                (reply.status, fields, body, reply.ops.len())
            };
            let told = tell("team/a", &there);
            assert_eq!(told, tell("team/a", &missing), "{method} {there}");
            assert_eq!(told, tell("team/none", &there), "{method} {there}");
        }
    }
}
