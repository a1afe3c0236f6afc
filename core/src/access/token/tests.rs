use super::super::fixtures::{self, hs256};
use super::*;

const SERVICE: &str = "https://registry.example.com";

const NOW: u64 = 1_800_000_000;

fn ring() -> Keyring {
    Keyring::new(b"the secret of today", &[b"the secret of yesterday"])
}

fn grant() -> Grant {
    let scope = |kind, name: &str, actions: &[&str]| TokenScope {
        kind,
        name: name.into(),
        actions: actions.iter().map(|action| (*action).into()).collect(),
    };
    Grant {
        subject: Some("ann".into()),
        access: vec![
            scope(ScopeKind::Repository, "team/app", &["pull", "push"]),
            scope(ScopeKind::Registry, "catalog", &["*"]),
        ],
    }
}

fn issuance() -> Issuance<'static> {
    Issuance { service: SERVICE, now: NOW, life_seconds: 3600, id: [0xab; 16] }
}

fn signed() -> String {
    grant().sign(&ring(), &issuance()).unwrap().expose().to_owned()
}

fn open_at(text: &str, now: u64) -> Result<Opened, TokenError> {
    open(&ring(), SERVICE, text, now)
}

fn fault(text: &str) -> TokenFault {
    match open_at(text, NOW) {
        Err(TokenError::Invalid(fault)) => fault,
        other @ (Ok(_) | Err(TokenError::Expired(_))) => panic!("{text}: {other:?}"),
    }
}

/// A token with any head and claims, signed with the first key.
fn forged(head: &str, claims: &str) -> String {
    let ring = ring();
    let head = head.replace("KID", &ring.first().id);
    fixtures::token(&head, claims, |message| hs256(&ring.first().secret, message))
}

const HEAD: &str = r#"{"alg":"HS256","kid":"KID","typ":"JWT"}"#;

const CLAIMS: &str = r#"{"iss":"https://registry.example.com","aud":"https://registry.example.com","sub":"ann","iat":1800000000,"nbf":1800000000,"exp":1800003600,"jti":"a","use":"access","access":[]}"#;

#[test]
fn a_token_says_what_was_granted() {
    let opened = Opened { grant: grant(), issued: NOW, expires: NOW + 3600 };
    assert_eq!(open_at(&signed(), NOW), Ok(opened.clone()));
    assert_eq!(open_at(&signed(), NOW + 3599), Ok(opened.clone()));
    assert_eq!(open_at(&signed(), NOW + 3600), Err(TokenError::Expired(Box::new(opened.clone()))));
    assert_eq!(open_at(&signed(), u64::MAX), Err(TokenError::Expired(Box::new(opened))));
    let anonymous = Grant { subject: None, access: vec![] };
    let text = anonymous.sign(&ring(), &issuance()).unwrap();
    assert_eq!(open_at(text.expose(), NOW).unwrap().grant, anonymous);
}

#[test]
fn its_form_is_that_of_a_jwt() {
    let text = signed();
    let parts = text.split('.').map(fixtures::bytes).collect::<Vec<_>>();
    let (head, claims) = (std::str::from_utf8(&parts[0]).unwrap(), std::str::from_utf8(&parts[1]).unwrap());
    assert_eq!(head, HEAD.replace("KID", &ring().first().id));
    assert_eq!(
        claims,
        r#"{"iss":"https://registry.example.com","aud":"https://registry.example.com","sub":"ann","iat":1800000000,"nbf":1800000000,"exp":1800003600,"jti":"abababababababababababababababab","use":"access","access":[{"type":"repository","name":"team/app","actions":["pull","push"]},{"type":"registry","name":"catalog","actions":["*"]}]}"#
    );
    assert!(open_at(&forged(HEAD, CLAIMS), NOW).is_ok());
}

#[test]
fn clocks_of_replicas_may_be_a_minute_apart() {
    assert!(open_at(&signed(), NOW - 60).is_ok());
    let early = Err(TokenError::Invalid(TokenFault::Early));
    assert_eq!(open_at(&signed(), NOW - 61), early);
    assert_eq!(open_at(&signed(), 0), early);
    assert_eq!(fault(&forged(HEAD, &CLAIMS.replace("\"iat\":18", "\"iat\":19"))), TokenFault::Early);
    assert_eq!(fault(&forged(HEAD, &CLAIMS.replace("\"nbf\":18", "\"nbf\":19"))), TokenFault::Early);
}

