use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::registry;
use crate::access::{access, basic, locked};
use crate::support::Registry;

const TAGS: &str = "/v2/team/a/tags/list";

/// Head and claims of a token, and their text.
fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut part = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (part(), part())
}

fn written(head: &Value, claims: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(head), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[test]
fn no_forged_token_opens_anything() {
    let mut registry = registry();
    let token = registry.have_token(Some("ci"), "repository:team/a:pull");
    assert_eq!(registry.show(&format!("Bearer {token}"), "GET", TAGS).status, 200);
    let (head, claims) = parts(&token);
    let (text, signature) = token.rsplit_once('.').unwrap();
    let none = |alg: &str| {
        let mut head = head.clone();
        head["alg"] = json!(alg);
        written(&head, &claims, b"")
    };
    let root = |secret: &[u8]| {
        let mut claims = claims.clone();
        claims["sub"] = json!("root");
        written(&head, &claims, secret)
    };
    let kid = |kid: Value| {
        let mut head = head.clone();
        head["kid"] = kid;
        format!("{}.{signature}", written(&head, &claims, b"").rsplit_once('.').unwrap().0)
    };
    let of_root = format!("{}.{signature}", root(b"").rsplit_once('.').unwrap().0);
    let without = |token: String| format!("{}.", token.rsplit_once('.').unwrap().0);
    for forged in [
        none("none"),
        without(none("none")),
        without(none("None")),
        none("hs256"),
        none("HS384"),
        none("RS256"),
        none("ES256"),
        root(b""),
        root(b"wharfinger"),
        root(head["kid"].as_str().unwrap().as_bytes()),
        of_root,
        kid(json!("00000000")),
        kid(json!("../../../dev/null")),
        kid(json!(["a"])),
        kid(Value::Null),
        text.to_owned(),
        format!("{text}."),
        format!("{text}.{signature}."),
        format!("{text}.{signature}.{signature}"),
        signature.to_owned(),
        ".".to_owned(),
        "..".to_owned(),
    ] {
        let reply = registry.show(&format!("Bearer {forged}"), "GET", TAGS);
        assert_eq!((reply.status, reply.ops.len()), (401, 0), "{forged}");
        let reply =
            registry.show(&format!("Bearer {forged}"), "GET", "/auth/token?scope=repository:team/a:pull");
        assert_eq!(reply.status, 401, "{forged}");
    }
}

#[test]
fn a_token_is_taken_where_its_kind_belongs_alone() {
    let mut registry = registry();
    let access = registry.have_token(Some("ci"), "repository:team/a:pull");
    let form =
        "grant_type=password&username=ci&password=pass&access_type=offline&scope=repository:team/a:pull";
    let refresh = registry.send_form(form).json()["refresh_token"].as_str().unwrap().to_owned();
    for authorization in [
        format!("Bearer {refresh}"),
        basic("ci", &refresh),
        basic("ci", &access),
        basic(&access, ""),
        basic("", &access),
        basic("oauth2accesstoken", &access),
        basic("<token>", &refresh),
    ] {
        for target in [TAGS, "/v2/", "/auth/token?scope=repository:team/a:pull"] {
            assert_eq!(registry.show(&authorization, "GET", target).status, 401, "{target}");
        }
    }
    let exchange = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token";
    for (form, status) in [
        (format!("grant_type=refresh_token&refresh_token={refresh}"), 200),
        (format!("grant_type=refresh_token&refresh_token={access}"), 401),
        (format!("{exchange}={refresh}"), 401),
        (format!("grant_type=password&username=ci&password={access}"), 401),
        (format!("grant_type=password&username=ci&password={refresh}"), 401),
    ] {
        assert_eq!(registry.send_form(&form).status, status, "{form}");
    }
}

/// Whoever finds a token has it for as long as it was made for, and not a second longer.
#[test]
fn no_token_outlives_the_one_that_it_was_had_for() {
    let mut registry = registry();
    let token = registry.have_token(Some("ci"), "repository:team/a:pull,push");
    registry.now += 3000;
    let bearer = format!("Bearer {token}");
    let form = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={token}\
         &scope=repository:team/a:pull&access_type=offline"
    );
    let target = "/auth/token?offline_token=true&scope=repository:team/a:pull";
    for reply in [registry.show(&bearer, "GET", target), registry.send_form(&form)] {
        let body = reply.json();
        assert_eq!((&body["scope"], body.get("refresh_token")), (&json!("repository:team/a:pull"), None));
        assert_eq!(body["expires_in"], 600);
        let next = format!("Bearer {}", body["token"].as_str().unwrap());
        assert_eq!(registry.show(&next, "GET", TAGS).status, 200);
        let mut later = registry.clone();
        later.now += 600;
        assert_eq!(later.show(&next, "GET", TAGS).status, 401);
    }
    registry.now += 600;
    assert_eq!(registry.show(&bearer, "GET", target).status, 401);
    assert_eq!(registry.send_form(&form).status, 401);
}

