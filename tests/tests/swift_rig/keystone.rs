//! Tokens of Keystone.

use serde_json::json;
use wharfinger_tests::swift::fault::{Action, FaultProxy, Rule};
use wharfinger_tests::swift::{Options, Swift};

use super::status;

#[test]
fn tokens_of_keystone_open_the_account_in_its_catalog() {
    let swift = Swift::start(&Options { keystone: true, ..Options::default() }).expect("Swift starts");
    let keystone = swift.keystone().expect("was asked for");
    let by_password = keystone.password_login(keystone.user(), keystone.password(), keystone.project());
    let by_credential = keystone.credential_login(keystone.credential_secret());

    let client = keystone.log_in(&by_password).expect("logs in");
    assert_eq!(client.account(), format!("/v1/AUTH_{}", keystone.project_id()));
    status(client.put("/registry", b""), 201);
    status(client.put("/registry/object", b"content"), 201);
    let by_other_means = keystone.log_in(&by_credential).expect("logs in");
    assert_eq!(status(by_other_means.get("/registry/object"), 200).text(), "content");

    let wrong = keystone.password_login(keystone.user(), "wrong", keystone.project());
    status(keystone.ask(&wrong), 401);
    status(keystone.ask(&keystone.credential_login("wrong")), 401);
    let mut scoped = by_credential.clone();
    scoped["auth"]["scope"] = json!({"project": {"id": keystone.project_id()}});
    status(keystone.ask(&scoped), 401);
    let (outsider, password) = keystone.outsider();
    let stranger = keystone.log_in(&keystone.password_login(outsider, password, "service")).expect("logs in");
    let stranger =
        wharfinger_tests::swift::client::Client::with_token(&client.storage_url(), stranger.token());
    status(stranger.expect("a client").get("/registry/object"), 403);

    let answer = status(keystone.ask(&by_password), 201);
    for part in ["RegionTwo", "http://127.0.0.2:9/", "\"expires_at\""] {
        assert!(answer.text().contains(part), "{part} is not in {}", answer.text());
    }

    let proxy = FaultProxy::start(swift.proxy()).expect("listens");
    proxy.rule(Rule::new(Action::Status(401, Vec::new())));
    swift.name_in_catalog(proxy.address()).expect("changes");
    let client = keystone.log_in(&by_credential).expect("logs in");
    status(client.get("/registry/object"), 401);
    status(client.get("/registry/object"), 200);
    assert_eq!(proxy.log().len(), 2);
}
