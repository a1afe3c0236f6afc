use super::super::fixtures::key_set;
use super::*;

fn issuer(url: &str, keys: JwksSource) -> Issuer {
    Issuer { name: "ci".into(), url: url.into(), audiences: vec![], keys, identities: vec![] }
}

fn fetch(url: &str) -> KeyFetch {
    KeyFetch::new(&issuer(url, JwksSource::Discovery)).unwrap()
}

fn answered(fetch: &mut KeyFetch, body: &str) -> FetchStep {
    fetch.answered(StatusCode::OK, &HeaderMap::new(), body.as_bytes())
}

fn fields(values: &[&'static str]) -> HeaderMap {
    values.iter().map(|value| (header::CACHE_CONTROL, HeaderValue::from_static(value))).collect()
}

#[test]
fn keys_are_asked_for_where_the_issuer_says() {
    let mut fetch = fetch("https://zuul.example.com/");
    let request = fetch.render();
    assert_eq!(request.method(), http::Method::GET);
    assert_eq!(request.uri(), "https://zuul.example.com/.well-known/openid-configuration");
    assert!(request.headers().keys().eq([header::ACCEPT].iter()));
    let document =
        r#"{"issuer":"https://zuul.example.com/","jwks_uri":"https://keys.example.com/oidc/jwks?a=b"}"#;
    assert_eq!(answered(&mut fetch, document), FetchStep::Ask);
    assert_eq!(fetch.render().uri(), "https://keys.example.com/oidc/jwks?a=b");
    let FetchStep::Over(Ok(fetched)) = answered(&mut fetch, &key_set()) else { panic!() };
    assert_eq!(fetched.keys, KeySet::parse(key_set().as_bytes()).unwrap());
    assert_eq!(fetched.max_age, None);
}

#[test]
fn a_configured_url_is_asked_at_once() {
    let source = |url: &str| JwksSource::Url(url.into());
    let mut fetch = KeyFetch::new(&issuer("not-a-url", source("http://127.0.0.1:9000/jwks"))).unwrap();
    assert_eq!(fetch.render().uri(), "http://127.0.0.1:9000/jwks");
    let over = fetch.answered(StatusCode::OK, &fields(&["public, max-age=300"]), key_set().as_bytes());
    let FetchStep::Over(Ok(fetched)) = over else { panic!() };
    assert_eq!(fetched.max_age, Some(Duration::from_secs(300)));
    let bad = KeyFetch::new(&issuer("https://a.example", source("http://keys.example.com/jwks")));
    assert_eq!(bad, Err(FetchError::Url));
    assert_eq!(KeyFetch::new(&issuer("http://a.example", JwksSource::Discovery)), Err(FetchError::Url));
}

#[test]
fn documents_that_lead_elsewhere_are_not_followed() {
    let url = "https://a.example";
    for (document, error) in [
        ("", FetchError::Document),
        ("[]", FetchError::Document),
        (r#"{"issuer":"https://a.example"}"#, FetchError::Document),
        (r#"{"jwks_uri":"https://a.example/k"}"#, FetchError::Document),
        (
            r#"{"issuer":"https://b.example","issuer":"https://a.example","jwks_uri":"https://a.example/k"}"#,
            FetchError::Document,
        ),
        (r#"{"issuer":"https://a.example/","jwks_uri":"https://a.example/k"}"#, FetchError::OtherIssuer),
        (r#"{"issuer":"https://b.example","jwks_uri":"https://a.example/k"}"#, FetchError::OtherIssuer),
        (r#"{"issuer":"https://a.example","jwks_uri":"http://a.example/k"}"#, FetchError::Url),
        (r#"{"issuer":"https://a.example","jwks_uri":"http://127.0.0.1/k"}"#, FetchError::Url),
        (r#"{"issuer":"https://a.example","jwks_uri":"/k"}"#, FetchError::Url),
        (r#"{"issuer":"https://a.example","jwks_uri":"file:///etc/passwd"}"#, FetchError::Url),
        (r#"{"issuer":"https://a.example","jwks_uri":"https://u:p@a.example/k"}"#, FetchError::Url),
    ] {
        assert_eq!(answered(&mut fetch(url), document), FetchStep::Over(Err(error)), "{document}");
    }
    let good = r#"{"issuer":"https://a.example","jwks_uri":"https://a.example/k"}"#;
    let long = format!("{good}{}", " ".repeat(65536));
    assert_eq!(answered(&mut fetch(url), &long), FetchStep::Over(Err(FetchError::Document)));
    let mut local = fetch("http://localhost:9000");
    let document = r#"{"issuer":"http://localhost:9000","jwks_uri":"http://localhost:9000/k"}"#;
    assert_eq!(answered(&mut local, document), FetchStep::Ask);
}

#[test]
fn other_answers_end_the_try() {
    for code in [204, 301, 302, 401, 404, 429, 500, 503] {
        let status = StatusCode::from_u16(code).unwrap();
        let over = fetch("https://a.example").answered(status, &HeaderMap::new(), key_set().as_bytes());
        let FetchStep::Over(Err(error)) = over else { panic!("{code}") };
        assert_eq!(error, FetchError::Status(status));
        assert!(error.to_string().contains(&code.to_string()));
    }
    let mut fetch = KeyFetch::new(&issuer("a", JwksSource::Url("https://a.example/k".into()))).unwrap();
    let over = answered(&mut fetch, "<html>");
    assert_eq!(over, FetchStep::Over(Err(FetchError::Keys(KeySetError::Malformed))));
}

#[test]
fn ages_are_read() {
    for (values, age) in [
        (&[][..], None),
        (&["max-age=60"], Some(60)),
        (&["public, MAX-AGE = \"5\", must-revalidate"], Some(5)),
        (&["public", "max-age=7"], Some(7)),
        (&["max-age=60, no-store"], Some(0)),
        (&["no-cache"], Some(0)),
        (&["max-age=-1"], None),
        (&["max-age=1e9"], None),
        (&["max-age=99999999999999999999"], None),
        (&["s-maxage=60"], None),
    ] {
        assert_eq!(max_age(&fields(values)), age.map(Duration::from_secs), "{values:?}");
    }
}
