use serde_json::json;

use super::locked;
use crate::support::Registry;

fn registry() -> Registry {
    let mut registry = locked(json!({
        "users": [{"name": "ci", "pass": "pass"}, {"name": "root", "pass": "pass"}, {"name": "idle", "pass": "pass"}],
        "rules": [
            {"repositories": "a/*", "users": "ci", "actions": "pull"},
            {"repositories": "b/*", "users": "ci", "actions": "push"},
            {"repositories": "**", "users": "root", "actions": "pull"},
            {"repositories": "z", "users": "*", "actions": "pull"},
        ],
    }));
    for repository in ["a/1", "a/2", "b/1", "b/2", "a/3", "c", "z"] {
        registry.unlocked(|open| open.push_image(repository, "v1", "image"));
    }
    registry
}

#[test]
fn only_what_may_be_read_is_listed() {
    let mut registry = registry();
    for (user, listed) in [
        ("ci", &["a/1", "a/2", "a/3", "z"][..]),
        ("root", &["a/1", "a/2", "a/3", "b/1", "b/2", "c", "z"]),
        ("idle", &["z"]),
    ] {
        let reply = registry.ask_as(Some(user), "GET", "/v2/_catalog");
        assert_eq!(reply.json(), json!({"repositories": listed}), "{user}");
    }
    assert_eq!(registry.ask_as(None, "GET", "/v2/_catalog").status, 401);
}

#[test]
fn pages_are_full_and_tell_no_name_that_may_not_be_seen() {
    let mut registry = registry();
    let mut target = "/v2/_catalog?n=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let reply = registry.ask_as(Some("ci"), "GET", &target);
        pages.push(reply.json()["repositories"].clone());
        let Some(link) = reply.field("link") else { break };
        assert!(!link.contains("b%2F") && !link.contains("last=c"), "{link}");
        target = link[1..].split('>').next().unwrap().to_owned();
    }
    assert_eq!(json!(pages), json!([["a/1", "a/2"], ["a/3", "z"]]));
}
