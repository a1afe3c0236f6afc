use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use wharfinger::clouds::{AuthType, Cloud, Environment, find};

use super::{MARK, hides, told};

/// What separates the variables from the file.
const BREAK: &str = "\n...\n";

/// Variables, one a line, and a clouds.yaml; beside it stands a secure.yaml with the secrets of the cloud `c`.
pub(super) fn run(text: &str) {
    let (variables, clouds) = text.split_once(BREAK).unwrap_or(("", text));
    let lines = variables.lines().filter_map(|line| line.split_once('=')).take(64);
    let mut variables: BTreeMap<String, String> =
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for secret in ["OS_PASSWORD", "OS_TOKEN", "OS_APPLICATION_CREDENTIAL_SECRET"] {
        variables.entry(secret.to_owned()).and_modify(|value| *value = MARK.to_owned());
    }
    let secure = format!(
        "clouds:\n  c:\n    auth:\n      password: {MARK}\n      token: {MARK}\n      application_credential_secret: {MARK}\n"
    );
    let read = |path: &Path| match path.to_str() {
        Some("/here/clouds.yaml") => Ok(clouds.as_bytes().to_vec()),
        Some("/here/secure.yaml") if variables.contains_key("SECURE") => Ok(secure.as_bytes().to_vec()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let home = Some(Path::new("/home"));
    let environment =
        Environment { variables: &variables, working_folder: Path::new("/here"), home, read: &read };
    hides(&format!("{environment:?}"));
    for name in [None, Some("c")] {
        match find(&environment, name) {
            Ok(cloud) => {
                assert!(name.is_none_or(|name| name == cloud.name));
                settled(&cloud);
            }
            Err(error) => told(&error),
        }
    }
}

/// What a login needs is there.
fn settled(cloud: &Cloud) {
    hides(&format!("{cloud:?}"));
    let auth = &cloud.auth;
    assert!(!auth.auth_url.is_empty() && !auth.auth_url.contains(['{', '}']));
    let has = match cloud.auth_type {
        AuthType::Password | AuthType::V3Password => {
            auth.password.is_some() && (auth.username.is_some() || auth.user_id.is_some())
        }
        AuthType::V1Password => auth.password.is_some() && auth.username.is_some(),
        AuthType::V3ApplicationCredential => {
            auth.application_credential_secret.is_some()
                && (auth.application_credential_id.is_some() || auth.application_credential_name.is_some())
        }
        AuthType::Token | AuthType::V3Token => auth.token.is_some(),
    };
    assert!(has, "nothing to log in with: {cloud:?}");
}
