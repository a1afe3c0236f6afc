//! Who may do what in the component: passwords, tokens and rules.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wharfinger_core::access::{Argon2Cost, HashKind, hash_password};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::repository::{OCTETS, finishing, location};
use wharfinger_tests::server::{self, Folder, Server};
use wharfinger_tests::wasi::{Component, Options, SECRET};

use super::{Variables, bytes, start};

/// A pause in which an instance can come to its end: a client that is quicker is served by another one.
const PACE: Duration = Duration::from_millis(100);
/// How long an effect is waited for that comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);
const RULES: &str = r#"[
    {"repositories": "team/**", "users": "ci", "actions": ["pull", "push"]},
    {"repositories": "team/**", "users": "reader", "actions": "pull"},
    {"repositories": "public/*", "users": "anonymous", "actions": "pull"}
]"#;
/// A token of nobody's, as long as the largest that are read.
const LONG: usize = 9000;

pub(super) fn locked(variables: &Variables) -> Component {
    start(Options::default().locked(), variables)
}

pub(super) fn ask(address: SocketAddr, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
    let mut connection = Connection::open(address).expect("connects");
    connection.request(method, target, fields, b"").expect("is answered")
}

/// The same with this Authorization, if it is not empty.
pub(super) fn ask_as(address: SocketAddr, who: &str, method: &str, target: &str) -> Response {
    let fields = [("Authorization", who)];
    ask(address, method, target, if who.is_empty() { &[] } else { &fields })
}

pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn challenge(answer: &Response) -> &str {
    answer.head.field("www-authenticate").unwrap_or_default()
}

/// A token as somebody, for what is asked for.
fn token(address: SocketAddr, who: &str, scope: &str) -> String {
    let answer = ask_as(address, who, "GET", &format!("/auth/token?service=wharfinger&scope={scope}"));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
    format!("Bearer {}", body["token"].as_str().expect("a token"))
}

/// Pushes a blob as somebody, and answers the last status.
fn push(address: SocketAddr, who: &str, repository: &str, blob: &[u8]) -> u16 {
    let mut connection = Connection::open(address).expect("connects");
    let fields = [("Authorization", who), OCTETS];
    let begun = connection.request("POST", &format!("/v2/{repository}/blobs/uploads/"), &fields, b"");
    let begun = begun.expect("is answered");
    if begun.status() != 202 {
        return begun.status();
    }
    let target = finishing(&location(&begun).expect("a Location"), &sha256(blob));
    connection.request("PUT", &target, &fields, blob).expect("is answered").status()
}

fn users() -> String {
    let hashed = |kind, salt| hash_password("right", kind, [salt; 16]).expect("a hash");
    let argon2 = hashed(HashKind::Argon2id(Argon2Cost { memory_kib: 8192, passes: 1, lanes: 1 }), 1);
    let bcrypt = hashed(HashKind::Bcrypt { cost: 5 }, 2);
    format!(
        r#"[{{"name": "ci", "pass": "{argon2}"}}, {{"name": "reader", "pass": "{bcrypt}"}}, {{"name": "plain", "pass": "right"}}]"#
    )
}

#[test]
fn a_login_is_for_what_the_rules_allow_and_holds_in_every_instance() {
    let users = users();
    let variables = [("WHARFINGER_USERS", users.as_str()), ("WHARFINGER_RULES", RULES)];
    let options = variables
        .iter()
        .fold(Options::default().locked(), |options, (name, value)| options.with(name, value));
    for reuse in [1, 1000] {
        let component = start(Options { reuse, ..options.clone() }, &[]);
        let at = component.address();
        let (ci, reader, plain) = (basic("ci", "right"), basic("reader", "right"), basic("plain", "right"));
        assert_eq!(component.first_status(), 401);
        for who in [&ci, &reader, &plain] {
            assert_eq!(ask_as(at, who, "GET", "/v2/").status(), 200);
        }
        let blob = bytes(1, 300_000);
        let path = format!("/v2/team/app/blobs/{}", sha256(&blob));
        assert_eq!(push(at, &ci, "team/app", &blob), 201, "{}", component.log());
        assert_eq!(push(at, &token(at, &ci, "repository:team/app:pull,push"), "team/app", &bytes(2, 9)), 201);
        for who in [&reader, &token(at, &reader, "repository:team/app:pull,push")] {
            assert_eq!(ask_as(at, who, "GET", &path).body, blob);
        }
        assert_eq!(push(at, &reader, "team/app", &blob), 403);
        assert_eq!(push(at, &token(at, &reader, "repository:team/app:pull,push"), "team/app", &blob), 403);
        assert_eq!(push(at, &token(at, &ci, "repository:team/app:pull"), "team/app", &blob), 401);
        assert_eq!(push(at, &ci, "other/app", &blob), 403);
        assert_eq!(ask_as(at, &ci, "DELETE", &path).status(), 403);
        for who in ["", &token(at, "", "repository:public/a:pull&scope=repository:team/app:pull")] {
            assert_eq!(ask_as(at, who, "GET", &path).status(), 401);
            assert_eq!(ask_as(at, who, "GET", "/v2/public/a/tags/list").status(), 404);
        }
        for who in [basic("ci", "wrong"), basic("nobody", "right"), basic("ci", ""), "Basic !".to_owned()] {
            assert_eq!(ask_as(at, &who, "GET", "/v2/").status(), 401, "{who}");
            assert_eq!(ask_as(at, &who, "GET", "/auth/token").status(), 401, "{who}");
        }
        let log = component.stop().expect("it stops well");
        assert!(!log.contains("right") && !log.contains("panicked") && !log.contains("trap"), "{log}");
    }
}

