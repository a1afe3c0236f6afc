//! Keystone, the authentication of OpenStack, v3: one POST with credentials; the token comes in a header, the rest in the
//! body.

mod catalog;
mod credentials;

pub use catalog::Choice;
pub use credentials::{Credentials, Domain, Project, User};

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use serde::Deserialize;

use super::auth_error::AuthError;
use super::base_url::BaseUrl;
use super::draft::{Draft, Rendered};
use super::head::{field, parse_retry_after};
use super::time::parse_rfc3339;
use super::{Session, Token};
use catalog::Catalog;

/// No answer is read beyond so many bytes. The catalog of a large cloud takes some tens of thousands.
pub const ANSWER_BYTES_MAX: u32 = 1 << 20;

/// Where Keystone is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthUrl(BaseUrl);

impl AuthUrl {
    /// Reads the auth URL of a cloud; `/v3` at its end may be left out.
    pub fn parse(url: &str) -> Result<Self, AuthError> {
        let parsed = BaseUrl::parse(url).map_err(|fault| AuthError::Url { url: url.into(), fault })?;
        let path = parsed.path();
        if path.ends_with("/v2.0") {
            return Err(AuthError::OldVersion);
        }
        let path = path.strip_suffix("/auth/tokens").unwrap_or(path);
        let path = path.strip_suffix("/v3").unwrap_or(path);
        Ok(Self(parsed.with_path(path)))
    }
}

/// The request for a token.
pub fn render(url: &AuthUrl, credentials: &Credentials) -> Rendered {
    Draft::new(Method::POST, url.0.join("/v3/auth/tokens"))
        .with_static(header::ACCEPT, "application/json")
        .json(credentials.request().to_string())
}

/// Reads the answer. `now` is in seconds since 1970.
pub fn read(
    status: StatusCode,
    fields: &HeaderMap,
    body: &[u8],
    choice: &Choice,
    now: u64,
) -> Result<Session, AuthError> {
    if status != StatusCode::CREATED && status != StatusCode::OK {
        let said = serde_json::from_slice::<Failure>(body).map(|failure| failure.error.message);
        let retry_after = field(fields, header::RETRY_AFTER).and_then(|text| parse_retry_after(text, None));
        return Err(AuthError::of_status(status, retry_after, &said.unwrap_or_default()));
    }
    let missing = |missing| AuthError::Incomplete { missing };
    let token = field(fields, X_SUBJECT_TOKEN).and_then(Token::new).ok_or(missing("X-Subject-Token"))?;
    let granted: Granted = serde_json::from_slice(body).map_err(|_| missing("body"))?;
    let expires_at = match granted.token.expires_at {
        Some(text) => Some(parse_rfc3339(&text).ok_or(missing("time of expiry"))?),
        None => None,
    };
    let storage_url = choice.storage_url(granted.token.catalog.as_ref())?;
    Ok(Session { token, granted_at: now, expires_at, storage_url })
}

#[derive(Deserialize)]
struct Granted {
    token: GrantedToken,
}

#[derive(Deserialize)]
struct GrantedToken {
    expires_at: Option<Box<str>>,
    catalog: Option<Catalog>,
}

#[derive(Deserialize)]
struct Failure {
    error: FailureText,
}

#[derive(Deserialize)]
struct FailureText {
    message: String,
}

const X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");
