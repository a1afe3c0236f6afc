//! Keystone v3.

use http::StatusCode;
use serde_json::{Value, json};
use wharfinger_core::swift::keystone::{AuthUrl, Choice, Credentials, Domain, Project, User, read, render};
use wharfinger_core::swift::{AuthError, SecretText, Session, Token};

use crate::support::{NOW, fields_of, show};

const TOKEN: [(&str, &str); 1] = [("x-subject-token", "gAAAA")];

fn url() -> AuthUrl {
    AuthUrl::parse("https://keystone:5000/v3").unwrap()
}

fn user() -> User {
    User::Named("wharf\"inger".into(), Domain::Named("Default".into()))
}

fn secret() -> SecretText {
    SecretText::new("s3cret")
}

/// The body of a request, and that it tells no secret by accident.
fn body(credentials: &Credentials) -> Value {
    assert!(!format!("{credentials:?}").contains("s3cret"));
    let rendered = render(&url(), credentials);
    assert_eq!(rendered.length, rendered.body.as_ref().map(|body| body.len() as u64));
    serde_json::from_slice(&rendered.body.unwrap()).unwrap()
}

#[test]
fn auth_urls_with_and_without_a_version() {
    let credentials = Credentials::ApplicationCredential { id: "i".into(), secret: SecretText::new("s") };
    for (url, asked) in [
        ("https://keystone:5000", "https://keystone:5000/v3/auth/tokens"),
        ("https://keystone:5000/", "https://keystone:5000/v3/auth/tokens"),
        ("https://keystone:5000/v3", "https://keystone:5000/v3/auth/tokens"),
        ("https://keystone:5000/v3/", "https://keystone:5000/v3/auth/tokens"),
        ("https://cloud/identity", "https://cloud/identity/v3/auth/tokens"),
        ("https://cloud/identity/v3", "https://cloud/identity/v3/auth/tokens"),
        ("https://cloud/identity/v3/auth/tokens", "https://cloud/identity/v3/auth/tokens"),
    ] {
        assert_eq!(
            show(&render(&AuthUrl::parse(url).unwrap(), &credentials)),
            format!(
                "POST {asked}\naccept: application/json\ncontent-type: application/json\n\n\
                 {{\"auth\":{{\"identity\":{{\"application_credential\":{{\"id\":\"i\",\"secret\":\"s\"}},\
                 \"methods\":[\"application_credential\"]}}}}}}\n"
            )
        );
    }
    assert_eq!(AuthUrl::parse("https://cloud/v2.0/"), Err(AuthError::OldVersion));
    assert!(AuthUrl::parse("keystone:5000").is_err());
}

#[test]
fn a_password() {
    let project = Some(Project::Named("registry".into(), Domain::Id("default".into())));
    assert_eq!(
        body(&Credentials::Password { user: user(), password: secret(), project }),
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "wharf\"inger", "domain": {"name": "Default"}, "password": "s3cret"}}},
            "scope": {"project": {"name": "registry", "domain": {"id": "default"}}},
        }})
    );
    let user = User::Id("u1".into());
    assert_eq!(
        body(&Credentials::Password {
            user: user.clone(),
            password: secret(),
            project: Some(Project::Id("p1".into()))
        }),
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {"id": "u1", "password": "s3cret"}}},
            "scope": {"project": {"id": "p1"}},
        }})
    );
    let unscoped = body(&Credentials::Password { user, password: secret(), project: None });
    assert_eq!(unscoped["auth"].get("scope"), None);
}

#[test]
fn application_credentials_have_no_scope() {
    assert_eq!(
        body(&Credentials::ApplicationCredential { id: "c1".into(), secret: secret() }),
        json!({"auth": {"identity": {
            "methods": ["application_credential"],
            "application_credential": {"id": "c1", "secret": "s3cret"},
        }}})
    );
    assert_eq!(
        body(&Credentials::NamedApplicationCredential {
            name: "push".into(),
            user: user(),
            secret: secret()
        }),
        json!({"auth": {"identity": {
            "methods": ["application_credential"],
            "application_credential": {"name": "push", "secret": "s3cret",
                "user": {"name": "wharf\"inger", "domain": {"name": "Default"}}},
        }}})
    );
}

#[test]
fn a_token_for_a_token() {
    let project = Some(Project::Id("p1".into()));
    assert_eq!(
        body(&Credentials::Token { token: secret(), project }),
        json!({"auth": {
            "identity": {"methods": ["token"], "token": {"id": "s3cret"}},
            "scope": {"project": {"id": "p1"}},
        }})
    );
}

fn granted(endpoints: &Value) -> Vec<u8> {
    json!({"token": {
        "methods": ["password"],
        "expires_at": "1994-11-06T09:49:37.000000Z",
        "catalog": [
            {"type": "identity", "name": "keystone", "endpoints": []},
            {"type": "object-store", "name": "swift", "id": "x", "endpoints": endpoints},
        ],
    }})
    .to_string()
    .into()
}

fn endpoint(interface: &str, region: &str, url: &str) -> Value {
    json!({"id": "e", "interface": interface, "region": region, "region_id": region, "url": url})
}

fn in_region(region: &str) -> Choice {
    Choice { region: Some(region.into()), ..Choice::default() }
}

fn chosen(endpoints: &Value, choice: &Choice) -> Result<String, AuthError> {
    let session = read(StatusCode::CREATED, &fields_of(&TOKEN), &granted(endpoints), choice, NOW)?;
    Ok(session.storage_url.into())
}

