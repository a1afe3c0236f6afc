use serde_json::json;
use wharfinger_tests::issuer::Asked;
use wharfinger_tests::server::Folder;
use wharfinger_tests::tls_relay::{Authority, TlsRelay};

use crate::ci::Ci;
use crate::registry::{Registry, Shown};

#[test]
fn keys_come_over_tls_from_who_has_a_certificate_that_is_trusted() {
    let folder = Folder::new("identity-tls").expect("the temporary directory is writable");
    let [own, other] = ["own", "other"].map(|name| {
        let authority = Authority::new(name).expect("an authority");
        let file = folder.path().join(format!("{name}.pem"));
        std::fs::write(&file, authority.pem()).expect("its certificate is written");
        (authority, file)
    });
    let ci = Ci::kubernetes();
    let certified = own.0.certify(&["127.0.0.1"]).expect("a certificate");
    let relay = TlsRelay::start(ci.issuer.address(), &certified).expect("the relay starts");
    ci.issuer.go_by(&format!("https://{}", relay.address()));
    let start = |file: &std::path::Path| {
        let trusted = ("SSL_CERT_FILE".to_owned(), file.to_string_lossy().into_owned());
        let without_jwks_url = ci.settings_at(&ci.issuer.url());
        Registry::start_in(vec![trusted], &[without_jwks_url], &json!({}))
    };
    let shown = Shown::bearer(&ci.token());
    let registry = start(&other.1);
    assert_eq!(registry.ping(&shown), 503, "nobody knows whose keys these are");
    let told = registry.log_with(1, |line| line["level"] == "WARN" && line["issuer"] == ci.user);
    assert!(told[0]["error"].as_str().is_some_and(|error| error.contains("certificate")), "{told:?}");
    assert_eq!(ci.issuer.asked(), Asked::default());
    let registry = start(&own.1);
    assert_eq!(registry.ping(&shown), 200);
    assert_eq!(ci.issuer.asked(), Asked { discovery: 1, keys: 1 });
}
