//! Swift's own authentication, v1: one GET with user and key, all of the answer in its header.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::auth_error::AuthError;
use super::base_url::BaseUrl;
use super::draft::{Draft, Rendered};
use super::head::{field, parse_retry_after};
use super::text::parse_number;
use super::{SecretText, Session, Token};

/// Who asks for a token, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Login {
    url: BaseUrl,
    user: HeaderValue,
    key: HeaderValue,
}

impl Login {
    /// A login at `url`, such as `https://swift/auth/v1.0`, of a user, such as `account:user`.
    pub fn new(url: &str, user: &str, key: &SecretText) -> Result<Self, AuthError> {
        let parsed = BaseUrl::parse(url).map_err(|fault| AuthError::Url { url: url.into(), fault })?;
        let user = value(user)?;
        let mut key = value(key.expose())?;
        key.set_sensitive(true);
        Ok(Self { url: parsed, user, key })
    }

    /// The request for a token.
    pub fn render(&self) -> Rendered {
        Draft::new(Method::GET, self.url.join(""))
            .with(X_AUTH_USER, self.user.clone())
            .with(X_AUTH_KEY, self.key.clone())
            .bare()
    }
}

/// Reads the answer; its body says nothing. `now` is in seconds since 1970.
pub fn read(status: StatusCode, fields: &HeaderMap, now: u64) -> Result<Session, AuthError> {
    if !status.is_success() {
        let retry_after = field(fields, header::RETRY_AFTER).and_then(|text| parse_retry_after(text, None));
        return Err(AuthError::of_status(status, retry_after, ""));
    }
    let missing = |missing| AuthError::Incomplete { missing };
    let token = field(fields, X_AUTH_TOKEN).or_else(|| field(fields, X_STORAGE_TOKEN));
    let storage_url = field(fields, X_STORAGE_URL).filter(|url| !url.is_empty());
    let life = field(fields, X_AUTH_TOKEN_EXPIRES).and_then(parse_number);
    Ok(Session {
        token: token.and_then(Token::new).ok_or(missing("X-Auth-Token"))?,
        granted_at: now,
        expires_at: life.map(|life| now.saturating_add(life)),
        storage_url: storage_url.ok_or(missing("X-Storage-Url"))?.into(),
    })
}

fn value(text: &str) -> Result<HeaderValue, AuthError> {
    if text.is_empty() || text.len() > VALUE_BYTES_MAX {
        return Err(AuthError::Unsendable);
    }
    HeaderValue::from_str(text).map_err(|_| AuthError::Unsendable)
}

const X_AUTH_USER: HeaderName = HeaderName::from_static("x-auth-user");

const X_AUTH_KEY: HeaderName = HeaderName::from_static("x-auth-key");

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

const X_STORAGE_TOKEN: HeaderName = HeaderName::from_static("x-storage-token");

const X_STORAGE_URL: HeaderName = HeaderName::from_static("x-storage-url");

const X_AUTH_TOKEN_EXPIRES: HeaderName = HeaderName::from_static("x-auth-token-expires");

const VALUE_BYTES_MAX: usize = 1024;
