use std::time::Duration;

use serde_json::{Value, json};
use wharfinger_core::access::{Lives, Verdict};
use wharfinger_core::upload::Secret;

use super::{access, basic, locked};
use crate::support::{Registry, Reply, sha256};

const SETTINGS: &str = r#"{
    "users": [{"name": "ci", "pass": "pass"}, {"name": "dev", "pass": "pass"}],
    "rules": [
        {"repositories": "team/*", "users": "ci", "actions": ["pull", "push"]},
        {"repositories": "team/*", "users": "dev", "actions": "pull"},
        {"repositories": "public", "users": "anonymous", "actions": "pull"}
    ]
}"#;

fn registry() -> Registry {
    locked(serde_json::from_str(SETTINGS).unwrap())
}

impl Registry {
    /// Asks for a token as somebody whose password is `pass`.
    fn token_reply(&mut self, user: Option<&str>, query: &str) -> Reply {
        self.ask_as(user, "GET", &format!("/auth/token?service=wharfinger&{query}"))
    }

    fn token(&mut self, user: Option<&str>, query: &str) -> String {
        let reply = self.token_reply(user, query);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let body = reply.json();
        assert_eq!(body["token"], body["access_token"]);
        body["token"].as_str().unwrap().to_owned()
    }

    fn ask_with(&mut self, token: &str, method: &str, target: &str) -> Reply {
        self.send(method, target, &[("authorization", &format!("Bearer {token}"))], ())
    }

    fn post_form(&mut self, form: &str) -> Reply {
        let fields = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", "/auth/token", &fields, form.as_bytes())
    }
}

