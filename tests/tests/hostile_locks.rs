//! The real server with users and rules, against those who want in.

#[path = "hostile_locks/guessing.rs"]
mod guessing;
#[path = "hostile_locks/heads.rs"]
mod heads;
#[path = "hostile_locks/matrix.rs"]
mod matrix;
#[path = "hostile_locks/secrets.rs"]
mod secrets;

use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::server::{Options, Server};

/// Rules of which no two say the same. The passwords are `pass` and the name.
const SETTINGS: &str = r#"registry:
  users:
    - {name: root, pass: passroot}
    - {name: ci, pass: passci}
    - {name: dev, pass: passdev}
  rules:
    - {repositories: '**', users: root, actions: [pull, push, delete]}
    - {repositories: ['team/**'], users: [ci], actions: [pull, push]}
    - {repositories: 'team/*', users: dev, actions: pull}
    - {repositories: 'team/*', users: dev, actions: delete}
    - {repositories: drop, users: dev, actions: push}
    - {repositories: 'public/**', users: anonymous, actions: pull}
    - {repositories: inside, users: '*', actions: pull}
"#;

/// A registry with these users and further lines below `registry:`.
fn start(lines: &str) -> Server {
    let config = Some(format!("{SETTINGS}{lines}"));
    Server::start(Options { config, ..Options::default() }).expect("the registry starts")
}

fn connect(server: &Server) -> Connection {
    Connection::open(server.address()).expect("the registry accepts")
}

/// The Authorization of a user with a password.
fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let number = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * at)) as usize % 64];
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// Sends something, with an Authorization if there is one.
fn ask(connection: &mut Connection, authorization: Option<&str>, method: &str, target: &str) -> Response {
    let fields: Vec<(&str, &str)> = authorization.iter().map(|value| ("Authorization", *value)).collect();
    connection
        .request(method, target, &fields, b"")
        .unwrap_or_else(|error| panic!("{method} {target}: {error}"))
}

/// The member of a JSON body.
fn member(response: &Response, name: &str) -> String {
    let body: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}

#[test]
fn names_and_passwords_are_written_as_rfc_7617_wants_it() {
    assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(["", "a", "ab", "abc"].map(|text| base64(text.as_bytes())), ["", "YQ==", "YWI=", "YWJj"]);
}
