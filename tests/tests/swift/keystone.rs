//! A Swift whose users are Keystone's.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::keystone::Keystone;
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{Options, Swift};

use super::bytes;
use super::start::refuses;

pub fn password(keystone: &Keystone) -> Value {
    json!({
        "region_name": keystone.region(),
        "auth": {
            "auth_url": keystone.auth_url(),
            "username": keystone.user(), "password": keystone.password(),
            "project_name": keystone.project(),
            "user_domain_name": keystone.domain(), "project_domain_name": keystone.domain(),
        },
    })
}

fn credential(keystone: &Keystone) -> Value {
    json!({
        "auth_type": "v3applicationcredential",
        "region_name": keystone.region(),
        "auth": {
            "auth_url": keystone.auth_url().trim_end_matches("/v3"),
            "application_credential_id": keystone.credential_id(),
            "application_credential_secret": keystone.credential_secret(),
        },
    })
}

/// Pushes and pulls one blob after the other for a while.
fn use_for(berth: &Berth, time: Duration) {
    let registry = berth.start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "keystone/app");
    let begun = Instant::now();
    let mut round = 0;
    while round < 2 || begun.elapsed() < time {
        let blob = bytes(round, 300_000);
        let pushed = match round % 2 {
            0 => repository.push_pieces(&blob, 200_000),
            _ => repository.push_whole(&blob),
        };
        pushed.and_then(|answer| answer.expect(201)).expect("it is stored");
        assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob));
        round += 1;
    }
    registry.stop().expect("the registry stops well");
}

#[test]
fn keystone_lets_in_by_password_and_credential_and_tokens_are_renewed() {
    let life = Duration::from_secs(10);
    let options = Options { keystone: true, token_life: life, ..Options::default() };
    let swift = Swift::start(&options).expect("Swift and Keystone start");
    let keystone = swift.keystone().expect("there is a Keystone");
    let berth = |cloud| Berth { cloud, container: "keys".to_owned(), lines: String::new() };
    use_for(&berth(password(keystone)), life * 2);
    use_for(&berth(credential(keystone)), Duration::ZERO);

    let refused = |mut cloud: Value, key: &str, value: Value, expected: &[&str]| {
        cloud["auth"][key] = value;
        refuses(&cloud, "keys", expected);
    };
    refused(password(keystone), "password", "wrong".into(), &["cannot log in", "not accepted"]);
    let secret = "application_credential_secret";
    refused(credential(keystone), secret, "wrong".into(), &["cannot log in", "not accepted"]);
    let (outsider, outsider_password) = keystone.outsider();
    let mut foreign = password(keystone);
    foreign["auth"]["username"] = outsider.into();
    foreign["auth"]["project_name"] = "service".into();
    refused(foreign, "password", outsider_password.into(), &["does not let us use the container", "403"]);
    let mut nowhere = password(keystone);
    nowhere["region_name"] = "nowhere".into();
    refuses(&nowhere, "keys", &["no public object-store endpoint in region", keystone.region()]);
    let mut unscoped = password(keystone);
    let auth = unscoped["auth"].as_object_mut().expect("an object");
    auth.remove("project_name");
    auth.remove("project_domain_name");
    refuses(&unscoped, "keys", &["belongs to no project"]);
}
