//! Swift's own authentication.

use http::StatusCode;
use wharfinger_core::swift::v1_auth::{Login, read};
use wharfinger_core::swift::{AuthError, SecretText, Session, Token};

use crate::support::{NOW, fields_of, show};

fn login(url: &str, user: &str, key: &str) -> Result<Login, AuthError> {
    Login::new(url, user, &SecretText::new(key))
}

#[test]
fn a_login() {
    let login = login("http://swift:8080/auth/v1.0", "test:tester", "test ing").unwrap();
    let rendered = login.render();
    assert_eq!(
        show(&rendered),
        "GET http://swift:8080/auth/v1.0\nx-auth-key: test ing\nx-auth-user: test:tester\nSome(0)\n"
    );
    assert!(!format!("{login:?} {rendered:?}").contains("test ing"));
}

#[test]
fn what_cannot_be_sent() {
    for (user, key) in [("", "a"), ("a", ""), ("a\n", "a"), ("a", "b\r\nx: y"), ("a", &"b".repeat(2000))] {
        assert_eq!(login("http://swift/auth/v1.0", user, key), Err(AuthError::Unsendable));
    }
    let error = login("swift", "a", "b").unwrap_err();
    assert_eq!(error.to_string(), r#"the auth URL "swift" must begin with https:// or http://"#);
}

#[test]
fn a_token_and_a_place() {
    let fields = [
        ("x-auth-token", "AUTH_tk1"),
        ("x-storage-token", "AUTH_tk1"),
        ("x-storage-url", "http://swift:8080/v1/AUTH_test"),
        ("x-auth-token-expires", "86399"),
    ];
    let session = read(StatusCode::OK, &fields_of(&fields), NOW).unwrap();
    assert_eq!(
        session,
        Session {
            token: Token::new("AUTH_tk1").unwrap(),
            granted_at: NOW,
            expires_at: Some(NOW + 86_399),
            storage_url: "http://swift:8080/v1/AUTH_test".into(),
        }
    );
    assert_eq!(session.renew_at(), Some(NOW + 86_399 - 17_279));
    assert!(!format!("{session:?}").contains("AUTH_tk1"));
    let session = read(StatusCode::NO_CONTENT, &fields_of(&fields[1..3]), NOW).unwrap();
    assert_eq!((session.expires_at, session.renew_at()), (None, None));
}

#[test]
fn what_is_missing_is_named() {
    let error = |fields: &[(&'static str, &str)]| read(StatusCode::OK, &fields_of(fields), NOW).unwrap_err();
    assert_eq!(error(&[]), AuthError::Incomplete { missing: "X-Auth-Token" });
    assert_eq!(error(&[("x-auth-token", "a")]), AuthError::Incomplete { missing: "X-Storage-Url" });
    let empty = [("x-auth-token", "a"), ("x-storage-url", "")];
    assert_eq!(error(&empty), AuthError::Incomplete { missing: "X-Storage-Url" });
}

#[test]
fn refusals() {
    let error = |status, fields: &[(&'static str, &str)]| {
        read(StatusCode::from_u16(status).unwrap(), &fields_of(fields), NOW).unwrap_err()
    };
    for status in [401, 403] {
        assert_eq!(error(status, &[]), AuthError::Rejected { said: "".into() });
    }
    for status in [300, 400, 404, 412] {
        assert!(matches!(error(status, &[]), AuthError::WrongServer { .. }), "{status}");
    }
    for status in [429, 498, 500, 503] {
        let error = error(status, &[("retry-after", "3")]);
        assert!(matches!(error, AuthError::Unavailable { retry_after: Some(3), .. }), "{status}");
        assert!(error.is_transient());
    }
}
