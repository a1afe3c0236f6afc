use serde_json::json;

use super::registry;
use crate::access::{basic, locked};

#[test]
fn nearly_right_is_wrong() {
    let mut registry = locked(json!({"users": [
        {"name": "plain", "pass": "pass", "access": "write"},
        // bcrypt of `pass`, in 16 rounds.
        {"name": "hashed", "pass": "$2b$04$abcdefghijklmnopqrstuufznL8bkzdtHwLhca4To/v9Lo9bA7fR6", "access": "write"},
    ]}));
    for user in ["plain", "hashed"] {
        assert_eq!(registry.show(&basic(user, "pass"), "GET", "/v2/").status, 200, "{user}");
        for password in [
            "",
            "Pass",
            "PASS",
            "pas",
            "pass ",
            " pass",
            "passs",
            "pass\0",
            "pass\0x",
            "\0pass",
            "pass\n",
            "pass:",
            "p%61ss",
            "pass\u{301}",
        ] {
            assert_eq!(
                registry.show(&basic(user, password), "GET", "/v2/").status,
                401,
                "{user} {password:?}"
            );
        }
        for near in [
            user.to_uppercase(),
            format!("{user} "),
            format!(" {user}"),
            format!("{user}\0"),
            format!("{user}\n"),
            format!("./{user}"),
        ] {
            assert_eq!(registry.show(&basic(&near, "pass"), "GET", "/v2/").status, 401, "{near:?}");
        }
    }
    // The hash itself is no password.
    assert_eq!(
        registry
            .show(
                &basic("hashed", "$2b$04$abcdefghijklmnopqrstuufznL8bkzdtHwLhca4To/v9Lo9bA7fR6"),
                "GET",
                "/v2/"
            )
            .status,
        401
    );
}

#[test]
fn an_unknown_user_and_a_wrong_password_get_the_same_bytes_everywhere() {
    let mut registry = registry();
    for target in [
        "/v2/",
        "/v2/team/a/tags/list",
        "/v2/nowhere/tags/list",
        "/v2/_catalog",
        "/auth/token",
        "/auth/token?account=x&scope=repository:team/a:pull",
        "/auth/token?scope=repository:public/a:pull,push",
    ] {
        let mut tell = |user: &str| {
            let reply = registry.show(&basic(user, "wrong"), "GET", target);
            (reply.status, reply.fields.clone(), reply.body.clone(), reply.ops.len())
        };
        let known = tell("ci");
        assert_eq!(known.0, 401, "{target}");
        assert_eq!(known, tell("nobody"), "{target}");
        assert_eq!(known, tell(""), "{target}");
    }
    let mut tell = |user: &str| {
        let reply = registry.send_form(&format!("grant_type=password&username={user}&password=wrong"));
        (reply.status, reply.fields.clone(), reply.body.clone())
    };
    assert_eq!(tell("ci"), tell("nobody"));
}

#[test]
fn no_reply_and_nothing_that_is_asked_of_the_host_shows_a_secret() {
    let mut registry = registry();
    let secret = "hunter2-and-more";
    let refresh = "grant_type=password&username=ci&password=pass&access_type=offline";
    let refresh = registry.send_form(refresh).json()["refresh_token"].as_str().unwrap().to_owned();
    let token = registry.have_token(Some("ci"), "repository:team/a:pull");
    let forms = [
        format!("grant_type=password&username=ci&password={secret}"),
        format!("grant_type=refresh_token&refresh_token={secret}"),
        format!("grant_type={secret}"),
        format!("grant_type=refresh_token&refresh_token={refresh}x"),
        format!("password={secret}"),
    ];
    let mut replies: Vec<_> = forms.iter().map(|form| registry.send_form(form)).collect();
    for authorization in [
        basic("ci", secret),
        basic(secret, ""),
        format!("Bearer {secret}"),
        format!("Bearer {token}"),
        format!("Bearer {token}x"),
        format!("Bearer {refresh}"),
        format!("{secret} x"),
    ] {
        for target in ["/v2/", "/v2/secret/tags/list", "/v2/team/a/tags/list", "/auth/token?scope=x"] {
            if authorization.ends_with(&token) && target.starts_with("/auth") {
                continue;
            }
            replies.push(registry.show(&authorization, "GET", target));
        }
    }
    for reply in replies {
        // What a check is of shows the name that somebody claims, and that may be a slip of the hand.
        let outputs = format!("{:?}", reply.outputs).replace(&format!("user: {secret:?}"), "");
        let shown = format!("{outputs} {:?} {}", reply.fields, reply.text());
        for secret in [secret, "\"pass\"", &*token, &*refresh] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[test]
fn a_form_has_a_bound() {
    let mut registry = registry();
    for bytes in [40_000, 1_000_000] {
        for form in [
            format!("grant_type=password&username=ci&password={}", "x".repeat(bytes)),
            "&".repeat(bytes),
            "scope=repository:team/a:pull&".repeat(bytes / 29),
        ] {
            let reply = registry.send_form(&form);
            assert_eq!((reply.status, reply.ops.len()), (400, 0));
        }
    }
    let mut many = "grant_type=password&username=ci&password=pass".to_owned();
    many.push_str(&"&scope=repository:team/a:pull".repeat(1000));
    assert_eq!(registry.send_form(&many).json()["scope"], "repository:team/a:pull");
}
