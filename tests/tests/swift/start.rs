//! What the registry says when it cannot store in its Swift.

use std::net::TcpListener;
use std::process::Command;

use serde_json::json;
use wharfinger_tests::server::{Folder, binary};

use super::{berth, shared};

/// Starts a registry on this cloud, which must end with 1 and one line that has all of `expected` in it.
pub fn refuses(cloud: &serde_json::Value, container: &str, expected: &[&str]) {
    let folder = Folder::new("swift-start").expect("a folder");
    let path = |name| folder.path().join(name);
    std::fs::write(path("clouds.yaml"), json!({"clouds": {"rig": cloud}}).to_string()).expect("writes");
    let config = json!({"registry": {
        "secret": "not-a-secret-of-anybody",
        "storage": {"driver": "swift", "cloud": "rig", "container": container},
    }});
    std::fs::write(path("config.yaml"), config.to_string()).expect("writes");
    let out = Command::new(binary().expect("the binary is built"))
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(path("config.yaml"))
        .env("OS_CLIENT_CONFIG_FILE", path("clouds.yaml"))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for part in expected {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn an_unreachable_or_refusing_cloud_is_one_clear_sentence_and_exit_1() {
    let swift = shared();
    let good = berth(swift, "start").cloud;
    let with = |key: &str, value: &str| {
        let mut cloud = good.clone();
        cloud["auth"][key] = value.into();
        cloud
    };
    refuses(&with("password", "wrong"), "start", &["cloud rig: cannot log in", "not accepted"]);
    refuses(&with("auth_url", "https://127.0.0.1:1/auth/v1.0"), "start", &["wants TLS"]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    drop(taken);
    let url = format!("http://{address}/auth/v1.0");
    refuses(&with("auth_url", &url), "start", &["cannot log in: it cannot be reached"]);
    refuses(&with("auth_url", &format!("http://{}/nothing", swift.proxy())), "start", &["cannot log in"]);
    refuses(&good, "a/b", &["cannot be the name of a container"]);
    let mut elsewhere = good.clone();
    elsewhere["object_store_endpoint_override"] =
        format!("http://{}/v1/AUTH_of_somebody_else", swift.proxy()).into();
    refuses(&elsewhere, "start", &["does not let us use the container", "403"]);
}

#[test]
fn missing_containers_are_created_and_found_ones_are_used() {
    let swift = shared();
    let client = swift.client().expect("logs in");
    let berth = berth(swift, "made-here");
    assert_eq!(client.head("/made-here").expect("is answered").status(), 404);
    berth.start().expect("starts").stop().expect("stops");
    assert_eq!(client.head("/made-here").expect("is answered").status(), 204);
    assert_eq!(client.head("/made-here-segments").expect("is answered").status(), 204);
    berth.start().expect("starts again").stop().expect("stops");
}
