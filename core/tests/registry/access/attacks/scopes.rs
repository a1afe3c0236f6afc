use serde_json::json;
use wharfinger_core::oci::encode_component;

use super::registry;

/// What somebody asks for who hopes for a slip, and what comes of it for ci, who may pull and push in `team/*`.
const SCOPES: [(&str, &str); 32] = [
    ("repository:team/a:pull,push repository:secret:pull", "repository:team/a:pull,push"),
    ("repository:team/a:pull,push repository:secret", "repository:team/a:pull,push"),
    ("repository:secret:pull repository:team/a:pull", "repository:team/a:pull"),
    ("repository:team/a:pull,push:repository:secret:pull", ""),
    ("repository:team/a,secret:pull", ""),
    ("repository:team/a:pull\",scope=\"repository:secret:pull", ""),
    ("repository:team/a:pull'", ""),
    ("repository:team/a\n:pull", ""),
    ("repository:team/a:pull\r\nrepository:secret:pull", ""),
    ("repository:team/a:pull\nrepository:secret:pull", ""),
    ("repository:team/a:pull\trepository:secret:pull", ""),
    ("repository:team/a:pull\u{a0}repository:secret:pull", ""),
    ("repository:team/a\0:pull", ""),
    ("repository:*:pull", ""),
    ("repository:**:*", ""),
    ("repository:team/*:pull", ""),
    ("repository:team/**:pull", ""),
    ("repository::pull", ""),
    ("repository:team/../secret:pull", ""),
    ("repository:team/a/../../secret:pull", ""),
    ("repository:team%2fa:pull", ""),
    ("repository:team//a:pull", ""),
    ("repository:/team/a:pull", ""),
    ("repository:TEAM/a:pull", ""),
    ("repository:team/a:PULL", ""),
    ("REPOSITORY:team/a:pull", ""),
    ("repository:team/a:pull,,push,", "repository:team/a:pull,push"),
    ("repository:team/a:*", "repository:team/a:pull,push"),
    ("repository:team/a:delete,admin,*", "repository:team/a:pull,push"),
    ("repository(plugin):secret:*", ""),
    ("registry:catalog:*", "registry:catalog:*"),
    ("registry:*:*", ""),
];

#[test]
fn no_scope_breaks_out_of_what_the_rules_say() {
    let mut registry = registry();
    for (asked, granted) in SCOPES {
        let reply = registry.ask_token(Some("ci"), asked);
        assert_eq!((reply.status, &reply.json()["scope"]), (200, &json!(granted)), "{asked:?}");
        let token = reply.json()["token"].as_str().unwrap().to_owned();
        let form = format!("grant_type=password&username=ci&password=pass&scope={}", encode_component(asked));
        assert_eq!(registry.send_form(&form).json()["scope"], granted, "{asked:?}");
        for (method, target) in [
            ("GET", "/v2/secret/tags/list"),
            ("DELETE", "/v2/team/a/manifests/v1"),
            ("GET", "/v2/secret/manifests/v1"),
        ] {
            let reply = registry.show(&format!("Bearer {token}"), method, target);
            assert_eq!((reply.status, reply.ops.len()), (403, 0), "{asked:?} {method} {target}");
        }
    }
}

/// A stranger who is refused reads what was asked for in the challenge, and nothing that is no scope.
#[test]
fn a_scope_that_is_told_again_breaks_out_of_no_head() {
    let mut registry = registry();
    // Strangers get no token at all where they may do nothing.
    registry.config.access = crate::access::access(&json!({"rules": []}), &registry);
    for (asked, _) in SCOPES {
        let reply = registry.ask_token(None, asked);
        assert_eq!(reply.status, 401, "{asked:?}");
        assert_is_tidy(reply.field("www-authenticate").unwrap());
    }
}

/// A challenge of the parameters that the registry writes, none of them twice, with nothing in them that would end them.
pub(super) fn assert_is_tidy(challenge: &str) {
    let rest = challenge.strip_prefix("Bearer ").expect(challenge);
    let mut names: Vec<&str> = Vec::new();
    for parameter in rest.split("\",") {
        let (name, value) = parameter.split_once("=\"").expect(challenge);
        let value = value.strip_suffix('"').unwrap_or(value);
        assert!(
            ["realm", "service", "scope", "error"].contains(&name) && !names.contains(&name),
            "{challenge}"
        );
        let tame = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        assert!(value.bytes().all(tame) && !value.contains(['"', '\\', '%']), "{challenge}");
        names.push(name);
    }
}

#[test]
fn more_scopes_than_anybody_needs_are_left_out() {
    let mut registry = registry();
    let many: Vec<String> = (0..10_000).map(|at| format!("repository:team/r{at}:pull,push")).collect();
    let reply = registry.ask_token(Some("ci"), &many.join(" "));
    assert_eq!(reply.json()["scope"].as_str().unwrap().split(' ').count(), 16);
    let long = format!("repository:{}:pull", "a".repeat(100_000));
    assert_eq!(registry.ask_token(Some("ci"), &long).json()["scope"], "");
    let actions = format!("repository:team/a:{}", "pull,".repeat(20_000));
    assert_eq!(registry.ask_token(Some("ci"), &actions).json()["scope"], "repository:team/a:pull");
}