#[test]
fn a_session() {
    let endpoints = json!([endpoint("public", "RegionOne", "http://swift:8080/v1/AUTH_p")]);
    let session =
        read(StatusCode::CREATED, &fields_of(&TOKEN), &granted(&endpoints), &Choice::default(), NOW).unwrap();
    assert_eq!(
        session,
        Session {
            token: Token::new("gAAAA").unwrap(),
            granted_at: NOW,
            expires_at: Some(NOW + 3600),
            storage_url: "http://swift:8080/v1/AUTH_p".into(),
        }
    );
    assert_eq!(session.renew_at(), Some(NOW + 2880));
}

#[test]
fn the_endpoint_that_fits_is_chosen() {
    let endpoints = json!([
        endpoint("admin", "one", "http://admin"),
        endpoint("internal", "one", "http://internal"),
        endpoint("public", "one", "http://one"),
        endpoint("public", "two", "http://two"),
        {"interface": "public", "region": null, "region_id": "three", "url": "http://three"},
    ]);
    for (region, url) in [("one", "http://one"), ("two", "http://two"), ("three", "http://three")] {
        assert_eq!(chosen(&endpoints, &in_region(region)).as_deref(), Ok(url));
    }
    for interface in ["internal", "internalURL"] {
        let choice = Choice { interface: interface.into(), ..Choice::default() };
        assert_eq!(chosen(&endpoints, &choice).as_deref(), Ok("http://internal"));
    }
    assert_eq!(
        chosen(&endpoints, &Choice::default()),
        Err(AuthError::ManyRegions { regions: "one, three, two".into() })
    );
    let error = chosen(&endpoints, &in_region("four")).unwrap_err().to_string();
    assert_eq!(
        error,
        "the catalog has no public object-store endpoint in region \"four\", only: one (admin, internal, public), \
         three (public), two (public); choose one of these"
    );
    let elsewhere = Choice { storage_url: Some("http://elsewhere/v1".into()), ..Choice::default() };
    assert_eq!(chosen(&json!([]), &elsewhere).as_deref(), Ok("http://elsewhere/v1"));
    // Twice the same is no doubt.
    let twice = json!([endpoint("public", "one", "http://one"), endpoint("public", "two", "http://one")]);
    assert_eq!(chosen(&twice, &Choice::default()).as_deref(), Ok("http://one"));
}

#[test]
fn a_long_catalog_is_told_in_part_and_says_so() {
    let endpoints: Vec<Value> =
        (100..200).map(|n| endpoint("internal", &format!("region-{n}"), "http://there")).collect();
    let error = chosen(&endpoints.into(), &in_region("four")).unwrap_err().to_string();
    assert!(error.contains("region-100 (internal), region-101 (internal), "), "{error}");
    assert!(error.ends_with("(internal), ...; choose one of these") && error.len() < 1200, "{error}");
}

#[test]
fn catalogs_without_a_store() {
    assert_eq!(chosen(&json!([]), &Choice::default()), Err(AuthError::NoObjectStore));
    let read = |body: &str| {
        read(StatusCode::CREATED, &fields_of(&TOKEN), body.as_bytes(), &Choice::default(), NOW).unwrap_err()
    };
    assert_eq!(read(r#"{"token":{}}"#), AuthError::NoCatalog);
    assert_eq!(read(r#"{"token":{"catalog":[]}}"#), AuthError::NoCatalog);
    assert_eq!(read(r#"{"token":{"catalog":[{"type":"identity"}]}}"#), AuthError::NoObjectStore);
    for body in
        ["", "{}", "[]", r#"{"token":1}"#, r#"{"token":{"catalog":{}}}"#, r#"{"token":{"catalog":[{}]}}"#]
    {
        assert_eq!(read(body), AuthError::Incomplete { missing: "body" }, "{body}");
    }
    assert_eq!(
        read(r#"{"token":{"expires_at":"tomorrow"}}"#),
        AuthError::Incomplete { missing: "time of expiry" }
    );
}

#[test]
fn refusals() {
    let error = |status, body: &str| {
        let status = StatusCode::from_u16(status).unwrap();
        let fields = fields_of(&[("x-subject-token", "gAAAA"), ("retry-after", "9")]);
        read(status, &fields, body.as_bytes(), &Choice::default(), NOW).unwrap_err()
    };
    let said = r#"{"error":{"code":401,"message":"Application credentials cannot\nrequest a scope.","title":"Unauthorized"}}"#;
    assert_eq!(
        error(401, said).to_string(),
        "the credentials are not accepted, because \"Application credentials cannot request a scope.\"; \
         check user, password and project"
    );
    assert_eq!(error(401, "<html>"), AuthError::Rejected { said: "".into() });
    let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "ü".repeat(100_000));
    assert_eq!(error(403, &long), AuthError::Rejected { said: "ü".repeat(200).into() });
    for status in [202, 300, 404, 400, 405] {
        assert!(matches!(error(status, "{}"), AuthError::WrongServer { .. }), "{status}");
    }
    for status in [429, 500, 503] {
        assert!(matches!(error(status, ""), AuthError::Unavailable { retry_after: Some(9), .. }), "{status}");
        assert!(error(status, "").is_transient());
    }
    let no_token = read(StatusCode::CREATED, &fields_of(&[]), &granted(&json!([])), &Choice::default(), NOW);
    assert_eq!(no_token, Err(AuthError::Incomplete { missing: "X-Subject-Token" }));
}