fn error(reply: &Reply) -> (u16, String) {
    let challenge = reply.field("www-authenticate").unwrap_or_default();
    let error =
        challenge.split("error=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    (reply.status, error.to_owned())
}

#[test]
fn a_token_is_granted_for_what_its_user_may_do_of_what_is_asked_for() {
    let mut registry = registry();
    for (user, query, scope) in [
        (Some("ci"), "scope=repository:team/a:pull,push", "repository:team/a:pull,push"),
        (Some("ci"), "scope=repository:team/a:*", "repository:team/a:pull,push"),
        (
            Some("ci"),
            "scope=repository:team/a:pull&scope=repository:team/b:push",
            "repository:team/a:pull repository:team/b:push",
        ),
        (
            Some("ci"),
            "scope=repository:team/a:pull+repository:team/b:push",
            "repository:team/a:pull repository:team/b:push",
        ),
        (Some("ci"), "scope=repository:other:pull,push", ""),
        (Some("ci"), "scope=registry:catalog:*", "registry:catalog:*"),
        (Some("dev"), "scope=repository:team/a:pull,push", "repository:team/a:pull"),
        (Some("dev"), "scope=repository:team/a:push", ""),
        (Some("dev"), "", ""),
        (Some("dev"), "scope=repository:public:pull", "repository:public:pull"),
        (None, "scope=repository:public:pull,push", "repository:public:pull"),
        (None, "scope=repository:team/a:pull", ""),
        (None, "", ""),
    ] {
        let reply = registry.token_reply(user, query);
        assert_eq!(reply.status, 200, "{user:?} {query}");
        assert_eq!(reply.json()["scope"], scope, "{user:?} {query}");
        assert_eq!(reply.field("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_token_says_when_it_was_made_and_how_long_it_lives() {
    let mut registry = registry();
    registry.now = 1_709_251_199;
    let reply = registry.token_reply(Some("ci"), "scope=repository:team/a:pull");
    let body = reply.json();
    assert_eq!((&body["expires_in"], &body["issued_at"]), (&json!(3600), &json!("2024-02-29T23:59:59Z")));
    assert_eq!((&body["token_type"], body.get("refresh_token")), (&json!("Bearer"), None));
}

#[test]
fn a_token_opens_what_it_was_made_for_and_nothing_else() {
    let mut registry = registry();
    let push = registry.token(Some("ci"), "scope=repository:team/a:pull,push");
    let pull = registry.token(Some("ci"), "scope=repository:team/a:pull");
    let nothing = registry.token(Some("ci"), "");
    let strangers = registry.token(None, "scope=repository:public:pull");
    for (token, method, target, expected) in [
        (&push, "GET", "/v2/", (200, "")),
        (&nothing, "GET", "/v2/", (200, "")),
        (&strangers, "GET", "/v2/", (200, "")),
        (&push, "POST", "/v2/team/a/blobs/uploads/", (202, "")),
        (&pull, "POST", "/v2/team/a/blobs/uploads/", (401, "insufficient_scope")),
        (&nothing, "GET", "/v2/team/a/tags/list", (401, "insufficient_scope")),
        (&push, "POST", "/v2/team/b/blobs/uploads/", (401, "insufficient_scope")),
        (&push, "GET", "/v2/public/tags/list", (401, "insufficient_scope")),
        (&push, "GET", "/v2/_catalog", (401, "insufficient_scope")),
        (&push, "GET", "/v2/elsewhere/tags/list", (403, "")),
        (&push, "DELETE", "/v2/team/a/manifests/v1", (403, "")),
        (&strangers, "GET", "/v2/public/tags/list", (404, "")),
        (&strangers, "GET", "/v2/team/a/tags/list", (401, "insufficient_scope")),
    ] {
        let reply = registry.ask_with(token, method, target);
        assert_eq!(error(&reply), (expected.0, expected.1.to_owned()), "{method} {target}");
    }
}

#[test]
fn a_token_counts_only_as_far_as_the_rules_still_allow() {
    let mut registry = registry();
    let token = registry.token(Some("ci"), "scope=repository:team/a:pull,push");
    assert_eq!(registry.ask_with(&token, "POST", "/v2/team/a/blobs/uploads/").status, 202);
    let mut settings: Value = serde_json::from_str(SETTINGS).unwrap();
    settings["rules"][0]["actions"] = json!("pull");
    registry.config.access = access(&settings, &registry);
    assert_eq!(registry.ask_with(&token, "POST", "/v2/team/a/blobs/uploads/").status, 403);
}

#[test]
fn tokens_end_and_uploads_that_they_began_go_on() {
    let mut registry = registry();
    let token = registry.token(Some("ci"), "scope=repository:team/a:pull,push");
    let location = registry.ask_with(&token, "POST", "/v2/team/a/blobs/uploads/").location();
    registry.now += 3599;
    assert_eq!(registry.ask_with(&token, "GET", "/v2/").status, 200);
    let late = registry.ask_with(&token, "POST", "/v2/team/a/blobs/uploads/").location();
    registry.now += 1;
    assert_eq!(error(&registry.ask_with(&token, "GET", "/v2/")), (401, "invalid_token".to_owned()));
    let begin = registry.ask_with(&token, "POST", "/v2/team/a/blobs/uploads/");
    assert_eq!(error(&begin), (401, "invalid_token".to_owned()));
    let digest = sha256(b"");
    for location in [location, late] {
        assert_eq!(registry.ask_with(&token, "PATCH", &location).status, 202);
        let put = registry.ask_with(&token, "PUT", &format!("{location}&digest={digest}"));
        assert_eq!(put.status, 201);
    }
    // One that began when the token had ended was begun with another token: it goes on with that one.
    let fresh = registry.token(Some("ci"), "scope=repository:team/a:pull,push");
    registry.now += 1;
    let location = registry.ask_with(&fresh, "POST", "/v2/team/a/blobs/uploads/").location();
    assert_eq!(error(&registry.ask_with(&token, "PATCH", &location)), (401, "invalid_token".to_owned()));
    let others = registry.token(Some("dev"), "scope=repository:team/a:pull");
    assert_eq!(registry.ask_with(&others, "PATCH", &location).status, 403);
}

#[test]
fn a_login_is_refused_with_a_wrong_password_and_a_mirror_grants_what_strangers_may_have() {
    let mut registry = registry();
    let mut ask = |user: &str, password: &str, query: &str| {
        let target = format!("/auth/token?{query}");
        let reply = registry.send("GET", &target, &[("authorization", &basic(user, password))], ());
        (reply.status, if reply.status == 200 { reply.json()["scope"].clone() } else { Value::Null })
    };
    for (user, password) in [("hubuser", "hubpass"), ("ci", "wrong")] {
        assert_eq!(ask(user, password, "service=wharfinger&account=x"), (401, Value::Null));
        assert_eq!(ask(user, password, "scope=repository:public:pull,push"), (401, Value::Null));
        assert_eq!(ask(user, password, "scope=repository:team/a:pull"), (401, Value::Null));
        assert_eq!(ask(user, password, "scope=registry:catalog:*"), (401, Value::Null));
        let public = json!("repository:public:pull");
        assert_eq!(ask(user, password, "scope=repository:public:pull"), (200, public.clone()));
        let mixed = "scope=repository:public:pull&scope=repository:team/a:pull";
        assert_eq!(ask(user, password, mixed), (401, Value::Null));
    }
    registry.host.verdict = Some(Verdict::Slow(Duration::from_secs(9)));
    assert_eq!(registry.token_reply(Some("ci"), "").refusal(), (429, "TOOMANYREQUESTS".to_owned()));
    assert_eq!(registry.token_reply(Some("ci"), "scope=repository:public:pull").status, 200);
}

#[test]
fn where_strangers_may_nothing_they_get_no_token() {
    let mut registry = locked(json!({"users": [{"name": "r", "pass": "pass", "access": "read"}]}));
    assert_eq!(registry.token_reply(None, "scope=repository:a:pull").refusal().0, 401);
    let reply = registry.token_reply(Some("r"), "scope=repository:a:pull,push");
    assert_eq!(reply.json()["scope"], "repository:a:pull");
}

#[test]
fn forms_are_answered_as_queries_are() {
    let mut registry = registry();
    let reply = registry.post_form(
        "grant_type=password&service=wharfinger&client_id=containerd&username=ci&password=pass\
         &scope=repository%3Ateam%2Fa%3Apull%2Cpush+repository%3Ateam%2Fb%3Apull",
    );
    let body = reply.json();
    assert_eq!(body["scope"], "repository:team/a:pull,push repository:team/b:pull");
    let token = body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(registry.ask_with(&token, "POST", "/v2/team/a/blobs/uploads/").status, 202);
    for (form, expected) in [
        ("grant_type=password&username=ci&password=wrong", (401, "UNAUTHORIZED")),
        ("grant_type=password&username=ci", (400, "UNSUPPORTED")),
        ("grant_type=authorization_code&code=x", (400, "UNSUPPORTED")),
        ("grant_type=refresh_token", (400, "UNSUPPORTED")),
        ("grant_type=refresh_token&refresh_token=x", (401, "UNAUTHORIZED")),
        ("", (400, "UNSUPPORTED")),
        ("{}", (400, "UNSUPPORTED")),
    ] {
        assert_eq!(registry.post_form(form).refusal(), (expected.0, expected.1.to_owned()), "{form}");
    }
    let long = format!("grant_type=password&username=ci&password=pass&x={}", "y".repeat(33_000));
    assert_eq!(registry.post_form(&long).status, 400);
}

#[test]
fn a_refresh_token_gets_others_until_the_password_changes() {
    let mut registry = registry();
    let form = "grant_type=password&username=ci&password=pass&access_type=offline";
    let refresh = registry.post_form(form).json()["refresh_token"].as_str().unwrap().to_owned();
    let offline = registry.token_reply(Some("ci"), "offline_token=true").json();
    assert!(offline["refresh_token"].is_string());
    let form = format!("grant_type=refresh_token&refresh_token={refresh}&scope=repository:team/a:push");
    let renew = |registry: &mut Registry| {
        let reply = registry.post_form(&form);
        (reply.status, (reply.status == 200).then(|| reply.json()["scope"].clone()))
    };
    assert_eq!(renew(&mut registry), (200, Some(json!("repository:team/a:push"))));
    assert_eq!(error(&registry.ask_with(&refresh, "GET", "/v2/")), (401, "invalid_token".to_owned()));
    let before = registry.clone();
    registry.now += 30 * 24 * 3600;
    assert_eq!(renew(&mut registry), (401, None));
    let changed = |from: &str, to: &str| {
        let mut registry = before.clone();
        registry.config.access =
            access(&serde_json::from_str(&SETTINGS.replace(from, to)).unwrap(), &registry);
        registry
    };
    assert_eq!(
        renew(&mut changed("\"pass\"}, {\"name\": \"dev\"", "\"new\"}, {\"name\": \"dev\"")),
        (401, None)
    );
    assert_eq!(renew(&mut changed("\"ci\"", "\"gone\"")), (401, None));
    assert_eq!(renew(&mut changed("\"dev\"", "\"ops\"")), (200, Some(json!("repository:team/a:push"))));
}

#[test]
fn no_refresh_token_is_given_for_a_token_or_where_there_are_none() {
    let mut registry = registry();
    let token = registry.token(Some("ci"), "scope=repository:team/a:pull");
    let reply =
        registry.ask_with(&token, "GET", "/auth/token?offline_token=true&scope=repository:team/a:pull,push");
    let body = reply.json();
    assert_eq!((body.get("refresh_token"), &body["scope"]), (None, &json!("repository:team/a:pull")));
    registry.config.access.lives = Lives { refresh: Duration::ZERO, ..Lives::default() };
    assert_eq!(registry.token_reply(Some("ci"), "offline_token=true").json().get("refresh_token"), None);
}

#[test]
fn tokens_of_another_registry_or_secret_open_nothing() {
    let mut registry = registry();
    let token = registry.token(Some("ci"), "scope=repository:team/a:pull");
    let mut renamed = registry.clone();
    renamed.config.access.front.public_url = Some("https://other".into());
    assert_eq!(error(&renamed.ask_with(&token, "GET", "/v2/")), (401, "invalid_token".to_owned()));
    let mut another = registry.clone();
    another.config.secret = Secret::new(b"another secret of tests");
    assert_eq!(error(&another.ask_with(&token, "GET", "/v2/")), (401, "invalid_token".to_owned()));
    let mut rotated = registry.clone();
    rotated.config.secret = Secret::with_old(b"another secret of tests", &[b"a secret of tests"]);
    assert_eq!(rotated.ask_with(&token, "GET", "/v2/").status, 200);
}

#[test]
fn the_names_in_many_scopes_do_not_make_a_token_too_long() {
    let mut registry = locked(json!({
        "users": [{"name": "ci", "pass": "pass"}],
        "rules": [{"repositories": "**", "users": "ci", "actions": ["pull", "push", "delete"]}],
    }));
    let scopes: Vec<String> =
        (0..40).map(|at| format!("scope=repository:{}{at}:*", "a".repeat(250))).collect();
    let token = registry.token(Some("ci"), &scopes.join("&"));
    assert!(token.len() <= 8 << 10);
    assert_eq!(registry.ask_with(&token, "GET", "/v2/").status, 200);
}

#[test]
fn a_token_gets_none_that_outlives_it() {
    let mut registry = registry();
    let token = registry.token(Some("ci"), "scope=repository:team/a:pull,push");
    registry.now += 3000;
    let target = "/auth/token?scope=repository:team/a:pull";
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token={token}\
         &scope=repository:team/a:pull"
    );
    let replies = [registry.ask_with(&token, "GET", target), registry.post_form(&form)];
    registry.now += 600;
    for reply in replies {
        let body = reply.json();
        assert_eq!((&body["scope"], &body["expires_in"]), (&json!("repository:team/a:pull"), &json!(600)));
        let other = body["token"].as_str().unwrap();
        let late = registry.ask_with(other, "GET", "/v2/team/a/tags/list");
        assert_eq!(error(&late), (401, "invalid_token".to_owned()));
    }
}

#[test]
fn a_token_of_a_user_who_is_taken_away_is_good_for_nothing() {
    let rules = json!([{"repositories": "**", "users": "*", "actions": ["pull", "push"]}]);
    let user = |name: &str| json!({"name": name, "pass": "pass"});
    let mut registry = locked(json!({"users": [user("ci"), user("dev")], "rules": rules}));
    let token = registry.token(Some("ci"), "scope=repository:a:pull,push");
    let location = registry.ask_with(&token, "POST", "/v2/a/blobs/uploads/").location();
    registry.config.access = access(&json!({"users": [user("dev")], "rules": rules}), &registry);
    let invalid = (401, "invalid_token".to_owned());
    for (method, target) in [
        ("GET", "/v2/"),
        ("GET", "/v2/a/tags/list"),
        ("POST", "/v2/a/blobs/uploads/"),
        ("PATCH", location.as_str()),
        ("GET", "/auth/token?scope=repository:a:pull"),
    ] {
        assert_eq!(error(&registry.ask_with(&token, method, target)), invalid, "{method} {target}");
    }
}

#[test]
fn a_refresh_token_outlives_the_secret_that_signed_it_where_that_is_kept() {
    let mut registry = registry();
    let form = "grant_type=password&username=ci&password=pass&access_type=offline";
    let refresh = registry.post_form(form).json()["refresh_token"].as_str().unwrap().to_owned();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    registry.config.secret = Secret::with_old(b"another secret of tests", &[b"a secret of tests"]);
    assert_eq!(registry.post_form(&form).status, 200);
    let changed = SETTINGS.replace("\"pass\"}, {\"name\": \"dev\"", "\"new\"}, {\"name\": \"dev\"");
    registry.config.access = access(&serde_json::from_str(&changed).unwrap(), &registry);
    assert_eq!(registry.post_form(&form).status, 401);
    registry.config.secret = Secret::new(b"another secret of tests");
    assert_eq!(registry.post_form(&form).status, 401);
}

#[test]
fn what_everybody_may_have_is_granted_without_a_look_at_a_password() {
    let mut registry = registry();
    // Nobody could answer.
    registry.host.verdict = Some(Verdict::Busy);
    let reply = registry.token_reply(Some("ci"), "scope=repository:public:pull");
    assert_eq!((reply.status, &reply.json()["scope"]), (200, &json!("repository:public:pull")));
    for query in ["", "scope=repository:public:pull&offline_token=true", "scope=repository:team/a:pull"] {
        assert_eq!(registry.token_reply(Some("ci"), query).status, 503, "{query}");
    }
}

#[test]
fn a_form_that_is_announced_too_long_is_not_read() {
    let mut registry = registry();
    let body = crate::support::Body::chunked(b"").promising(33_000);
    assert_eq!(registry.send("POST", "/auth/token", &[], body).status, 400);
}
