//! What holds, and what changes, while a locked registry runs, and what keeps one from starting.

use std::net::{SocketAddr, TcpListener};

use wharfinger_tests::http::Connection;
use wharfinger_tests::server::{Folder, Options, Server};

use super::{Started, ask, basic, becomes, free_port, refused};

/// `correct horse`, hashed.
const HASH: &str = "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

const PUSH: &str = "/v2/some/app/blobs/uploads/";

#[test]
fn what_would_be_open_or_is_wrong_does_not_start_and_leaves_nothing() {
    let folder = Folder::new("locks-refused").expect("a folder");
    let data = folder.path().join("data");
    let port = free_port();
    let storage = format!("  storage: {{root: {}}}\n", data.display());
    let users = "  users: [{name: ci, pass: hidden}]\n";
    for (lines, arguments, expected) in [
        ("  address: 0.0.0.0\n".to_owned(), &[][..], "add registry.users"),
        ("  address: '::'\n".to_owned(), &[], "or allow it with --open-to-all"),
        ("  users: []\n".to_owned(), &["--open-to-all"], "open-to-all would let in everybody; leave out one"),
        (users.to_owned(), &[], "2:18: registry.users[0].name: has no access"),
        (
            format!("{users}  rules:\n    - {{repositories: '**', users: [cj], actions: pull}}\n"),
            &[],
            "4:36: registry.rules[0].users[0]: there is no user \"cj\"",
        ),
        ("  secret: '%(ZUUL_NOT_SET)'\n".to_owned(), &[], "the environment variable ZUUL_NOT_SET is not set"),
    ] {
        let text = format!("registry:\n{lines}  port: {port}\n{storage}");
        let output = refused(&folder, &text, &[], arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{lines}: {said}");
        assert!(said.contains(expected) && !said.contains("hidden"), "{lines}: {said}");
        assert!(!data.exists());
    }
    let missing =
        format!("registry:\n  port: {port}\n  htpasswd: {}/none\n{storage}", folder.path().display());
    let output = refused(&folder, &missing, &[], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("none: cannot read the users: "), "{said}");
    assert!(!data.exists());
}

#[test]
fn what_is_open_says_so() {
    let folder = Folder::new("locks-open").expect("a folder");
    let port = free_port();
    let text = |lines: &str| {
        format!("registry:\n  port: {port}\n{lines}  storage: {{root: {}/data}}\n", folder.path().display())
    };
    let here = Started::start(&folder, &text(""), &[]).end();
    assert!(here.contains("open to everybody: there are no users; try: "), "{here}");
    assert!(!here.contains("WARN"), "{here}");
    let all = Started::start(&folder, &text("  address: 0.0.0.0\n  open-to-all: true\n"), &[]).end();
    assert!(
        all.contains("WARN") && all.contains("whoever reaches this registry may push and delete"),
        "{all}"
    );
    let closed = Started::start(&folder, &text("  address: 0.0.0.0\n  users: []\n"), &[]);
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(ask(at, "GET", "/v2/a/manifests/b", None).status(), 404);
    assert_eq!(ask(at, "POST", PUSH, None).status(), 401);
    assert!(closed.end().contains("locked: 0 users, strangers may pull; try: "));
}

#[test]
fn a_file_of_users_is_read_again_when_it_changes() {
    let folder = Folder::new("locks-htpasswd").expect("a folder");
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, format!("ci:{HASH}\n")).expect("a file");
    let port = free_port();
    let at = folder.path().display();
    let text =
        format!("registry:\n  port: {port}\n  htpasswd: {at}/htpasswd\n  storage: {{root: {at}/data}}\n");
    let started = Started::start(&folder, &text, &[]);
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let status = |user: &str| ask(at, "POST", PUSH, Some(&basic(user, "correct horse"))).status();
    assert_eq!((status("ci"), status("dev")), (202, 401));
    std::fs::write(&file, "dev:broken\n").expect("a file");
    becomes("it is not looked at", || started.log().contains("the users from before stay"));
    assert_eq!(status("ci"), 202);
    std::fs::write(&file, format!("dev:{HASH}\n")).expect("a file");
    becomes("it is not read again", || started.log().contains("was read again"));
    assert_eq!((status("ci"), status("dev")), (401, 202));
    let log = started.end();
    assert_eq!(log.matches("the users from before stay").count(), 1, "{log}");
    assert!(log.contains("line 1: no argon2id or bcrypt hash") && !log.contains("broken"), "{log}");
}

