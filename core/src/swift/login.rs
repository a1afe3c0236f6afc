use http::{HeaderMap, StatusCode};

use super::keystone::{self, AuthUrl, Choice, Credentials};
use super::{AuthError, Rendered, Session, v1_auth};

/// How to get a token: one request, and what its answer means.
#[derive(Clone, Debug)]
pub enum Login {
    /// Swift's own.
    V1 {
        /// Where, and with what.
        login: v1_auth::Login,
        /// The storage URL in place of the one that the answer names.
        storage_url: Option<Box<str>>,
    },
    /// Keystone's.
    Keystone {
        /// Where.
        url: AuthUrl,
        /// With what.
        credentials: Credentials,
        /// Which of the object stores in the catalog.
        choice: Choice,
    },
}

impl Login {
    /// No answer is read that is longer, in bytes.
    pub const ANSWER_BYTES_MAX: u32 = keystone::ANSWER_BYTES_MAX;

    /// The request.
    pub fn render(&self) -> Rendered {
        match self {
            Self::V1 { login, .. } => login.render(),
            Self::Keystone { url, credentials, .. } => keystone::render(url, credentials),
        }
    }

    /// What the answer gives. `now` is the host's clock in seconds since 1970.
    ///
    /// # Errors
    /// It gives no token, or no storage URL.
    pub fn read(
        &self,
        status: StatusCode,
        fields: &HeaderMap,
        body: &[u8],
        now: u64,
    ) -> Result<Session, AuthError> {
        match self {
            Self::V1 { storage_url, .. } => {
                let session = v1_auth::read(status, fields, now)?;
                let storage_url = storage_url.clone().unwrap_or_else(|| session.storage_url.clone());
                Ok(Session { storage_url, ..session })
            }
            Self::Keystone { choice, .. } => keystone::read(status, fields, body, choice, now),
        }
    }
}
