//! A component that sends its clients to Swift: the tests of the native server, and what is different here.

#[path = "../swift/redirect.rs"]
mod redirect;

use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Connection;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::Swift;
use wharfinger_tests::swift::fault::{Action, FaultProxy, Rule};
use wharfinger_tests::swift::host::Host;
use wharfinger_tests::swift::registry::Berth;

use super::{bytes, shared};

/// The host of the tests that both hold to.
const HOST: Host = Host::Component;

const REDIRECT: [(&str, &str); 1] = [("storage.redirect", "true")];

fn berth(swift: &Swift, container: &str) -> Berth {
    Berth::v1(&swift.auth_url(), swift.user(), swift.key(), container)
}

fn berth_through(proxy: &FaultProxy, swift: &Swift, container: &str) -> Berth {
    let url = format!("http://{}/auth/v1.0", proxy.address());
    Berth::v1(&url, swift.user(), swift.key(), container)
}

/// The status of the answer to a GET of a blob, and the content, wherever it is read.
fn read(repository: &Repository, digest: &str) -> (u16, Vec<u8>) {
    let given = repository.ask("GET", &format!("blobs/{digest}")).expect("is answered");
    let Some(url) = given.head.field("location") else { return (given.status(), given.body) };
    let (address, path) = url.trim_start_matches("http://").split_once('/').expect("a URL");
    let connection = Connection::open(address.parse().expect("an address"));
    let content =
        connection.and_then(|mut connection| connection.request("GET", &format!("/{path}"), &[], b""));
    (given.status(), content.and_then(|answer| answer.expect(200)).expect("is read").body)
}

#[test]
fn both_hosts_sign_with_the_same_keys() {
    let proxy = FaultProxy::start(shared().proxy()).expect("the proxy starts");
    let berth = berth_through(&proxy, shared(), "redirect-hosts");
    let first = Host::Native.start(&berth, &REDIRECT).expect("the registry starts");
    proxy.take_log();
    let second = Host::Component.start(&berth, &REDIRECT).expect("the component starts");
    let log = proxy.take_log();
    assert_eq!(log.len(), 5, "a login, two containers, /info, and one look at the keys: {log:?}");
    assert!(log.iter().all(|one| one.method != "POST"), "{log:?}");
    let blob = bytes(20, 5000);
    let digest = sha256(&blob);
    let [first, second] = [&first, &second].map(|host| Repository::new(host.address(), "redirected/hosts"));
    first.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("pushed");
    for repository in [&first, &second] {
        assert_eq!(read(repository, &digest), (307, blob.clone()));
    }
}

#[test]
fn an_instance_that_began_without_a_key_relays_and_does_not_ask_again_at_once() {
    let proxy = FaultProxy::start(shared().proxy()).expect("the proxy starts");
    proxy.rule(Rule::new(Action::Status(503, Vec::new())).method("HEAD").target("/AUTH_test").times(1));
    let berth = berth_through(&proxy, shared(), "redirect-rests");
    let component = HOST.start(&berth, &REDIRECT).expect("the component starts");
    let repository = Repository::new(component.address(), "redirected/rests");
    let blob = bytes(21, 5000);
    let digest = sha256(&blob);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("pushed");
    std::thread::sleep(std::time::Duration::from_millis(100));
    proxy.take_log();
    assert_eq!(read(&repository, &digest), (200, blob));
    let log = proxy.take_log();
    assert!(log.iter().all(|one| one.target.split('/').count() > 4), "a look at the keys: {log:?}");
}
