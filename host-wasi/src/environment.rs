//! Configuration: environment variables that are named after the keys of the native server's file. `registry.limits.grace-seconds`
//! is `WHARFINGER_LIMITS_GRACE_SECONDS`; what logs in to Swift is told by the variables `OS_*`, as openstacksdk reads them.
//!
//! What is not known is refused: a variable that is silently ignored may be the one that was meant to matter.

mod clash;
mod cloud;
mod secret;
mod table;

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
    /// Seals the state of uploads.
    pub secret: Secret,
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
        let secret = text("SECRET").unwrap_or_default();
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len()) {
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
        match place {
            Ok(place) if problems.is_empty() => {
                let sparse_manifests = text("SPARSE_MANIFESTS") == Some("true");
                let url = text("STORAGE_REDIRECT_URL").and_then(origin);
                let redirect = redirects.then_some(Redirecting { url });
                let secret = Secret::new(secret);
                Ok(Self { secret, place, redirect, sparse_manifests, numbers })
            }
            Ok(_) | Err(()) => Err(problems.join("; ")),
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

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
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
