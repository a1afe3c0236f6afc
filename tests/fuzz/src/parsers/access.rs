use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::Value;
use wharfinger_core::access::{
    ClaimName, Expected, FetchStep, Grant, Identity, Issuance, Issuer, JwksSource, KeyCache, KeyFetch,
    KeySet, KeyTicket, Keyring, KeysAt, ScopeKind, TokenScope, open, open_refresh, peek, verify,
};

use crate::Reader;

const NOW: u64 = 1_800_000_000;

/// Parses what comes as tokens and from their issuers, in the way that the first byte says.
pub(super) fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    match first % 6 {
        0 => texts(&String::from_utf8_lossy(rest)),
        1 => unsigned(rest),
        2 => signed(rest),
        3 => grants(rest),
        4 => documents(rest),
        _ => caches(rest),
    }
}

fn issuer(claims: Vec<(ClaimName, Expected)>) -> Issuer {
    Issuer {
        name: "ci".into(),
        url: "https://ci.example".into(),
        audiences: vec!["registry".into()],
        keys: JwksSource::Discovery,
        identities: vec![Identity { user: "ci".into(), claims }],
    }
}

fn key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).expect("it is a key")
}

fn keys() -> KeySet {
    let point = key().verifying_key().to_sec1_point(false);
    let (x, y) = (&point.as_bytes()[1..33], &point.as_bytes()[33..]);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let document = format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}]}}"#);
    KeySet::parse(document.as_bytes()).expect("a key set")
}

fn anything() -> Vec<(ClaimName, Expected)> {
    vec![(ClaimName::new("sub"), Expected::Text("**".into()))]
}

/// Nobody has the keys: whatever is taken was not signed.
fn texts(text: &str) {
    let keyring = Keyring::new(b"a secret that nobody knows", &[b"an older one"]);
    assert!(open(&keyring, "registry", text, NOW).is_err());
    assert!(open_refresh(&keyring, "registry", text, NOW).is_err());
    assert!(verify(&issuer(anything()), &keys(), text, NOW).is_err());
    assert!(peek(text).is_none() || text.split('.').count() == 3);
}

/// Two lines, as the head and the claims of a token.
fn unsigned(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let parts = [lines.next(), lines.next()].map(|line| URL_SAFE_NO_PAD.encode(line.unwrap_or_default()));
    texts(&format!("{}.AA", parts.join(".")));
}

/// What a token says that is signed: a first line that is expected of a claim, and the claims.
fn signed(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (expected, claims) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let message =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#), URL_SAFE_NO_PAD.encode(claims));
    let signature: Signature = key().sign(message.as_bytes());
    let text = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    let identity = match serde_json::from_slice::<Expected>(expected) {
        Ok(expected) => vec![(ClaimName::new("/x"), expected)],
        Err(_) => anything(),
    };
    if verify(&issuer(identity), &keys(), &text, NOW).is_err() {
        return;
    }
    let said: Value = serde_json::from_slice(claims).expect("claims that are taken are JSON");
    assert_eq!(said["iss"], "https://ci.example");
    assert!(said["sub"].as_str().is_some_and(|sub| !sub.is_empty()));
    let audiences = said["aud"].as_array().cloned().unwrap_or_else(|| vec![said["aud"].clone()]);
    assert!(audiences.contains(&"registry".into()));
    assert!(said["exp"].as_f64().is_some_and(|exp| exp > NOW as f64));
    for name in ["nbf", "iat"] {
        assert!(said.get(name).is_none_or(|at| at.as_f64().is_some_and(|at| at < (NOW + 61) as f64)));
    }
    assert!(peek(&text).is_some_and(|peeked| *peeked.issuer == *"https://ci.example"));
}

/// Whatever is granted can be signed, unless it is too long, and does not show.
fn grants(bytes: &[u8]) {
    let mut reader = Reader(bytes);
    let text = |reader: &mut Reader<'_>| String::from_utf8_lossy(reader.some()).into_owned().into_boxed_str();
    let mut grant = Grant { subject: (reader.byte() > 99).then(|| text(&mut reader)), access: Vec::new() };
    for _ in 0..reader.byte() % 5 {
        let kind = reader.pick(&[ScopeKind::Repository, ScopeKind::Registry]);
        let (name, action) = (text(&mut reader), text(&mut reader));
        grant.access.push(TokenScope { kind, name, actions: vec![action] });
    }
    let keyring = Keyring::new(reader.some(), &[]);
    let (now, life_seconds) = (reader.count(), reader.count());
    let issuance = Issuance { service: "registry", now, life_seconds, id: [reader.byte(); 16] };
    let Some(refresh) = grant.sign_refresh(&keyring, &issuance, b"record") else { return };
    assert_eq!(format!("{refresh:?}"), "SecretText(..)");
    assert!(grant.sign(&keyring, &issuance).is_some(), "it is shorter");
}

/// Keys come from safe places alone.
fn documents(bytes: &[u8]) {
    if let Ok(keys) = KeySet::parse(bytes) {
        assert!(verify(&issuer(anything()), &keys, "a.b.c", NOW).is_err());
    }
    let mut fetch = KeyFetch::new(&issuer(anything())).expect("it has a URL");
    match fetch.answered(StatusCode::OK, &HeaderMap::new(), bytes) {
        FetchStep::Ask => assert_eq!(fetch.render().uri().scheme_str(), Some("https")),
        FetchStep::Over(over) => assert!(over.is_err_and(|error| !error.to_string().is_empty())),
    }
    let url = JwksSource::Url(String::from_utf8_lossy(bytes).into());
    if let Ok(fetch) = KeyFetch::new(&Issuer { keys: url, ..issuer(anything()) }) {
        let request = fetch.render();
        assert!(request.uri().host().is_some_and(|host| !host.is_empty()));
        assert!(matches!(request.uri().scheme_str(), Some("https" | "http")));
    }
}

/// However many ask: one fetches, and none is let down while there are keys.
fn caches(bytes: &[u8]) {
    let mut reader = Reader(bytes);
    let mut cache = KeyCache::new();
    let mut now = Duration::ZERO;
    let mut fetching: Option<(KeyTicket, Duration)> = None;
    let mut fetched_at = None;
    while !reader.is_empty() {
        now += Duration::from_secs(reader.count() % 100_000);
        let kid = reader.pick(&[None, Some("a"), Some("b")]);
        match cache.look(kid, now) {
            KeysAt::Fetch(ticket) => {
                let lone = fetching.is_none_or(|(_, at)| now >= at + KeyCache::WAIT_MAX);
                assert!(lone, "two fetch at once");
                fetching = Some((ticket, now));
            }
            KeysAt::Wait => assert!(fetching.is_some_and(|(_, at)| now < at + KeyCache::WAIT_MAX)),
            KeysAt::Keys(_) => assert!(fetched_at.is_some_and(|at| now < at + Duration::from_secs(86400))),
            KeysAt::Unavailable(rest) => {
                assert!(!rest.is_zero() && rest <= Duration::from_secs(60));
                assert!(fetched_at.is_none_or(|at| now >= at + Duration::from_secs(86400)));
            }
        }
        match (reader.byte() % 4, fetching) {
            (0, Some((ticket, _))) => {
                cache.fetched(ticket, keys(), Some(Duration::from_secs(reader.count())), now);
                (fetching, fetched_at) = (None, Some(now));
            }
            (1, Some((ticket, _))) => {
                cache.failed(ticket, now);
                fetching = None;
            }
            (_, _) => {}
        }
    }
}
