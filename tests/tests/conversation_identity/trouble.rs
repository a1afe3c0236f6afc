use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wharfinger_tests::issuer::{Algorithm, Asked, Issuer, Manner, Place, SigningKey};

use crate::ci::Ci;
use crate::registry::{Registry, Shown, assert_unsaid};

#[test]
fn an_issuer_that_is_not_there_yet_may_come() {
    let ci = Ci::github();
    let place = Place::take().expect("a free port");
    let url = place.url().expect("its address");
    let registry = Registry::start(&[ci.settings_at(&url)], &json!({}));
    let mut claims = ci.claims.clone();
    claims["iss"] = url.into();
    let token = ci.issuer.token(&claims);
    for shown in [Shown::bearer(&token), Shown::password(&token)] {
        assert_come_again(&registry, &shown);
    }
    // With the same name of the key, and another key: nobody but the issuer itself says which one is good.
    let issuer = place.start(vec![SigningKey::new(Algorithm::Rs256, "first")]).expect("the issuer starts");
    registry.ping_until(&Shown::bearer(&token), 503, 401);
    assert_eq!(registry.ping(&Shown::bearer(&issuer.token(&claims))), 200);
    assert_eq!(issuer.asked(), Asked { discovery: 1, keys: 1 });
    let log = registry.into_log();
    assert_eq!(log.matches("\"level\":\"WARN\"").count(), 1, "{log}");
    assert_unsaid(&log, &token);
}

#[test]
fn answers_that_are_of_no_use_are_none() {
    let elsewhere = Issuer::start(Vec::new()).expect("an issuer starts");
    let trouble = [
        ("down", Manner::Status(500)),
        ("garbage", Manner::Body(b"<html>".to_vec())),
        ("nothing", Manner::Body(Vec::new())),
        ("long", Manner::Body(vec![b' '; (64 << 10) + 1])),
        (
            "other",
            Manner::Body(
                br#"{"issuer":"https://a.example.org","jwks_uri":"https://a.example.org/"}"#.to_vec(),
            ),
        ),
        ("moved", Manner::Redirect(elsewhere.keys_url())),
        ("closed", Manner::Closed),
    ];
    let systems: Vec<(Ci, Manner)> =
        trouble.into_iter().map(|(user, manner)| (named(user), manner)).collect();
    let settings: Vec<Value> = systems.iter().map(|(ci, _)| ci.settings()).collect();
    let registry = Registry::start(&settings, &json!({}));
    for (ci, manner) in &systems {
        ci.issuer.answer(manner.clone());
        let shown = Shown::bearer(&ci.token());
        let begun = Instant::now();
        for _ in 0..5 {
            assert_come_again(&registry, &shown);
        }
        // Whoever comes soon does not make the registry ask again: not within a second.
        let asked = ci.issuer.asked().discovery as u64;
        assert!((1..=1 + begun.elapsed().as_secs()).contains(&asked), "{manner:?}: {asked}");
    }
    for (ci, manner) in &systems {
        ci.issuer.answer(Manner::Well);
        registry.ping_until(&Shown::bearer(&ci.token()), 503, 200);
        let told = registry.log_with(1, |line| line["level"] == "WARN" && line["issuer"] == ci.user);
        assert_eq!(told.len(), 1, "{manner:?}: {told:?}");
        assert!(told[0]["error"].is_string(), "{manner:?}: {told:?}");
    }
    assert_eq!(elsewhere.asked(), Asked::default(), "redirects are not followed");
}

#[test]
fn keys_that_are_none_are_none() {
    let ci = Ci::kubernetes();
    let registry = Registry::start(&[ci.settings()], &json!({}));
    ci.issuer.answer(Manner::Body(br#"{"keys":[{"kty":"oct","k":"AAAA","kid":"first"}]}"#.to_vec()));
    let shown = Shown::bearer(&ci.token());
    assert_come_again(&registry, &shown);
    ci.issuer.answer(Manner::Well);
    registry.ping_until(&shown, 503, 200);
    assert_eq!(ci.issuer.asked(), Asked { discovery: 0, keys: 2 });
}

#[test]
fn an_issuer_that_never_answers_is_given_up() {
    let ci = Ci::zuul();
    let registry = Registry::start(&[ci.settings()], &json!({"store-seconds": 1}));
    ci.issuer.answer(Manner::Never);
    let begun = Instant::now();
    assert_come_again(&registry, &Shown::bearer(&ci.token()));
    let took = begun.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_secs(15)).contains(&took), "{took:?}");
}

/// A system whose tokens stand for a user of that name.
fn named(user: &'static str) -> Ci {
    Ci { user, ..Ci::github() }
}

fn assert_come_again(registry: &Registry, shown: &Shown) {
    let answer = registry.get("/v2/", shown);
    assert_eq!(answer.status(), 503, "{}", answer.text());
    let seconds = answer.head.field("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| (1..=60).contains(&seconds)), "{:?}", answer.head);
}
