//! How docker and containerd come to their tokens, request by request: neither is at hand without a daemon of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::server::{Folder, Options, Server};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// A client that speaks to the registry without a library.
pub struct Script<'a>(pub &'a Server);

impl Script<'_> {
    /// One request on a connection of its own.
    #[track_caller]
    pub fn ask(&self, method: &str, target: &str, authorization: Option<&str>, body: &[u8]) -> Response {
        let mut fields = Vec::new();
        fields.extend(authorization.map(|value| ("Authorization", value)));
        if target.starts_with("/auth/") && method == "POST" {
            fields.push(FORM);
        }
        let mut connection = Connection::open(self.0.address()).expect("a connection");
        connection.request(method, target, &fields, body).expect("an answer")
    }

    /// What a request without a token is refused with: where tokens are, and the parameters to ask for one with.
    #[track_caller]
    pub fn challenge(&self, method: &str, target: &str) -> (String, Vec<(String, String)>) {
        let refused = self.ask(method, target, None, b"").expect(401).expect("a challenge");
        assert_eq!(refused.head.field("docker-distribution-api-version"), Some("registry/2.0"));
        let text = refused.head.field("www-authenticate").expect("a challenge").to_owned();
        let pairs = text.strip_prefix("Bearer ").expect("the scheme of tokens").split("\",");
        let mut pairs: Vec<(String, String)> = pairs
            .map(|pair| {
                let (key, value) = pair.split_once("=\"").expect("a quoted parameter");
                (key.to_owned(), value.trim_end_matches('"').to_owned())
            })
            .collect();
        let (_, realm) = pairs.remove(0);
        let host = format!("http://{}", self.0.address());
        (realm.strip_prefix(&host).expect("on the host that was asked").to_owned(), pairs)
    }

    /// A token by GET, as `parameters` ask for it.
    #[track_caller]
    pub fn by_get(&self, parameters: &[(&str, &str)], login: Option<&str>) -> Response {
        let target = format!("/auth/token?{}", encoded(parameters));
        self.ask("GET", &target, login.map(basic).as_deref(), b"")
    }

    /// A token by POST of a form.
    #[track_caller]
    pub fn by_post(&self, parameters: &[(&str, &str)]) -> Response {
        self.ask("POST", "/auth/token", None, encoded(parameters).as_bytes())
    }
}

/// The field of a reply in JSON that must be there.
#[track_caller]
pub fn text_of(reply: Response, key: &str) -> String {
    let reply = reply.expect(200).expect("a token");
    let found: Value = serde_json::from_slice(&reply.body).expect("JSON");
    found[key].as_str().expect("a text").to_owned()
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn basic(login: &str) -> String {
    format!("Basic {}", STANDARD.encode(login))
}

fn encoded(parameters: &[(&str, &str)]) -> String {
    let escaped =
        |text: &str| text.replace(':', "%3A").replace('/', "%2F").replace(',', "%2C").replace(' ', "+");
    let pairs: Vec<String> =
        parameters.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
    pairs.join("&")
}

fn start(folder: &Folder, password: &str) -> Server {
    let config = format!(
        "registry:\n  users:\n    - {{name: ci, pass: {password}, access: write}}\n    - {{name: dev, pass: other-password, access: read}}\n"
    );
    let data = Some(folder.path().join("data"));
    Server::start(Options { config: Some(config), data, ..Options::default() }).expect("it starts")
}

const PUSH: (&str, &str) = ("POST", "/v2/team/app/blobs/uploads/");
const PULL: (&str, &str) = ("GET", "/v2/team/app/manifests/t");
const PULL_PUSH: &str = "repository:team/app:pull,push";

#[test]
fn docker_logs_in_once_and_renews_its_token_without_the_password() {
    let folder = Folder::new("flow-docker").expect("a folder");
    let server = start(&folder, "right-password");
    let docker = Script(&server);
    // It asks for credentials only if this one has a challenge.
    let (realm, service) = docker.challenge("GET", "/v2/");
    assert_eq!(realm, "/auth/token");
    let [(key, service)] = &service[..] else { panic!("{service:?}") };
    assert_eq!(key, "service");
    let login = [
        ("account", "ci"),
        ("client_id", "docker"),
        ("offline_token", "true"),
        ("service", service.as_str()),
    ];
    assert_eq!(docker.by_get(&login, Some("ci:wrong-password")).status(), 401);
    assert_eq!(docker.by_get(&login, Some("cj:right-password")).status(), 401);
    let granted = docker.by_get(&login, Some("ci:right-password"));
    let identity = text_of(granted.clone(), "refresh_token");
    let seen = docker.ask("GET", "/v2/", Some(&bearer(&text_of(granted, "token"))), b"");
    assert_eq!(seen.status(), 200);
    // What it keeps is no token for requests.
    assert_eq!(docker.ask("GET", "/v2/", Some(&bearer(&identity)), b"").status(), 401);

    let renew = |identity: &str, service: &str| {
        docker.by_post(&[
            ("client_id", "docker"),
            ("grant_type", "refresh_token"),
            ("refresh_token", identity),
            ("scope", PULL_PUSH),
            ("service", service),
        ])
    };
    let token = bearer(&text_of(renew(&identity, service), "access_token"));
    assert_eq!(docker.ask(PUSH.0, PUSH.1, Some(&token), b"").status(), 202);
    assert_eq!(docker.ask("POST", "/v2/team/other/blobs/uploads/", Some(&token), b"").status(), 401);
    assert_eq!(renew(&format!("{identity}x"), service).status(), 401);
    server.stop().expect("it ends in good order");

    for (password, status) in [("right-password", 200), ("another-password", 401)] {
        let server = start(&folder, password);
        let (_, service) = Script(&server).challenge("GET", "/v2/");
        let again = Script(&server).by_post(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", &identity),
            ("service", &service[0].1),
        ]);
        assert_eq!(again.status(), status, "{password}: {}", again.text());
        server.stop().expect("it ends in good order");
    }
}