#[test]
fn where_users_only_write_everybody_reads_and_where_one_reads_nobody_else_does() {
    let writers = r#"[{"name": "ci", "pass": "right", "access": "write"}]"#;
    let readers = r#"[{"name": "ci", "pass": "right", "access": "write"}, {"name": "me", "pass": "x", "access": "read"}]"#;
    for (users, stranger, reader) in [(writers, 200, 401), (readers, 401, 200)] {
        let component = locked(&[("WHARFINGER_USERS", users)]);
        let at = component.address();
        let blob = bytes(3, 4000);
        let path = format!("/v2/a/blobs/{}", sha256(&blob));
        assert_eq!(push(at, &basic("ci", "right"), "a", &blob), 201);
        assert_eq!(ask_as(at, "", "GET", &path).status(), stranger);
        assert_eq!(ask_as(at, "", "GET", "/auth/token?scope=repository:a:pull").status(), stranger);
        assert_eq!(ask_as(at, &basic("me", "x"), "GET", &path).status(), reader);
        assert_eq!(ask(at, "POST", "/v2/a/blobs/uploads/", &[]).status(), 401);
        assert_eq!(ask_as(at, &basic("ci", "right"), "DELETE", &path).status(), 202);
        component.stop().expect("it stops well");
    }
}

#[test]
fn who_guesses_is_slowed_down_by_each_instance() {
    let users = r#"[{"name": "ci", "pass": "right", "access": "write"}]"#;
    let limit = ("WHARFINGER_LIMITS_PASSWORD_USER_FAILURES", "2");
    let slow = ("WHARFINGER_LIMITS_PASSWORD_USER_SECONDS", "600");
    let component = locked(&[("WHARFINGER_USERS", users), limit, slow]);
    let until = Instant::now() + PATIENCE;
    let answer = loop {
        let answer = ask_as(component.address(), &basic("ci", "wrong"), "GET", "/v2/");
        if answer.status() != 401 {
            break answer;
        }
        assert!(Instant::now() < until, "nobody is slowed down");
        std::thread::sleep(PACE);
    };
    assert_eq!(answer.status(), 429, "{}", answer.text());
    let seconds: u64 = answer.head.field("retry-after").and_then(|text| text.parse().ok()).expect("a number");
    assert!((1..=600).contains(&seconds), "{seconds}");
    component.stop().expect("it stops well");
}

