//! Configuration: one YAML file, every key of which stands in one table (`config/table.rs`).
//!
//! ```text
//! text --yaml--> tree with places --read, by the table--> Settings --print, by the table--> text
//!                                                                  \-- reference --> docs/configuration.md
//! ```
//!
//! Whatever the table does not know is refused with its place in the file: a key that is silently ignored may
//! be the one that was meant to lock the registry.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use wharfinger_core::access::Plan;

use crate::secret::{self, Secret};
use crate::tls;

mod choice;
mod environment;
mod error;
mod heed;
mod kind;
mod list;
mod locks;
mod nearest;
mod print;
mod read;
#[cfg(test)]
mod reference;
pub(crate) mod table;
pub(crate) mod yaml;

pub use choice::{Choice, Driver, LogFormat, LogLevel, Sync};
pub use environment::Lookup;
pub use error::{ConfigError, Place, Problem};
pub use list::List;
pub use locks::{Locks, read_htpasswd};
pub use print::print;

/// Largest configuration file that is read.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The whole effective configuration. docs/configuration.md says what each setting does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The address to listen on.
    pub address: IpAddr,
    /// The port to listen on; 0 lets the system pick a free one.
    pub port: u16,
    /// `http://` or `https://` and authority, without a slash at the end, as clients see this registry.
    pub public_url: Option<String>,
    /// The files that TLS is served with.
    pub tls: Tls,
    /// The configured sealing secret; [`Settings::sealing_secret`] gives the one to use.
    pub secret: Option<Secret>,
    /// Who may do what, as far as it was said; the users of [`Locks::htpasswd`] come to it when that is read.
    pub access: Plan,
    /// What `access` was read from, and what else locks the registry.
    pub locks: Locks,
    /// Threads that serve requests, at least 1.
    pub threads: u64,
    /// Whether a manifest may name content that this registry does not hold.
    pub sparse_manifests: bool,
    /// Where content is kept.
    pub storage: Storage,
    /// Bounds on time, memory and numbers.
    pub limits: Limits,
    /// What is logged, and how.
    pub log: Log,
}

/// The files that TLS is served with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate; without it there is no TLS. Never without `key`, nor that without this.
    pub certificate: Option<PathBuf>,
    /// The private key of the certificate.
    pub key: Option<PathBuf>,
    /// The authorities whose clients may prove who they are.
    pub client_authorities: Option<PathBuf>,
    /// Time between two looks at the files.
    pub reload_time: Duration,
}

/// Where content is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The kind of store.
    pub driver: Driver,
    /// The directory of the filesystem driver.
    pub root: PathBuf,
    /// The cloud in clouds.yaml, of the swift driver.
    pub cloud: Option<String>,
    /// The container of the swift driver; never `None` with it.
    pub container: Option<String>,
    /// The container of segments of the swift driver; `None` puts them with the rest.
    pub segments_container: Option<String>,
    /// Whether clients that read a blob are sent to Swift.
    pub redirect: bool,
    /// `http://` or `https://` and authority by which clients reach Swift; `None` if it is that of the registry.
    pub redirect_url: Option<String>,
    /// How long a URL that clients are sent to is good for.
    pub redirect_time: Duration,
    /// How long one key signs such URLs.
    pub redirect_key_time: Duration,
    /// Whether a write is on the disk before it is acknowledged.
    pub sync: Sync,
    /// The age at which zuul-registry removes manifests, seconds; 0 is none. Nothing is removed by age yet.
    pub expiration_seconds: u64,
}

