//! clouds.yaml: where an OpenStack cloud is and how to log in to it, found, merged and read as openstacksdk 4.22 does.
//!
//! ```text
//! Environment --search--> clouds.yaml + secure.yaml + OS_* --choose--> one cloud's keys --settle--> Cloud
//! ```
//!
//! It differs where openstacksdk would go on with something that nobody meant: a file that cannot be read as YAML, a
//! file named by a variable that is missing, a vendor's `profile`, a key in `auth` that the login does not use, and a
//! value that is a number or date to one reader of YAML and text to another are errors here.

mod error;
mod keys;
mod login;
mod scalar;
mod search;
mod settle;
mod tree;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

pub use error::CloudError;

use crate::config::FILE_BYTES_MAX;
use crate::secret::Secret;

/// The name of the cloud that the variables OS_* make, unless OS_CLOUD_NAME gives it another.
const ENVIRONMENT_CLOUD: &str = "envvars";

/// How to reach one cloud. Its `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Its name in the file.
    pub name: String,
    /// How to log in.
    pub auth_type: AuthType,
    /// What to log in with.
    pub auth: Auth,
    /// The region whose services to use; `None` if the cloud names none.
    pub region: Option<String>,
    /// Which of a service's endpoints to use.
    pub interface: Interface,
    /// A file of certificates to trust in place of the system's.
    pub cacert: Option<PathBuf>,
    /// Whether certificates are checked at all.
    pub verify: bool,
    /// A file with the certificate to show to servers that ask for one.
    pub cert: Option<PathBuf>,
    /// The file with the private key of `cert`, unless that file holds it too.
    pub key: Option<PathBuf>,
    /// The URL of the object store, in place of the one in the catalog.
    pub object_store_endpoint_override: Option<String>,
}

/// How to log in, by the names of keystoneauth's plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// `password`: user and password, of Keystone v3.
    Password,
    /// `v3password`: the same, saying so.
    V3Password,
    /// `v3applicationcredential`: an application credential. It has a project of its own.
    V3ApplicationCredential,
    /// `v1password`: user and key of Swift's own login.
    V1Password,
    /// `token`: a token of Keystone v3, exchanged for another.
    Token,
    /// `v3token`: the same, saying so.
    V3Token,
}

/// What to log in with. What a login needs is present; all else is as given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// Where to log in, as given: with or without `/v3`; of v1, with its path.
    pub auth_url: String,
    /// Name of the user, or the user of a v1 login.
    pub username: Option<String>,
    /// Id of the user.
    pub user_id: Option<String>,
    /// Id of the user's domain.
    pub user_domain_id: Option<String>,
    /// Name of the user's domain.
    pub user_domain_name: Option<String>,
    /// The user's password, or the key of a v1 login.
    pub password: Option<Secret>,
    /// Id of the project to work in.
    pub project_id: Option<String>,
    /// Name of the project to work in; of v1, the account.
    pub project_name: Option<String>,
    /// Id of the project's domain.
    pub project_domain_id: Option<String>,
    /// Name of the project's domain.
    pub project_domain_name: Option<String>,
    /// Id of the domain to work in, without a project.
    pub domain_id: Option<String>,
    /// Name of the domain to work in, without a project.
    pub domain_name: Option<String>,
    /// `all` to work in the whole system.
    pub system_scope: Option<String>,
    /// Id of a trust.
    pub trust_id: Option<String>,
    /// Id of the application credential.
    pub application_credential_id: Option<String>,
    /// Name of the application credential, which belongs to the user.
    pub application_credential_name: Option<String>,
    /// The application credential's secret.
    pub application_credential_secret: Option<Secret>,
    /// A token.
    pub token: Option<Secret>,
}

/// Which of a service's endpoints to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interface {
    /// The one for everybody.
    #[default]
    Public,
    /// The one for other services of the cloud.
    Internal,
    /// The one for operators.
    Admin,
}

impl Interface {
    /// Its name in a catalog of Keystone v3.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// All of the world that decides which cloud is found.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The environment variables.
    pub variables: &'a BTreeMap<String, String>,
    /// The folder that the process works in.
    pub working_folder: &'a Path,
    /// The user's home; `None` if there is none.
    pub home: Option<&'a Path>,
    /// Reads a whole file.
    pub read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
}

impl std::fmt::Debug for Environment<'_> {
    /// Without the values of the variables, which hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("working_folder", &self.working_folder)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

impl<'a> Environment<'a> {
    /// The value of a variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<&'a str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Finds the cloud of that name; without a name the one that OS_CLOUD names, the one that OS_* make, or the only one.
///
/// # Errors
/// [`CloudError`] if there is no such cloud, or what is said of it makes none.
pub fn find(environment: &Environment<'_>, name: Option<&str>) -> Result<Cloud, CloudError> {
    let found = search::search(environment)?;
    let (name, keys) = found.choose(environment, name)?;
    settle::settle(&name, keys, environment)
}

/// Finds a cloud in the files and variables of this process, as [`find`] does.
///
/// # Errors
/// Those of [`find`], and [`CloudError::Unreadable`] if the process has no working folder.
pub fn find_for_process(name: Option<&str>) -> Result<Cloud, CloudError> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
    let working_folder = std::env::current_dir()
        .map_err(|error| CloudError::Unreadable { file: ".".into(), error: error.to_string() })?;
    let home = std::env::home_dir();
    let environment = Environment {
        variables: &variables,
        working_folder: &working_folder,
        home: home.as_deref(),
        read: &read_file,
    };
    find(&environment, name)
}

/// Reads a file of bounded size.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