#[test]
fn clients_are_led_to_where_they_asked_or_where_the_registry_is_said_to_be() {
    let users = ("WHARFINGER_USERS", "[]");
    let said = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "r.example.org")];
    let realm = |variables: &Variables| {
        let component = locked(variables);
        let answer = ask(component.address(), "GET", "/v2/", &said);
        let told = challenge(&answer).replace(&component.address().to_string(), "asked");
        component.stop().expect("it stops well");
        told
    };
    let told = |url: &str, service: &str| format!("Bearer realm=\"{url}/auth/token\",service=\"{service}\"");
    assert_eq!(realm(&[users]), told("http://asked", "wharfinger"));
    let some = ("WHARFINGER_PROXIES", r#"["127.0.0.0/8"]"#);
    assert_eq!(realm(&[users, some]), told("http://asked", "wharfinger"));
    let all = ("WHARFINGER_PROXIES", r#"["0.0.0.0/0"]"#);
    assert_eq!(realm(&[users, all]), told("https://r.example.org", "wharfinger"));
    let public = ("WHARFINGER_PUBLIC_URL", "https://p.example.org");
    assert_eq!(realm(&[users, all, public]), told("https://p.example.org", "p.example.org"));
}

#[test]
fn tokens_hold_at_both_hosts_and_through_a_change_of_the_secret() {
    let users = r#"[{"name": "ci", "pass": "right", "access": "write"}]"#;
    let component = locked(&[("WHARFINGER_USERS", users)]);
    let config = format!(
        "registry:\n  secret: {SECRET}\n  users: [{{name: ci, pass: right, access: write}}]\n  storage: {{driver: filesystem, root: \"${{data}}\"}}\n"
    );
    let native = Server::start(server::Options { config: Some(config), ..server::Options::default() });
    let native = native.expect("the registry starts");
    let changed = ("WHARFINGER_SECRET", "another-secret-of-nobody");
    let old = format!("[\"{SECRET}\"]");
    let after = Options::default().locked().with("WHARFINGER_OLD_SECRETS", &old);
    let after = start(after, &[("WHARFINGER_USERS", users), changed]);
    let strange = locked(&[("WHARFINGER_USERS", users), changed]);
    for from in [component.address(), native.address()] {
        let token = token(from, &basic("ci", "right"), "repository:a:pull,push");
        for (to, status) in [
            (component.address(), 201),
            (native.address(), 201),
            (after.address(), 201),
            (strange.address(), 401),
        ] {
            assert_eq!(push(to, &token, "a", &bytes(4, 100)), status);
        }
    }
    native.stop().expect("it stops well");
}

#[test]
fn what_is_no_login_is_none() {
    let users = users();
    let options = Options::default().locked().with("WHARFINGER_USERS", &users);
    let component = start(options, &[("WHARFINGER_RULES", RULES), ("WHARFINGER_TOKEN_SECONDS", "1")]);
    let at = component.address();
    let path = "/v2/team/app/tags/list";
    let good = token(at, &basic("ci", "right"), "repository:team/app:pull");
    assert_eq!(ask_as(at, &good, "GET", path).status(), 404, "there is nothing yet");
    let part =
        |number: usize| good["Bearer ".len()..].split('.').nth(number).expect("three parts").to_owned();
    let long = "x".repeat(LONG);
    for who in [
        format!("Bearer {}.{}.", part(0), part(1)),
        format!("Bearer eyJhbGciOiJub25lIn0.{}.", part(1)),
        format!("Bearer eyJhbGciOiJub25lIn0.{}.{}", part(1), part(2)),
        format!("{good}x"),
        "Bearer".to_owned(),
        "Bearer a.b.c".to_owned(),
        format!("Bearer {long}"),
        format!("Basic {long}"),
        basic("ci", &long),
        basic(&long, "right"),
        basic("CI", "right"),
        basic("ci\u{0}", "right"),
        basic("anonymous", ""),
        basic("*", "right"),
        "Digest x".to_owned(),
    ] {
        let answer = ask_as(at, &who, "GET", path);
        assert_eq!(answer.status(), 401, "{:.60}: {}", who, answer.text());
    }
    let two = [("Authorization", basic("ci", "right")), ("Authorization", basic("reader", "right"))];
    let two = two.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(ask(at, "GET", path, &two).status(), 401);
    // No other way of writing a name leads past its rules.
    for target in ["/v2/te%61m/app/tags/list", "/v2/public/../team/app/tags/list", "/v2/Team/app/tags/list"] {
        assert!([400, 401, 404].contains(&ask_as(at, "", "GET", target).status()), "{target}");
    }
    let until = Instant::now() + PATIENCE;
    while ask_as(at, &good, "GET", path).status() != 401 {
        assert!(Instant::now() < until, "the token does not expire");
        std::thread::sleep(PACE);
    }
    let expired = ask_as(at, &good, "GET", path);
    assert!(challenge(&expired).contains("error=\"invalid_token\""), "{}", challenge(&expired));
    let log = component.stop().expect("it stops well");
    assert!(!log.contains("panicked") && !log.contains("trap"), "{log}");
}

/// Which directory does not matter; that it is one of a test does.
#[test]
fn an_upload_outlives_its_token() {
    let folder = Folder::new("locks").expect("a folder");
    let users = r#"[{"name": "ci", "pass": "right", "access": "write"}]"#;
    let options = Options { data: Some(folder.path().to_owned()), ..Options::default().locked() };
    let component = start(options, &[("WHARFINGER_USERS", users), ("WHARFINGER_TOKEN_SECONDS", "1")]);
    let at = component.address();
    let good = token(at, &basic("ci", "right"), "repository:a:pull,push");
    let fields = [("Authorization", good.as_str()), OCTETS];
    let mut connection = Connection::open(at).expect("connects");
    let begun = connection.request("POST", "/v2/a/blobs/uploads/", &fields, b"").expect("is answered");
    let begun = location(&begun.expect(202).expect("it begins")).expect("a Location");
    let until = Instant::now() + PATIENCE;
    while ask_as(at, &good, "GET", "/v2/a/tags/list").status() != 401 {
        assert!(Instant::now() < until, "the token does not expire");
        std::thread::sleep(PACE);
    }
    let blob = bytes(5, 300_000);
    let put = connection.request("PUT", &finishing(&begun, &sha256(&blob)), &fields, &blob);
    assert_eq!(put.expect("is answered").status(), 201);
    assert_eq!(push(at, &good, "a", &blob), 401);
    component.stop().expect("it stops well");
}
