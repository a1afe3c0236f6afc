//! Keys of signed URLs.

use http::{HeaderMap, HeaderValue};
use wharfinger_core::store::Reply;
use wharfinger_core::swift::{
    Endpoint, KeyPlace, KeyPlan, Rendered, StandingKeys, TempUrlKeys, Token, Verdict, classify_keys,
};

use crate::support::{BUSY, REFUSED, blob, head, show};

const SECRET: &[u8] = b"a secret of tests";

const DAY: u64 = 24 * 3600;

fn apart() -> Endpoint {
    Endpoint::new("https://swift:8080/v1/AUTH_a", "wh arf", "segments").unwrap()
}

fn together() -> Endpoint {
    Endpoint::new("https://swift:8080/v1/AUTH_a", "wh arf", "wh arf").unwrap()
}

fn token() -> Token {
    Token::new("tok").unwrap()
}

/// The field and the key that a request sets.
fn set(rendered: &Rendered) -> (String, HeaderValue) {
    let fields = rendered.request.headers().iter().filter(|(name, _)| name.as_str().contains("meta"));
    let fields: Vec<_> = fields.map(|(name, value)| (name.to_string(), value.clone())).collect();
    let [field] = &fields[..] else { panic!("one key is set: {fields:?}") };
    field.clone()
}

/// What stands after the keys of these times were set, in order.
fn standing(keys: &TempUrlKeys, endpoint: &Endpoint, times: &[u64]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for now in times {
        let (name, value) = set(&keys.render_set(*now, endpoint, &token()));
        fields.insert(http::HeaderName::try_from(name).unwrap(), value);
    }
    fields
}

fn kept(keys: &TempUrlKeys, endpoint: &Endpoint, times: &[u64], now: u64) -> StandingKeys {
    match keys.plan(&keys.read(&standing(keys, endpoint, times)), now) {
        KeyPlan::Keep(standing) => standing,
        plan @ (KeyPlan::Set | KeyPlan::Foreign { .. } | KeyPlan::Ahead) => panic!("{plan:?}"),
    }
}

#[test]
fn a_look_and_a_key() {
    let own = TempUrlKeys::new(SECRET, &together(), DAY);
    assert_eq!(own.place(), KeyPlace::Container);
    assert_eq!(
        show(&own.render_look(&together(), &token())),
        "HEAD https://swift:8080/v1/AUTH_a/wh%20arf\nx-auth-token: tok\nx-newest: true\nSome(0)\n"
    );
    assert_eq!(
        show(&own.render_set(2 * DAY + 5, &together(), &token())),
        "POST https://swift:8080/v1/AUTH_a/wh%20arf\nx-auth-token: tok\n\
         x-container-meta-temp-url-key: \
         wharfinger-172800-3729e7174cf9a10ff010f688bc8ee8eea2b7d9943e1d691bd8e23ecfdc819347\nSome(0)\n"
    );
    let shared = TempUrlKeys::new(SECRET, &apart(), DAY);
    assert_eq!(shared.place(), KeyPlace::Account);
    assert_eq!(
        show(&shared.render_look(&apart(), &token())),
        "HEAD https://swift:8080/v1/AUTH_a\nx-auth-token: tok\nx-newest: true\nSome(0)\n"
    );
    assert_eq!(
        show(&shared.render_set(DAY, &apart(), &token())),
        "POST https://swift:8080/v1/AUTH_a\nx-account-meta-temp-url-key-2: \
         wharfinger-86400-4916f743e8f1ef3e5ff97b3ab73cda92a99224c7d3d3563dc46572f6c13c7a13\nx-auth-token: tok\nSome(0)\n"
    );
}

#[test]
fn answers_are_trouble_or_not() {
    let verdict = |status| classify_keys(&head(status, &[]));
    for status in [200, 202, 204] {
        assert_eq!(verdict(status), Verdict::Reply(Reply::Done));
    }
    assert_eq!(verdict(401), Verdict::TokenRejected);
    for status in [400, 403, 404] {
        assert_eq!(verdict(status), REFUSED);
    }
    for status in [429, 498, 500, 503] {
        assert_eq!(verdict(status), BUSY);
    }
}

#[test]
fn keys_are_a_matter_of_secret_place_and_period() {
    let key = |secret: &[u8], endpoint: &Endpoint, period, now| {
        set(&TempUrlKeys::new(secret, endpoint, period).render_set(now, endpoint, &token())).1
    };
    let known = key(SECRET, &together(), DAY, 5 * DAY);
    assert_eq!(key(SECRET, &together(), DAY, 6 * DAY - 1), known);
    // The same servers, reached in another way.
    let inside = Endpoint::new("http://inside/swift/v1/AUTH_a", "wh arf", "wh arf").unwrap();
    assert_eq!(key(SECRET, &inside, DAY, 5 * DAY), known);
    let elsewhere = Endpoint::new("https://swift:8080/v1/AUTH_b", "wh arf", "wh arf").unwrap();
    for other in [
        key(b"another secret", &together(), DAY, 5 * DAY),
        key(SECRET, &apart(), DAY, 5 * DAY),
        key(SECRET, &elsewhere, DAY, 5 * DAY),
        key(SECRET, &together(), DAY, 6 * DAY),
    ] {
        assert_ne!(other, known);
    }
}

