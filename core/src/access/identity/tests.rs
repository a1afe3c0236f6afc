use super::super::fixtures::{
    P256_X, P256_Y, RSA_N, bytes, es256, es256_of, hs256, key_set, p256_key, rs256, rsa_key, token,
};
use super::*;

const NOW: u64 = 1_800_000_000;

const AUDIENCE: &str = "https://registry.example.com";

type Claims<'a> = &'a [(&'a str, &'a str)];

type Sign<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

fn identity(user: &str, claims: Claims<'_>) -> Identity {
    let claim =
        |(name, expected): &(&str, &str)| (ClaimName::new(*name), serde_json::from_str(expected).unwrap());
    Identity { user: user.into(), claims: claims.iter().map(claim).collect() }
}

fn issuer(url: &str, identities: &[(&str, Claims<'_>)]) -> Issuer {
    Issuer {
        name: "ci".into(),
        url: url.into(),
        audiences: vec![AUDIENCE.into(), "registry".into()],
        keys: super::super::JwksSource::Discovery,
        identities: identities.iter().map(|(user, claims)| identity(user, claims)).collect(),
    }
}

fn keys() -> KeySet {
    KeySet::parse(key_set().as_bytes()).unwrap()
}

fn plain() -> Issuer {
    issuer("https://ci.example.com", &[("ci", &[("sub", "\"job\"")])])
}

const RSA_HEAD: &str = r#"{"alg":"RS256","kid":"r","typ":"JWT"}"#;

const P256_HEAD: &str = r#"{"alg":"ES256","kid":"e","typ":"JWT"}"#;

const CLAIMS: &str = r#"{"iss":"https://ci.example.com","aud":"https://registry.example.com","sub":"job","iat":1800000000,"nbf":1800000000,"exp":1800000300}"#;

fn checked(text: &str) -> Result<&'static str, IdentityError> {
    verify(&plain(), &keys(), text, NOW).map(|user| if user == "ci" { "ci" } else { "other" })
}

fn with_claims(claims: &str) -> Result<&'static str, IdentityError> {
    checked(&token(P256_HEAD, claims, es256))
}

#[test]
fn both_algorithms_are_taken() {
    assert_eq!(checked(&token(RSA_HEAD, CLAIMS, rs256)), Ok("ci"));
    assert_eq!(checked(&token(P256_HEAD, CLAIMS, es256)), Ok("ci"));
}

#[test]
fn a_token_that_is_signed_otherwise_is_not_taken() {
    let signature = Err(IdentityError::Signature);
    for alg in
        ["none", "None", "HS256", "HS512", "RS384", "RS512", "PS256", "ES384", "ES512", "EdDSA", "", "ES256"]
    {
        let head = RSA_HEAD.replace("RS256", alg);
        assert_eq!(checked(&token(&head, CLAIMS, rs256)), signature, "{alg}");
        assert_eq!(checked(&token(&head, CLAIMS, es256)), signature, "{alg} by the other key");
    }
    assert_eq!(checked(&token(&P256_HEAD.replace("ES256", "RS256"), CLAIMS, rs256)), signature);
    let none = token(&RSA_HEAD.replace("RS256", "none"), CLAIMS, |_| vec![]);
    assert_eq!(checked(&none), Err(IdentityError::Malformed));
    assert_eq!(checked(none.trim_end_matches('.')), Err(IdentityError::Malformed));
}

#[test]
fn a_public_key_is_no_secret() {
    let n = bytes(RSA_N);
    let der = [&bytes("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA")[..], &n, &[2, 3, 1, 0, 1]].concat();
    let lines = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &der);
    let lines =
        lines.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    let point = [&[4][..], &bytes(P256_X), &bytes(P256_Y)].concat();
    for secret in
        [&n[..], RSA_N.as_bytes(), &der, pem.as_bytes(), pem.trim().as_bytes(), &point, b"", &[0; 32]]
    {
        for kid in ["r", "e"] {
            let head = format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#);
            let text = token(&head, CLAIMS, |message| hs256(secret, message));
            assert_eq!(checked(&text), Err(IdentityError::Signature));
        }
    }
}

