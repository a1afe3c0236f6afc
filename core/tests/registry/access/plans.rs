use serde_json::json;
use wharfinger_core::access::{Action, Lives, Plan};
use wharfinger_core::oci::Repository;

use super::access;
use crate::support::Registry;

/// What a stranger, a user that is not known, and the known ones may do.
fn allowed(settings: serde_json::Value, users: &[Option<&str>]) -> Vec<String> {
    let access = access(&settings, &Registry::new());
    let repository = Repository::parse("a").unwrap();
    users.iter().map(|user| access.allows(*user, &repository).to_string()).collect()
}

#[test]
fn levels_mean_what_zuul_registry_means_by_them() {
    let users = [None, Some("w"), Some("r"), Some("x")];
    let writer = json!({"name": "w", "pass": "p", "access": "write"});
    let reader = json!({"name": "r", "pass": "p", "access": "read"});
    for (listed, expected) in [
        (json!([]), ["pull", "pull", "pull", "pull"]),
        (json!([writer]), ["pull", "pull,push,delete", "pull", "pull"]),
        (json!([writer, reader]), ["", "pull,push,delete", "pull", ""]),
        (json!([reader]), ["", "", "pull", ""]),
    ] {
        assert_eq!(allowed(json!({"users": listed}), &users), expected, "{listed}");
    }
}

#[test]
fn rules_take_the_place_of_levels() {
    let settings = json!({
        "users": [{"name": "w", "pass": "p"}],
        "rules": [{"repositories": ["a"], "users": ["w"], "actions": ["push"]}],
    });
    assert_eq!(allowed(settings, &[None, Some("w"), Some("x")]), ["", "push", ""]);
    assert_eq!(allowed(json!({"rules": []}), &[None, Some("w")]), ["", ""]);
}

#[test]
fn nothing_said_is_open_and_anything_said_is_not() {
    assert!(access(&json!({}), &Registry::new()).is_open());
    assert!(access(&json!({"proxies": ["10.0.0.0/8"]}), &Registry::new()).is_open());
    for key in ["users", "rules", "issuers", "client-certificates"] {
        assert!(!access(&json!({key: []}), &Registry::new()).is_open(), "{key}");
    }
}

#[test]
fn a_certificate_stands_for_a_user() {
    let settings = json!({
        "client-certificates": [
            {"name": "CN=ci", "user": "ci"},
            {"name": "DNS:Web.Example.org", "user": "web"},
            {"name": format!("SHA256:{}", ["0A"; 32].join(":")), "user": "one"},
        ],
        "rules": [{"repositories": "**", "users": ["ci", "web"], "actions": "pull"}],
    });
    let access = access(&settings, &Registry::new());
    for (names, user) in [
        (&["CN=ci"][..], Some("ci")),
        (&["SHA256:00", "DNS:web.example.org"], Some("web")),
        (&[&format!("SHA256:{}", "0a".repeat(32))], Some("one")),
        (&["CN=CI"], None),
        (&["DNS:ci"], None),
        (&[], None),
    ] {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        assert_eq!(access.user_of(&names), user, "{names:?}");
    }
    assert!(!access.allows_everywhere(None, Action::Pull));
}

/// All that is said about settings.
fn problems(settings: serde_json::Value) -> Vec<String> {
    let mut plan = Plan::default();
    let mut problems = Vec::new();
    for (key, value) in settings.as_object().unwrap() {
        problems.extend(plan.read(key, value));
    }
    if problems.is_empty() {
        problems =
            plan.finish(&Registry::new().config.secret, None, Lives::default()).err().unwrap_or_default();
    }
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_without_secrets() {
    let user = |name: &str| json!({"name": name, "pass": "hunter2", "access": "write"});
    for (settings, expected) in [
        (json!({"users": "ci"}), "users: found a text; expected a list of users"),
        (json!({"users": ["ci"]}), "users[0]: found a text; expected a mapping"),
        (json!({"users": [{"name": "ci", "access": "read"}]}), "users[0].pass: missing"),
        (
            json!({"users": [{"name": "ci", "pass": 12345, "access": "read"}]}),
            "users[0].pass: found a number",
        ),
        (
            json!({"users": [{"name": "ci", "pass": "hunter2", "access": "wirte"}]}),
            "users[0].access: found something else",
        ),
        (
            json!({"users": [{"name": "ci", "pass": "hunter2", "acces": "write"}]}),
            "users[0].acces: unknown key",
        ),
        (json!({"users": [{"name": "ci", "pass": "hunter2"}]}), "users[0].name: has no access"),
        (json!({"users": [user("ci"), user("ci")]}), "users[1].name: there are two users named ci"),
        (json!({"users": [user("a:b")]}), "users[0].name: a user name"),
        (json!({"users": [user("anonymous")]}), "users[0].name: a user name"),
        (json!({"users": [{"name": "ci", "pass": "$apr1$hunter2$x", "access": "read"}]}), "users[0].pass: "),
        (json!({"users": [user("ci")], "rules": []}), "users[0].name: has access, which rules replace"),
        (
            json!({"rules": [{"repositories": "**", "users": "cii", "actions": "pull"}]}),
            "rules[0].users: there is no user \"cii\"",
        ),
        (
            json!({"rules": [{"repositories": "A/**", "users": "*", "actions": "pull"}]}),
            "rules[0].repositories: a pattern is",
        ),
        (
            json!({"rules": [{"repositories": "**", "users": "*", "actions": ["pull", "fly"]}]}),
            "rules[0].actions[1]: found something else",
        ),
        (json!({"rules": [{"repositories": "**", "actions": ["pull"]}]}), "rules[0].users: missing"),
        (json!({"proxies": ["10.0.0.0/40"]}), "proxies[0]: expected an IP address"),
        (
            json!({"client-certificates": [{"name": "ci", "user": "ci"}]}),
            "client-certificates[0].name: found another kind",
        ),
        (
            json!({"client-certificates": [{"name": "SHA256:0a", "user": "ci", "access": "read"}]}),
            "client-certificates[0].name: expected the 64 hexadecimal digits",
        ),
        (
            json!({
                "users": [user("ci")],
                "client-certificates": [{"name": "CN=ci", "user": "ci", "access": "read"}],
            }),
            "users[0].name: the user ci has another access elsewhere",
        ),
    ] {
        let told = problems(settings.clone());
        assert!(told.iter().any(|told| told.starts_with(expected)), "{settings}: {told:?}");
        assert!(!told.iter().any(|told| told.contains("hunter2") || told.contains("12345")), "{told:?}");
    }
}
