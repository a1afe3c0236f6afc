//! A file of zuul-registry's shape with its Swift driver.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wharfinger_tests::http::Connection;
use wharfinger_tests::server::{Folder, Options, Server};

use super::{berth, shared};

#[test]
fn a_file_of_zuul_registry_stores_in_swift() {
    let folder = Folder::new("zuul-swift").expect("a folder");
    let clouds = folder.path().join("clouds.yaml");
    let cloud = berth(shared(), "zuul").cloud;
    std::fs::write(&clouds, json!({"clouds": {"registry": cloud}}).to_string()).expect("a file");
    let config = "registry:\n  address: '0.0.0.0'\n  port: 9000\n  public-url: https://localhost:9000\n  \
                  secret: \"%(ZUUL_REGISTRY_SECRET)\"\n  users:\n    - name: builder\n      pass: builder-password\n      \
                  access: write\n  storage:\n    driver: swift\n    cloud: registry\n    container: zuul\n    expiration: 604800\n";
    let env = [
        ("OS_CLIENT_CONFIG_FILE", clouds.display().to_string()),
        ("ZUUL_REGISTRY_SECRET", "not-a-secret-of-anybody".to_owned()),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let options = Options { config: Some(config.to_owned()), env, ..Options::default() };
    let server = Server::start(options).expect("the registry starts");
    let builder = format!("Basic {}", STANDARD.encode("builder:builder-password"));
    let known = [("Authorization", builder.as_str())];
    let ask = |method, target: &str, fields: &[(&str, &str)], body: &[u8]| {
        let mut connection = Connection::open(server.address()).expect("a connection");
        connection.request(method, target, fields, body).expect("an answer")
    };
    let digest = wharfinger_tests::digest::sha256(b"blob");
    let push = format!("/v2/some/app/blobs/uploads/?digest={digest}");
    assert_eq!(ask("POST", &push, &[], b"blob").status(), 401);
    assert_eq!(ask("POST", &push, &known, b"blob").status(), 201);
    let pulled = ask("GET", &format!("/v2/some/app/blobs/{digest}"), &[], b"");
    assert_eq!((pulled.status(), pulled.body.as_slice()), (200, b"blob".as_slice()));
    server.stop().expect("it ends in good order");
}
