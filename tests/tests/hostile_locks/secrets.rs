//! What the log, the list of processes and replies tell.

use super::{ask, basic, connect, member, start};
use wharfinger_tests::server::{Options, Server};

const SECRET: &str = "a-sealing-secret-of-tests";

#[test]
fn no_secret_is_told_to_the_log_or_to_other_processes() {
    let config = Some(format!("{}  secret: {SECRET}\n  log: {{level: debug}}\n", super::SETTINGS));
    let env = vec![("RUST_LOG".to_owned(), "debug".to_owned())];
    let server = Server::start(Options { config, env, ..Options::default() }).expect("the registry starts");
    let mut connection = connect(&server);
    let good = basic("ci", "passci");
    let form = "grant_type=password&username=ci&password=passci&access_type=offline&scope=repository:team/a:pull,push";
    let response = connection.request("POST", "/auth/token", &[], form.as_bytes()).expect("it is answered");
    let (token, refresh) = (member(&response, "token"), member(&response, "refresh_token"));
    let bearer = format!("Bearer {token}");
    let wrong = basic("ci", "wrong-password");
    let mut told = String::new();
    for authorization in [&*good, &bearer, &wrong, &format!("{bearer}x"), "Basic hunter2", "hunter2 x"] {
        for (method, target) in [
            ("GET", "/v2/"),
            ("POST", "/v2/team/a/blobs/uploads/"),
            ("GET", "/v2/secret/tags/list"),
            ("GET", "/v2/_catalog"),
        ] {
            let response = ask(&mut connection, Some(authorization), method, target);
            told.push_str(&format!("{:?} {}\n", response.head.fields, response.text()));
        }
    }
    let upload = ask(&mut connection, Some(&bearer), "POST", "/v2/team/a/blobs/uploads/");
    let location = upload.head.field("location").expect("a Location").to_owned();
    let state = location.split_once("state=").expect("a state").1.to_owned();
    ask(&mut connection, Some(&bearer), "PATCH", &location);
    let bad = connection.request(
        "POST",
        "/auth/token",
        &[],
        b"grant_type=password&username=ci&password=wrong-password",
    );
    told.push_str(&bad.expect("it is answered").text());
    let pid = server.pid();
    told.push_str(&String::from_utf8_lossy(
        &std::fs::read(format!("/proc/{pid}/cmdline")).expect("it can be read"),
    ));
    told.push_str(&server.log());
    // What a client shows, and what only the registry knows. A token that is told where it is asked for is not told again.
    let coded = good.strip_prefix("Basic ").expect("it is Basic");
    for secret in ["passci", "passroot", "wrong-password", "hunter2", coded, &token, &refresh, &state, SECRET]
    {
        let line = told.lines().find(|line| line.contains(secret) && !is_own_location(line, secret));
        assert!(line.is_none(), "{secret} in {line:?}");
    }
    let log = server.log();
    let denied = log.lines().find(|line| line.contains("/v2/secret/tags/list") && line.contains("403"));
    assert!(denied.is_some_and(|line| line.contains("user=\"ci\"")), "{denied:?} in:\n{log}");
    server.stop().expect("it stops well");
}

/// Where an upload goes on is told to its client.
fn is_own_location(line: &str, secret: &str) -> bool {
    line.contains("location") && line.contains(&format!("state={secret}"))
}

#[test]
fn whoever_asks_for_a_token_gets_one_that_nobody_keeps() {
    let server = start("");
    let mut connection = connect(&server);
    let response = ask(&mut connection, Some(&basic("ci", "passci")), "GET", "/auth/token");
    assert_eq!(response.head.field("cache-control"), Some("no-store"));
    server.stop().expect("it stops well");
}