/// Bounds on time, memory and numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request head, bytes.
    pub head_bytes: u64,
    /// Longest time for a request head to arrive, from its first byte.
    pub head_time: Duration,
    /// Longest time that a connection may stay open between two requests.
    pub idle_time: Duration,
    /// Longest wait for the next 32 KiB of a request body, or for its end.
    pub body_idle_time: Duration,
    /// Longest pause that a segment on its way to Swift is kept open for.
    pub stall_time: Duration,
    /// Longest time that a client may take nothing of a reply.
    pub write_idle_time: Duration,
    /// Most connections at once.
    pub connections: u64,
    /// Longest time that running requests get to finish after SIGTERM.
    pub drain_time: Duration,
    /// Largest manifest, bytes.
    pub manifest_bytes: u64,
    /// Most descriptors in one manifest.
    pub manifest_references: u64,
    /// Most memory for bodies read whole, in all requests together, bytes.
    pub collected_bytes: u64,
    /// Longest life of an upload, from its POST.
    pub upload_age: Duration,
    /// Youngest age at which unreferenced content may be removed.
    pub grace: Duration,
    /// Size at which an upload is cut into segments, bytes.
    pub segment_bytes: u64,
    /// The `OCI-Chunk-Min-Length` announced, bytes; 0 announces none.
    pub chunk_min_bytes: u64,
    /// Time limit of one store call.
    pub store_time: Duration,
    /// Longest time after the first failure of a store call in a request within which its calls are tried again.
    pub retry_time: Duration,
    /// Retries for every hundred store calls.
    pub retry_percent: u64,
    /// Retries every second, however few store calls there are.
    pub retries_per_second: u64,
    /// Most bytes of an unwanted request body that are read to keep the connection.
    pub drain_bytes: u64,
    /// Wrong passwords from one address at once.
    pub password_address_failures: u64,
    /// The time after which there may be one more.
    pub password_address_time: Duration,
    /// Wrong passwords for one user at once.
    pub password_user_failures: u64,
    /// The time after which there may be one more.
    pub password_user_time: Duration,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// The least important level that is logged.
    pub level: LogLevel,
}

impl Default for Settings {
    /// What holds when nothing is configured: the defaults of the table.
    fn default() -> Self {
        let mut settings = blank();
        for setting in table::SETTINGS {
            setting.kind.reset(&mut settings);
        }
        resolve(&mut settings);
        settings
    }
}

impl Default for Limits {
    fn default() -> Self {
        Settings::default().limits
    }
}

impl Settings {
    /// What holds beside this driver when nothing else is configured.
    pub fn default_for(driver: Driver) -> Self {
        let mut settings = Self::default();
        settings.storage.driver = driver;
        match driver {
            Driver::Filesystem => {}
            Driver::Swift => settings.limits.segment_bytes = wharfinger_core::settings::SWIFT_SEGMENT_BYTES,
        }
        settings
    }

    /// The files to serve TLS with, if it is served.
    pub fn tls_files(&self) -> Option<tls::Files> {
        let Tls { certificate, key, client_authorities, .. } = self.tls.clone();
        Some(tls::Files { certificate: certificate?, key: key?, client_authorities })
    }

    /// Where to listen.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// The secret that upload tokens are sealed with: the configured one, or the one in the storage root,
    /// which is made if it is missing.
    ///
    /// # Errors
    /// Those of [`secret::load_or_create`].
    pub fn sealing_secret(&self) -> io::Result<Secret> {
        match &self.secret {
            Some(secret) => Ok(secret.clone()),
            None => secret::load_or_create(&self.storage.root),
        }
    }
}

/// Reads the configuration file at `path`.
///
/// # Errors
/// [`ConfigError`] if it cannot be read, or with all that is wrong in it.
pub fn load(path: &Path) -> Result<Settings, ConfigError> {
    load_over(path, Settings::default())
}

/// The same, where other defaults hold for what the file does not say.
///
/// # Errors
/// Those of [`load`].
pub fn load_over(path: &Path, defaults: Settings) -> Result<Settings, ConfigError> {
    let file = path.display().to_string();
    let unreadable =
        |error: io::Error| ConfigError::Unreadable { file: file.clone(), error: error.to_string() };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|opened| opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ConfigError::TooLarge { file, bytes_max: FILE_BYTES_MAX });
    }
    let text = String::from_utf8(bytes).map_err(|error| ConfigError::NotText {
        file: file.clone(),
        line: error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1,
    })?;
    parse_over(&file, &text, defaults, &|name| std::env::var_os(name))
}