#[test]
fn who_is_taken_out_of_the_file_is_gone_whatever_the_rules_say() {
    let folder = Folder::new("locks-gone").expect("a folder");
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, format!("ci:{HASH}\ndev:{HASH}\n")).expect("a file");
    let (port, at) = (free_port(), folder.path().display());
    let text = format!(
        "registry:\n  port: {port}\n  htpasswd: {at}/htpasswd\n  storage: {{root: {at}/data}}\n  \
         rules: [{{repositories: '**', users: [ci, dev], actions: push}}]\n"
    );
    let started = Started::start(&folder, &text, &[]);
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let status = |user: &str| ask(at, "POST", PUSH, Some(&basic(user, "correct horse"))).status();
    assert_eq!((status("ci"), status("dev")), (202, 202));
    std::fs::write(&file, format!("dev:{HASH}\n")).expect("a file");
    becomes("it is not read again", || started.log().contains("was read again"));
    assert_eq!((status("ci"), status("dev")), (401, 202));
    std::fs::write(&file, format!("dev:{HASH}\nci:{HASH}\n")).expect("a file");
    becomes("it is not read again", || started.log().matches("was read again").count() == 2);
    assert_eq!((status("ci"), status("dev")), (202, 202));
    started.end();
}

#[test]
fn who_guesses_is_slowed_down() {
    let config = "registry:\n  users: [{name: ci, pass: right-password, access: write}]\n  limits: {password-user-failures: 2, password-user-seconds: 600}\n";
    let server = Server::start(Options { config: Some(config.to_owned()), ..Options::default() });
    let server = server.expect("it starts");
    let wrong = basic("ci", "wrong-password");
    for status in [401, 401, 429] {
        let answer = ask(server.address(), "POST", PUSH, Some(&wrong));
        assert_eq!(answer.status(), status);
        assert_eq!(answer.head.field("retry-after").is_some(), status == 429);
    }
    server.stop().expect("it ends in good order");
}

#[test]
fn what_an_older_secret_sealed_and_signed_is_still_taken() {
    let folder = Folder::new("locks-secrets").expect("a folder");
    let data = folder.path().join("data");
    let start = |secrets: &str| {
        let config = format!("registry:\n{secrets}  users: [{{name: ci, pass: password, access: write}}]\n");
        let options = Options { config: Some(config), data: Some(data.clone()), ..Options::default() };
        Server::start(options).expect("it starts")
    };
    let before = start("  secret: the-secret-before\n");
    let scope = "/auth/token?scope=repository:some/app:pull,push";
    let granted = ask(before.address(), "GET", scope, Some(&basic("ci", "password")));
    let granted: serde_json::Value =
        serde_json::from_slice(&granted.expect(200).expect("a token").body).expect("JSON");
    assert_eq!(granted["expires_in"], 3600);
    let token = format!("Bearer {}", granted["token"].as_str().expect("a token"));
    let upload = ask(before.address(), "POST", PUSH, Some(&token)).expect(202).expect("an upload");
    let place = upload.head.field("location").expect("a place").to_owned();
    before.stop().expect("it ends in good order");
    for (secrets, status) in [
        ("  secret: the-secret-after-it\n", 401),
        ("  secret: the-secret-after-it\n  old-secrets: [the-secret-before]\n", 202),
    ] {
        let after = start(secrets);
        let mut connection = Connection::open(after.address()).expect("a connection");
        let fields = [("Authorization", token.as_str())];
        let answer = connection.request("PATCH", &place, &fields, b"abc").expect("an answer");
        assert_eq!(answer.status(), status, "{}", answer.text());
        after.stop().expect("it ends in good order");
    }
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_written() {
    let folder = Folder::new("locks-taken").expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let data = folder.path().join("data");
    let text = format!("registry:\n  port: {port}\n  users: []\n  storage: {{root: {}}}\n", data.display());
    let output = refused(&folder, &text, &[], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot listen on"));
    assert!(!data.exists());
}