#[test]
fn the_key_is_the_one_of_the_issuer_that_is_named() {
    for kid in ["x", "", "R", "r ", "../r", "r\\u0000", "' OR 1=1 --", "https://evil.example/r"] {
        let head = RSA_HEAD.replace("\"r\"", &format!("\"{kid}\""));
        assert_eq!(checked(&token(&head, CLAIMS, rs256)), Err(IdentityError::UnknownKey), "{kid}");
    }
    let nameless = r#"{"alg":"RS256"}"#;
    assert_eq!(checked(&token(nameless, CLAIMS, rs256)), Err(IdentityError::UnknownKey), "there are two");
    let one = KeySet::parse(format!("{{\"keys\":[{}]}}", rsa_key("r")).as_bytes()).unwrap();
    assert_eq!(verify(&plain(), &one, &token(nameless, CLAIMS, rs256), NOW), Ok("ci"));
    // Another key of the same name.
    let foreign = token(P256_HEAD, CLAIMS, |message| es256_of(&[7; 32], message));
    assert_eq!(checked(&foreign), Err(IdentityError::Signature));
    let same = format!("{{\"keys\":[{},{}]}}", rsa_key("a"), p256_key("a"));
    let same = KeySet::parse(same.as_bytes()).unwrap();
    for (head, sign) in [(RSA_HEAD, rs256 as fn(&[u8]) -> Vec<u8>), (P256_HEAD, es256)] {
        let text = token(&head.replace("\"r\"", "\"a\"").replace("\"e\"", "\"a\""), CLAIMS, sign);
        assert_eq!(verify(&plain(), &same, &text, NOW), Ok("ci"), "two kinds of keys of one name");
    }
}

