//! Who may do what, as the component is told: lists as texts of JSON, and whether it is open.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value as Json, json};
use wharfinger_core::access::parse_htpasswd;

use super::EdgeError;
use crate::config::{self, ConfigError, List, Settings};
use crate::secret::Secret;

/// The users of a file of htpasswd, each with name and hash.
pub type Hashes = Vec<(String, String)>;

/// Reads the file of users, of which the component knows nothing.
///
/// # Errors
/// It cannot be read, or says something else.
pub fn read_htpasswd(path: &Path) -> Result<Hashes, EdgeError> {
    let text = config::read_htpasswd(path).map_err(|error| EdgeError::Htpasswd(path.into(), error))?;
    parse_htpasswd(&text).map_err(|error| EdgeError::Unfit(vec![format!("{}: {error}", path.display())]))?;
    Ok(hashes(&text))
}

/// What stands in a text that was checked.
fn hashes(text: &str) -> Hashes {
    let lines = text.lines().map(str::trim_ascii_end).filter(|line| !line.starts_with('#'));
    let users = lines.filter_map(|line| line.split_once(':'));
    users.map(|(name, hash)| (name.to_owned(), hash.to_owned())).collect()
}

/// All users, as JSON; `None` if nothing is said of any.
pub fn users(settings: &Settings, hashes: Option<&Hashes>) -> Option<String> {
    let listed = settings.locks.users.as_ref().map(|list| list.value.clone());
    let Some(hashes) = hashes else { return listed.map(|users| users.to_string()) };
    let mut users = match listed {
        Some(Json::Array(users)) => users,
        Some(_) | None => Vec::new(),
    };
    for (name, hash) in hashes {
        let mut user = json!({"name": name, "pass": hash});
        // Without rules, whoever stands in the file may do everything.
        if settings.locks.rules.is_none() {
            user["access"] = json!("write");
        }
        users.push(user);
    }
    Some(Json::Array(users).to_string())
}

/// The older secrets, as JSON; `None` if there are none.
pub fn old_secrets(secrets: &[Secret]) -> Option<String> {
    let texts: Vec<String> =
        secrets.iter().map(|secret| String::from_utf8_lossy(secret.as_bytes()).into_owned()).collect();
    (!texts.is_empty()).then(|| Json::from(texts).to_string())
}

/// Whether the component is to be told that it is open. It listens where a flag says, if one does.
///
/// # Errors
/// Others than this machine would reach what nobody has locked.
pub fn is_open(settings: &Settings, address: Option<&str>) -> Result<bool, ConfigError> {
    let mut settings = settings.clone();
    if let Some(text) = address {
        let address: SocketAddr = text.parse().unwrap_or(EVERYWHERE);
        (settings.address, settings.port) = (address.ip(), address.port());
    }
    settings.check_exposure()?;
    Ok(settings.is_open())
}

/// What has no effect, as the component sees neither addresses nor certificates.
pub fn warnings(settings: &Settings) -> Vec<String> {
    let locks = &settings.locks;
    let is_all = |text: &Json| matches!(text.as_str(), Some("0.0.0.0/0" | "::/0"));
    let trusts_all = |List { value }: &List| match value.as_array() {
        Some(items) => items.is_empty() || items.iter().any(is_all),
        None => is_all(value),
    };
    let proxies = locks.proxies.as_ref().is_some_and(|list| !trusts_all(list));
    let certificates = locks.client_certificates.is_some();
    [
        (certificates, "registry.client-certificates has no effect: wasmtime serves plain HTTP, where nobody shows any"),
        (
            proxies,
            "registry.proxies has an effect with 0.0.0.0/0 or ::/0 alone: the component cannot see who asks; if a proxy alone \
             reaches it, write that",
        ),
    ]
    .into_iter()
    .filter(|(applies, _)| *applies)
    .map(|(_, warning)| warning.to_owned())
    .collect()
}

/// What cannot be read is nowhere in particular.
const EVERYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(lines: &str) -> Settings {
        config::parse("registry.yaml", &format!("registry:\n  port: 5000\n{lines}")).expect("a configuration")
    }

    #[test]
    fn a_file_of_users_is_joined_to_the_users() {
        let hashes = hashes("# who\n\nci:$2y$a\r\n dev:$argon2id$b  \n");
        let told = |lines: &str| users(&settings(lines), Some(&hashes)).expect("there are users");
        let rules = "  rules: [{repositories: '**', users: '*', actions: pull}]\n";
        assert_eq!(told(rules), r#"[{"name":"ci","pass":"$2y$a"},{"name":" dev","pass":"$argon2id$b"}]"#);
        let users_too = told("  users: [{name: ops, pass: x, access: read}]\n");
        assert!(users_too.starts_with(r#"[{"access":"read","name":"ops","pass":"x"},{"access":"write","#));
        assert_eq!(users(&settings(""), None), None);
        assert_eq!(users(&settings("  users: []\n"), None).as_deref(), Some("[]"));
        assert_eq!(users(&settings("  users: []\n"), Some(&Vec::new())).as_deref(), Some("[]"));
    }

    #[test]
    fn it_is_open_where_nobody_else_reaches_it_or_that_is_wanted() {
        let everywhere = ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "nonsense"];
        for address in [None, Some("127.0.0.1:80"), Some("[::1]:80")] {
            assert_eq!(is_open(&settings(""), address), Ok(true), "{address:?}");
        }
        for address in everywhere.map(Some) {
            assert!(is_open(&settings(""), address).is_err(), "{address:?}");
            assert_eq!(is_open(&settings("  open-to-all: true\n"), address), Ok(true));
            assert_eq!(is_open(&settings("  users: []\n"), address), Ok(false));
        }
        assert!(is_open(&settings("  address: 0.0.0.0\n"), None).is_err());
        assert_eq!(is_open(&settings("  address: 0.0.0.0\n"), Some("127.0.0.1:80")), Ok(true));
        assert!(is_open(&settings("  open-to-all: true\n  users: []\n"), None).is_err());
    }

    #[test]
    fn what_the_component_cannot_see_is_told() {
        let told = |lines: &str| warnings(&settings(lines)).len();
        for lines in ["", "  proxies: [10.0.0.0/8, 0.0.0.0/0]\n", "  proxies: ::/0\n", "  proxies: []\n"] {
            assert_eq!(told(lines), 0, "{lines}");
        }
        assert_eq!(told("  proxies: 10.0.0.0/8\n"), 1);
        assert_eq!(told("  proxies: [10.0.0.1]\n  client-certificates: []\n"), 2);
    }
}
