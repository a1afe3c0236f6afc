use std::time::Duration;

use serde_json::json;
use wharfinger_core::access::Verdict;

use super::{basic, locked};
use crate::support::Registry;

const CHALLENGE: &str = "Bearer realm=\"http://registry:5000/auth/token\",service=\"wharfinger\"";

fn one_writer() -> Registry {
    locked(json!({"users": [{"name": "ci", "pass": "pass", "access": "write"}]}))
}

fn ping(registry: &mut Registry, fields: &[(&str, &str)]) -> (u16, Option<String>) {
    let fields = [fields, &[("host", "registry:5000")]].concat();
    let reply = registry.send("GET", "/v2/", &fields, ());
    assert_eq!(reply.field("docker-distribution-api-version"), Some("registry/2.0"));
    (reply.status, reply.field("www-authenticate").map(str::to_owned))
}

#[test]
fn nobody_is_asked_for_a_name_where_there_are_none() {
    let mut registry = Registry::new();
    assert_eq!(ping(&mut registry, &[]), (200, None));
    assert_eq!(ping(&mut registry, &[("authorization", &basic("any", "body"))]), (200, None));
    assert_eq!(ping(&mut registry, &[("authorization", "Bearer nonsense")]), (200, None));
}

#[test]
fn clients_learn_at_the_base_that_a_login_can_matter() {
    let mut registry = one_writer();
    assert_eq!(ping(&mut registry, &[]), (401, Some(CHALLENGE.to_owned())));
    assert_eq!(ping(&mut registry, &[("authorization", &basic("ci", "pass"))]), (200, None));
    for wrong in [
        &basic("ci", "Pass"),
        &basic("ci", ""),
        &basic("CI", "pass"),
        &basic("other", "pass"),
        &basic("", ""),
        "Basic",
        "Basic Y2k=",
        "Digest username=\"ci\"",
    ] {
        assert_eq!(
            ping(&mut registry, &[("authorization", wrong)]),
            (401, Some(CHALLENGE.to_owned())),
            "{wrong}"
        );
    }
    let invalid = format!("{CHALLENGE},error=\"invalid_token\"");
    assert_eq!(ping(&mut registry, &[("authorization", "Bearer nonsense")]), (401, Some(invalid)));
    let twice = [("authorization", &*basic("ci", "pass")), ("authorization", &*basic("ci", "pass"))];
    assert_eq!(ping(&mut registry, &twice).0, 401);
}

#[test]
fn an_unknown_name_and_a_wrong_password_are_told_alike() {
    let mut registry = one_writer();
    let mut tell = |user: &str, password: &str| {
        let authorization = basic(user, password);
        let reply = registry.send("GET", "/v2/", &[("authorization", &authorization)], ());
        (reply.status, reply.fields.clone(), reply.body.clone())
    };
    assert_eq!(tell("ci", "wrong"), tell("nobody", "wrong"));
}

#[test]
fn a_challenge_says_what_to_ask_for() {
    let mut registry = one_writer();
    let mut scope = |method: &str, target: &str| {
        let reply = registry.send(method, target, &[("host", "h")], ());
        assert_eq!(reply.refusal(), (401, "UNAUTHORIZED".to_owned()), "{method} {target}");
        let challenge = reply.field("www-authenticate").unwrap();
        let (_, rest) = challenge.split_once("scope=\"").expect(challenge);
        rest.split('"').next().unwrap().to_owned()
    };
    let digest = format!("sha256:{}", "0".repeat(64));
    assert_eq!(scope("POST", "/v2/a/b/blobs/uploads/"), "repository:a/b:pull,push");
    let mount = format!("/v2/a/b/blobs/uploads/?mount={digest}&from=c");
    assert_eq!(scope("POST", &mount), "repository:a/b:pull,push repository:c:pull");
    let same = format!("/v2/a/b/blobs/uploads/?mount={digest}&from=a/b");
    assert_eq!(scope("POST", &same), "repository:a/b:pull,push");
    let wild = format!("/v2/a/b/blobs/uploads/?mount={digest}&from=c%22%20d");
    assert_eq!(scope("POST", &wild), "repository:a/b:pull,push");
    assert_eq!(scope("PUT", "/v2/a/manifests/v1"), "repository:a:pull,push");
    assert_eq!(scope("DELETE", "/v2/a/manifests/v1"), "repository:a:delete");
    assert_eq!(scope("DELETE", "/v2/a/blobs/uploads/x?state=y"), "repository:a:pull,push");
    let mut registry = locked(json!({"users": [{"name": "ci", "pass": "pass", "access": "read"}]}));
    let reply = registry.send("GET", "/v2/_catalog", &[("host", "h")], ());
    assert!(reply.field("www-authenticate").unwrap().ends_with(",scope=\"registry:catalog:*\""));
}

#[test]
fn a_realm_is_where_the_client_is_or_where_it_is_told_to_be() {
    let mut registry = one_writer();
    let realm = |registry: &mut Registry, fields: &[(&str, &str)]| {
        let challenge =
            registry.send("GET", "/v2/", fields, ()).field("www-authenticate").unwrap().to_owned();
        challenge.split('"').nth(1).unwrap().to_owned()
    };
    assert_eq!(realm(&mut registry, &[("host", "[::1]:9")]), "http://[::1]:9/auth/token");
    let forwarded = [("host", "in"), ("x-forwarded-host", "out"), ("x-forwarded-proto", "https")];
    assert_eq!(realm(&mut registry, &forwarded), "http://in/auth/token");
    assert_eq!(realm(&mut registry, &[("host", "a\", x=\"b")]), "/auth/token");
    registry.config.access.front.public_url = Some("https://registry.example.org".into());
    assert_eq!(realm(&mut registry, &forwarded), "https://registry.example.org/auth/token");
}

#[test]
fn a_host_that_slows_or_is_busy_is_told_to_come_back() {
    let mut registry = one_writer();
    for (verdict, refusal, after) in [
        (Verdict::Slow(Duration::from_millis(2_500)), (429, "TOOMANYREQUESTS"), "3"),
        (Verdict::Slow(Duration::ZERO), (429, "TOOMANYREQUESTS"), "1"),
        (Verdict::Busy, (503, "UNAVAILABLE"), "5"),
    ] {
        registry.host.verdict = Some(verdict);
        let reply = registry.ask_as(Some("ci"), "GET", "/v2/");
        assert_eq!(reply.refusal(), (refusal.0, refusal.1.to_owned()));
        assert_eq!(reply.field("retry-after"), Some(after), "{verdict:?}");
    }
}

#[test]
fn nothing_is_asked_of_the_store_before_somebody_is_let_in() {
    let mut registry = one_writer();
    let digest = format!("sha256:{}", "0".repeat(64));
    for (method, target) in [
        ("POST", "/v2/a/blobs/uploads/".to_owned()),
        ("DELETE", format!("/v2/a/blobs/{digest}")),
        ("DELETE", format!("/v2/a/manifests/{digest}")),
        ("PUT", "/v2/a/manifests/v1".to_owned()),
    ] {
        for user in [None, Some("nobody")] {
            let reply = registry.ask_as(user, method, &target);
            assert_eq!((reply.status, reply.ops.len()), (401, 0), "{method} {target}");
        }
    }
}
