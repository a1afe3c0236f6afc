//! A Swift behind TLS.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::{Folder, Options as ServerOptions, Server};
use wharfinger_tests::swift::fault::{Action, FaultProxy, Rule};
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{Options, Swift};
use wharfinger_tests::tls_relay::{Authority, TlsRelay};

use super::start::refuses;
use super::{bytes, shared};

/// What every certificate here is for.
const HERE: &[&str] = &["127.0.0.1"];

/// An authority, and a file with its certificate.
struct Ca {
    authority: Authority,
    folder: Folder,
}

impl Ca {
    fn new(name: &str) -> Self {
        let ca = Self {
            authority: Authority::new(name).expect("an authority"),
            folder: Folder::new("ca").expect("a folder"),
        };
        std::fs::write(ca.file(), ca.authority.pem()).expect("writes");
        ca
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn relay(&self, upstream: std::net::SocketAddr, names: &[&str]) -> TlsRelay {
        let certified = self.authority.certify(names).expect("a certificate");
        TlsRelay::start(upstream, &certified).expect("the relay starts")
    }
}

/// A cloud whose login and object store are behind the relay.
fn cloud(relay: &TlsRelay, swift: &Swift) -> Value {
    let address = relay.address();
    json!({
        "auth_type": "v1password",
        "auth": {
            "auth_url": format!("https://{address}/auth/v1.0"),
            "username": swift.user(), "password": swift.key(),
        },
        "object_store_endpoint_override": format!("https://{address}/v1/AUTH_test"),
    })
}

fn with(mut cloud: Value, key: &str, value: impl Into<Value>) -> Value {
    cloud[key] = value.into();
    cloud
}

fn trusting(cloud: Value, file: &Path) -> Value {
    with(cloud, "cacert", file.display().to_string())
}

fn berth(cloud: Value, container: &str) -> Berth {
    Berth { cloud, container: container.to_owned(), lines: String::new() }
}

/// Pushes a blob of several pieces and one that is sent whole, and reads them back.
fn push_and_pull(registry: &Server, seed: u64) {
    let repository = Repository::new(registry.address(), "tls/app");
    let blob = bytes(seed, 3_000_000);
    repository.push_pieces(&blob, 1_100_000).and_then(|answer| answer.expect(201)).expect("it is stored");
    assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob));
    let blob = bytes(seed + 1, 2_000_000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob));
}

#[test]
fn blobs_go_through_tls_to_whom_cacert_trusts() {
    let swift = shared();
    let ca = Ca::new("tls");
    let relay = ca.relay(swift.proxy(), HERE);
    let registry = berth(trusting(cloud(&relay, swift), &ca.file()), "tls").start().expect("starts");
    push_and_pull(&registry, 1);
    let repository = Repository::new(registry.address(), "tls/app");
    let before = relay.handshakes();
    let blob = sha256(&bytes(1, 3_000_000));
    for _ in 0..10 {
        assert_eq!(repository.stat(&blob).expect("HEAD"), Some(3_000_000));
    }
    assert!(relay.handshakes() - before <= 2, "connections are not used again");
    assert!(!registry.log().contains("WARN"), "{}", registry.log());
    registry.stop().expect("stops");
}

