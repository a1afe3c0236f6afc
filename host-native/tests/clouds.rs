//! clouds.yaml is read as openstacksdk reads it: a table of cases, and the same cases given to openstacksdk.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wharfinger::clouds::{AuthType, Cloud, CloudError, Environment, find};

#[path = "clouds/cases.rs"]
mod cases;
#[path = "clouds/tls_cases.rs"]
mod tls_cases;

use cases::{ACCEPTED, Case, REFUSED};
use tls_cases::TLS;

/// Where the cases are played that need no disk.
const NOWHERE: &str = "/case";

/// A case in the folder `root`.
fn play(case: &Case, root: &str, read: &dyn Fn(&Path) -> io::Result<Vec<u8>>) -> Result<Cloud, CloudError> {
    let variables: BTreeMap<String, String> = variables(case, root);
    let (working_folder, home) = (Path::new(root).join("cwd"), Path::new(root).join("home"));
    let environment =
        Environment { variables: &variables, working_folder: &working_folder, home: Some(&home), read };
    find(&environment, case.name)
}

fn variables(case: &Case, root: &str) -> BTreeMap<String, String> {
    case.variables.iter().map(|(name, value)| ((*name).to_owned(), value.replace("$root", root))).collect()
}

/// A case without a disk.
fn play_nowhere(case: &Case) -> Result<Cloud, CloudError> {
    play(case, NOWHERE, &|path| {
        let file = case.files.iter().find(|(file, _)| Path::new(NOWHERE).join(file) == path);
        match file {
            Some((_, "(not permitted)")) => Err(ErrorKind::PermissionDenied.into()),
            Some((_, "(a folder)")) => Err(ErrorKind::IsADirectory.into()),
            Some((_, text)) => Ok(text.as_bytes().to_owned()),
            None => Err(ErrorKind::NotFound.into()),
        }
    })
}

/// All that decides a login, one fact a line, in order.
fn facts(cloud: &Cloud) -> String {
    let auth_type = match cloud.auth_type {
        AuthType::Password => "password",
        AuthType::V3Password => "v3password",
        AuthType::V3ApplicationCredential => "v3applicationcredential",
        AuthType::V1Password => "v1password",
        AuthType::Token => "token",
        AuthType::V3Token => "v3token",
    };
    let auth = &cloud.auth;
    let secret = |secret: &Option<wharfinger::secret::Secret>| {
        secret.as_ref().map(|secret| String::from_utf8_lossy(secret.as_bytes()).into_owned())
    };
    let mut facts = vec![
        ("auth.application_credential_id", auth.application_credential_id.clone()),
        ("auth.application_credential_name", auth.application_credential_name.clone()),
        ("auth.application_credential_secret", secret(&auth.application_credential_secret)),
        ("auth.auth_url", Some(auth.auth_url.clone())),
        ("auth.domain_id", auth.domain_id.clone()),
        ("auth.domain_name", auth.domain_name.clone()),
        ("auth.password", secret(&auth.password)),
        ("auth.project_domain_id", auth.project_domain_id.clone()),
        ("auth.project_domain_name", auth.project_domain_name.clone()),
        ("auth.project_id", auth.project_id.clone()),
        ("auth.project_name", auth.project_name.clone()),
        ("auth.system_scope", auth.system_scope.clone()),
        ("auth.token", secret(&auth.token)),
        ("auth.trust_id", auth.trust_id.clone()),
        ("auth.user_domain_id", auth.user_domain_id.clone()),
        ("auth.user_domain_name", auth.user_domain_name.clone()),
        ("auth.user_id", auth.user_id.clone()),
        ("auth.username", auth.username.clone()),
        ("auth_type", Some(auth_type.to_owned())),
        ("region", cloud.region.clone()),
        ("interface", Some(cloud.interface.name().to_owned())),
        ("verify", Some(cloud.verify.to_string())),
        ("cacert", cloud.cacert.as_ref().map(|path| path.display().to_string()).filter(|_| cloud.verify)),
        ("cert", cloud.cert.as_ref().map(|path| path.display().to_string())),
        ("key", cloud.key.as_ref().map(|path| path.display().to_string())),
        ("endpoint", cloud.object_store_endpoint_override.clone()),
    ];
    facts.sort_unstable();
    let lines: Vec<String> =
        facts.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", value?))).collect();
    lines.join("\n")
}

