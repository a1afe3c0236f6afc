use std::time::{Duration, Instant};

use serde_json::json;
use wharfinger_tests::issuer::{Algorithm, Asked, Manner, SigningKey};

use crate::ci::Ci;
use crate::registry::{Registry, Shown};

#[test]
fn who_comes_while_keys_are_fetched_waits_for_them_and_nobody_else_does() {
    let (slow, well) = (Ci::github(), Ci::zuul());
    let registry = Registry::start(&[slow.settings(), well.settings()], &json!({}));
    slow.issuer.answer(Manner::Never);
    let shown = Shown::bearer(&slow.token());
    let field = shown.field().expect("a token is shown");
    let ask = || {
        let mut connection = registry.connect();
        let fields = [("Authorization", field.as_str())];
        connection.send_head("GET", "/v2/", &fields).expect("the registry takes requests");
        connection
    };
    let first = ask();
    slow.issuer.await_discovery(1);
    // Whoever had the keys fetched may go away.
    drop(first);
    let waiting: Vec<_> = (0..50).map(|_| ask()).collect();
    assert_eq!(registry.ping(&Shown::Nothing), 401);
    assert_eq!(registry.ping(&Shown::bearer(&well.token())), 200);
    slow.issuer.answer(Manner::Well);
    for mut connection in waiting {
        let answer = connection.read_response("GET").and_then(|answer| answer.expect(200));
        answer.expect("who has waited is let in");
    }
    assert_eq!(slow.issuer.asked(), Asked { discovery: 1, keys: 1 });
}

/// Takes half a minute: the registry does not look again sooner for keys that it does not know.
#[test]
fn a_new_key_is_fetched_once_and_names_of_keys_fetch_nothing() {
    let ci = Ci::github();
    let registry = Registry::start(&[ci.settings()], &json!({}));
    let old = Shown::bearer(&ci.token());
    assert_eq!(registry.ping(&old), 200);
    ci.issuer.rotate(vec![SigningKey::new(Algorithm::Rs256, "second")]);
    let new = Shown::password(&ci.token());
    registry.ping_until(&new, 401, 200);
    assert_eq!(ci.issuer.asked(), Asked { discovery: 2, keys: 2 });
    assert_eq!(registry.ping(&old), 401, "a key that the issuer took back is good no more");
    let key = SigningKey::new(Algorithm::Rs256, "any");
    for number in 0..50 {
        let header = json!({"alg": "RS256", "kid": format!("made-up-{number}")});
        let made_up = key.sign(&header, &ci.issuer.claims(&ci.claims));
        assert_eq!(registry.ping(&Shown::bearer(&made_up)), 401);
    }
    assert_eq!(ci.issuer.asked(), Asked { discovery: 2, keys: 2 });
    assert_eq!(registry.ping(&new), 200);
}

/// Takes a minute, which is how long keys are used at least.
#[test]
fn keys_that_are_old_go_on_while_the_issuer_is_down() {
    let ci = Ci::gitlab();
    ci.issuer.say_max_age(1);
    let registry = Registry::start(&[ci.settings()], &json!({}));
    let shown = Shown::bearer(&ci.token());
    assert_eq!(registry.ping(&shown), 200);
    ci.issuer.answer(Manner::Closed);
    let end = Instant::now() + Duration::from_secs(120);
    while ci.issuer.asked().discovery < 2 {
        assert_eq!(registry.ping(&shown), 200);
        assert!(Instant::now() < end, "the registry never looks for new keys");
        std::thread::sleep(Duration::from_millis(200));
    }
    for _ in 0..20 {
        assert_eq!(registry.ping(&shown), 200, "while the issuer is down");
    }
    let warned = registry.log_with(1, |line| line["level"] == "WARN" && line["issuer"] == ci.user);
    assert_eq!(warned.len(), 1, "{warned:?}");
    ci.issuer.rotate(vec![SigningKey::new(Algorithm::Rs256, "second")]);
    ci.issuer.answer(Manner::Well);
    registry.ping_until(&Shown::bearer(&ci.token()), 401, 200);
    registry.log_with(1, |line| line["level"] == "INFO" && line["issuer"] == ci.user);
}