#[test]
fn keystone_and_the_swift_of_its_catalog_may_be_behind_tls() {
    let options = Options { keystone: true, ..Options::default() };
    let swift = Swift::start(&options).expect("Swift and Keystone start");
    let keystone = swift.keystone().expect("there is a Keystone");
    let ca = Ca::new("keystone");
    let address = keystone.auth_url().trim_start_matches("http://").trim_end_matches("/v3");
    let before_keystone = ca.relay(address.parse().expect("its address"), HERE);
    let before_swift = ca.relay(swift.proxy(), HERE);
    let cloud = json!({
        "region_name": keystone.region(),
        "cacert": ca.file(),
        "auth": {
            "auth_url": format!("https://{}/v3", before_keystone.address()),
            "username": keystone.user(), "password": keystone.password(),
            "project_name": keystone.project(),
            "user_domain_name": keystone.domain(), "project_domain_name": keystone.domain(),
        },
    });
    swift.url_in_catalog(&format!("https://{}", before_swift.address())).expect("changes");
    let registry = berth(cloud.clone(), "tls").start().expect("starts");
    push_and_pull(&registry, 1);
    assert!(before_keystone.handshakes() > 0 && before_swift.handshakes() > 0);
    registry.stop().expect("stops");

    swift.name_in_catalog(swift.proxy()).expect("changes");
    let registry = berth(cloud.clone(), "tls").start().expect("starts");
    push_and_pull(&registry, 3);
    let said = registry.log();
    assert_eq!(said.matches("tokens and content go to Swift in the clear").count(), 1, "{said}");
    registry.stop().expect("stops");

    swift.url_in_catalog(&format!("https://{}", before_swift.address())).expect("changes");
    let mut plain = cloud;
    plain["auth"]["auth_url"] = keystone.auth_url().into();
    let registry = berth(plain, "tls").start().expect("starts");
    push_and_pull(&registry, 5);
    registry.stop().expect("stops");
}

#[test]
fn whom_nothing_vouches_for_gets_no_token() {
    let swift = shared();
    let ca = Ca::new("good");
    let relay = ca.relay(swift.proxy(), HERE);
    let cloud = cloud(&relay, swift);
    let log_in = "cloud rig: cannot log in";
    let untrusted =
        "comes from an authority that is not trusted here; name that authority's PEM file as cacert";
    refuses(&cloud, "tls-no", &[log_in, untrusted]);
    refuses(&trusting(cloud.clone(), &Ca::new("other").file()), "tls-no", &[log_in, untrusted]);
    let named = ca.relay(swift.proxy(), &["swift.example"]);
    let of_another = trusting(self::cloud(&named, swift), &ca.file());
    refuses(&of_another, "tls-no", &[log_in, "not for the host of the URL but for swift.example;"]);
    assert_eq!((relay.handshakes(), named.handshakes()), (0, 0));

    let gone = ca.folder.path().join("gone.pem");
    let name = gone.display().to_string();
    refuses(&trusting(cloud.clone(), &gone), "tls-no", &["cloud rig: ", &name, "cannot be read"]);
    std::fs::write(&gone, "nothing\n").expect("writes");
    refuses(&trusting(cloud.clone(), &gone), "tls-no", &["cloud rig: ", &name, "holds no sound certificate"]);
    let damaged = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&gone, format!("{}{damaged}", ca.authority.pem())).expect("writes");
    let one = format!("certificate 2 in {name} is damaged");
    refuses(&trusting(cloud.clone(), &gone), "tls-no", &["cloud rig: ", &one, "copy it again"]);
    let keyless = with(trusting(cloud, &ca.file()), "cert", ca.file().display().to_string());
    refuses(&keyless, "tls-no", &["cloud rig: ", "holds no private key"]);
}

#[test]
fn http_and_https_that_were_taken_for_each_other_are_told() {
    let swift = shared();
    let ca = Ca::new("mixed");
    let relay = ca.relay(swift.proxy(), HERE);
    let with_url = |url: String| {
        let mut cloud = trusting(cloud(&relay, swift), &ca.file());
        cloud["auth"]["auth_url"] = url.into();
        cloud
    };
    let to_plain = with_url(format!("https://{}/auth/v1.0", swift.proxy()));
    refuses(&to_plain, "tls-no", &["cannot log in", "does not speak TLS; use a URL with http://"]);
    let to_tls = with_url(format!("http://{}/auth/v1.0", relay.address()));
    refuses(&to_tls, "tls-no", &["cannot log in", "it speaks TLS; use a URL with https://"]);
}