/// Reads a configuration from `text`; `file` is its name in messages.
///
/// # Errors
/// [`ConfigError`] with all that is wrong in it.
pub fn parse(file: &str, text: &str) -> Result<Settings, ConfigError> {
    parse_with(file, text, &|name| std::env::var_os(name))
}

/// The same, where `lookup` gives the variables of the environment.
///
/// # Errors
/// [`ConfigError`] with all that is wrong in it.
pub fn parse_with(file: &str, text: &str, lookup: Lookup<'_>) -> Result<Settings, ConfigError> {
    parse_over(file, text, Settings::default(), lookup)
}

fn parse_over(
    file: &str,
    text: &str,
    mut settings: Settings,
    lookup: Lookup<'_>,
) -> Result<Settings, ConfigError> {
    let invalid = |problems| ConfigError::Invalid { file: file.to_owned(), problems };
    let tree = yaml::parse(&environment::prepare(text)).map_err(|problem| invalid(vec![problem]))?;
    let mut tree = tree.ok_or_else(|| invalid(vec![nothing()]))?;
    let replaced = environment::replace(&mut tree, lookup);
    let mut problems = replaced.problems;
    let wrong = read::apply(&tree, &replaced.places, &mut settings);
    let told: Vec<Place> = problems.iter().map(|problem| problem.place).collect();
    problems.extend(wrong.into_iter().filter(|problem| !told.contains(&problem.place)));
    if !problems.is_empty() {
        return Err(invalid(problems));
    }
    resolve(&mut settings);
    Ok(settings)
}

/// What is wrong with a file without content.
fn nothing() -> Problem {
    let message = "found an empty file; expected a mapping that starts with `registry:`".to_owned();
    Problem { place: Place { line: 1, column: 1 }, path: String::new(), message }
}

/// Replaces the values that stand for what the machine offers.
fn resolve(settings: &mut Settings) {
    if settings.threads == 0 {
        settings.threads = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    }
}

/// A `Settings` for the table to write on.
fn blank() -> Settings {
    Settings {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        port: 0,
        public_url: None,
        tls: Tls { certificate: None, key: None, client_authorities: None, reload_time: Duration::ZERO },
        secret: None,
        access: Plan::default(),
        locks: Locks::default(),
        threads: 0,
        sparse_manifests: false,
        storage: Storage {
            driver: Driver::Filesystem,
            root: PathBuf::new(),
            cloud: None,
            container: None,
            segments_container: None,
            redirect: false,
            redirect_url: None,
            redirect_time: Duration::ZERO,
            redirect_key_time: Duration::ZERO,
            sync: Sync::Full,
            expiration_seconds: 0,
        },
        limits: Limits {
            head_bytes: 0,
            head_time: Duration::ZERO,
            idle_time: Duration::ZERO,
            body_idle_time: Duration::ZERO,
            stall_time: Duration::ZERO,
            write_idle_time: Duration::ZERO,
            connections: 0,
            drain_time: Duration::ZERO,
            manifest_bytes: 0,
            manifest_references: 0,
            collected_bytes: 0,
            upload_age: Duration::ZERO,
            grace: Duration::ZERO,
            segment_bytes: 0,
            chunk_min_bytes: 0,
            store_time: Duration::ZERO,
            retry_time: Duration::ZERO,
            retry_percent: 0,
            retries_per_second: 0,
            drain_bytes: 0,
            password_address_failures: 0,
            password_address_time: Duration::ZERO,
            password_user_failures: 0,
            password_user_time: Duration::ZERO,
        },
        log: Log { format: LogFormat::Human, level: LogLevel::Info },
    }
}

#[cfg(test)]
mod tests;
