//! The launcher of the component of WebAssembly: it makes of a configuration what `wasmtime serve` needs to serve the same.
//!
//! ```text
//! Settings --fates--> WHARFINGER_*, flags, warnings \
//! htpasswd --locks--> WHARFINGER_USERS               |
//! clouds.yaml --cloud--> OS_*                        > Plan --run--> wasmtime, until a signal
//! what was given --Given--> component, secret       /       \-print--> text for a shell
//! ```
//!
//! wasmtime hands the component nothing but the variables that are named to it, so whatever else stands in the environment
//! may stay there. Values pass by the environment alone: those of a command line stand in every list of processes.

mod cloud;
mod component;
mod error;
mod fates;
mod locks;
mod plan;
mod run;
mod shell;

pub use error::EdgeError;
pub use plan::{Given, Plan};
pub use run::wasmtime;

use std::path::PathBuf;

use crate::secret::Secret;

/// A variable that the component is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, or where that is.
    pub value: Value,
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// What everybody may see.
    Plain(String),
    /// What nobody may see.
    Secret {
        /// The value.
        secret: Secret,
        /// Where it stands, for who has to set it.
        source: String,
    },
    /// The secret that is kept in this directory, and made where it is missing.
    Kept(PathBuf),
}

impl Variable {
    fn plain(name: &str, value: String) -> Self {
        Self { name: name.to_owned(), value: Value::Plain(value) }
    }
}
