//! Configuration: environment variables that are named after the keys of the native server's file. `registry.limits.grace-seconds`
//! is `WHARFINGER_LIMITS_GRACE_SECONDS`; what logs in to Swift is told by the variables `OS_*`, as openstacksdk reads them.
//!
//! What is not known is refused: a variable that is silently ignored may be the one that was meant to matter.

mod clash;
mod cloud;
mod locks;
mod secret;
mod table;

pub use locks::Locks;
pub use secret::Secret;
pub use table::{VARIABLES, Variable};

use std::collections::BTreeMap;
use std::time::Duration;

use wharfinger_core::settings::SWIFT_SEGMENT_BYTES;
use wharfinger_core::swift::{Endpoint, Login, origin};

use crate::swift::Containers;

/// The whole configuration. docs/wasi.md says what each setting does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seals the state of uploads, and signs tokens and temporary URLs.
    pub secret: Secret,
    /// Who may do what.
    pub locks: Locks,
    /// Where content is kept.
    pub place: Place,
    /// How clients are sent to Swift, if they are.
    pub redirect: Option<Redirecting>,
    /// Accepts manifests whose content is not here.
    pub sparse_manifests: bool,
    /// The numbers, by the table.
    pub numbers: Numbers,
}

/// Where content is kept.
#[derive(Clone, Debug)]
pub enum Place {
    /// In the preopened directory of that path.
    Files(String),
    /// In Swift.
    Swift(Box<Login>, Containers),
}

/// How clients are sent to Swift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirecting {
    /// `http://` or `https://` and authority by which they reach it; `None` if it is that of this component.
    pub url: Option<String>,
}

/// All settings that are numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The longest request head, bytes.
    pub head_bytes: u64,
    /// The longest manifest, bytes.
    pub manifest_bytes: u64,
    /// Most descriptors in one manifest.
    pub manifest_references: u64,
    /// Most memory for bodies that are read whole, bytes.
    pub collected_bytes: u64,
    /// Longest life of an upload.
    pub upload_age: Duration,
    /// Youngest age at which unreferenced content may be removed.
    pub grace: Duration,
    /// Size at which an upload is cut into segments, bytes.
    pub segment_bytes: u64,
    /// The `OCI-Chunk-Min-Length` announced, bytes; 0 announces none.
    pub chunk_min_bytes: u64,
    /// Time limit of one store call.
    pub store_time: Duration,
    /// How long one request tries again.
    pub retry_time: Duration,
    /// Retries for every hundred calls.
    pub retry_percent: u64,
    /// Retries every second, however few calls there are.
    pub retries_per_second: u64,
    /// Longest pause within a request body.
    pub body_idle_time: Duration,
    /// Longest pause that a segment on its way to Swift is kept open for.
    pub stall_time: Duration,
    /// Longest time that a client may take nothing of a reply.
    pub write_idle_time: Duration,
    /// How long a temporary URL is good for.
    pub redirect_time: Duration,
    /// How long one key signs temporary URLs.
    pub redirect_key_time: Duration,
    /// How long a token is good for, seconds.
    pub token_seconds: u64,
    /// How long a token is good for that others are had with, seconds; 0 if there are none.
    pub refresh_token_seconds: u64,
    /// Wrong passwords from one address.
    pub password_address_failures: u64,
    /// How soon one of them is forgiven.
    pub password_address_time: Duration,
    /// Wrong passwords for one user.
    pub password_user_failures: u64,
    /// How soon one of them is forgiven.
    pub password_user_time: Duration,
}

impl Numbers {
    fn token_time(&self) -> Duration {
        Duration::from_secs(self.token_seconds)
    }

    fn refresh_token_time(&self) -> Duration {
        Duration::from_secs(self.refresh_token_seconds)
    }
}

