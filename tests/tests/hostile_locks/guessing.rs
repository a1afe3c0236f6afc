//! Somebody who tries one password after the other.

use super::{ask, basic, connect, start};
use wharfinger_tests::http::{Connection, Response};

const LINES: &str = "  proxies: [127.0.0.0/8]\n  limits:\n    password-address-failures: 5\n    password-user-failures: 8\n    \
                     password-address-seconds: 1000\n    password-user-seconds: 1000\n";

/// Tries a password, from the address that a proxy says.
fn guess(connection: &mut Connection, from: &str, user: &str, password: &str) -> Response {
    let authorization = basic(user, password);
    let fields = [("Authorization", &*authorization), ("X-Forwarded-For", from)];
    connection.request("GET", "/v2/", &fields, b"").expect("it is answered")
}

#[test]
fn who_guesses_is_slowed_and_nobody_else() {
    let server = start(LINES);
    let mut connection = connect(&server);
    let mut guess = |from: &str, user: &str, password: &str| {
        let response = guess(&mut connection, from, user, password);
        (
            response.status(),
            response.head.field("retry-after").map(|text| text.parse::<u32>().expect("seconds")),
        )
    };
    // Whoever was right before is trusted where that was.
    assert_eq!(guess("10.0.0.9", "ci", "passci").0, 200);
    for at in 0..5 {
        assert_eq!(guess("10.0.0.1", "dev", &format!("wrong{at}")), (401, None));
    }
    let (status, after) = guess("10.0.0.1", "dev", "wrong");
    assert!(
        status == 429 && after.is_some_and(|seconds| (1..=1000).contains(&seconds)),
        "{status} {after:?}"
    );
    // The right one is no better there, nor another user; another address is.
    assert_eq!(guess("10.0.0.1", "dev", "passdev").0, 429);
    assert_eq!(guess("10.0.0.1", "root", "passroot").0, 429);
    assert_eq!(guess("10.0.0.2", "dev", "passdev").0, 200);
    // What the guesser writes before its proxy changes nothing.
    assert_eq!(guess("10.0.0.2, 10.0.0.1", "dev", "passdev").0, 429);
    // Many addresses at one user: that user is slowed, but not where it was right.
    for at in 0..8 {
        assert_eq!(guess(&format!("10.1.0.{at}"), "ci", "wrong").0, 401);
    }
    assert_eq!(guess("10.1.1.1", "ci", "wrong").0, 429);
    assert_eq!(guess("10.0.0.9", "ci", "passci").0, 200);
    assert_eq!(guess("10.1.1.1", "root", "passroot").0, 200);
    server.stop().expect("it stops well");
}

/// Without the proxies of the settings, nobody is another one by saying so.
#[test]
fn who_says_to_be_elsewhere_is_not() {
    let server = start(&LINES.replace("  proxies: [127.0.0.0/8]\n", ""));
    let mut connection = connect(&server);
    for at in 0..5 {
        assert_eq!(guess(&mut connection, &format!("10.0.0.{at}"), "dev", "wrong").status(), 401);
    }
    assert_eq!(guess(&mut connection, "10.0.0.99", "dev", "wrong").status(), 429);
    // Strangers go on meanwhile.
    assert_eq!(ask(&mut connection, None, "GET", "/v2/public/x/tags/list").status(), 404);
    assert_eq!(ask(&mut connection, None, "GET", "/auth/token?scope=repository:public/x:pull").status(), 200);
    server.stop().expect("it stops well");
}
