use std::fmt;

use http::StatusCode;
use wharfinger_core::swift::{AuthError, EndpointError, InfoError, RedirectError};

use super::temp_urls::KeyError;
use crate::client::{ClientError, TlsError};
use crate::clouds::CloudError;

/// Why there is no token.
#[derive(Debug)]
pub enum LoginError {
    /// What was asked of it did not answer.
    Client(ClientError),
    /// The answer is no token.
    Auth(AuthError),
    /// The token to log in with is not accepted, and there is nothing else to log in with.
    Token {
        /// Why.
        error: AuthError,
    },
}

/// Why a registry cannot store in its Swift.
#[derive(Debug)]
pub enum StartError {
    /// There is no such cloud, or what is said of it makes none.
    Cloud(CloudError),
    /// The cloud wants TLS, which cannot be set up as it says.
    Tls {
        /// The cloud.
        cloud: String,
        /// Why.
        error: TlsError,
    },
    /// The cloud asks for a scope that holds no objects.
    Scope {
        /// The cloud.
        cloud: String,
        /// The key that asks for it.
        key: &'static str,
    },
    /// The cloud gives no token.
    Login {
        /// The cloud.
        cloud: String,
        /// Where it was asked for one.
        auth_url: String,
        /// Why.
        error: LoginError,
    },
    /// The storage URL or a container's name is not one.
    Endpoint(EndpointError),
    /// Swift does not answer.
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        error: ClientError,
    },
    /// Swift does not let the container be created.
    Container {
        /// Its URL.
        url: String,
        /// What it answered.
        status: StatusCode,
    },
    /// Nothing is known of this Swift.
    Info(InfoError),
    /// This Swift cannot join segments.
    NoLargeObjects,
    /// Clients cannot be sent to Swift.
    Redirect(RedirectError),
    /// The keys of temporary URLs cannot be had.
    Keys(KeyError),
    /// This Swift joins long segments alone.
    LongSegments {
        /// The shortest, in bytes.
        bytes: u64,
        /// The longest that this may be: what is shorter is written again in runs, each an object.
        bytes_max: u32,
    },
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::Auth(error) => error.fmt(f),
            Self::Token { error } => write!(
                f,
                "the token of the cloud is wrong or over, and another cannot be had with it; give a new one and start again, or \
                 log in by password or application credential (Keystone: {error})"
            ),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cloud(error) => error.fmt(f),
            Self::Tls { cloud, error } => write!(f, "cloud {cloud}: {error}"),
            Self::Scope { cloud, key } => {
                write!(f, "cloud {cloud}: {key} is not used by this login to Swift; remove it")
            }
            // It names the URL itself.
            Self::Login { cloud, error: error @ LoginError::Auth(AuthError::Url { .. }), .. } => {
                write!(f, "cloud {cloud}: cannot log in: {error}")
            }
            Self::Login { cloud, auth_url, error } => {
                write!(f, "cloud {cloud}: cannot log in at {auth_url}: {error}")
            }
            Self::Endpoint(error) => error.fmt(f),
            Self::Unreachable { url, error } => write!(f, "Swift at {url} does not answer: {error}"),
            Self::Container { url, status } => write!(
                f,
                "Swift does not let us use the container {url} ({status}); create it, and give the user the right to write there"
            ),
            Self::Info(error) => error.fmt(f),
            Self::NoLargeObjects => f.write_str(
                "this Swift has no static large objects, which every upload needs; put slo into the pipeline of its proxy",
            ),
            Self::Redirect(error) => error.fmt(f),
            Self::Keys(error) => error.fmt(f),
            Self::LongSegments { bytes, bytes_max } => write!(
                f,
                "this Swift joins no segments below {bytes} bytes; set min_segment_size of its slo middleware to {bytes_max} at most"
            ),
        }
    }
}

impl std::error::Error for LoginError {}

impl std::error::Error for StartError {}