#[test]
fn only_what_differs_is_set() {
    for endpoint in [apart(), together()] {
        let keys = TempUrlKeys::new(SECRET, &endpoint, DAY);
        let plan = |times: &[u64], now| keys.plan(&keys.read(&standing(&keys, &endpoint, times)), now);
        let is_kept = |plan| matches!(plan, KeyPlan::Keep(_));
        assert_eq!(plan(&[], 10 * DAY), KeyPlan::Set);
        assert!(is_kept(plan(&[10 * DAY], 10 * DAY)));
        assert!(is_kept(plan(&[9 * DAY, 10 * DAY], 11 * DAY - 1)));
        assert_eq!(plan(&[9 * DAY, 10 * DAY], 11 * DAY), KeyPlan::Set);
        // Another server is already in the next period.
        assert!(is_kept(plan(&[10 * DAY, 11 * DAY], 11 * DAY - 1)));
        // The registry stood still for long.
        assert_eq!(plan(&[9 * DAY, 10 * DAY], 100 * DAY), KeyPlan::Set);
        assert_eq!(plan(&[9 * DAY, 12 * DAY], 10 * DAY), KeyPlan::Ahead);
        // Periods were longer, or shorter, before.
        let weeks = TempUrlKeys::new(SECRET, &endpoint, 7 * DAY);
        let slots = keys.read(&standing(&keys, &endpoint, &[15 * DAY, 16 * DAY]));
        assert_eq!(weeks.plan(&slots, 16 * DAY), KeyPlan::Set);
        let slots = weeks.read(&standing(&weeks, &endpoint, &[7 * DAY, 14 * DAY]));
        assert_eq!(keys.plan(&slots, 16 * DAY), KeyPlan::Set);
    }
}

#[test]
fn keys_of_others_stay_in_the_account_and_not_in_the_container() {
    let other = TempUrlKeys::new(b"another secret", &apart(), DAY);
    let theirs = standing(&other, &apart(), &[10 * DAY]);
    let mut short = HeaderMap::new();
    short.insert("x-account-meta-temp-url-key-2", HeaderValue::from_static("key"));
    let mut altered = HeaderMap::new();
    for (name, value) in standing(&TempUrlKeys::new(SECRET, &apart(), DAY), &apart(), &[10 * DAY]) {
        let text = value.to_str().unwrap().replace("-864000-", "-864001-");
        altered.insert(name.unwrap(), text.parse().unwrap());
    }
    let shared = TempUrlKeys::new(SECRET, &apart(), DAY);
    for (fields, field) in [
        (&theirs, "x-account-meta-temp-url-key"),
        (&short, "x-account-meta-temp-url-key-2"),
        (&altered, "x-account-meta-temp-url-key"),
    ] {
        let plan = shared.plan(&shared.read(fields), 10 * DAY);
        assert_eq!(plan, KeyPlan::Foreign { field });
    }
    let mut empty = HeaderMap::new();
    empty.insert("x-account-meta-temp-url-key-2", HeaderValue::from_static(""));
    assert_eq!(shared.plan(&shared.read(&empty), 10 * DAY), KeyPlan::Set);
    let own = TempUrlKeys::new(SECRET, &together(), DAY);
    let mut before = HeaderMap::new();
    before.insert("x-container-meta-temp-url-key", HeaderValue::from_static("of another secret"));
    assert_eq!(own.plan(&own.read(&before), 10 * DAY), KeyPlan::Set);
}

#[test]
fn what_is_signed_stands_as_long_as_the_url_lives() {
    let endpoint = together();
    let keys = TempUrlKeys::new(SECRET, &endpoint, 1000);
    let signed = |standing: &StandingKeys, now, life| {
        let url = keys.sign(&endpoint, &blob(), standing, now, life)?.to_string();
        // Which period's key it was signed with.
        let with = |begin: &u64| {
            let (_, key) = set(&keys.render_set(*begin, &endpoint, &token()));
            let secret = wharfinger_core::swift::SecretText::new(key.to_str().unwrap());
            wharfinger_core::swift::temp_url(&endpoint, &blob(), &secret, now + life).to_string() == url
        };
        Some([8000, 9000, 10_000].iter().position(with).expect("it is signed with a key that stood"))
    };
    let alone = kept(&keys, &endpoint, &[9000], 9000);
    assert_eq!(signed(&alone, 9000, 1000), Some(1));
    assert_eq!(signed(&alone, 9999, 1000), Some(1));
    // The next period has begun, and its key is not set yet.
    assert_eq!(signed(&alone, 10_200, 700), Some(1));
    assert_eq!(signed(&alone, 10_200, 800), None);
    assert_eq!(signed(&alone, 11_000, 1), None);
    // Proxies of Swift may not know a new key at once.
    let both = kept(&keys, &endpoint, &[8000, 9000], 9000);
    assert_eq!(signed(&both, 9059, 900), Some(0));
    assert_eq!(signed(&both, 9060, 900), Some(1));
    assert_eq!(signed(&both, 9059, 941), None);
    assert_eq!(signed(&both, u64::MAX, u64::MAX), None);
    assert_eq!(keys.next_period(9000), 10_000);
    assert_eq!(keys.next_period(9999), 10_000);
}

#[test]
fn no_key_is_ever_shown() {
    let keys = TempUrlKeys::new(SECRET, &apart(), DAY);
    let rendered = keys.render_set(DAY, &apart(), &token());
    let fields = standing(&keys, &apart(), &[DAY]);
    let shown = format!("{keys:?} {rendered:?} {:?}", keys.read(&fields));
    assert!(!shown.contains("86400-"), "{shown}");
}