#[test]
fn verify_false_takes_anybody_and_says_so_once() {
    let swift = shared();
    let relay = Ca::new("unknown").relay(swift.proxy(), &["elsewhere.example"]);
    for key in ["verify", "insecure"] {
        let cloud = with(cloud(&relay, swift), key, key == "insecure");
        let registry = berth(cloud, "tls-any").start().expect("starts");
        push_and_pull(&registry, 7);
        let said = registry.log();
        assert_eq!(said.matches("certificates are not checked").count(), 1, "{said}");
        registry.stop().expect("stops");
    }
}

#[test]
fn the_systems_authorities_are_those_of_ssl_cert_file() {
    let swift = shared();
    let ca = Ca::new("system");
    let relay = ca.relay(swift.proxy(), HERE);
    let clouds = ca.folder.path().join("clouds.yaml");
    std::fs::write(&clouds, json!({"clouds": {"rig": cloud(&relay, swift)}}).to_string()).expect("writes");
    let config = "registry:\n  secret: not-a-secret-of-anybody\n  storage:\n    driver: swift\n    \
                  cloud: rig\n    container: tls-system\n";
    let start = |file: PathBuf| {
        let env = vec![
            ("OS_CLIENT_CONFIG_FILE".to_owned(), clouds.display().to_string()),
            ("SSL_CERT_FILE".to_owned(), file.display().to_string()),
            ("SSL_CERT_DIR".to_owned(), String::new()),
        ];
        Server::start(ServerOptions { config: Some(config.to_owned()), env, ..ServerOptions::default() })
    };
    let registry = start(ca.file()).expect("starts");
    push_and_pull(&registry, 9);
    registry.stop().expect("stops");
    let refused = start(ca.folder.path().join("gone.pem")).expect_err("nobody is trusted");
    assert!(refused.contains("trusts no certificate authority"), "{refused}");
    assert!(refused.contains("gone.pem") && refused.contains("SSL_CERT_FILE"), "{refused}");
}

#[test]
fn what_is_cut_without_a_word_is_never_taken_for_whole() {
    let swift = shared();
    let ca = Ca::new("cut");
    let relay = ca.relay(swift.proxy(), HERE);
    let registry = berth(trusting(cloud(&relay, swift), &ca.file()), "tls-cut").start().expect("starts");
    let repository = Repository::new(registry.address(), "tls/cut");
    let blob = bytes(11, 1_000_000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    for after in [300_000, 999_999] {
        relay.cut_after(after);
        match repository.read(&sha256(&blob)) {
            Ok(read) => assert!(read.as_ref() == Some(&blob), "a torn body ended cleanly"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}"),
        }
    }
    assert_eq!(relay.cuts(), 2);
    assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob));
    registry.stop().expect("stops");
}

/// Swift answers before it has read the body, and goes on reading nothing.
#[test]
fn an_early_answer_is_heard_while_a_body_leaves() {
    let swift = shared();
    let ca = Ca::new("early");
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let relay = ca.relay(proxy.address(), HERE);
    let registry = berth(trusting(cloud(&relay, swift), &ca.file()), "tls-early").start().expect("starts");
    let repository = Repository::new(registry.address(), "tls/early");
    let blob = bytes(13, 20_000_000);
    for status in [413, 503] {
        proxy.rule(Rule::new(Action::EarlyStatus(status)).method("PUT").target("/segments/"));
        let refused = repository.push_pieces(&blob, blob.len());
        assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status() >= 400), "{status}");
        let early = proxy.take_log();
        let early = early.iter().find(|exchange| exchange.fault == Some("early_status"));
        let sent = early.map(|exchange| exchange.request_bytes);
        assert!(sent.is_some_and(|sent| sent < blob.len() as u64), "{status}: {sent:?}");
    }
    proxy.clear();
    repository.push_pieces(&blob, blob.len()).and_then(|answer| answer.expect(201)).expect("it is stored");
    assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob));
    registry.stop().expect("stops");
}
