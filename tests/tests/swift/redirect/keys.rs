//! The keys of temporary URLs: agreed on, rotated, and never taken from others.

use wharfinger_core::oci::Digest;
use wharfinger_core::store::Key;
use wharfinger_core::swift::{Endpoint, SecretText, temp_url};
use wharfinger_tests::swift::client::Client;
use wharfinger_tests::swift::fault::{Action, Rule};
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{Options, Swift};

use super::*;

/// Keys that soon make way for others, and URLs that do not outlive them.
const BRIEF: [Setting<'static>; 2] =
    [("storage.redirect-seconds", "5"), ("storage.redirect-key-seconds", "6")];

/// The keys in the two slots of a container, the newer one first.
fn keys_of(client: &Client, container: &str) -> Vec<String> {
    let head =
        client.head(&format!("/{container}")).and_then(|answer| answer.expect(204)).expect("is there").head;
    let fields = head.fields.iter().filter(|(name, _)| name.starts_with("x-container-meta-temp-url-key"));
    let mut keys: Vec<String> = fields.map(|(_, key)| key.clone()).collect();
    keys.sort_by_key(|key| std::cmp::Reverse(begin_of(key)));
    keys
}

/// When the period of a key begins.
fn begin_of(key: &str) -> u64 {
    let begin = key.split('-').nth(1).and_then(|begin| begin.parse().ok());
    begin.expect("a key of a registry")
}

/// A URL for a long time, signed with a key as anybody can who has it.
fn signed(client: &Client, container: &str, digest: &str, key: &str) -> (SocketAddr, String) {
    let endpoint = Endpoint::new(&client.storage_url(), container, container).expect("an endpoint");
    let blob = Key::Blob(Digest::parse(digest).expect("a digest"));
    let url = temp_url(&endpoint, &blob, &SecretText::new(key), 10_000_000_000);
    let address = url.authority().expect("an address").as_str().parse().expect("an address");
    (address, url.path_and_query().expect("a path").to_string())
}

#[test]
fn the_key_of_a_period_stands_in_the_next_one_and_not_after() {
    let (swift, container) = (shared(), "redirect-turns");
    let client = swift.client().expect("logs in");
    let settings = [&together(container)[..], &BRIEF].concat();
    let registry = HOST.start(&berth(swift, container), &settings).expect("the registry starts");
    let repository = Repository::new(registry.address(), "redirected/turns");
    let blob = bytes(6, 5000);
    let digest = sha256(&blob);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("pushed");
    let key = keys_of(&client, container).remove(0);
    let old = signed(&client, container, &digest, &key);
    let begun = Instant::now();
    let mut in_the_next = 0;
    loop {
        let (before, answer, after) =
            (keys_of(&client, container), fetch(&old, &[]), keys_of(&client, container));
        match (before.contains(&key), after.contains(&key)) {
            (true, true) => {
                assert_eq!(answer.status(), 200, "{}", answer.text());
                in_the_next += u32::from(before[0] != key);
            }
            (true, false) => {}
            (false, _) => {
                assert_eq!(answer.status(), 401);
                break;
            }
        }
        // Whoever asks the registry meanwhile gets the blob, from here or there.
        let given = blob_of(&repository, &digest);
        let read = if given.status() == 307 { fetch(&target(&given), &[]) } else { given };
        assert_eq!((read.status(), sha256(&read.body)), (200, digest.clone()));
        assert!(begun.elapsed() < PATIENCE, "the key never goes");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(in_the_next > 0, "the key of a period goes with it");
}

#[test]
fn a_server_whose_key_cannot_be_set_relays() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let settings = [&together("redirect-stuck")[..], &BRIEF].concat();
    let berth = berth_through(&proxy, swift, "redirect-stuck");
    let registry = HOST.start(&berth, &settings).expect("the registry starts");
    let repository = Repository::new(registry.address(), "redirected/stuck");
    let blob = bytes(7, 5000);
    let digest = sha256(&blob);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("pushed");
    proxy.rule(Rule::new(Action::Status(503, Vec::new())).method("POST").always());
    let waits_for = |status| {
        let begun = Instant::now();
        loop {
            let given = blob_of(&repository, &digest);
            let at_last = given.status() == status;
            let read = if given.status() == 307 { fetch(&target(&given), &[]) } else { given };
            assert_eq!((read.status(), sha256(&read.body)), (200, digest.clone()));
            if at_last {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "never {status}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    waits_for(200);
    let begun = Instant::now();
    while !registry.log().contains("cannot tell or take the keys of temporary URLs (503") {
        assert!(begun.elapsed() < PATIENCE, "{}", registry.log());
        // The component looks when it is asked.
        blob_of(&repository, &digest);
        std::thread::sleep(Duration::from_millis(100));
    }
    proxy.clear();
    waits_for(307);
}

#[test]
fn servers_with_one_secret_agree_and_set_nothing_twice() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    for settings in [&together("redirect-pair")[..], &[REDIRECT]] {
        let berth = berth_through(&proxy, swift, "redirect-pair");
        let first = HOST.start(&berth, settings).expect("the registry starts");
        proxy.take_log();
        let second = HOST.start(&berth, settings).expect("another one starts");
        let log = proxy.take_log();
        assert!(log.iter().all(|one| one.method != "POST"), "{log:?}");
        assert_eq!(log.iter().filter(|one| one.method == "HEAD").count(), 1, "{log:?}");
        let blob = bytes(8, 5000);
        let pushes = Repository::new(first.address(), "redirected/pair");
        pushes.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("pushed");
        for server in [&first, &second] {
            let repository = Repository::new(server.address(), "redirected/pair");
            assert_eq!(fetch(&target(&blob_of(&repository, &sha256(&blob))), &[]).body, blob);
        }
    }
}

#[test]
fn servers_that_start_at_once_agree() {
    let (berth, settings) = (berth(shared(), "redirect-race"), together("redirect-race"));
    let started = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..3).map(|_| scope.spawn(|| HOST.start(&berth, &settings))).collect();
        starts.into_iter().map(|start| start.join().expect("no panic")).collect::<Vec<_>>()
    });
    let servers: Vec<Registry> =
        started.into_iter().map(|start| start.expect("the registry starts")).collect();
    let blob = bytes(9, 5000);
    let pushes = Repository::new(servers[0].address(), "redirected/race");
    pushes.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("pushed");
    for server in &servers {
        let repository = Repository::new(server.address(), "redirected/race");
        assert_eq!(fetch(&target(&blob_of(&repository, &sha256(&blob))), &[]).body, blob);
    }
    assert_eq!(keys_of(&shared().client().expect("logs in"), "redirect-race").len(), 1);
}

