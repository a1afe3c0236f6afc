//! The files and variables in which the registry finds its cloud, read by the real process.

use std::path::Path;

use serde_json::{Value, json};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::{Folder, Options, Server};

use super::start::refuses_settings;
use super::{berth, bytes, shared};

type Variables = Vec<(&'static str, String)>;

/// Storage whose cloud is found by its name, or by the environment alone.
fn storage(cloud: Option<&str>, container: &str) -> Value {
    let mut storage = json!({"driver": "swift", "container": container});
    if let Some(cloud) = cloud {
        storage["cloud"] = cloud.into();
    }
    storage
}

/// A registry on this storage does not start.
fn refuses(storage: &Value, variables: &[(&str, String)], expected: &[&str]) {
    refuses_settings(&json!({"storage": storage}), variables, expected);
}

/// A registry on this storage works.
fn works(storage: &Value, variables: &Variables, about: &str) {
    let settings = json!({"registry": {"secret": "not-a-secret-of-anybody", "storage": storage}});
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let options = Options { config: Some(settings.to_string()), env, ..Options::default() };
    let registry = Server::start(options).unwrap_or_else(|error| panic!("{about}: {error}"));
    let repository = Repository::new(registry.address(), "clouds/app");
    let blob = bytes(9, 5000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    assert_eq!(repository.read(&sha256(&blob)).expect("GET"), Some(blob), "{about}");
    registry.stop().expect("the registry stops well");
}

/// The login of the rig, and the same without its password.
fn cloud_and_open_part() -> (Value, Value) {
    let whole = berth(shared(), "").cloud;
    let mut open = whole.clone();
    open["auth"].as_object_mut().expect("an object").remove("password");
    (whole, open)
}

fn write(path: &Path, content: &Value) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes a folder");
    std::fs::write(path, content.to_string()).expect("writes");
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn files_in_the_folder_of_settings_are_found_and_merged() {
    let folder = Folder::new("swift-clouds").expect("a folder");
    let (whole, open) = cloud_and_open_part();
    let mut wrong = whole.clone();
    wrong["auth"]["password"] = "wrong".into();
    let secret = json!({"auth": {"password": whole["auth"]["password"]}});
    let place = folder.path().join("openstack");
    write(&place.join("clouds.yaml"), &json!({"clouds": {"open": open, "wrong": wrong, "right": whole}}));
    write(&place.join("secure.yaml"), &json!({"clouds": {"open": secret, "wrong": secret}}));
    let mut variables = vec![("XDG_CONFIG_HOME", shown(folder.path()))];
    works(&storage(Some("open"), "found"), &variables, "secure.yaml gives what clouds.yaml lacks");
    works(&storage(Some("wrong"), "found"), &variables, "secure.yaml wins over clouds.yaml");
    refuses(&storage(None, "found"), &variables, &["there are several clouds", "OS_CLOUD"]);
    let known = ["no cloud is named `other`", "clouds.yaml", "secure.yaml", "know `open`, `right`, `wrong`"];
    refuses(&storage(Some("other"), "found"), &variables, &known);
    variables.push(("OS_CLOUD", "right".to_owned()));
    works(&storage(None, "found"), &variables, "OS_CLOUD chooses");
    works(&storage(Some("open"), "found"), &variables, "the configuration's choice comes before OS_CLOUD");
    variables[1].1 = "left".to_owned();
    refuses(&storage(None, "found"), &variables, &["no cloud is named `left`"]);
}

#[test]
fn variables_name_the_files() {
    let folder = Folder::new("swift-clouds").expect("a folder");
    let (whole, open) = cloud_and_open_part();
    let secret = json!({"auth": {"password": whole["auth"]["password"]}});
    let (clouds, secure) = (folder.path().join("any-name"), folder.path().join("apart/secrets"));
    write(&clouds, &json!({"clouds": {"one": open}}));
    write(&secure, &json!({"clouds": {"one": secret}}));
    let mut variables =
        vec![("OS_CLIENT_CONFIG_FILE", shown(&clouds)), ("OS_CLIENT_SECURE_FILE", shown(&secure))];
    works(&storage(Some("one"), "named"), &variables, "files by name");
    works(&storage(None, "named"), &variables, "the only cloud needs no name");
    variables[1].1.push_str("-which-are-not-there");
    let missing = ["OS_CLIENT_SECURE_FILE names ", "which does not exist"];
    refuses(&storage(None, "named"), &variables, &missing);
    variables.pop();
    refuses(&storage(None, "named"), &variables, &["auth.password: is missing", "secure.yaml"]);
}

#[test]
fn variables_alone_make_a_cloud() {
    let swift = shared();
    let folder = Folder::new("swift-clouds").expect("a folder");
    let mut variables: Variables = vec![
        // No other file of this machine is found.
        ("XDG_CONFIG_HOME", shown(folder.path())),
        ("OS_AUTH_TYPE", "v1password".to_owned()),
        ("OS_AUTH_URL", swift.auth_url()),
        ("OS_USERNAME", swift.user().to_owned()),
        ("OS_PASSWORD", swift.key().to_owned()),
    ];
    works(&storage(None, "variables"), &variables, "OS_* alone");
    works(&storage(Some("envvars"), "variables"), &variables, "OS_* by the name that they have");
    let known = ["no cloud is named `rig`", "OS_* make `envvars`"];
    refuses(&storage(Some("rig"), "variables"), &variables, &known);
    variables[4].1 = "wrong".to_owned();
    refuses(&storage(None, "variables"), &variables, &["cloud envvars: cannot log in", "not accepted"]);
    let nothing = ["no clouds.yaml in ", "set OS_AUTH_URL"];
    refuses(&storage(None, "variables"), &variables[..1], &nothing);
}
