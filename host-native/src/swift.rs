//! The store in production: OpenStack Swift, over HTTP.
//!
//! What is asked and what the answers mean is core's ([`wharfinger_core::swift`]); here are the connections, the token that
//! all requests share, and the start.
//!
//! ```text
//! Op --Swift::ask, Swift::stream--> Client --> Answer { head, body }      every request with the token of Tokens,
//!                                                                        which logs in when it has to, once for all
//! ```

mod error;
mod login;
mod start;
mod temp_urls;
mod tls;
mod tokens;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_lite::future;
use smol::Timer;
use wharfinger_core::store::{Fault, Op};
use wharfinger_core::swift::{self, Endpoint, HttpHead, Rendered};
use wharfinger_core::transfer::md5_of;

use crate::client::{Body, Client, ClientError, Feed, Late, Response};
use crate::clouds::Cloud;
pub use error::{LoginError, StartError};
use temp_urls::TempUrls;
pub use temp_urls::{KeyError, Redirect};
use tokens::{Held, Tokens};

/// Whether a login can be made of what a cloud says; nobody is asked.
///
/// # Errors
/// It says what this registry cannot do, or an `auth_url` that is none.
pub(crate) fn check_login(cloud: &Cloud) -> Result<(), StartError> {
    login::of(cloud).map(drop)
}

/// Which Swift, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The name of the cloud in clouds.yaml; `None` leaves the choice to the environment.
    pub cloud: Option<String>,
    /// The container of everything but segments.
    pub container: String,
    /// The container of segments; it may be the same one.
    pub segments_container: String,
    /// The time limit of one call.
    pub call_time: Duration,
    /// How clients are sent to Swift, if they are.
    pub redirect: Option<Redirect>,
}

/// A store in Swift. Clones share it.
#[derive(Clone)]
pub struct Swift(Arc<Shared>);

struct Shared {
    client: Client,
    endpoint: Endpoint,
    tokens: Tokens,
    call_time: Duration,
    temp_urls: Option<TempUrls>,
}

/// What Swift answered.
#[derive(Debug)]
pub struct Answer {
    /// For core.
    pub head: HttpHead,
    /// The body, if core may want it.
    pub body: Option<Box<Response>>,
    /// Which token the request was sent with.
    pub token: u64,
}

impl Swift {
    /// Sends any op that Swift has something to do for, with a body that is at hand.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn ask(&self, op: &Op, body: Bytes) -> Result<Answer, Fault> {
        let writes = matches!(op, Op::Write { .. });
        // A body that is at hand can be sent again with another token.
        let held = self.0.tokens.get(false).await;
        let md5 = writes.then(|| md5_of(&body));
        let rendered = swift::render(op, Some(body.len() as u64), md5, &self.0.endpoint, &held.token);
        let Some(Rendered { request, body: made, .. }) = rendered else {
            return Err(fault(op, &ClientError::Request("Swift has nothing to do for it")));
        };
        let body = match made {
            Some(made) => Body::Bytes(made),
            None if writes => Body::Bytes(body),
            None => Body::Empty,
        };
        let response = self.0.client.send(request, body).await.map_err(|error| fault(op, &error))?;
        Ok(self.receive(op, response, &held).await)
    }

    /// Opens a write whose body is fed. The request is sent while the future is polled, and its answer may come early.
    pub async fn stream(&self, op: Op) -> (Feed, impl Future<Output = Result<Answer, Fault>> + Send + use<>) {
        let (feed, body) = Body::fed(None);
        let held = self.0.tokens.get(true).await;
        let swift = self.clone();
        let answer = async move {
            let Some(rendered) = swift::render(&op, None, None, &swift.0.endpoint, &held.token) else {
                return Err(fault(&op, &ClientError::Request("Swift has nothing to do for it")));
            };
            let sent = swift.0.client.send(rendered.request, body).await;
            let response = sent.map_err(|error| fault(&op, &error))?;
            Ok(swift.receive(&op, response, &held).await)
        };
        (feed, answer)
    }

    /// Says that Swift did not take a token.
    pub fn reject(&self, stale: u64) {
        self.0.tokens.reject(stale);
    }

    /// Waits for a token that was not rejected, as far as it can be had.
    pub async fn renew(&self) {
        self.0.tokens.get(false).await;
    }

    /// What an operator can do about an answer that does not help; see [`swift::advice`].
    pub fn advice(&self, op: &Op, head: &HttpHead, rejected: bool) -> Option<String> {
        swift::advice(op, head, rejected, &self.0.endpoint)
    }

    /// Whether segments have a container of their own.
    pub fn segments_are_apart(&self) -> bool {
        self.0.endpoint.container() != self.0.endpoint.segments_container()
    }

    async fn receive(&self, op: &Op, mut response: Response, held: &Held) -> Answer {
        let head = HttpHead::new(response.status, &response.headers);
        let status = head.status.as_u16();
        tracing::debug!(status, token = held.number, ?op, "Swift answered");
        if head.status.is_server_error() {
            tracing::warn!(status, ?op, "Swift has trouble");
        }
        if let Some(advice) = swift::advice(op, &head, false, &self.0.endpoint) {
            tracing::warn!(status, "{advice}");
        }
        let body = if may_want_body(op, &head) {
            Some(Box::new(response))
        } else {
            discard(&mut response).await;
            None
        };
        Answer { head, body, token: held.number }
    }
}

impl fmt::Debug for Swift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Swift({:?})", self.0.endpoint)
    }
}

/// Whether the body of an answer is content, or decides what the answer means.
fn may_want_body(op: &Op, head: &HttpHead) -> bool {
    match op {
        Op::Read { .. } | Op::List { .. } => head.status.is_success(),
        Op::Join { .. } => matches!(head.status.as_u16(), 400 | 413),
        Op::Stat { .. }
        | Op::Write { .. }
        | Op::Copy { .. }
        | Op::Touch { .. }
        | Op::Release { .. }
        | Op::Remove { .. } => false,
    }
}

/// Reads a body that nobody wants, so that the connection can be used again: if it is short and comes soon.
async fn discard(response: &mut Response) {
    let read = async { drop(response.collect(DISCARD_BYTES_MAX).await) };
    let late = async {
        Timer::after(DISCARD_TIME_MAX).await;
    };
    future::or(read, late).await;
}

/// What broken calls are to core; the cause is for the log.
fn fault(op: &Op, error: &ClientError) -> Fault {
    let fault = match error {
        ClientError::Tls(fault) if !fault.comes_first() => Fault::Broken,
        ClientError::Request(_)
        | ClientError::NoTls
        | ClientError::Tls(_)
        | ClientError::Connect(_)
        | ClientError::Late(Late::Connect | Late::Handshake) => Fault::Unreachable,
        ClientError::Late(Late::Answer | Late::Body | Late::Write) => Fault::Late,
        ClientError::SpeaksTls
        | ClientError::Closed
        | ClientError::Head(_)
        | ClientError::StatusLine
        | ClientError::Interim
        | ClientError::Chunk(_)
        | ClientError::Short
        | ClientError::TooLong
        | ClientError::Source(_) => Fault::Broken,
    };
    tracing::warn!(%error, ?fault, ?op, "Swift has trouble");
    fault
}

const DISCARD_BYTES_MAX: usize = 64 << 10;

const DISCARD_TIME_MAX: Duration = Duration::from_millis(200);
