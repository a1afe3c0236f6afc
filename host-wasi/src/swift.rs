//! The store in production: OpenStack Swift, over requests that the world sends.
//!
//! What is asked and what the answers mean is core's ([`wharfinger_core::swift`]). The token is kept from one request of a
//! client to the next as long as this instance lives.

mod errands;
mod login;
mod temp_urls;

pub use errands::{Errands, warn};
use login::{LoginError, log_in};
pub use temp_urls::Redirect;
use temp_urls::TempUrls;

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{StatusCode, Uri};
use wharfinger_core::Bounds;
use wharfinger_core::oci::Digest;
use wharfinger_core::store::{Fault, Op};
use wharfinger_core::swift::{
    self, AuthError, Endpoint, HttpHead, Info, InfoError, Lease, Login, RedirectError, Rendered, SecretText,
    Verdict, classify_container, render_containers, render_info,
};

use crate::drive::timers::{Moment, after};
use crate::fetch::{Fetched, fetch};
use crate::wire::{self, Times, Waiting, Writer};
use crate::world::StartError;

/// A container of Swift, and the way to it.
#[derive(Debug)]
pub struct Swift {
    login: Login,
    endpoint: Endpoint,
    lease: RefCell<Lease>,
    call_time: Duration,
    /// `None` if clients are not sent to Swift.
    temp_urls: Option<TempUrls>,
    /// What no exchange waits for at the moment.
    errands: RefCell<Errands>,
    /// The highest number of a token that an answer came to. Only the first one that is refused is worth a line.
    token_answered: Cell<u64>,
}

/// Where in Swift the registry keeps its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Containers {
    /// The container of everything but segments.
    pub container: String,
    /// The container of segments; it may be the same one.
    pub segments: String,
}

/// A request that is on its way.
pub struct Sent {
    /// Its answer.
    pub waiting: Waiting,
    /// Where its body goes.
    pub writer: Writer,
    /// The body, where core makes it.
    pub body: Option<Bytes>,
    /// The number of its token.
    pub token: u64,
}

impl Swift {
    /// Logs in, creates the containers where they are missing, asks Swift for its limits, and looks at the keys by which
    /// clients are sent there, if they are to be. All together takes `call_time` at most.
    ///
    /// # Errors
    /// Why nothing can be stored there.
    pub fn start(
        login: Login,
        containers: &Containers,
        call_time: Duration,
        redirect: Option<&Redirect>,
    ) -> Result<(Self, Bounds), StartError> {
        let deadline = after(call_time);
        let session = log_in(&login, now(), deadline).map_err(|error| match &error {
            LoginError::Auth(AuthError::Rejected { .. }) => StartError::refused(error.to_string()),
            LoginError::Auth(_) | LoginError::Fault(_) => StartError::outside(error.to_string()),
        })?;
        let endpoint = Endpoint::new(&session.storage_url, &containers.container, &containers.segments)
            .map_err(|error| StartError::outside(error.to_string()))?;
        let lease = Lease::new(session);
        let info = open_containers(&endpoint, &lease, deadline).map_err(StartError::outside)?;
        let bounds = bounds(&info, &endpoint).map_err(StartError::outside)?;
        let temp_urls = redirect.map(|redirect| TempUrls::new(redirect, &endpoint, &info)).transpose();
        let temp_urls = temp_urls.map_err(|error: RedirectError| StartError::unable(error.to_string()))?;
        let swift = Self {
            login,
            endpoint,
            lease: RefCell::new(lease),
            call_time,
            temp_urls,
            errands: RefCell::default(),
            token_answered: Cell::new(0),
        };
        match Errands::default().look_now(&swift, deadline) {
            None | Some(Ok(())) => {}
            // Others that serve already go on without a key, too, as long as Swift is not well.
            Some(Err(error)) if error.is_transient() => {
                eprintln!("warning: {error}; clients are not sent to Swift meanwhile");
            }
            Some(Err(error)) => return Err(StartError::outside(error.to_string())),
        }
        Ok((swift, bounds))
    }