impl Settings {
    /// Reads variables; those of others are let alone.
    ///
    /// # Errors
    /// One line that says all that is wrong, and what to do about it.
    pub fn read(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let mut ours = BTreeMap::new();
        let mut cloud = BTreeMap::new();
        for (name, value) in variables {
            if let Some(rest) = name.strip_prefix(PREFIX) {
                ours.insert(rest.to_owned(), value);
            } else if let Some(rest) = name.strip_prefix("OS_").filter(|_| !value.is_empty()) {
                cloud.insert(rest.to_owned(), value);
            }
        }
        let mut problems: Vec<String> = Vec::new();
        for name in ours.keys().filter(|name| VARIABLES.iter().all(|variable| variable.name != **name)) {
            problems.push(format!(
                "{PREFIX}{name} is no setting of this component: remove it, or see docs/wasi.md"
            ));
        }
        let mut numbers = Numbers::default();
        for variable in VARIABLES {
            let text = ours.get(variable.name).map(String::as_str);
            if let Err(expected) = variable.take(text, &mut numbers) {
                problems.push(format!("{PREFIX}{} must be {expected}", variable.name));
            }
        }
        let text = |name: &str| ours.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let secret = Secret::new(text("SECRET").unwrap_or_default());
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.as_bytes().len()) {
            problems.push(format!(
                "{PREFIX}SECRET must be a text of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes, the same for all that share a store"
            ));
        }
        let place = place(&text, &cloud).map_err(|problem| problems.push(problem));
        if matches!(place, Ok(Place::Swift(..))) && !ours.contains_key(SEGMENT) {
            numbers.segment_bytes = SWIFT_SEGMENT_BYTES;
        }
        let is_set = |name: &str| text(name).is_some();
        let in_swift = text("STORAGE_DRIVER") == Some("swift");
        let redirects = text("STORAGE_REDIRECT") == Some("true");
        problems.extend(clash::clashes(&is_set, in_swift, redirects, &numbers));
        let locks = locks::read(&|name| ours.get(name).map(String::as_str), &secret, &numbers);
        let locks = locks.map_err(|found| problems.extend(found));
        match (place, locks) {
            (Ok(place), Ok(locks)) if problems.is_empty() => {
                let sparse_manifests = text("SPARSE_MANIFESTS") == Some("true");
                let url = text("STORAGE_REDIRECT_URL").and_then(origin);
                let redirect = redirects.then_some(Redirecting { url });
                Ok(Self { secret, locks, place, redirect, sparse_manifests, numbers })
            }
            (Ok(_) | Err(()), _) => Err(problems.join("; ")),
        }
    }
}

fn place<'a>(
    text: &impl Fn(&str) -> Option<&'a str>,
    cloud: &BTreeMap<String, String>,
) -> Result<Place, String> {
    match text("STORAGE_DRIVER") {
        None | Some("filesystem") => Ok(Place::Files(text("STORAGE_ROOT").unwrap_or("/data").to_owned())),
        Some("swift") => {
            let container = text("STORAGE_CONTAINER").ok_or_else(|| {
                format!("{PREFIX}STORAGE_CONTAINER is missing: name the container that holds everything")
            })?;
            let segments = text("STORAGE_SEGMENTS_CONTAINER").unwrap_or(container).to_owned();
            Endpoint::new(ANY_URL, container, &segments).map_err(|error| error.to_string())?;
            let containers = Containers { container: container.to_owned(), segments };
            Ok(Place::Swift(Box::new(cloud::login(cloud)?), containers))
        }
        Some(_) => Err(format!("{PREFIX}STORAGE_DRIVER must be `filesystem` or `swift`")),
    }
}

/// Stands for the URL of the cloud, which the login tells, where only the names of containers are checked.
const ANY_URL: &str = "http://swift/v1/account";

/// What all names begin with.
pub const PREFIX: &str = "WHARFINGER_";

/// The setting whose default is another one on Swift, where a segment is no file that a blob is linked to.
const SEGMENT: &str = "LIMITS_SEGMENT_BYTES";

const SECRET_BYTES_MIN: usize = 16;

