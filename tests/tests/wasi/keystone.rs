//! The component on a Swift whose users are Keystone's.

use std::time::{Duration, Instant};

use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::{self, Swift};
use wharfinger_tests::wasi::{Component, Options};

use super::bytes;

/// How long tokens are good for.
const LIFE: Duration = Duration::from_secs(16);
/// A pause of those who use a registry for a while: they are to be there, not to be in a hurry.
const PACE: Duration = Duration::from_millis(100);

/// The component on this container, with these variables to log in by.
fn start(container: &str, login: &[(&str, &str)]) -> Component {
    let options = Options::default()
        .with("WHARFINGER_STORAGE_DRIVER", "swift")
        .with("WHARFINGER_STORAGE_CONTAINER", container);
    let options = login.iter().fold(options, |options, (name, value)| options.with(name, value));
    Component::start(options).expect("the component starts")
}

#[test]
fn each_way_to_log_in_serves_beyond_the_life_of_a_token() {
    let options = swift::Options { keystone: true, token_life: LIFE, ..swift::Options::default() };
    let swift = Swift::start(&options).expect("Swift and Keystone start");
    let keystone = swift.keystone().expect("there is a Keystone");
    let place = [("OS_AUTH_URL", keystone.auth_url()), ("OS_REGION_NAME", keystone.region())];
    let by_name = [
        ("OS_USERNAME", keystone.user()),
        ("OS_PASSWORD", keystone.password()),
        ("OS_PROJECT_NAME", keystone.project()),
        ("OS_USER_DOMAIN_NAME", keystone.domain()),
        ("OS_PROJECT_DOMAIN_NAME", keystone.domain()),
    ];
    let by_id = [
        ("OS_AUTH_TYPE", "v3password"),
        ("OS_USER_ID", keystone.user_id()),
        ("OS_PASSWORD", keystone.password()),
        ("OS_PROJECT_ID", keystone.project_id()),
    ];
    let credential = [
        ("OS_AUTH_TYPE", "v3applicationcredential"),
        ("OS_APPLICATION_CREDENTIAL_ID", keystone.credential_id()),
        ("OS_APPLICATION_CREDENTIAL_SECRET", keystone.credential_secret()),
    ];
    let components = [&by_name[..], &by_id[..], &credential[..]]
        .map(|login| start("wasi-keystone", &[&place[..], login].concat()));
    let blob = bytes(600, 1_500_000);
    let digest = sha256(&blob);
    for (number, component) in components.iter().enumerate() {
        let repository = Repository::new(component.address(), &format!("login/by-{number}"));
        let pushed = repository.push_pieces(&blob, 1_000_000).and_then(|answer| answer.expect(201));
        pushed.unwrap_or_else(|error| panic!("{number}: {error}: {}", component.log()));
    }
    let end = Instant::now() + LIFE + Duration::from_secs(4);
    while Instant::now() < end {
        for (number, component) in components.iter().enumerate() {
            let repository = Repository::new(component.address(), &format!("login/by-{number}"));
            let found = repository.stat(&digest);
            let found = found.unwrap_or_else(|error| panic!("{number}: {error}: {}", component.log()));
            assert_eq!(found, Some(blob.len() as u64));
        }
        std::thread::sleep(PACE);
    }
    for (number, component) in components.into_iter().enumerate() {
        let repository = Repository::new(component.address(), &format!("login/by-{number}"));
        assert_eq!(repository.read(&digest).expect("GET").as_ref(), Some(&blob));
        component.stop().expect("it stops well");
    }
}
