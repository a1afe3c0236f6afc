//! Every user, every repository, every operation, by password and by token.

use super::{ask, basic, connect, member, start};

const USERS: [Option<&str>; 4] = [None, Some("root"), Some("ci"), Some("dev")];
const REPOSITORIES: [&str; 6] = ["team/a", "team/a/b", "drop", "public/x", "inside", "team"];
const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What the rules say, said once more without patterns.
fn may(user: Option<&str>, repository: &str, action: &str) -> bool {
    match (user, repository) {
        (Some("root"), _) => true,
        (_, "public/x") => action == "pull",
        (Some(_), "inside") => action == "pull",
        (Some("ci"), "team/a" | "team/a/b") => action != "delete",
        (Some("dev"), "team/a") => action != "push",
        (Some("dev"), "drop") => action == "push",
        _ => false,
    }
}

/// Every operation, what it needs, and what comes of it in an empty repository.
fn operations() -> Vec<(&'static str, String, &'static str, u16)> {
    vec![
        ("GET", "tags/list".to_owned(), "pull", 404),
        ("GET", "manifests/v1".to_owned(), "pull", 404),
        ("HEAD", "manifests/v1".to_owned(), "pull", 404),
        ("GET", format!("manifests/{DIGEST}"), "pull", 404),
        ("GET", format!("blobs/{DIGEST}"), "pull", 404),
        ("HEAD", format!("blobs/{DIGEST}"), "pull", 404),
        ("GET", format!("referrers/{DIGEST}"), "pull", 200),
        ("POST", "blobs/uploads/".to_owned(), "push", 202),
        ("POST", format!("blobs/uploads/?mount={DIGEST}&from=inside"), "push", 202),
        ("GET", "blobs/uploads/x?state=y".to_owned(), "push", 404),
        ("PATCH", "blobs/uploads/x?state=y".to_owned(), "push", 404),
        ("PUT", format!("blobs/uploads/x?state=y&digest={DIGEST}"), "push", 404),
        ("DELETE", "blobs/uploads/x?state=y".to_owned(), "push", 404),
        ("PUT", "manifests/v1".to_owned(), "push", 400),
        ("DELETE", "manifests/v1".to_owned(), "delete", 404),
        ("DELETE", format!("manifests/{DIGEST}"), "delete", 404),
        ("DELETE", format!("blobs/{DIGEST}"), "delete", 404),
    ]
}

#[test]
fn every_user_may_do_in_every_repository_what_the_rules_say() {
    let server = start("");
    let mut connection = connect(&server);
    let (mut let_in, mut kept_out) = (0, 0);
    for user in USERS {
        let password = user.map(|user| basic(user, &format!("pass{user}")));
        for repository in REPOSITORIES {
            let scope =
                format!("/auth/token?service=wharfinger&scope=repository:{repository}:pull,push,delete");
            let token = member(&ask(&mut connection, password.as_deref(), "GET", &scope), "token");
            let token = Some(format!("Bearer {token}"));
            for (method, rest, action, outcome) in operations() {
                let target = format!("/v2/{repository}/{rest}");
                let is_let_in = may(user, repository, action);
                for shown in [&password, &token] {
                    let response = ask(&mut connection, shown.as_deref(), method, &target);
                    if response.head.field("connection") == Some("close") {
                        connection = connect(&server);
                    }
                    let expected = match (is_let_in, user) {
                        (true, _) => outcome,
                        (false, Some(_)) => 403,
                        (false, None) => 401,
                    };
                    assert_eq!(
                        response.status(),
                        expected,
                        "{user:?} {method} {target}: {}",
                        response.text()
                    );
                    let_in += usize::from(is_let_in);
                    kept_out += usize::from(!is_let_in);
                }
            }
        }
    }
    assert!(let_in > 200 && kept_out > 400, "{let_in} {kept_out}");
    server.stop().expect("it stops well");
}
