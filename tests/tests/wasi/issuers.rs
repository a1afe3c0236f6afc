//! Tokens of issuers at the component, which fetches their keys.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wharfinger_tests::issuer::{Algorithm, Asked, Issuer, Manner, SigningKey, now, sign_with_nothing};
use wharfinger_tests::wasi::{Component, Options};

use super::locks::{ask_as, basic};
use super::start;

/// A pause in which an instance can come to its end: a client that is quicker is served by another one.
const PACE: Duration = Duration::from_millis(100);
/// A fetch is given up after 15 s.
const FETCH_MAX: Duration = Duration::from_secs(25);
const AUDIENCE: &str = "https://registry.example.org";
const TAGS: &str = "/v2/org/app/tags/list";
const UPLOADS: &str = "/v2/org/app/blobs/uploads/";

fn issuer(keys: &[(Algorithm, &str)]) -> Issuer {
    let keys = keys.iter().map(|(algorithm, kid)| SigningKey::new(*algorithm, kid)).collect();
    Issuer::start(keys).expect("the issuer starts")
}

/// The component that lets jobs of this issuer push to `org/app`.
fn component(issuer: &Issuer, by_discovery: bool) -> Component {
    let mut plan = json!({
        "name": "ci", "issuer": issuer.url(), "audience": AUDIENCE,
        "identities": [{"user": "job", "claims": {"repository": "org/app"}}],
    });
    if !by_discovery {
        plan["jwks-url"] = issuer.keys_url().into();
    }
    let rules = r#"[{"repositories": "org/app", "users": "job", "actions": ["pull", "push"]}]"#;
    let options = Options::default().locked().with("WHARFINGER_ISSUERS", &json!([plan]).to_string());
    start(options, &[("WHARFINGER_RULES", rules)])
}

fn claims() -> Value {
    json!({"aud": AUDIENCE, "sub": "job-1", "repository": "org/app"})
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn a_job_pushes_without_a_password_and_its_keys_are_fetched_once() {
    for (algorithm, by_discovery) in [(Algorithm::Es256, true), (Algorithm::Rs256, false)] {
        let issuer = issuer(&[(algorithm, "one")]);
        let component = component(&issuer, by_discovery);
        let at = component.address();
        let token = issuer.token(&claims());
        for who in [bearer(&token), basic("whoever", &token)] {
            assert_eq!(ask_as(at, &who, "POST", UPLOADS).status(), 202, "{}", component.log());
            assert_eq!(ask_as(at, &who, "POST", "/v2/other/blobs/uploads/").status(), 403);
            std::thread::sleep(PACE);
        }
        let granted = ask_as(at, &basic("x", &token), "GET", "/auth/token?scope=repository:org/app:push");
        let granted: Value =
            serde_json::from_slice(&granted.expect(200).expect("granted").body).expect("JSON");
        let own = bearer(granted["token"].as_str().expect("a token"));
        assert_eq!(ask_as(at, &own, "POST", UPLOADS).status(), 202);
        let Asked { discovery, keys } = issuer.asked();
        // A quick client may have been served by a second instance.
        assert!(
            (1..=2).contains(&keys) && discovery == if by_discovery { keys } else { 0 },
            "{keys} {discovery}"
        );
        component.stop().expect("it stops well");
    }
}

#[test]
fn tokens_that_are_not_what_they_say_let_nobody_in() {
    let issuer = issuer(&[(Algorithm::Es256, "one")]);
    let component = component(&issuer, true);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        issuer.token(&claims)
    };
    let all = issuer.claims(&claims());
    let stranger = SigningKey::new(Algorithm::Es256, "one");
    let rsa = SigningKey::new(Algorithm::Rs256, "one");
    let unknown = SigningKey::new(Algorithm::Es256, "two");
    let good = issuer.token(&claims());
    for (what, token) in [
        ("another audience", with("aud", json!("https://other.example.org"))),
        ("another repository", with("repository", json!("org/other"))),
        ("a list of repositories", with("repository", json!({"org/app": true}))),
        ("another issuer", with("iss", json!(format!("{}/", issuer.url())))),
        ("expired", with("exp", json!(now() - 600))),
        ("not yet valid", with("nbf", json!(now() + 600))),
        ("without an end", with("exp", Value::Null)),
        ("alg none", sign_with_nothing(&all)),
        ("signed with the public key", stranger.sign_with_public_key(&all)),
        ("a stranger's key of that name", stranger.sign(&stranger.header(), &all)),
        ("a key of another kind", rsa.sign(&rsa.header(), &all)),
        ("a key that is not there", unknown.sign(&unknown.header(), &all)),
        ("cut", good[..good.len() - 1].to_owned()),
    ] {
        let answer = ask_as(component.address(), &bearer(&token), "GET", TAGS);
        assert_eq!(answer.status(), 401, "{what}: {}", answer.text());
    }
    assert_eq!(ask_as(component.address(), &bearer(&good), "GET", TAGS).status(), 404);
    assert!(
        issuer.asked().keys <= 3,
        "{:?}: names of keys that anybody makes up cost a fetch each",
        issuer.asked()
    );
    component.stop().expect("it stops well");
}

#[test]
fn an_issuer_that_does_not_answer_well_is_503_and_found_again() {
    let issuer = issuer(&[(Algorithm::Es256, "one")]);
    let who = bearer(&issuer.token(&claims()));
    for manner in [
        Manner::Status(500),
        Manner::Closed,
        Manner::Body(b"{}".to_vec()),
        Manner::Body(vec![b' '; 3 << 20]),
        Manner::Redirect(issuer.keys_url()),
        Manner::Never,
    ] {
        let component = component(&issuer, false);
        issuer.answer(manner.clone());
        let begun = Instant::now();
        let answer = ask_as(component.address(), &who, "GET", TAGS);
        let shown = format!("{:.60}", format!("{manner:?}"));
        assert_eq!(answer.status(), 503, "{shown}: {}", answer.text());
        assert!(answer.head.field("retry-after").is_some() && begun.elapsed() < FETCH_MAX, "{shown}");
        let line = "warning: the keys of the issuer \"ci\" cannot be fetched: ";
        while !component.log().contains(line) {
            assert!(begun.elapsed() < FETCH_MAX, "{shown}: {}", component.log());
            std::thread::sleep(PACE);
        }
        // Who shows something else is served meanwhile.
        assert_eq!(ask_as(component.address(), "", "GET", TAGS).status(), 401);
        issuer.answer(Manner::Well);
        let end = Instant::now() + FETCH_MAX;
        while ask_as(component.address(), &who, "GET", TAGS).status() != 404 {
            assert!(Instant::now() < end, "{shown}: it is not found again: {}", component.log());
            std::thread::sleep(PACE);
        }
        component.stop().expect("it stops well");
    }
}
