use http::{HeaderName, HeaderValue};
use wharfinger_core::swift::keystone::{AuthUrl, Choice, Credentials, Domain, Project, User};
use wharfinger_core::swift::{AuthError, Endpoint, Login, SecretText, Session, v1_auth};

use super::{NOW, answer};
use crate::Reader;

/// What must never be shown.
const MARK: &str = "zq-secret-mark-qz";

/// Reads what Keystone or v1 auth answers to a login.
pub(super) fn run(bytes: &[u8]) {
    // The fuzzer sees what is looked for, and writes it where it is no secret.
    if String::from_utf8_lossy(bytes).contains(MARK) {
        return;
    }
    let mut reader = Reader(bytes);
    let login = login(&mut reader);
    let (status, mut fields, body) = answer(reader.0);
    for name in ["x-subject-token", "x-auth-token"] {
        if fields.contains_key(name) {
            fields.insert(HeaderName::from_static(name), HeaderValue::from_static(MARK));
        }
    }
    match login.read(status, &fields, body, NOW) {
        Ok(session) => {
            assert!(status.is_success());
            started(&session);
        }
        Err(error) => told(&error),
    }
}

fn started(session: &Session) {
    hides(&format!("{session:?}"));
    assert_eq!(session.granted_at, NOW);
    if let Some(renew_at) = session.renew_at() {
        assert!(renew_at >= NOW);
        assert!(session.expires_at.is_some_and(|end| renew_at <= end.max(NOW)));
    }
    if let Err(error) = Endpoint::new(&session.storage_url, "wharf", "segments") {
        assert!(!error.to_string().is_empty());
    }
}

fn told(error: &AuthError) {
    let text = error.to_string();
    assert!(!text.is_empty() && text.len() < 8000, "{} bytes of a message", text.len());
    assert!(!text.contains(|letter: char| letter.is_control()), "{text:?}");
    hides(&text);
    hides(&format!("{error:?}"));
    let _ = error.is_transient();
}

fn hides(text: &str) {
    assert!(!text.contains(MARK), "a secret is shown: {text}");
}

fn login(reader: &mut Reader<'_>) -> Login {
    let secret = SecretText::new(MARK);
    let storage_url = (reader.byte() > 200).then(|| "https://swift/v1/AUTH_a".into());
    let kind = reader.byte();
    if kind < 64 {
        let login = v1_auth::Login::new("https://swift/auth/v1.0", "a:u", &secret);
        return Login::V1 { login: login.expect("it is one"), storage_url };
    }
    let domain = Domain::Named("Default".into());
    let user = User::Named("u".into(), domain.clone());
    let credentials = match kind % 4 {
        0 => Credentials::Token { token: secret, project: None },
        1 => Credentials::ApplicationCredential { id: "i".into(), secret },
        2 => Credentials::NamedApplicationCredential { name: "n".into(), user, secret },
        _ => {
            let project = Some(Project::Named("p".into(), domain));
            Credentials::Password { user, password: secret, project }
        }
    };
    let region = (reader.byte() > 128).then(|| "one".into());
    let choice =
        Choice { interface: reader.pick(&["public", "internalURL", "x"]).into(), region, storage_url };
    let url = AuthUrl::parse("https://keystone/v3").expect("it is a URL");
    let login = Login::Keystone { url, credentials, choice };
    hides(&format!("{login:?}"));
    login
}
