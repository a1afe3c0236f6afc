use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::image::{CONFIG, MANIFEST};
use wharfinger_tests::repository::{OCTETS, finishing, location};
use wharfinger_tests::server::{Options, Server};

/// What tokens for the registry are made for.
pub const AUDIENCE: &str = "https://registry.example.org";

/// How long is waited for something that has to come.
const PATIENCE: Duration = Duration::from_secs(120);

/// A registry that takes the tokens of some issuers, and logs all that it can.
pub struct Registry {
    server: Server,
}

/// How a client shows its token.
#[derive(Clone, Debug)]
pub enum Shown {
    Nothing,
    Bearer(String),
    Password(String),
}

impl Registry {
    /// Starts one with these issuers. Their users may push to `org/**`, and do nothing else.
    pub fn start(issuers: &[Value], limits: &Value) -> Self {
        Self::start_in(Vec::new(), issuers, limits)
    }

    /// The same, with these variables in its environment.
    pub fn start_in(env: Vec<(String, String)>, issuers: &[Value], limits: &Value) -> Self {
        let users: Vec<&Value> = issuers.iter().map(|issuer| &issuer["identities"][0]["user"]).collect();
        // YAML takes JSON as it is.
        let config = json!({"registry": {
            "issuers": issuers,
            "rules": [{"repositories": ["org/**"], "users": users, "actions": ["pull", "push"]}],
            "limits": limits,
            "log": {"format": "json", "level": "debug"},
        }});
        let options = Options { config: Some(config.to_string()), env, ..Options::default() };
        Self { server: Server::start(options).expect("the registry starts") }
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.server.address()).expect("the registry takes connections")
    }

    /// Sends a GET on a connection of its own.
    pub fn get(&self, target: &str, shown: &Shown) -> Response {
        let field = shown.field();
        let fields: Vec<(&str, &str)> = field.iter().map(|value| ("Authorization", value.as_str())).collect();
        self.connect().request("GET", target, &fields, b"").expect("the registry answers")
    }

    /// Whether somebody is let in: the status of the ping.
    pub fn ping(&self, shown: &Shown) -> u16 {
        self.get("/v2/", shown).status()
    }

    /// Asks until the answer has this status; all others before have to be `meanwhile`.
    pub fn ping_until(&self, shown: &Shown, meanwhile: u16, status: u16) {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.ping(shown);
            if found == status {
                return;
            }
            assert_eq!(found, meanwhile, "while {status} is waited for");
            assert!(Instant::now() < end, "{status} does not come");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Pushes a small image and pulls it again.
    pub fn push_and_pull(&self, repository: &str, seed: &str, shown: &Shown) {
        let field = shown.field().expect("somebody who pushes shows something");
        let login = ("Authorization", field.as_str());
        let mut connection = self.connect();
        let (config, layer) = (format!("{{\"seed\":\"{seed}\"}}"), format!("layer of {seed}"));
        for blob in [&config, &layer] {
            let target = format!("/v2/{repository}/blobs/uploads/");
            let begun =
                connection.request("POST", &target, &[login], b"").and_then(|begun| begun.expect(202));
            let target = location(&begun.expect("an upload begins")).expect("a Location");
            let target = finishing(&target, &sha256(blob.as_bytes()));
            let put = connection.request("PUT", &target, &[login, OCTETS], blob.as_bytes());
            put.and_then(|put| put.expect(201)).expect("a blob is stored");
        }
        let part = |media_type: &str, blob: &str| json!({"mediaType": media_type, "digest": sha256(blob.as_bytes()), "size": blob.len()});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": part(CONFIG, &config),
            "layers": [part("application/vnd.oci.image.layer.v1.tar", &layer)],
        })
        .to_string();
        let target = format!("/v2/{repository}/manifests/{seed}");
        let put =
            connection.request("PUT", &target, &[login, ("Content-Type", MANIFEST)], manifest.as_bytes());
        put.and_then(|put| put.expect(201)).expect("a manifest is stored");
        let read = connection.request("GET", &target, &[login, ("Accept", MANIFEST)], b"");
        assert_eq!(read.and_then(|read| read.expect(200)).expect("it is there").text(), manifest);
    }

    /// The log, once it has so many lines that `is_wanted` takes.
    pub fn log_with(&self, count: usize, is_wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            let lines = self.lines();
            let wanted: Vec<Value> = lines.iter().filter(|line| is_wanted(line)).cloned().collect();
            if wanted.len() >= count {
                return wanted;
            }
            assert!(Instant::now() < end, "{wanted:?} only of {count} lines; all:\n{}", self.server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it, and gives all that it logged, as text.
    pub fn into_log(mut self) -> String {
        self.server.kill();
        self.server.log()
    }

    fn lines(&self) -> Vec<Value> {
        self.server.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Shown {
    pub fn bearer(token: &str) -> Self {
        Self::Bearer(token.to_owned())
    }

    /// As a password, with whatever name.
    pub fn password(token: &str) -> Self {
        Self::Password(token.to_owned())
    }

    pub fn field(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Bearer(token) => Some(format!("Bearer {token}")),
            Self::Password(token) => Some(format!("Basic {}", STANDARD.encode(format!("whoever:{token}")))),
        }
    }
}

/// Whether a line of the log is about a request for this path.
pub fn is_request(path: &str) -> impl Fn(&Value) -> bool {
    move |line| line["message"] == "request" && line["path"] == path
}

/// Fails if anything of a token stands in a log.
pub fn assert_unsaid(log: &str, token: &str) {
    for part in token.split('.').filter(|part| !part.is_empty()) {
        assert!(!log.contains(part), "the log tells a part of a token: {part}");
    }
    assert!(!log.contains("panicked"), "{log}");
}
