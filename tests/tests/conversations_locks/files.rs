//! Files of the shape that zuul-registry's own tests start it with.

use std::net::SocketAddr;

use wharfinger_tests::server::Folder;

use super::client::{Client, Reply, Shown};
use super::pair::{self, Authority};
use super::{Started, basic, free_port, refused};

/// A registry on all addresses, with a certificate and these users.
struct File {
    folder: Folder,
    authority: Authority,
    port: u16,
    text: String,
}

impl File {
    fn new(secret: &str, users: &[[&str; 3]], storage: &str) -> Self {
        let folder = Folder::new("zuul").expect("a folder");
        let authority = Authority::new("Harbour");
        pair::write(folder.path(), &authority.certify("localhost"));
        let (port, at) = (free_port(), folder.path().display());
        let users: String = users
            .iter()
            .map(|[name, pass, access]| {
                format!("    - name: {name}\n      pass: {pass}\n      access: {access}\n")
            })
            .collect();
        let text = format!(
            "registry:\n  address: '0.0.0.0'\n  port: {port}\n  public-url: https://localhost:{port}\n  tls-cert: {at}/cert.pem\n  \
             tls-key: {at}/key.pem\n  secret: {secret}\n  users:\n{users}  storage:\n{storage}"
        );
        let text = text.replace("${root}", &format!("{at}/storage"));
        Self { folder, authority, port, text }
    }

    fn ask(&self, method: &str, target: &str, user: Option<(&str, &str)>) -> Reply {
        let at = SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut client = Client::connect(at, &self.authority.pem(), Shown::Nothing, None).expect("TLS");
        let credentials = user.map(|(name, password)| basic(name, password));
        let fields: Vec<_> = credentials.iter().map(|text| ("Authorization", text.as_str())).collect();
        client.ask(method, target, &fields, b"").expect("an answer")
    }
}

const FILES: &str = "    driver: filesystem\n    root: ${root}\n";

const PULL: (&str, &str) = ("GET", "/v2/some/app/manifests/latest");
const PUSH: (&str, &str) = ("POST", "/v2/some/app/blobs/uploads/");

#[test]
fn with_a_user_who_writes_everybody_reads() {
    let file = File::new("token-secret-of-tests", &[["builder", "builder-password", "write"]], FILES);
    let text = format!("{}    expiration: 604800\n  log: {{level: trace}}\n", file.text);
    let started = Started::start(&file.folder, &text, &[]);
    let builder = ("builder", "builder-password");
    assert_eq!(file.ask("GET", "/v2/", Some(builder)).status, 200);
    assert_eq!(file.ask(PULL.0, PULL.1, None).status, 404);
    let refused = file.ask(PUSH.0, PUSH.1, None);
    assert_eq!(refused.status, 401);
    let realm = format!("Bearer realm=\"https://localhost:{}/auth/token\"", file.port);
    let challenge = refused.field("www-authenticate").expect("a challenge");
    assert!(challenge.starts_with(&realm), "{challenge}");
    assert_eq!(file.ask(PUSH.0, PUSH.1, Some(("builder", "wrong-password"))).status, 401);
    assert_eq!(file.ask(PUSH.0, PUSH.1, Some(("nobody", "builder-password"))).status, 401);
    assert_eq!(file.ask(PUSH.0, PUSH.1, Some(builder)).status, 202);
    let log = started.end();
    assert!(log.contains("locked: 1 user, strangers may pull; try: "), "{log}");
    assert!(log.contains("storage.expiration is kept for later"), "{log}");
    let of = |status: &str| log.lines().find(|line| line.contains("POST") && line.contains(status));
    assert!(of("status=202").is_some_and(|line| line.contains("user=\"builder\"")), "{log}");
    assert!(of("status=401").is_some_and(|line| !line.contains("user=")), "{log}");
    for secret in ["builder-password", "wrong-password", "token-secret-of-tests", "Basic ", "YnVpbGRlcjp"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn with_a_user_who_reads_nobody_else_does() {
    let users = [["writer", "write-password", "write"], ["reader", "read-password", "read"]];
    let file = File::new("token-secret-of-tests", &users, FILES);
    let started = Started::start(&file.folder, &file.text, &[]);
    let (writer, reader) = (("writer", "write-password"), ("reader", "read-password"));
    for (request, user, status) in [
        (PULL, None, 401),
        (PULL, Some(reader), 404),
        (PULL, Some(writer), 404),
        (PUSH, None, 401),
        (PUSH, Some(reader), 403),
        (PUSH, Some(writer), 202),
    ] {
        assert_eq!(file.ask(request.0, request.1, user).status, status, "{request:?} {user:?}");
    }
    let log = started.end();
    assert!(log.contains("locked: 2 users, strangers may not pull; try: "), "{log}");
}

#[test]
fn a_secret_of_the_environment_is_looked_up_there() {
    let users = [["builder", "\"%(ZUUL_BUILDER_PASSWORD)\"", "write"]];
    let file = File::new("\"%(ZUUL_REGISTRY_SECRET)\"", &users, FILES);
    let secret = ("ZUUL_REGISTRY_SECRET", "not-a-secret-of-anybody");
    let password = ("ZUUL_BUILDER_PASSWORD", "it's \"quoted\": {#}");
    let started = Started::start(&file.folder, &file.text, &[secret, password]);
    assert_eq!(file.ask(PUSH.0, PUSH.1, Some(("builder", "it's \"quoted\": {#}"))).status, 202);
    assert_eq!(file.ask(PUSH.0, PUSH.1, Some(("builder", "%(ZUUL_BUILDER_PASSWORD)"))).status, 401);
    drop(started);
    std::fs::remove_dir_all(file.folder.path().join("storage")).expect("the storage");
    let output = refused(&file.folder, &file.text, &[secret], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(
        said.contains("10:13: registry.users[0].pass: the environment variable ZUUL_BUILDER_PASSWORD is not"),
        "{said}"
    );
    assert!(!file.folder.path().join("storage").exists());
}
