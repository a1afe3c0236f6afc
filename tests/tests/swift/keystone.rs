//! A Swift whose users are Keystone's.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::Server;
use wharfinger_tests::swift::fault::FaultProxy;
use wharfinger_tests::swift::keystone::Keystone;
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{Options, Swift};

use super::bytes;
use super::start::refuses;

/// How long the tokens of [`brief_rig`] are good for. That Swift asks Keystone about each of them takes a part of it.
const LIFE: Duration = Duration::from_secs(16);

/// A pause of those who use a registry for a while: they are to be there, not to be in a hurry.
const PACE: Duration = Duration::from_millis(100);

/// The rig of all tests that need no other. It ends with the process.
fn rig() -> (&'static Swift, &'static Keystone) {
    static SWIFT: OnceLock<Swift> = OnceLock::new();
    started(&SWIFT, Options::default())
}

/// A rig whose tokens soon end.
fn brief_rig() -> (&'static Swift, &'static Keystone) {
    static SWIFT: OnceLock<Swift> = OnceLock::new();
    started(&SWIFT, Options { token_life: LIFE, ..Options::default() })
}

fn started(swift: &'static OnceLock<Swift>, options: Options) -> (&'static Swift, &'static Keystone) {
    let options = Options { keystone: true, ..options };
    let swift = swift.get_or_init(|| Swift::start(&options).expect("Swift and Keystone start"));
    (swift, swift.keystone().expect("there is a Keystone"))
}

fn password(keystone: &Keystone) -> Value {
    keystone.cloud()
}

