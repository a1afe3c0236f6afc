use std::fmt::{self, Display};

use http::StatusCode;

use super::UrlFault;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AuthError {
    /// The URL of the authentication is not one.
    Url {
        /// The URL.
        url: Box<str>,
        /// What is wrong with it.
        fault: UrlFault,
    },
    /// The URL is that of Keystone v2.0.
    OldVersion,
    /// A user or a key cannot stand in a header.
    Unsendable,
    /// The credentials are wrong.
    Rejected {
        /// What the server said, cut short.
        said: Box<str>,
    },
    /// What answers is not what it should be.
    WrongServer {
        /// Its status.
        status: StatusCode,
    },
    /// It cannot answer at the moment.
    Unavailable {
        /// Its status.
        status: StatusCode,
        /// Seconds after which it wants to be asked again, if it said so.
        retry_after: Option<u32>,
    },
    /// The answer lacks something, or cannot be read.
    Incomplete {
        /// What it lacks.
        missing: &'static str,
    },
    /// The token is not of a project.
    NoCatalog,
    /// The catalog has no object storage.
    NoObjectStore,
    /// The catalog has object storage, but not where it was asked for.
    NoEndpoint {
        /// The interface that was asked for.
        interface: Box<str>,
        /// The region that was asked for.
        region: Option<Box<str>>,
        /// What there is.
        offered: Box<str>,
    },
    /// The catalog has object storage in several regions, and none was named.
    ManyRegions {
        /// The regions.
        regions: Box<str>,
    },
}

impl AuthError {
    /// Whether it may go away by itself, so that asking again makes sense.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Url { .. }
            | Self::OldVersion
            | Self::Unsendable
            | Self::Rejected { .. }
            | Self::WrongServer { .. }
            | Self::Incomplete { .. }
            | Self::NoCatalog
            | Self::NoObjectStore
            | Self::NoEndpoint { .. }
            | Self::ManyRegions { .. } => false,
        }
    }

    /// Sorts out the statuses that Keystone and v1 auth have in common. `said` is what the body says.
    pub(super) fn of_status(status: StatusCode, retry_after: Option<u32>, said: &str) -> Self {
        match status.as_u16() {
            401 | 403 => Self::Rejected { said: presentable(said) },
            408 | 429 | 497..=499 | 500.. => Self::Unavailable { status, retry_after },
            _ => Self::WrongServer { status },
        }
    }
}

impl Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, fault } => write!(f, "the auth URL {url:?} {fault}"),
            Self::OldVersion => f.write_str("Keystone v2.0 is not spoken here; give the auth URL of its v3"),
            Self::Unsendable => f.write_str(
                "the user or the key is empty, too long, or has characters that no header can carry; correct it",
            ),
            Self::Rejected { said } if said.is_empty() => {
                f.write_str("the credentials are not accepted; check user, password and project")
            }
            Self::Rejected { said } => write!(
                f,
                "the credentials are not accepted, because {said:?}; check user, password and project"
            ),
            Self::WrongServer { status } => {
                write!(f, "what answers at the auth URL gives no token ({status}); check the URL and the auth type")
            }
            Self::Unavailable { status, .. } => {
                write!(f, "authentication is out of order ({status}); it is tried again")
            }
            Self::Incomplete { missing } => write!(
                f,
                "the answer of the authentication has no readable {missing}; check the auth URL, and what stands before it"
            ),
            Self::NoCatalog => f.write_str(
                "the token belongs to no project, so that there is no catalog; name the project, or the storage URL",
            ),
            Self::NoObjectStore => f.write_str(
                "the catalog of the project has no service of type object-store; enable Swift there, or name the storage URL",
            ),
            Self::NoEndpoint { interface, region, offered } => {
                write!(f, "the catalog has no {interface} object-store endpoint")?;
                if let Some(region) = region {
                    write!(f, " in region {region:?}")?;
                }
                write!(f, ", only: {offered}; choose one of these")
            }
            Self::ManyRegions { regions } => {
                write!(f, "the catalog has object-store endpoints in several regions: {regions}; name one of them")
            }
        }
    }
}

impl std::error::Error for AuthError {}

/// A foreign text, fit for a line of a log.
pub(super) fn presentable(text: &str) -> Box<str> {
    let line: String =
        text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(SAID_MAX).collect();
    line.trim().into()
}

/// So many characters of a foreign text are shown.
const SAID_MAX: usize = 200;