const SECRET_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use wharfinger_core::access::{GuardRate, GuardRates, Lives};
    use wharfinger_core::upload::Secret as SealingSecret;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let open = ("WHARFINGER_OPEN_TO_ALL", "true");
        read_locked(&[&[open], variables].concat())
    }

    fn read_locked(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    const SECRET: (&str, &str) = ("WHARFINGER_SECRET", "sixteen or more bytes");

    #[test]
    fn a_directory_needs_a_secret_and_nothing_else() {
        let settings = read(&[SECRET, ("PATH", "/bin"), ("OS_CLOUD", "x")]).unwrap();
        assert!(matches!(settings.place, Place::Files(ref root) if root == "/data"));
        assert_eq!(settings.numbers.grace, Duration::from_secs(24 * 3600));
        assert!(read(&[]).unwrap_err().contains("WHARFINGER_SECRET must be"));
    }

    #[test]
    fn the_secret_is_not_shown() {
        let shown = format!("{:?}", read(&[SECRET]).unwrap());
        let bytes = format!("{:?}", SECRET.1.as_bytes());
        assert!(!shown.contains(SECRET.1) && !shown.contains(&bytes), "{shown}");
    }

    #[test]
    fn numbers_are_those_of_the_file() {
        let settings = read(&[
            SECRET,
            ("WHARFINGER_LIMITS_GRACE_SECONDS", "0.5"),
            ("WHARFINGER_LIMITS_SEGMENT_BYTES", "1048576"),
            ("WHARFINGER_SPARSE_MANIFESTS", "true"),
        ])
        .unwrap();
        assert_eq!(settings.numbers.grace, Duration::from_millis(500));
        assert_eq!(settings.numbers.segment_bytes, 1 << 20);
        assert!(settings.sparse_manifests);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_and_no_value_is() {
        let error = read(&[
            ("WHARFINGER_SECRET", "short"),
            ("WHARFINGER_LIMITS_GRACE", "1"),
            ("WHARFINGER_LIMITS_STORE_SECONDS", "soon"),
            ("WHARFINGER_SPARSE_MANIFESTS", "maybe"),
            ("WHARFINGER_STORAGE_DRIVER", "swift"),
        ])
        .unwrap_err();
        for part in [
            "_SECRET must",
            "_GRACE is no setting",
            "_STORE_SECONDS must",
            "_SPARSE_MANIFESTS must",
            "_CONTAINER is missing",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains("short") && !error.contains("soon"));
    }

    #[test]
    fn what_clashes_or_has_no_effect_is_told() {
        let swift = [
            SECRET,
            ("WHARFINGER_STORAGE_DRIVER", "swift"),
            ("WHARFINGER_STORAGE_CONTAINER", "c"),
            ("OS_AUTH_TYPE", "v1password"),
            ("OS_AUTH_URL", "http://swift/auth/v1.0"),
            ("OS_USERNAME", "a:u"),
            ("OS_PASSWORD", "p"),
        ];
        let on_files = |variables: &[(&str, &str)]| read(&[&[SECRET], variables].concat());
        let on_swift = |variables: &[(&str, &str)]| read(&[&swift, variables].concat());
        let small = ("WHARFINGER_LIMITS_COLLECTED_BYTES", "1048576");
        let redirects = ("WHARFINGER_STORAGE_REDIRECT", "true");
        for (refused, expected) in [
            (
                on_files(&[small]),
                "MANIFEST_BYTES is 4194304, expected at most WHARFINGER_LIMITS_COLLECTED_BYTES, which is 1048576",
            ),
            (
                on_swift(&[small, ("WHARFINGER_LIMITS_MANIFEST_BYTES", "1024")]),
                "COLLECTED_BYTES is 1048576, expected at least 8388608",
            ),
            (
                on_files(&[redirects]),
                "STORAGE_REDIRECT is true, which is for WHARFINGER_STORAGE_DRIVER=swift",
            ),
            (
                on_files(&[("WHARFINGER_STORAGE_CONTAINER", "c")]),
                "CONTAINER is for WHARFINGER_STORAGE_DRIVER=swift",
            ),
            (
                on_swift(&[("WHARFINGER_STORAGE_ROOT", "/data")]),
                "ROOT is for WHARFINGER_STORAGE_DRIVER=filesystem",
            ),
            (
                on_swift(&[("WHARFINGER_STORAGE_REDIRECT_URL", "http://swift")]),
                "REDIRECT_URL has an effect with WHARFINGER_STORAGE_REDIRECT=true alone",
            ),
            (
                on_swift(&[redirects, ("WHARFINGER_STORAGE_REDIRECT_URL", "http://swift/v1")]),
                "REDIRECT_URL must be a URL of http or https without user, path and query",
            ),
            (
                on_swift(&[redirects, ("WHARFINGER_STORAGE_REDIRECT_KEY_SECONDS", "60")]),
                "REDIRECT_SECONDS is 1200 and WHARFINGER_STORAGE_REDIRECT_KEY_SECONDS 60, expected at most as much",
            ),
        ] {
            let error = refused.unwrap_err();
            assert!(error.contains(expected) && !error.contains("; "), "{error}");
        }
        assert!(on_files(&[small, ("WHARFINGER_LIMITS_MANIFEST_BYTES", "1048576")]).is_ok());
        assert_eq!(on_swift(&[("WHARFINGER_STORAGE_REDIRECT", "false")]).unwrap().redirect, None);
        let url = ("WHARFINGER_STORAGE_REDIRECT_URL", "https://swift:8080/");
        let redirecting = Redirecting { url: Some("https://swift:8080".to_owned()) };
        assert_eq!(on_swift(&[redirects, url]).unwrap().redirect, Some(redirecting));
    }

    #[test]
    fn whom_it_is_open_to_has_to_be_said() {
        let users = ("WHARFINGER_USERS", r#"[{"name": "ci", "pass": "hidden", "access": "write"}]"#);
        assert!(read(&[SECRET]).unwrap().locks.access.is_open());
        let locks = read_locked(&[SECRET, users]).unwrap().locks;
        assert!(!locks.access.is_open());
        assert_eq!(locks.access.lives, Lives::default());
        assert_eq!(locks.rates, GuardRates::default());
        assert!(!format!("{locks:?}").contains("hidden"));
        assert!(!read_locked(&[SECRET, ("WHARFINGER_USERS", "[]")]).unwrap().locks.access.is_open());
        let open = |value| ("WHARFINGER_OPEN_TO_ALL", value);
        let proxies = ("WHARFINGER_PROXIES", r#"["0.0.0.0/0"]"#);
        for (variables, expected) in [
            (&[SECRET][..], "there are no WHARFINGER_USERS, WHARFINGER_RULES or WHARFINGER_ISSUERS"),
            (&[SECRET, proxies], "there are no WHARFINGER_USERS"),
            (&[SECRET, open("false")], "there are no WHARFINGER_USERS"),
            (&[SECRET, open("TRUE"), users], "WHARFINGER_OPEN_TO_ALL must be true or false"),
            (&[SECRET, open("true"), users], "WHARFINGER_OPEN_TO_ALL is true, and there are"),
        ] {
            let error = read_locked(variables).unwrap_err();
            assert!(error.contains(expected) && !error.contains("; "), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_with_locks_is_told_and_no_value_is() {
        for (name, value, expected) in [
            ("USERS", "", "WHARFINGER_USERS must be a list as JSON: "),
            ("USERS", "[hidden]", "WHARFINGER_USERS must be a list as JSON: "),
            ("USERS", "\"hidden\"", "WHARFINGER_USERS: users: found a text; expected a list of users"),
            ("USERS", r#"[{"name": "ci"}]"#, "WHARFINGER_USERS: users[0].pass: missing"),
            ("USERS", r#"[{"name": "ci", "pass": "hidden"}]"#, "users[0].name: has no access"),
            (
                "USERS",
                r#"[{"name": "ci", "pass": "hidden", "acess": "read"}]"#,
                "users[0].acess: unknown key",
            ),
            (
                "RULES",
                r#"[{"repositories": "a", "users": "ci", "actions": "push"}]"#,
                "there is no user \"ci\"",
            ),
            (
                "RULES",
                r#"[{"repositories": "a", "users": "*", "actions": "own"}]"#,
                "WHARFINGER_RULES: rules[0]",
            ),
            ("ISSUERS", r#"[{"name": "x"}]"#, "WHARFINGER_ISSUERS: issuers[0].issuer: missing"),
            ("PROXIES", r#"["hidden"]"#, "WHARFINGER_PROXIES: proxies[0]: expected an IP address"),
            ("OLD_SECRETS", r#"["hidden"]"#, "WHARFINGER_OLD_SECRETS must be a list as JSON, of texts of 16"),
            ("OLD_SECRETS", "hidden hidden hidden", "WHARFINGER_OLD_SECRETS must be a list"),
            ("PUBLIC_URL", "https://a/hidden", "WHARFINGER_PUBLIC_URL must be a URL"),
            ("TOKEN_SECONDS", "0", "WHARFINGER_TOKEN_SECONDS must be a whole number, 1 to 31622400 seconds"),
            ("HTPASSWD", "/hidden", "WHARFINGER_HTPASSWD is no setting of this component"),
        ] {
            let error = read_locked(&[SECRET, (&format!("{PREFIX}{name}"), value)]).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hidden"), "{name}: {error}");
        }
    }

    #[test]
    fn secrets_and_lives_of_tokens_are_those_of_the_variables() {
        let old = ("WHARFINGER_OLD_SECRETS", r#"["an older and longer one"]"#);
        let locks = read(&[
            SECRET,
            old,
            ("WHARFINGER_TOKEN_SECONDS", "60"),
            ("WHARFINGER_REFRESH_TOKEN_SECONDS", "0"),
            ("WHARFINGER_PUBLIC_URL", "https://registry.example.org/"),
            ("WHARFINGER_LIMITS_PASSWORD_USER_FAILURES", "3"),
            ("WHARFINGER_LIMITS_PASSWORD_USER_SECONDS", "0.5"),
        ]);
        let Locks { sealing, access, rates } = locks.unwrap().locks;
        let both = SealingSecret::with_old(SECRET.1.as_bytes(), &[b"an older and longer one"]);
        assert!(sealing == both && sealing != SealingSecret::new(SECRET.1.as_bytes()));
        assert_eq!(access.lives, Lives { access: Duration::from_secs(60), refresh: Duration::ZERO });
        assert_eq!(access.front.public_url.as_deref(), Some("https://registry.example.org"));
        assert_eq!(rates.user, GuardRate { burst: 3, every: Duration::from_millis(500) });
    }

    #[test]
    fn swift_is_told_by_the_variables_of_openstack() {
        let error =
            read(&[SECRET, ("WHARFINGER_STORAGE_DRIVER", "swift"), ("WHARFINGER_STORAGE_CONTAINER", "c")]);
        assert!(error.unwrap_err().contains("OS_AUTH_URL is missing"));
        let settings = read(&[
            SECRET,
            ("WHARFINGER_STORAGE_DRIVER", "swift"),
            ("WHARFINGER_STORAGE_CONTAINER", "c"),
            ("OS_AUTH_URL", "http://keystone:5000/v3"),
            ("OS_USERNAME", "u"),
            ("OS_PASSWORD", "p"),
            ("OS_PROJECT_NAME", "r"),
        ])
        .unwrap();
        let Place::Swift(login, containers) = settings.place else { panic!("not in Swift") };
        assert_eq!(containers.segments, "c");
        assert!(matches!(*login, Login::Keystone { .. }));
        assert!(!format!("{login:?}").contains("\"p\""));
    }
}
