use serde_json::{Value, json};
use wharfinger_tests::issuer::{Algorithm, SigningKey, now, sign_with_nothing};

use crate::ci::Ci;
use crate::registry::{Registry, Shown, assert_unsaid, is_request};

#[test]
fn what_is_not_the_job_s_own_token_lets_nobody_in() {
    let (ci, other) = (Ci::github(), Ci::zuul());
    let registry = Registry::start(&[ci.settings(), other.settings()], &json!({}));
    let good = ci.token();
    assert_eq!(registry.ping(&Shown::bearer(&good)), 200);
    let mut seen = vec![good];
    for (name, token) in forgeries(&ci, &other) {
        let path = format!("/v2/org/{name}/manifests/a");
        for shown in [Shown::bearer(&token), Shown::password(&token)] {
            for target in [path.as_str(), "/v2/", "/auth/token?scope=repository:org/app:pull"] {
                let answer = registry.get(target, &shown);
                let challenge = answer.head.field("www-authenticate").unwrap_or_default();
                assert_eq!(answer.status(), 401, "{name} at {target}: {}", answer.text());
                // Without a signature it is no token, but a password that is wrong.
                let is_token = !token.ends_with('.') || matches!(shown, Shown::Bearer(_));
                let is_told = challenge.contains("error=\"invalid_token\"");
                assert_eq!(is_told, is_token, "{name} at {target}: {challenge}");
            }
        }
        for form in [
            format!("grant_type=password&username={}&password={token}", ci.user),
            format!("grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={token}"),
        ] {
            let fields = [("Content-Type", "application/x-www-form-urlencoded")];
            let answer = registry.connect().request("POST", "/auth/token", &fields, form.as_bytes());
            answer.and_then(|answer| answer.expect(401)).expect(name);
        }
        for line in registry.log_with(2, is_request(&path)) {
            assert!(line.get("user").is_none(), "{name}: {line}");
        }
        seen.push(token);
    }
    // Whoever tries makes the registry ask no more often.
    assert_eq!((ci.issuer.asked().keys, other.issuer.asked().keys), (1, 1));
    let log = registry.into_log();
    // Who runs the registry learns what its clients are not told.
    for reason in
        ["another audience", "has expired", "no configured identity", "no key of the issuer signed it"]
    {
        assert!(log.contains(reason), "{reason}");
    }
    seen.iter().for_each(|token| assert_unsaid(&log, token));
}

/// Tokens that are wrong in one way each.
fn forgeries(ci: &Ci, other: &Ci) -> Vec<(&'static str, String)> {
    let claims = ci.issuer.claims(&ci.claims);
    let with = |name: &str, value: Value| {
        let mut claims = ci.claims.clone();
        claims[name] = value;
        ci.issuer.token(&claims)
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().expect("claims are a mapping").remove(name);
        claims
    };
    // It has the name of the issuer's key, and is not it.
    let stranger = SigningKey::new(Algorithm::Rs256, "first");
    let elliptic = SigningKey::new(Algorithm::Es256, "first");
    let mut borrowed = ci.claims.clone();
    borrowed["iss"] = ci.issuer.url().into();
    let mut unsigned = ci.token();
    unsigned.truncate(unsigned.rfind('.').map_or(0, |at| at + 1));
    let mut changed: Vec<String> = ci.token().split('.').map(str::to_owned).collect();
    changed[1] = ci.issuer.token(&ci.other_claims).split('.').nth(1).unwrap_or_default().to_owned();
    vec![
        ("audience", with("aud", "https://other.example.org".into())),
        ("audiences", with("aud", json!(["https://other.example.org", "registry.example.org"]))),
        ("expired", with("exp", (now() - 1).into())),
        ("early", with("nbf", (now() + 3600).into())),
        ("made-later", with("iat", (now() + 3600).into())),
        ("claims", with("ref", "refs/heads/fork".into())),
        ("subject", with("sub", "".into())),
        ("stranger", stranger.sign(&stranger.header(), &claims)),
        ("algorithm", elliptic.sign(&elliptic.header(), &claims)),
        ("unknown-key", stranger.sign(&json!({"alg": "RS256", "kid": "unknown"}), &claims)),
        (
            "own-key",
            stranger.sign(&json!({"alg": "RS256", "kid": "first", "jwk": stranger.public()}), &claims),
        ),
        ("other-issuer", other.issuer.token(&borrowed)),
        ("other-system", other.issuer.token(&ci.claims)),
        ("no-expiry", ci.issuer.sign(&without("exp"))),
        ("none", sign_with_nothing(&claims)),
        ("none-again", sign_with_nothing(&claims) + "AAAA"),
        ("unsigned", unsigned),
        ("changed", changed.join(".")),
        ("public-key", ci.issuer.sign_with_public_key(&claims)),
    ]
}
