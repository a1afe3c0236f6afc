//! Why there is no cloud.

use std::fmt;
use std::path::PathBuf;

/// Why there is no cloud. No message holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloudError {
    /// A file is there, and cannot be read.
    Unreadable {
        /// Its path.
        file: PathBuf,
        /// What the system said.
        error: String,
    },
    /// A file that a variable names is not there.
    Missing {
        /// The variable.
        variable: &'static str,
        /// The path that it names.
        file: PathBuf,
    },
    /// A file is not what it should be.
    Invalid {
        /// Its path.
        file: PathBuf,
        /// The place in it, what was found and what was expected.
        message: String,
    },
    /// No cloud has that name.
    Unknown {
        /// The name.
        name: String,
        /// All names.
        known: Vec<String>,
        /// The files that were read.
        files: Vec<PathBuf>,
        /// The folders that were searched.
        folders: Vec<PathBuf>,
    },
    /// There are several clouds, and none was chosen.
    Several {
        /// All names.
        known: Vec<String>,
    },
    /// There is no cloud at all.
    Nothing {
        /// The folders that were searched.
        folders: Vec<PathBuf>,
        /// The files that were read.
        files: Vec<PathBuf>,
    },
    /// The variables make a cloud of a name that a file has already.
    Taken {
        /// The name.
        name: String,
    },
    /// A key of the cloud says what it cannot say.
    Wrong {
        /// The cloud's name.
        cloud: String,
        /// The key, `auth.username`.
        key: String,
        /// What is wrong, and what to write.
        message: String,
    },
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(f, "{}: cannot be read: {error}; check its permissions", file.display())
            }
            Self::Missing { variable, file } => {
                write!(f, "{variable} names {}, which does not exist; correct or unset it", file.display())
            }
            Self::Invalid { file, message } => write!(f, "{}: {message}", file.display()),
            Self::Unknown { name, known, files, folders } => {
                write!(f, "no cloud is named `{name}`; ")?;
                match (known.is_empty(), files.is_empty()) {
                    (false, false) => write!(f, "{} {}", verb(files, "know"), names(known)),
                    (false, true) => write!(f, "the variables OS_* make {}", names(known)),
                    (true, false) => write!(f, "{} none", verb(files, "name")),
                    (true, true) => {
                        write!(f, "write it into clouds.yaml in one of the folders {}", paths(folders))
                    }
                }
            }
            Self::Several { known } => {
                write!(f, "there are several clouds, {}; choose one by name, or by OS_CLOUD", names(known))
            }
            Self::Nothing { folders, files } if files.is_empty() => {
                let folders = paths(folders);
                write!(f, "no clouds.yaml in {folders}; write one, or set OS_AUTH_URL and its like")
            }
            Self::Nothing { files, .. } => {
                write!(f, "{} no cloud; write one under the key `clouds`", verb(files, "name"))
            }
            Self::Taken { name } => {
                write!(
                    f,
                    "the variables OS_* make a cloud named `{name}`, and so does a file; rename one, or set OS_CLOUD_NAME"
                )
            }
            Self::Wrong { cloud, key, message } => write!(f, "cloud `{cloud}`: {key}: {message}"),
        }
    }
}

impl std::error::Error for CloudError {}

fn names(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn paths(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    shown.join(", ")
}

/// The files, and what they do.
fn verb(files: &[PathBuf], verb: &str) -> String {
    let ending = if files.len() == 1 { "s" } else { "" };
    format!("{} {verb}{ending}", paths(files))
}