/// The same user and project by their ids.
fn password_by_ids(keystone: &Keystone) -> Value {
    json!({
        "auth_type": "v3password",
        "region_name": keystone.region(),
        "auth": {
            "auth_url": format!("{}/", keystone.auth_url()),
            "user_id": keystone.user_id(), "password": keystone.password(),
            "project_id": keystone.project_id(),
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

fn credential_by_name(keystone: &Keystone) -> Value {
    json!({
        "auth_type": "v3applicationcredential",
        "region_name": keystone.region(),
        "auth": {
            "auth_url": keystone.auth_url(),
            "username": keystone.user(), "user_domain_name": keystone.domain(),
            "application_credential_name": keystone.credential(),
            "application_credential_secret": keystone.credential_secret(),
        },
    })
}

/// A cloud that logs in by a token which was got elsewhere.
fn token(keystone: &Keystone, auth_type: &str) -> Value {
    let login = keystone.password_login(keystone.user(), keystone.password(), keystone.project());
    let (token, _) = keystone.token(&login).expect("Keystone gives a token");
    json!({
        "auth_type": auth_type,
        "region_name": keystone.region(),
        "auth": {
            "auth_url": keystone.auth_url(), "token": token,
            "project_name": keystone.project(), "project_domain_name": keystone.domain(),
        },
    })
}

fn berth(cloud: Value, container: &str) -> Berth {
    Berth { cloud, container: container.to_owned(), lines: String::new() }
}

/// Pushes and pulls one blob after the other for a while, at least two.
fn use_for(registry: &Server, name: &str, time: Duration) {
    let repository = Repository::new(registry.address(), name);
    let begun = Instant::now();
    let mut round = 0;
    while round < 2 || begun.elapsed() < time {
        let blob = bytes(round, 300_000);
        let pushed = match round % 2 {
            0 => repository.push_pieces(&blob, 200_000),
            _ => repository.push_whole(&blob),
        };
        let stored = pushed.and_then(|answer| answer.expect(201));
        assert!(stored.is_ok(), "{stored:?} after {:?}: {}", begun.elapsed(), registry.log());
        assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob));
        round += 1;
        std::thread::sleep(PACE);
    }
}

#[test]
fn every_login_of_keystone_lets_in() {
    let (_, keystone) = rig();
    for (name, cloud) in [
        ("password", password(keystone)),
        ("v3password", password_by_ids(keystone)),
        ("credential", credential(keystone)),
        ("named-credential", credential_by_name(keystone)),
        ("token", token(keystone, "token")),
        ("v3token", token(keystone, "v3token")),
    ] {
        let registry = berth(cloud, "lets-in").start().unwrap_or_else(|error| panic!("{name}: {error}"));
        use_for(&registry, &format!("lets-in/{name}"), Duration::ZERO);
        registry.stop().expect("the registry stops well");
    }
}

#[test]
fn tokens_of_keystone_are_renewed_in_mid_use() {
    let (_, keystone) = brief_rig();
    let clouds = [password(keystone), credential(keystone)];
    std::thread::scope(|scope| {
        for (number, cloud) in clouds.into_iter().enumerate() {
            let registry = berth(cloud, "renewed").start().expect("the registry starts");
            scope.spawn(move || {
                use_for(&registry, &format!("renewed/by-{number}"), LIFE * 5 / 2);
                registry.stop().expect("the registry stops well");
            });
        }
    });
}

/// Nothing can be done about it; but everybody is told.
#[test]
fn a_login_by_token_ends_with_the_token_and_says_so() {
    let (_, keystone) = brief_rig();
    let registry = berth(token(keystone, "v3token"), "ends").start().expect("the registry starts");
    assert!(registry.log().contains("a login by token lasts as long as the token"), "{}", registry.log());
    let repository = Repository::new(registry.address(), "ends/app");
    let blob = bytes(1, 1000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    let begun = Instant::now();
    loop {
        let answer = repository.push_whole(&blob).expect("is answered");
        if answer.status() == 503 {
            break;
        }
        assert_eq!(answer.status(), 201, "{}: {}", answer.text(), registry.log());
        assert!(begun.elapsed() < LIFE * 3, "the token does not end");
        std::thread::sleep(PACE);
    }
    for (method, what) in [("GET", format!("blobs/{}", sha256(&blob))), ("GET", "tags/list".to_owned())] {
        let answer = repository.ask(method, &what).expect("is answered");
        assert_eq!(answer.status(), 503, "{what}: {}", answer.text());
        assert_eq!(answer.head.field("www-authenticate"), None);
    }
    let log = registry.log();
    assert!(log.contains("the token of the cloud is wrong or over"), "{log}");
    registry.stop().expect("the registry stops well");
}

#[test]
fn what_keystone_refuses_is_told_at_the_start() {
    let (_, keystone) = rig();
    let refused = |mut cloud: Value, key: &str, value: Value, expected: &[&str]| {
        cloud["auth"][key] = value;
        refuses(&cloud, "keys", expected);
    };
    refused(password(keystone), "password", "wrong".into(), &["cannot log in", "not accepted"]);
    refused(password(keystone), "project_name", "elsewhere".into(), &["cannot log in", "not accepted"]);
    let secret = "application_credential_secret";
    refused(credential(keystone), secret, "wrong".into(), &["cannot log in", "not accepted"]);
    refused(credential_by_name(keystone), secret, "wrong".into(), &["cannot log in", "not accepted"]);
    let wrong_token = ["cannot log in", "the token of the cloud is wrong or over", "give a new one"];
    refused(token(keystone, "token"), "token", "wrong".into(), &wrong_token);

    let (outsider, outsider_password) = keystone.outsider();
    let mut foreign = password(keystone);
    foreign["auth"]["username"] = outsider.into();
    foreign["auth"]["project_name"] = "service".into();
    refused(foreign, "password", outsider_password.into(), &["does not let us use the container", "403"]);

    let mut unscoped = password(keystone);
    let auth = unscoped["auth"].as_object_mut().expect("an object");
    auth.remove("project_name");
    auth.remove("project_domain_name");
    refuses(&unscoped, "keys", &["belongs to no project"]);

    let url = keystone.auth_url().trim_end_matches("/v3");
    refused(password(keystone), "auth_url", format!("{url}/v2.0").into(), &["give the auth URL of its v3"]);
    let nowhere = format!("{url}/nothing/here").into();
    refused(password(keystone), "auth_url", nowhere, &["cannot log in", "check the URL"]);
}

#[test]
fn region_and_interface_choose_among_the_endpoints_of_the_catalog() {
    let (swift, keystone) = rig();
    let place = |address| format!("http://{address}/v1/AUTH_$(project_id)s");
    let proxies = ["admin", "internal", "public"].map(|interface| {
        let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
        let url = place(proxy.address());
        keystone.add_endpoint("Harbour", interface, &url).expect("Keystone adds an endpoint");
        (interface, proxy)
    });
    keystone.add_endpoint("Inland", "internal", &place(swift.proxy())).expect("Keystone adds an endpoint");
    let cloud = |region: &str, interface: &str| {
        let mut cloud = password(keystone);
        cloud["region_name"] = region.into();
        cloud["interface"] = interface.into();
        cloud
    };
    for (interface, chosen) in &proxies {
        for spelt in [(*interface).to_owned(), format!("{interface}URL")] {
            let registry = berth(cloud("Harbour", &spelt), "choice").start().expect("the registry starts");
            use_for(&registry, "choice/app", Duration::ZERO);
            registry.stop().expect("the registry stops well");
            assert!(chosen.take_log().len() > 10, "{interface} is used");
            for (other, proxy) in &proxies {
                assert_eq!(proxy.take_log(), [], "{other} is not, for {spelt}");
            }
        }
    }

    let offered = "Harbour (admin, internal, public), Inland (internal), RegionOne (admin, internal, public)";
    refuses(
        &cloud("Inland", "public"),
        "choice",
        &["no public object-store endpoint in region \"Inland\", only: ", offered, "choose one of these"],
    );
    refuses(
        &cloud("nowhere", "admin"),
        "choice",
        &["no admin object-store endpoint in region \"nowhere\"", offered],
    );
    let mut undecided = password(keystone);
    undecided.as_object_mut().expect("an object").remove("region_name");
    refuses(&undecided, "choice", &["in several regions: Harbour, RegionOne, RegionTwo; name one of them"]);

    let [.., (_, public)] = &proxies;
    let mut overridden = cloud("nowhere", "admin");
    overridden["object_store_endpoint_override"] =
        format!("http://{}/v1/AUTH_{}", public.address(), keystone.project_id()).into();
    let registry = berth(overridden, "choice").start().expect("the registry starts");
    use_for(&registry, "choice/overridden", Duration::ZERO);
    assert!(public.take_log().len() > 10, "the endpoint of the override is used, whatever the catalog says");
    registry.stop().expect("the registry stops well");
}
