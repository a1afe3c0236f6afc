//! What the registry says when it cannot store in its Swift.

use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};
use wharfinger_tests::server::{Folder, binary};

use super::{berth, shared};

/// How long a registry waits for its cloud: the default.
const STORE_SECONDS: f64 = 60.0;

/// Starts a registry on this cloud, which must end with 1 and one line that has all of `expected` in it.
pub fn refuses(cloud: &Value, container: &str, expected: &[&str]) {
    refuses_within(STORE_SECONDS, cloud, container, expected);
}

/// The same, of a registry that waits so long for its cloud.
fn refuses_within(store_seconds: f64, cloud: &Value, container: &str, expected: &[&str]) {
    let folder = Folder::new("swift-start").expect("a folder");
    let clouds = folder.path().join("clouds.yaml");
    std::fs::write(&clouds, json!({"clouds": {"rig": cloud}}).to_string()).expect("writes");
    let storage = json!({"driver": "swift", "cloud": "rig", "container": container});
    let variables = [("OS_CLIENT_CONFIG_FILE", clouds.display().to_string())];
    let limits = json!({"store-seconds": store_seconds});
    refuses_settings(&json!({"storage": storage, "limits": limits}), &variables, expected);
}

/// Starts a registry with these settings, which must end with 1 and one line that has all of `expected` in it.
pub fn refuses_settings(settings: &Value, variables: &[(&str, String)], expected: &[&str]) {
    let folder = Folder::new("swift-start").expect("a folder");
    let config = folder.path().join("config.yaml");
    let mut settings = settings.clone();
    settings["secret"] = "not-a-secret-of-anybody".into();
    std::fs::write(&config, json!({"registry": settings}).to_string()).expect("writes");
    let out = Command::new(binary().expect("the binary is built"))
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| !line.contains(" WARN ")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    for part in expected {
        assert!(lines[0].contains(part), "{part}: {said}");
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
    refuses(&with("password", "wrong"), "start", &["cloud rig: cannot log in at http://", "not accepted"]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    drop(taken);
    let url = format!("http://{address}/auth/v1.0");
    let nobody = format!("cannot log in at {url}: it cannot be reached");
    refuses(&with("auth_url", &url), "start", &[&nobody]);
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/auth/v1.0", silent.local_addr().expect("an address"));
    let late = ["cloud rig: cannot log in", "within the time limit"];
    refuses_within(1.0, &with("auth_url", &url), "start", &late);
    refuses(&with("auth_url", &format!("http://{}/nothing", swift.proxy())), "start", &["cannot log in"]);
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