#[test]
fn clouds_are_found_and_merged() {
    for case in ACCEPTED.iter().chain(TLS) {
        let found = play_nowhere(case).map(|cloud| facts(&cloud));
        let found = found.unwrap_or_else(|error| format!("{error}")).replace(NOWHERE, "$root");
        assert_eq!(found, case.expected.join("\n"), "{}", case.about);
    }
}

#[test]
fn what_makes_no_cloud_is_refused_in_words() {
    for case in REFUSED {
        let error = play_nowhere(case).map(|cloud| facts(&cloud)).expect_err(case.about);
        assert_eq!(error.to_string().replace(NOWHERE, "$root"), case.expected.concat(), "{}", case.about);
    }
}

#[test]
fn no_secret_is_shown() {
    for case in ACCEPTED.iter().chain(TLS) {
        let cloud = play_nowhere(case).expect(case.about);
        let shown = format!("{cloud:?}");
        let auth = &cloud.auth;
        for secret in [&auth.password, &auth.token, &auth.application_credential_secret].into_iter().flatten()
        {
            let secret = std::str::from_utf8(secret.as_bytes()).expect("text");
            assert!(!shown.contains(secret), "{}: {shown}", case.about);
        }
    }
}

#[test]
fn openstacksdk_reads_the_same() {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clouds-{}", std::process::id()));
    let mut roots: Vec<(&Case, PathBuf)> = Vec::new();
    for case in ACCEPTED.iter().chain(TLS).filter(|case| case.compared) {
        let root = parent.join(roots.len().to_string());
        for folder in ["cwd", "home"] {
            std::fs::create_dir_all(root.join(folder)).expect("makes a folder");
        }
        for (file, text) in case.files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes a folder");
            std::fs::write(&path, text).expect("writes");
        }
        roots.push((case, root));
    }
    let cases: Vec<Value> = roots
        .iter()
        .map(|(case, root)| {
            let root = root.display().to_string();
            json!({"root": root, "variables": variables(case, &root), "name": case.name})
        })
        .collect();
    let said = openstacksdk(&Value::from(cases));
    for ((case, root), said) in roots.iter().zip(said) {
        let found = play(case, &root.display().to_string(), &|path| std::fs::read(path)).expect(case.about);
        assert_eq!(said, json!(facts(&found)), "openstacksdk (left) reads otherwise: {}", case.about);
    }
    std::fs::remove_dir_all(&parent).expect("removes what it made");
}

/// What openstacksdk, of the version that the rig of tests/swift installs, says to the cases.
fn openstacksdk(cases: &Value) -> Vec<Value> {
    let rig = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/swift");
    let installed = Command::new(rig.join("rig")).arg("install").stderr(Stdio::inherit()).output();
    let installed = installed.expect("python3 must be installed");
    assert!(installed.status.success(), "{} install failed: see its words", rig.join("rig").display());
    let facts: Value = serde_json::from_slice(&installed.stdout).expect("the rig says where Python is");
    let mut child = Command::new(facts["python"].as_str().expect("a path"))
        .arg(rig.join("clouds.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(cases.to_string().as_bytes()).expect("writes");
    drop(input);
    let said = child.wait_with_output().expect("ends");
    assert!(said.status.success(), "{said:?}");
    serde_json::from_slice(&said.stdout).expect("a list")
}

#[test]
fn the_whole_examples_of_the_manual_are_clouds() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/running.md");
    let page = std::fs::read_to_string(page).expect("docs/running.md reads");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let examples: Vec<&str> =
        blocks.filter(|block| block.starts_with("clouds:") && block.contains("auth_url:")).collect();
    let types: Vec<AuthType> = examples
        .iter()
        .map(|example| {
            let read = |path: &Path| match path.ends_with("clouds.yaml") {
                true => Ok(example.as_bytes().to_owned()),
                false => Err(ErrorKind::NotFound.into()),
            };
            let (variables, folder) = (BTreeMap::new(), Path::new(NOWHERE));
            let environment =
                Environment { variables: &variables, working_folder: folder, home: None, read: &read };
            find(&environment, Some("mycloud")).expect(example).auth_type
        })
        .collect();
    assert_eq!(types, [AuthType::Password, AuthType::V3ApplicationCredential]);
}