/// Who is no user any more is not one of all users either.
#[test]
fn a_token_ends_with_its_user() {
    let settings = |users: Value| {
        json!({"users": users, "rules": [
            {"repositories": "**", "users": "*", "actions": ["pull", "push"]},
        ]})
    };
    let both = json!([{"name": "ci", "pass": "pass"}, {"name": "gone", "pass": "pass"}]);
    let mut registry = locked(settings(both));
    registry.unlocked(|open| open.push_image("team/a", "v1", "image"));
    let token = registry.have_token(Some("gone"), "repository:team/a:pull,push");
    let bearer = format!("Bearer {token}");
    let location = registry.show(&bearer, "POST", "/v2/team/a/blobs/uploads/").location();
    let left = settings(json!([{"name": "ci", "pass": "pass"}]));
    registry.config.access = access(&left, &registry);
    let ask = |registry: &mut Registry, method: &str, target: &str| {
        let reply = registry.show(&bearer, method, target);
        (reply.status, reply.ops.len())
    };
    for late in [0, 3600] {
        registry.now += late;
        assert_eq!(ask(&mut registry, "GET", TAGS), (401, 0));
        assert_eq!(ask(&mut registry, "GET", "/v2/"), (401, 0));
        assert_eq!(ask(&mut registry, "GET", "/v2/_catalog"), (401, 0));
        assert_eq!(ask(&mut registry, "PATCH", &location), (401, 0));
        assert_eq!(ask(&mut registry, "GET", "/auth/token?scope=repository:team/a:pull"), (401, 0));
    }
}

/// Those whom an issuer or a certificate vouches for are users, too.
#[test]
fn a_token_of_who_has_no_password_is_good() {
    let names = ["ci", "job", "root", "other"];
    let users: Vec<Value> = names.map(|name| json!({"name": name, "pass": "pass", "access": "write"})).into();
    let mut registry = locked(json!({"users": users}));
    registry.unlocked(|open| open.push_image("team/a", "v1", "image"));
    let tokens = names.map(|name| registry.have_token(Some(name), "repository:team/a:pull,push"));
    let settings = json!({
        "users": [{"name": "root", "pass": "pass"}],
        "client-certificates": [{"name": "CN=ci", "user": "ci"}],
        "issuers": [{
            "name": "forge", "issuer": "https://forge.example.org", "audience": "registry",
            "identities": [{"user": "job", "claims": {"sub": "**"}}],
        }],
        "rules": [{"repositories": "**", "users": ["ci", "job"], "actions": ["pull"]}],
    });
    registry.config.access = access(&settings, &registry);
    for (token, status) in tokens.iter().zip([200, 200, 403, 401]) {
        assert_eq!(registry.show(&format!("Bearer {token}"), "GET", TAGS).status, status);
    }
}

#[test]
fn the_log_says_who_was_denied_and_no_name_that_was_only_claimed() {
    let mut registry = registry();
    let token = format!("Bearer {}", registry.have_token(Some("ci"), "repository:team/a:pull"));
    for (authorization, target, status, user) in [
        (basic("ci", "pass"), "/v2/secret/tags/list", 403, Some("ci")),
        (token.clone(), "/v2/secret/tags/list", 403, Some("ci")),
        (token.clone(), "/v2/tools/tags/list", 401, Some("ci")),
        (token, TAGS, 200, Some("ci")),
        (basic("ci", "wrong"), TAGS, 401, None),
        (basic("root", "wrong"), "/v2/", 401, None),
        ("Bearer a.b.c".to_owned(), TAGS, 401, None),
    ] {
        let mut run = registry.start("GET", target, &[("authorization", &authorization)], ());
        while run.turn(&mut registry.store) {}
        assert_eq!(run.exchange.user(), user, "{target}");
        assert_eq!(run.into_reply().status, status, "{target}");
    }
}

#[test]
fn a_longer_text_is_not_looked_at() {
    let mut registry = registry();
    for length in [8 << 10, 16 << 10, 1 << 20] {
        for filling in ["a", ".", "eyJhbGciOiJub25lIn0."] {
            let long = filling.repeat(length / filling.len() + 1);
            let reply = registry.show(&format!("Bearer {long}"), "GET", TAGS);
            assert_eq!((reply.status, reply.ops.len()), (401, 0));
            assert!(reply.fields.iter().all(|(_, value)| value.len() < 300));
        }
    }
}