#[test]
fn what_a_head_brings_along_is_not_used() {
    let foreign = |message: &[u8]| es256_of(&[7; 32], message);
    let jwk = p256_key("e");
    for extra in [
        r#""jku":"https://evil.example/keys""#.to_owned(),
        r#""x5u":"https://evil.example/cert""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        r#""x5c":17,"x5t":{}"#.to_owned(),
        format!(r#""jwk":{jwk}"#),
    ] {
        let head = P256_HEAD.replace('}', &format!(",{extra}}}"));
        assert_eq!(checked(&token(&head, CLAIMS, es256)), Ok("ci"), "{extra}");
        assert_eq!(checked(&token(&head, CLAIMS, foreign)), Err(IdentityError::Signature), "{extra}");
    }
    for extra in [r#""crit":["b64"],"b64":false"#, r#""crit":["exp"]"#, r#""b64":false"#, r#""alg":"none""#] {
        let head = P256_HEAD.replace('}', &format!(",{extra}}}"));
        assert_eq!(checked(&token(&head, CLAIMS, es256)), Err(IdentityError::Malformed), "{extra}");
    }
}

#[test]
fn signatures_of_another_form_are_not_taken() {
    let zero = |half: usize| {
        move |message: &[u8]| {
            let mut signature = es256(message);
            signature[half * 32..][..32].fill(0);
            signature
        }
    };
    let der = |message: &[u8]| {
        let signature = p256::ecdsa::Signature::from_slice(&es256(message)).unwrap();
        signature.to_der().as_bytes().to_vec()
    };
    let cut = |message: &[u8]| es256(message)[..63].to_vec();
    let long = |message: &[u8]| [es256(message), vec![0]].concat();
    let swapped = |message: &[u8]| [&es256(message)[32..], &es256(message)[..32]].concat();
    let high = |_: &[u8]| vec![0xff; 64];
    let nothing = |_: &[u8]| vec![0; 64];
    let forms: [Sign<'_>; 8] = [&zero(0), &zero(1), &der, &cut, &long, &swapped, &high, &nothing];
    for (number, sign) in forms.iter().enumerate() {
        assert_eq!(checked(&token(P256_HEAD, CLAIMS, sign)), Err(IdentityError::Signature), "{number}");
    }
    let cut = |message: &[u8]| rs256(message)[..255].to_vec();
    let long = |message: &[u8]| [&[0][..], &rs256(message)].concat();
    let same = |_: &[u8]| bytes(RSA_N);
    let one = |_: &[u8]| [vec![0; 255], vec![1]].concat();
    let nothing = |_: &[u8]| vec![0; 256];
    let forms: [Sign<'_>; 5] = [&cut, &long, &same, &one, &nothing];
    for (number, sign) in forms.iter().enumerate() {
        assert_eq!(checked(&token(RSA_HEAD, CLAIMS, sign)), Err(IdentityError::Signature), "{number}");
    }
}

#[test]
fn every_byte_counts() {
    let text = token(P256_HEAD, CLAIMS, es256);
    // Signatures take a while to check in an unoptimized build.
    for at in (0..text.len()).step_by(7) {
        let mut altered = text.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        assert!(checked(std::str::from_utf8(&altered).unwrap()).is_err(), "{at}");
        assert!(checked(&text[..at]).is_err(), "{at}");
    }
    for end in ["A", "=", ".", ".A", " ", "\n", "\0"] {
        assert!(checked(&format!("{text}{end}")).is_err(), "{end:?}");
        assert!(checked(&format!("{end}{text}")).is_err(), "{end:?}");
    }
    for other in ["", ".", "..", "a.b.c", "password", &"A".repeat(1 << 20), &format!("{text}.{text}")] {
        assert_eq!(checked(other), Err(IdentityError::Malformed));
    }
}

#[test]
fn times_are_checked() {
    let at = |now| verify(&plain(), &keys(), &token(P256_HEAD, CLAIMS, es256), now).map(|_| ());
    assert_eq!(at(NOW + 299), Ok(()));
    assert_eq!(at(NOW + 300), Err(IdentityError::Expired));
    assert_eq!(at(NOW - 60), Ok(()));
    assert_eq!(at(NOW - 61), Err(IdentityError::Early));
    for (exp, expected) in [
        ("1800000300.5", Ok("ci")),
        ("9223372036854775807", Ok("ci")),
        ("1799999999.9", Err(IdentityError::Expired)),
        ("0", Err(IdentityError::Expired)),
        ("-1", Err(IdentityError::Claims)),
        ("18446744073709551615", Err(IdentityError::Claims)),
        ("1e300", Err(IdentityError::Claims)),
        ("\"1800000300\"", Err(IdentityError::Claims)),
        ("null", Err(IdentityError::Claims)),
        ("[1800000300]", Err(IdentityError::Claims)),
        ("NaN", Err(IdentityError::Malformed)),
        ("1e400", Err(IdentityError::Malformed)),
    ] {
        assert_eq!(with_claims(&CLAIMS.replace("1800000300", exp)), expected, "{exp}");
    }
    assert_eq!(with_claims(&CLAIMS.replace(",\"exp\":1800000300", "")), Err(IdentityError::Claims));
    for name in ["iat", "nbf"] {
        let claim = format!("\"{name}\":1800000000");
        assert_eq!(with_claims(&CLAIMS.replace(&format!("{claim},"), "")), Ok("ci"), "no {name}");
        let with = |time: &str| with_claims(&CLAIMS.replace(&claim, &format!("\"{name}\":{time}")));
        assert_eq!(with("1800000060"), Ok("ci"));
        assert_eq!(with("1800000061"), Err(IdentityError::Early));
        assert_eq!(with("\"now\""), Err(IdentityError::Claims));
    }
}

#[test]
fn issuer_audience_and_subject_are_checked() {
    for iss in [
        "https://ci.example.com/",
        "https://CI.example.com",
        "http://ci.example.com",
        "",
        "https://evil.example",
    ] {
        let claims = CLAIMS.replace("https://ci.example.com", iss);
        assert_eq!(with_claims(&claims), Err(IdentityError::Issuer), "{iss}");
    }
    let claims = CLAIMS.replace("\"https://ci.example.com\"", "[\"https://ci.example.com\"]");
    assert_eq!(with_claims(&claims), Err(IdentityError::Claims));
    let own = format!("\"{AUDIENCE}\"");
    for (aud, expected) in [
        ("\"registry\"".to_owned(), Ok("ci")),
        (format!("[\"x\",{own}]"), Ok("ci")),
        ("\"https://other.example.com\"".to_owned(), Err(IdentityError::Audience)),
        (format!("\"{AUDIENCE}/\""), Err(IdentityError::Audience)),
        ("\"\"".to_owned(), Err(IdentityError::Audience)),
        ("[]".to_owned(), Err(IdentityError::Audience)),
        ("[1]".to_owned(), Err(IdentityError::Audience)),
        (format!("[[{own}]]"), Err(IdentityError::Audience)),
        ("1".to_owned(), Err(IdentityError::Audience)),
        ("null".to_owned(), Err(IdentityError::Audience)),
        (format!("{{{own}:1}}"), Err(IdentityError::Audience)),
    ] {
        assert_eq!(with_claims(&CLAIMS.replace(&own, &aud)), expected, "{aud}");
    }
    assert_eq!(with_claims(&CLAIMS.replace(&format!("\"aud\":{own},"), "")), Err(IdentityError::Claims));
    for sub in ["", ",\"sub\":\"\"", ",\"sub\":1", ",\"sub\":null"] {
        let claims = CLAIMS.replace(",\"sub\":\"job\"", sub);
        assert_eq!(with_claims(&claims), Err(IdentityError::Claims), "{sub}");
    }
    let nobody = Issuer { audiences: vec![], ..plain() };
    let text = token(P256_HEAD, CLAIMS, es256);
    assert_eq!(verify(&nobody, &keys(), &text, NOW), Err(IdentityError::Audience));
}

#[test]
fn claims_that_are_no_object_are_not_taken() {
    for claims in ["", "[]", "null", "\"a\"", "1", "{", "{}{}", "\u{feff}{}"] {
        assert!(
            matches!(with_claims(claims), Err(IdentityError::Malformed | IdentityError::Claims)),
            "{claims}"
        );
    }
    let twice = CLAIMS.replace("\"sub\":\"job\"", "\"sub\":\"other\",\"sub\":\"job\"");
    assert_eq!(with_claims(&twice), Err(IdentityError::Malformed));
    let escaped = CLAIMS.replace("\"sub\":\"job\"", "\"s\\u0075b\":\"other\",\"sub\":\"job\"");
    assert_eq!(with_claims(&escaped), Err(IdentityError::Malformed));
    let nul = |text| CLAIMS.replace("\"sub\":\"job\"", text);
    assert_eq!(with_claims(&nul("\"sub\":\"job\0\"")), Err(IdentityError::Malformed));
    assert_eq!(with_claims(&nul("\"sub\":\"job\\u0000\"")), Err(IdentityError::NoIdentity));
    let deep = format!(",\"x\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
    assert_eq!(with_claims(&CLAIMS.replace('}', &deep)), Err(IdentityError::Malformed));
}

#[test]
fn a_text_is_peeked_at() {
    let text = token(RSA_HEAD, CLAIMS, |_| vec![1]);
    let peeked = Peeked { issuer: "https://ci.example.com".into(), kid: Some("r".into()) };
    assert_eq!(peek(&text), Some(peeked));
    let bare = token(r#"{"alg":"none"}"#, r#"{"iss":"a"}"#, |_| vec![1]);
    assert_eq!(peek(&bare), Some(Peeked { issuer: "a".into(), kid: None }));
    for other in ["", "password", "a.b.c", "glpat-abc.def.ghi", "$2b$10$abc", &"a.".repeat(100_000)] {
        assert_eq!(peek(other), None);
    }
    for claims in ["{}", "[]", r#"{"iss":1}"#, r#"{"iss":null}"#, "iss"] {
        assert_eq!(peek(&token(RSA_HEAD, claims, |_| vec![1])), None, "{claims}");
    }
}

mod systems;
