use serde_json::json;

use super::locked;
use crate::support::{Registry, sha256};

fn registry() -> Registry {
    let mut registry = locked(json!({
        "users": [{"name": "ci", "pass": "pass"}, {"name": "root", "pass": "pass"}],
        "rules": [
            {"repositories": ["mine", "shared"], "users": "ci", "actions": ["pull", "push"]},
            {"repositories": "dropped", "users": "ci", "actions": ["push"]},
            {"repositories": "**", "users": "root", "actions": ["pull", "push"]},
        ],
    }));
    for repository in ["shared", "secret", "dropped"] {
        registry.unlocked(|open| open.push(repository, b"content"));
    }
    registry
}

#[test]
fn a_mount_needs_the_right_to_read_where_it_mounts_from() {
    let blob = sha256(b"content");
    for (user, from, status) in [
        ("ci", "&from=shared", 201),
        ("ci", "&from=secret", 202),
        ("ci", "&from=dropped", 202),
        ("ci", "&from=none", 202),
        ("ci", "", 202),
        ("root", "&from=secret", 201),
        ("root", "&from=none", 202),
        ("root", "", 201),
    ] {
        let reply =
            registry().ask_as(Some(user), "POST", &format!("/v2/mine/blobs/uploads/?mount={blob}{from}"));
        assert_eq!(reply.status, status, "{user} {from}");
    }
}

#[test]
fn a_mount_that_is_not_allowed_looks_like_one_of_nothing() {
    let mut told = ["secret", "none"].map(|from| {
        let content = if from == "none" { sha256(b"other") } else { sha256(b"content") };
        let target = format!("/v2/mine/blobs/uploads/?mount={content}&from={from}");
        let reply = registry().ask_as(Some("ci"), "POST", &target);
        (reply.status, reply.field("range").map(str::to_owned), reply.fields.len(), reply.body)
    });
    let [one, other] = &mut told;
    assert_eq!(one, other);
}