#[test]
fn a_key_of_somebody_else_stays_in_the_account() {
    let swift = Swift::start(&Options::default()).expect("Swift starts");
    let client = swift.client().expect("logs in");
    let set = |value: &str| {
        let field = [("X-Account-Meta-Temp-URL-Key-2", value)];
        client.request("POST", "", &field, b"").and_then(|answer| answer.expect(204)).expect("is set");
    };
    set("of somebody else");
    let apart = || HOST.start(&berth(&swift, "redirect-foreign"), &[REDIRECT]);
    let said = apart().expect_err("it does not start");
    assert!(said.contains("the account has a key in x-account-meta-temp-url-key-2"), "{said}");
    assert!(!said.contains("of somebody else"), "{said}");
    let head = client.head("").expect("is answered").head;
    assert_eq!(head.field("x-account-meta-temp-url-key-2"), Some("of somebody else"));
    assert_eq!(head.field("x-account-meta-temp-url-key"), None);
    // A container of one's own needs no key of the account.
    let own = HOST.start(&berth(&swift, "redirect-own"), &together("redirect-own"));
    own.expect("starts").stop().expect("stops");
    set("");
    apart().expect("starts").stop().expect("stops");
}

#[test]
fn a_swift_that_cannot_or_may_not_ends_the_start_with_one_sentence() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let berth = berth_through(&proxy, swift, "redirect-refused");
    let start = || HOST.start(&berth, &together("redirect-refused"));
    let status = |status| Action::Status(status, Vec::new());
    for (rule, expected) in [
        (Rule::new(status(404)).target("/info"), "temporary URLs for GET signed with sha256"),
        (Rule::new(status(403)).method("POST"), "does not let us set keys of temporary URLs"),
    ] {
        proxy.rule(rule);
        let said = start().expect_err("it does not start");
        assert!(said.contains(expected), "{said}");
        proxy.clear();
    }
    let expected = "wait until it is well again";
    proxy.rule(Rule::new(status(503)).method("HEAD"));
    match HOST {
        Host::Native => {
            let said = start().expect_err("it does not start");
            assert!(said.contains(expected), "{said}");
        }
        // An instance starts in the midst of the service: what passes by itself does not end it.
        Host::Component => {
            let registry = start().expect("starts");
            let begun = Instant::now();
            while !registry.log().contains(expected) {
                assert!(begun.elapsed() < PATIENCE, "{}", registry.log());
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
    proxy.clear();
    // A token that is not taken is no reason to give up.
    proxy.rule(Rule::new(status(401)).method("HEAD"));
    start().expect("starts").stop().expect("stops");
}

#[test]
fn a_member_of_a_project_of_keystone_may_set_keys() {
    let swift =
        Swift::start(&Options { keystone: true, ..Options::default() }).expect("Swift and Keystone start");
    let cloud = swift.keystone().expect("there is a Keystone").cloud();
    for settings in [&[REDIRECT][..], &together("redirect-member")] {
        let (cloud, container) = (cloud.clone(), "redirect-member".to_owned());
        let berth = Berth { cloud, container, lines: String::new() };
        let registry = HOST.start(&berth, settings).expect("the registry starts");
        let repository = Repository::new(registry.address(), "redirected/member");
        let blob = bytes(10, 300_000);
        repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("pushed");
        assert_eq!(fetch(&target(&blob_of(&repository, &sha256(&blob))), &[]).body, blob);
    }
}