#[test]
fn old_secrets_verify_and_only_the_first_signs() {
    let old = Keyring::new(b"the secret of yesterday", &[]);
    let text = grant().sign(&old, &issuance()).unwrap();
    assert!(open_at(text.expose(), NOW).is_ok());
    let unknown = Err(TokenError::Invalid(TokenFault::UnknownKey));
    assert_eq!(open(&old, SERVICE, &signed(), NOW), unknown);
    let other = Keyring::new(b"of somebody else", &[]);
    assert_eq!(open(&other, SERVICE, &signed(), NOW), unknown);
    // The name of a key does not stand for the key.
    let secret = &old.first().secret;
    let head = HEAD.replace("KID", &ring().first().id);
    assert_eq!(
        fault(&fixtures::token(&head, CLAIMS, |message| hs256(secret, message))),
        TokenFault::Signature
    );
}

#[test]
fn no_other_head_is_taken() {
    for (head, expected) in [
        (r#"{"alg":"none","kid":"KID","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"None","kid":"KID","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"hs256","kid":"KID","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"HS384","kid":"KID","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"HS512","kid":"KID","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"RS256","kid":"KID","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"ES256","kid":"KID","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"HS256","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"HS256","kid":"","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"HS256","kid":"../../dev/null","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"HS256","kid":"' OR '1'='1","typ":"JWT"}"#, TokenFault::UnknownKey),
        (r#"{"alg":"HS256","kid":null,"typ":"JWT"}"#, TokenFault::Malformed),
        (r#"{"alg":"HS256","kid":["KID"],"typ":"JWT"}"#, TokenFault::Malformed),
        (r#"{"alg":"HS256","kid":"KID","kid":"KID","typ":"JWT"}"#, TokenFault::Malformed),
        (r#"{"alg":"none","alg":"HS256","kid":"KID","typ":"JWT"}"#, TokenFault::Malformed),
        (r#"{"alg":["HS256"],"kid":"KID","typ":"JWT"}"#, TokenFault::Malformed),
        (r#"{"kid":"KID","typ":"JWT"}"#, TokenFault::Malformed),
        (r#"{"alg":"HS256","kid":"KID"}"#, TokenFault::Malformed),
        (r#"{"alg":"HS256","kid":"KID","typ":"at+jwt"}"#, TokenFault::Malformed),
        (r#"{"alg":"HS256","kid":"KID","typ":"JWT","crit":["exp"]}"#, TokenFault::Malformed),
        (r#"{"alg":"HS256","kid":"KID","typ":"JWT","crit":[]}"#, TokenFault::Malformed),
        (r#"{"alg":"HS256","kid":"KID","typ":"JWT","b64":false}"#, TokenFault::Malformed),
        ("[]", TokenFault::Malformed),
        ("", TokenFault::Malformed),
        ("{}", TokenFault::Malformed),
    ] {
        assert_eq!(fault(&forged(head, CLAIMS)), expected, "{head}");
    }
    let head = HEAD.replace("KID", &ring().first().id);
    assert_eq!(fault(&fixtures::token(&head, CLAIMS, |_| vec![])), TokenFault::Malformed, "no signature");
    assert_eq!(fault(&fixtures::token(&head, CLAIMS, |_| vec![0])), TokenFault::Signature);
}

#[test]
fn no_other_claims_are_taken() {
    for (from, to, expected) in [
        ("\"iss\":\"https", "\"iss\":\"http", TokenFault::Service),
        (
            "\"aud\":\"https://registry.example.com\"",
            "\"aud\":\"https://other.example.com\"",
            TokenFault::Service,
        ),
        (
            "\"aud\":\"https://registry.example.com\"",
            "\"aud\":[\"https://registry.example.com\"]",
            TokenFault::Malformed,
        ),
        ("\"aud\":\"https://registry.example.com\",", "", TokenFault::Malformed),
        ("\"sub\":\"ann\"", "\"sub\":1", TokenFault::Malformed),
        ("\"sub\":\"ann\"", "\"sub\":\"ann\",\"sub\":\"bob\"", TokenFault::Malformed),
        ("\"sub\":\"ann\"", "\"sub\":\"a\0n\"", TokenFault::Malformed),
        ("\"exp\":1800003600", "\"exp\":-1", TokenFault::Malformed),
        ("\"exp\":1800003600", "\"exp\":1800003600.5", TokenFault::Malformed),
        ("\"exp\":1800003600", "\"exp\":\"1800003600\"", TokenFault::Malformed),
        ("\"exp\":1800003600", "\"exp\":NaN", TokenFault::Malformed),
        ("\"exp\":1800003600", "\"exp\":1e400", TokenFault::Malformed),
        ("\"exp\":1800003600", "\"exp\":18446744073709551616", TokenFault::Malformed),
        ("\"exp\":1800003600,", "", TokenFault::Malformed),
        ("\"use\":\"access\"", "\"use\":\"all\"", TokenFault::Malformed),
        ("\"use\":\"access\"", "\"use\":\"refresh\"", TokenFault::Use),
        ("\"use\":\"access\"", "\"use\":\"access\",\"stamp\":\"00\"", TokenFault::Use),
        ("\"access\":[]", "\"access\":{}", TokenFault::Malformed),
        ("\"access\":[]", "\"access\":[],\"admin\":true", TokenFault::Malformed),
        ("\"access\":[]", "\"access\":[{\"type\":\"repository\",\"name\":\"a\"}]", TokenFault::Malformed),
        (
            "\"access\":[]",
            "\"access\":[{\"type\":\"host\",\"name\":\"a\",\"actions\":[]}]",
            TokenFault::Malformed,
        ),
    ] {
        assert!(CLAIMS.contains(from), "{from}");
        assert_eq!(fault(&forged(HEAD, &CLAIMS.replace(from, to))), expected, "{to}");
    }
    let deep = "[".repeat(3000) + &"]".repeat(3000);
    assert_eq!(fault(&forged(HEAD, &CLAIMS.replace("[]", &deep))), TokenFault::Malformed);
    let huge = CLAIMS.replace("\"exp\":1800003600", "\"exp\":18446744073709551615");
    assert_eq!(open_at(&forged(HEAD, &huge), NOW).unwrap().expires, u64::MAX);
}

#[test]
fn no_text_but_the_one_that_was_signed_is_taken() {
    let text = signed();
    for at in 0..text.len() {
        let mut altered = text.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        fault(std::str::from_utf8(&altered).unwrap());
        fault(&text[..at]);
    }
    for end in ["A", "=", "==", ".", ".A", " ", "\n", "\0", "%00"] {
        fault(&format!("{text}{end}"));
        fault(&format!("{end}{text}"));
    }
    // The last digit of 32 bytes has two bits that say nothing.
    let mut bits = text.clone();
    let last = bits.pop().unwrap();
    let next = char::from(last as u8 + 1);
    assert_eq!(fault(&format!("{bits}{next}")), TokenFault::Signature);
    let url_unsafe = text.replace('-', "+").replace('_', "/");
    assert!(url_unsafe == text || open_at(&url_unsafe, NOW).is_err());
    assert_eq!(fault(&"A".repeat(1 << 20)), TokenFault::Malformed);
    assert_eq!(fault(&format!("{text}.{text}")), TokenFault::Malformed);
    for other in ["", ".", "..", "...", "a.b.c", "Bearer a.b.c", "{}", "password"] {
        assert_eq!(fault(other), TokenFault::Malformed, "{other}");
    }
}

#[test]
fn a_token_is_never_too_long_to_be_taken() {
    let mut grant = grant();
    grant.access = vec![grant.access[0].clone(); 90];
    assert!(grant.sign(&ring(), &issuance()).is_none());
    assert!(grant.sign_refresh(&ring(), &issuance(), b"record").is_none());
    grant.access.truncate(70);
    let text = grant.sign(&ring(), &issuance()).unwrap();
    assert_eq!(open_at(text.expose(), NOW).unwrap().grant, grant);
}

#[test]
fn a_refresh_token_ends_with_the_password() {
    let text = grant().sign_refresh(&ring(), &issuance(), b"$2b$10$one").unwrap();
    let renew = |text: &str, now| open_refresh(&ring(), SERVICE, text, now);
    let renewal = renew(text.expose(), NOW).unwrap();
    assert_eq!(renewal.opened, Opened { grant: grant(), issued: NOW, expires: NOW + 3600 });
    assert!(renewal.is_of(b"$2b$10$one"));
    assert!(!renewal.is_of(b"$2b$10$two") && !renewal.is_of(b""));
    assert_eq!(fault(text.expose()), TokenFault::Use);
    assert_eq!(renew(&signed(), NOW), Err(TokenError::Invalid(TokenFault::Use)));
    assert!(matches!(renew(text.expose(), NOW + 3600), Err(TokenError::Expired(_))));
    // An old secret stamps as well.
    let old = Keyring::new(b"the secret of yesterday", &[]);
    let text = grant().sign_refresh(&old, &issuance(), b"$2b$10$one").unwrap();
    assert!(renew(text.expose(), NOW).unwrap().is_of(b"$2b$10$one"));
    for stamp in ["", "0", "zz", "é0"] {
        let claims =
            CLAIMS.replace("\"use\":\"access\"", &format!("\"use\":\"refresh\",\"stamp\":\"{stamp}\""));
        assert!(!renew(&forged(HEAD, &claims), NOW).is_ok_and(|renewal| renewal.is_of(b"")), "{stamp}");
    }
}

#[test]
fn nothing_secret_shows() {
    let text = grant().sign(&ring(), &issuance()).unwrap();
    assert_eq!(format!("{text:?}"), "SecretText(..)");
    let refresh = grant().sign_refresh(&ring(), &issuance(), b"record").unwrap();
    let renewal = format!("{:?}", open_refresh(&ring(), SERVICE, refresh.expose(), NOW).unwrap());
    assert!(renewal.contains("key: SigningKey(..)"), "{renewal}");
}
