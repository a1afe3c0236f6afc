use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::cli::{EXIT_FAILURE, EXIT_USAGE};
use crate::clouds::CloudError;
use crate::config::ConfigError;
use crate::swift::StartError;

/// Why the component is not run.
#[derive(Debug)]
pub enum EdgeError {
    /// The cloud cannot be found.
    Cloud(CloudError),
    /// Nobody could log in as the cloud says.
    Login(Box<StartError>),
    /// Others than this machine would reach what nobody has locked, or it is locked and open.
    Exposure(ConfigError),
    /// The file of users cannot be read.
    Htpasswd(PathBuf, io::Error),
    /// What the component cannot do, a line each.
    Unfit(Vec<String>),
    /// There is no component at this place.
    NoComponent(String),
    /// There is no component at any of these places.
    Nowhere(Vec<String>),
    /// There is no wasmtime.
    NoWasmtime,
    /// The secret that is kept cannot be had.
    Secret(io::Error),
    /// The secret that is kept is no text.
    Bytes(PathBuf),
    /// The directory cannot be made.
    Folder(PathBuf, io::Error),
    /// wasmtime cannot be started or watched.
    Run(io::Error),
}

impl EdgeError {
    /// The exit code that tells it.
    pub fn code(&self) -> u8 {
        match self {
            Self::Cloud(_) | Self::Login(_) | Self::Exposure(_) | Self::Htpasswd(..) | Self::Unfit(_) => {
                EXIT_USAGE
            }
            Self::NoComponent(_)
            | Self::Nowhere(_)
            | Self::NoWasmtime
            | Self::Secret(_)
            | Self::Bytes(_)
            | Self::Folder(..)
            | Self::Run(_) => EXIT_FAILURE,
        }
    }
}

impl fmt::Display for EdgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cloud(error) => error.fmt(f),
            Self::Login(error) => error.fmt(f),
            Self::Exposure(error) => error.fmt(f),
            Self::Htpasswd(path, error) => {
                write!(f, "{}: cannot read the users: {error}; check registry.htpasswd", path.display())
            }
            Self::Unfit(lines) => f.write_str(&lines.join("\n")),
            Self::NoComponent(file) => {
                write!(f, "there is no component {file}; name another one with --component, or {BUILD}")
            }
            Self::Nowhere(places) => {
                write!(
                    f,
                    "there is no component: neither {}; name it with --component, or {BUILD}",
                    places.join(" nor ")
                )
            }
            Self::NoWasmtime => f.write_str(
                "wasmtime is not on the PATH, so nothing runs; get it from https://wasmtime.dev or by `cargo install \
                 wasmtime-cli`, or take what is printed to where it is",
            ),
            Self::Secret(error) => write!(f, "the sealing secret cannot be had: {error}"),
            Self::Bytes(path) => write!(
                f,
                "{}: this secret is not text, which the component needs; set registry.secret, the same for all that share \
                 the storage, or remove the file to have a new one made (uploads under way then fail)",
                path.display()
            ),
            Self::Folder(path, error) if error.kind() == io::ErrorKind::AlreadyExists => write!(
                f,
                "{}: is not a directory; move it away, or choose another one by --data or registry.storage.root",
                path.display()
            ),
            Self::Folder(path, error) => {
                write!(
                    f,
                    "{}: cannot make the directory: {error}; check --data or registry.storage.root, and permissions",
                    path.display()
                )
            }
            Self::Run(error) => write!(f, "wasmtime cannot be run: {error}; check it with `wasmtime --version`"),
        }
    }
}

impl std::error::Error for EdgeError {}

const BUILD: &str = "build it: rustup target add wasm32-wasip2; CARGO_PROFILE_RELEASE_OPT_LEVEL=z cargo build -p \
                     wharfinger-wasi --target wasm32-wasip2 --release";