    /// Sends an op; `None` if Swift has nothing to do for it. `length` and `md5` are those of the body.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn send(&self, op: &Op, length: Option<u64>, md5: Option<[u8; 16]>) -> Result<Option<Sent>, Fault> {
        let lease = self.lease.borrow();
        let Some(Rendered { request, body, length }) =
            swift::render(op, length, md5, &self.endpoint, lease.token())
        else {
            return Ok(None);
        };
        let times = Times { connect: CONNECT_TIME, answer: ANSWER_TIME };
        let (waiting, writer) = wire::send(&request, length, times)?;
        Ok(Some(Sent { waiting, writer, body, token: lease.number() }))
    }

    /// Takes note that Swift did not take the token of that number.
    pub fn reject(&self, stale: u64) {
        self.lease.borrow_mut().reject(stale);
    }

    /// Whether clients are sent to Swift.
    pub fn redirects(&self) -> bool {
        self.temp_urls.is_some()
    }

    /// A URL by which a client can read a blob, if there is one at the moment.
    pub fn location(&self, digest: Digest) -> Option<SecretText> {
        self.temp_urls.as_ref()?.location(digest)
    }

    fn look_is_due(&self) -> bool {
        self.temp_urls.as_ref().is_some_and(TempUrls::look_is_due)
    }

    /// Says in the log what an operator can do about an answer to a request with the token of that number.
    pub fn advise(&self, op: &Op, head: &HttpHead, token: u64) {
        // The first token was taken at the start, so that a higher number has followed one that was refused or grew old.
        let is_new = token > self.token_answered.get();
        self.token_answered.set(token.max(self.token_answered.get()));
        let rejected = is_new && head.status == StatusCode::UNAUTHORIZED;
        if let Some(advice) = swift::advice(op, head, rejected, &self.endpoint) {
            eprintln!("warning: {advice}");
        } else if head.status.is_server_error() {
            eprintln!("warning: Swift has trouble: {}, {op:?}", head.status);
        }
    }
}

/// Creates the containers where they are missing, and asks what this Swift is like.
fn open_containers(endpoint: &Endpoint, lease: &Lease, deadline: Moment) -> Result<Info, String> {
    let mut requests = render_containers(endpoint, lease.token());
    requests.push(render_info(endpoint));
    let urls: Vec<Uri> = requests.iter().map(|rendered| rendered.request.uri().clone()).collect();
    let mut answers = fetch(requests, deadline);
    let info =
        answers.pop().unwrap_or(Err(Fault::Unreachable)).map_err(|fault| unreachable(urls.last(), fault))?;
    for (answer, url) in answers.into_iter().zip(&urls) {
        let Fetched { status, headers, .. } = answer.map_err(|fault| unreachable(Some(url), fault))?;
        match classify_container(&HttpHead::new(status, &headers)) {
            Verdict::Reply(wharfinger_core::store::Reply::Done) => {}
            Verdict::Reply(_) | Verdict::Body { .. } | Verdict::TokenRejected => {
                return Err(format!(
                    "Swift answers {status} when asked to create {url}: create the container, or give the user the \
                     right to"
                ));
            }
        }
    }
    match Info::read(info.status, &info.body) {
        Ok(info) => Ok(info),
        Err(error @ (InfoError::Hidden { .. } | InfoError::Strange)) => {
            eprintln!("warning: {error}");
            Ok(Info::default())
        }
        Err(error @ InfoError::Unavailable { .. }) => Err(error.to_string()),
    }
}

fn bounds(info: &Info, endpoint: &Endpoint) -> Result<Bounds, &'static str> {
    let bounds = info.bounds(endpoint).ok_or(
        "this Swift has no static large objects, which every upload needs; put slo into the pipeline of its proxy",
    )?;
    if bounds.joins.part_bytes_min > u64::from(bounds.small_segment_bytes()) {
        return Err(
            "this Swift joins long segments alone; set min_segment_size of its slo middleware to 1 MiB at most",
        );
    }
    Ok(bounds)
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn unreachable(url: Option<&Uri>, fault: Fault) -> String {
    let url = url.map(Uri::to_string).unwrap_or_default();
    format!("Swift at {url} cannot be asked ({fault:?}): check that it runs and can be reached from here")
}

const CONNECT_TIME: Duration = Duration::from_secs(5);

/// The world counts the sending of the body into this; core ends every call in its own time.
const ANSWER_TIME: Duration = Duration::from_secs(24 * 3600);