#[test]
fn containerd_posts_a_form_first_and_asks_for_what_it_is_refused() {
    let folder = Folder::new("flow-containerd").expect("a folder");
    let server = start(&folder, "right-password");
    let containerd = Script(&server);
    for ((method, target), login, scope, status) in [
        (PULL, ("ci", "right-password"), "repository:team/app:pull", 404),
        (PULL, ("dev", "other-password"), "repository:team/app:pull", 404),
        (PUSH, ("ci", "right-password"), PULL_PUSH, 202),
        (PUSH, ("dev", "other-password"), PULL_PUSH, 403),
    ] {
        let (_, parameters) = containerd.challenge(method, target);
        let [(_, service), (key, wanted)] = &parameters[..] else { panic!("{parameters:?}") };
        assert_eq!((key.as_str(), wanted.as_str()), ("scope", scope));
        let form = [
            ("client_id", "containerd-client"),
            ("grant_type", "password"),
            ("password", login.1),
            ("scope", scope),
            ("service", service.as_str()),
            ("username", login.0),
        ];
        let token = bearer(&text_of(containerd.by_post(&form), "access_token"));
        let served = containerd.ask(method, target, Some(&token), b"");
        assert_eq!(served.status(), status, "{login:?} {method}: {}", served.text());
        // Refused like that, it tries again by GET, and gives up.
        let mut wrong = form;
        wrong[2].1 = "wrong-password";
        assert_eq!(containerd.by_post(&wrong).status(), 401);
        let wrong = format!("{}:wrong-password", login.0);
        assert_eq!(containerd.by_get(&[("scope", scope), ("service", service)], Some(&wrong)).status(), 401);
    }
    // A mount: it asks for both repositories at once.
    let both = "repository:team/app:pull,push repository:team/base:pull";
    let form =
        [("grant_type", "password"), ("username", "ci"), ("password", "right-password"), ("scope", both)];
    let token = bearer(&text_of(containerd.by_post(&form), "access_token"));
    let digest = format!("sha256:{}", "0".repeat(64));
    let mount = format!("{}?mount={digest}&from=team/base", PUSH.1);
    assert_eq!(containerd.ask("POST", &mount, Some(&token), b"").status(), 202);
    server.stop().expect("it ends in good order");
}

#[test]
fn credentials_for_another_registry_are_no_matter_where_everybody_may_pull() {
    let config = "registry:\n  users: [{name: ci, pass: right-password, access: write}]\n".to_owned();
    let server = Server::start(Options { config: Some(config), ..Options::default() }).expect("it starts");
    let client = Script(&server);
    for (scope, status) in [("repository:team/app:pull", 200), (PULL_PUSH, 401), ("", 401)] {
        let form = [
            ("grant_type", "password"),
            ("username", "hub-user"),
            ("password", "hub-password"),
            ("scope", scope),
        ];
        for granted in [client.by_post(&form), client.by_get(&form[3..], Some("hub-user:hub-password"))] {
            assert_eq!(granted.status(), status, "{scope}: {}", granted.text());
            if status == 200 {
                let token = bearer(&text_of(granted, "access_token"));
                assert_eq!(client.ask(PULL.0, PULL.1, Some(&token), b"").status(), 404);
                assert_eq!(client.ask(PUSH.0, PUSH.1, Some(&token), b"").status(), 401);
            }
        }
    }
    server.stop().expect("it ends in good order");
}
