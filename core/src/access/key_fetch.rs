use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};

use super::json::Json;
use super::urls;
use super::{Issuer, JwksSource, KeySet, KeySetError};

/// One try to fetch the keys of an issuer: a GET for the discovery document unless the URL of the keys is configured, then
/// a GET for the keys.
///
/// The host sends what [`Self::render`] says, collects at most [`Self::ANSWER_BYTES_MAX`] bytes of the body, and hands the
/// answer in, until it is told that it is over. It follows no redirects, sends no credentials, and checks certificates. A
/// request without an answer, or with a longer body, ends the try; what came of it goes to the
/// [`KeyCache`](super::KeyCache):
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use wharfinger_core::access::{FetchStep, Issuer, JwksSource, KeyFetch};
///
/// let issuer = Issuer {
///     name: "gitlab".into(),
///     url: "https://gitlab.example.com".into(),
///     audiences: vec!["https://registry.example.com".into()],
///     keys: JwksSource::Discovery,
///     identities: vec![],
/// };
/// let mut fetch = KeyFetch::new(&issuer)?;
/// assert_eq!(fetch.render().uri(), "https://gitlab.example.com/.well-known/openid-configuration");
/// let found = br#"{"issuer":"https://gitlab.example.com","jwks_uri":"https://gitlab.example.com/oauth/discovery/keys"}"#;
/// assert_eq!(fetch.answered(StatusCode::OK, &HeaderMap::new(), found), FetchStep::Ask);
/// assert_eq!(fetch.render().uri(), "https://gitlab.example.com/oauth/discovery/keys");
/// # Ok::<(), wharfinger_core::access::FetchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyFetch {
    issuer: Box<str>,
    step: Step,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Discover(Uri),
    Keys(Uri),
}

/// What comes after an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FetchStep {
    /// The next request.
    Ask,
    /// Nothing: these are the keys, or there are none to be had.
    Over(Result<FetchedKeys, FetchError>),
}

/// Keys as they were fetched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FetchedKeys {
    /// The keys.
    pub keys: KeySet,
    /// How long they may be used without another look, if the issuer said it.
    pub max_age: Option<Duration>,
}

/// Why keys could not be fetched. The text says nothing of what the issuer answered but its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FetchError {
    /// The issuer's URL, or that of its keys, is none that keys may be fetched from.
    Url,
    /// The answer was not 200.
    Status(StatusCode),
    /// The discovery document is none.
    Document,
    /// The discovery document is that of another issuer.
    OtherIssuer,
    /// The keys are none.
    Keys(KeySetError),
}

impl KeyFetch {
    /// No answer is read beyond so many bytes.
    pub const ANSWER_BYTES_MAX: u32 = KeySet::BYTES_MAX as u32;

    /// Begins to fetch the keys of an issuer.
    ///
    /// # Errors
    /// [`FetchError::Url`].
    pub fn new(issuer: &Issuer) -> Result<Self, FetchError> {
        let step = match &issuer.keys {
            JwksSource::Discovery => urls::discovery(&issuer.url).map(Step::Discover),
            JwksSource::Url(url) => urls::parse(url).map(Step::Keys),
        };
        Ok(Self { issuer: issuer.url.clone(), step: step.ok_or(FetchError::Url)? })
    }

    /// The request to send: a GET without a body. It carries no Host: the authority stands in the URI.
    pub fn render(&self) -> Request<()> {
        let (Step::Discover(uri) | Step::Keys(uri)) = &self.step;
        let mut request = Request::new(());
        *request.uri_mut() = uri.clone();
        let accepted = HeaderValue::from_static("application/json, application/jwk-set+json");
        request.headers_mut().insert(header::ACCEPT, accepted);
        request
    }

    /// Takes the answer.
    pub fn answered(&mut self, status: StatusCode, fields: &HeaderMap, body: &[u8]) -> FetchStep {
        if status != StatusCode::OK {
            return FetchStep::Over(Err(FetchError::Status(status)));
        }
        match &self.step {
            Step::Discover(from) => match self.keys_uri(from, body) {
                Ok(uri) => {
                    self.step = Step::Keys(uri);
                    FetchStep::Ask
                }
                Err(error) => FetchStep::Over(Err(error)),
            },
            Step::Keys(_) => FetchStep::Over(
                KeySet::parse(body)
                    .map(|keys| FetchedKeys { keys, max_age: max_age(fields) })
                    .map_err(FetchError::Keys),
            ),
        }
    }

    /// Where the document says that the keys are (OpenID Connect Discovery 1.0, 4.3).
    fn keys_uri(&self, from: &Uri, document: &[u8]) -> Result<Uri, FetchError> {
        if document.len() > KeySet::BYTES_MAX {
            return Err(FetchError::Document);
        }
        let document = Json::read(document).ok_or(FetchError::Document)?;
        let text = |name| document.get(name).and_then(Json::text).ok_or(FetchError::Document);
        if text("issuer")? != &*self.issuer {
            return Err(FetchError::OtherIssuer);
        }
        let uri = urls::parse(text("jwks_uri")?).ok_or(FetchError::Url)?;
        // What came safely must not lead to what comes otherwise.
        if from.scheme_str() == Some("https") && uri.scheme_str() != Some("https") {
            return Err(FetchError::Url);
        }
        Ok(uri)
    }
}

/// The max-age of Cache-Control (RFC 9111, 5.2.2.1); none at all if the answer must not be kept.
fn max_age(fields: &HeaderMap) -> Option<Duration> {
    let mut age = None;
    for value in fields.get_all(header::CACHE_CONTROL) {
        for directive in value.to_str().ok()?.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return Some(Duration::ZERO),
                "max-age" => {
                    let digits = value.trim().trim_matches('"');
                    age = digits.parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()));
                }
                _ => {}
            }
        }
    }
    age
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str(
                "keys are fetched from https:// URLs only, or from http:// ones of this machine; change the issuer's URL or that of its keys",
            ),
            Self::Status(status) => {
                write!(f, "the issuer answered {status} when asked for its keys; check its URL, or wait until it is well again")
            }
            Self::Document => f.write_str(
                "the issuer's discovery document is none; check the issuer's URL, or configure the URL of its keys",
            ),
            Self::OtherIssuer => f.write_str(
                "the issuer's discovery document is that of another issuer; write the issuer's URL exactly as it does itself",
            ),
            Self::Keys(error) => write!(f, "what the issuer says of its keys {error}"),
        }
    }
}

impl std::error::Error for FetchError {}

#[cfg(test)]
mod tests;
