//! The store in production: OpenStack Swift, over requests that the world sends.
//!
//! What is asked and what the answers mean is core's ([`wharfinger_core::swift`]). The token is kept from one request of a
//! client to the next as long as this instance lives.

mod fetch;
mod login;

use login::log_in;

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Uri;
use wharfinger_core::Bounds;
use wharfinger_core::store::{Fault, Op};
use wharfinger_core::swift::{
    self, Endpoint, HttpHead, Info, InfoError, Login, Rendered, Session, Verdict, classify_container,
    render_containers, render_info,
};

use crate::wire::{self, Times, Waiting, Writer};
use fetch::Fetched;

/// A container of Swift, and the way to it.
#[derive(Debug)]
pub struct Swift {
    login: Login,
    endpoint: Endpoint,
    session: RefCell<Session>,
    /// No token is renewed ahead of time before this moment, in seconds since 1970.
    rests_until: Cell<u64>,
    call_time: Duration,
}

/// Where in Swift the registry keeps its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Containers {
    /// The container of everything but segments.
    pub container: String,
    /// The container of segments; it may be the same one.
    pub segments: String,
}

/// A request that is on its way: its answer, where its body goes, and the body where core makes it.
pub type Sent = (Waiting, Writer, Option<Bytes>);

impl Swift {
    /// Logs in, creates the containers where they are missing, and asks Swift for its limits.
    ///
    /// # Errors
    /// One sentence that says what is wrong, and what to do about it.
    pub fn start(
        login: Login,
        containers: &Containers,
        call_time: Duration,
    ) -> Result<(Self, Bounds), String> {
        let session = log_in(&login, now(), call_time).map_err(|error| error.to_string())?;
        let endpoint = Endpoint::new(&session.storage_url, &containers.container, &containers.segments)
            .map_err(|error| error.to_string())?;
        let mut requests = render_containers(&endpoint, &session.token);
        requests.push(render_info(&endpoint));
        let urls: Vec<Uri> = requests.iter().map(|rendered| rendered.request.uri().clone()).collect();
        let mut answers = fetch::fetch(requests, call_time);
        let info = answers
            .pop()
            .unwrap_or(Err(Fault::Unreachable))
            .map_err(|fault| unreachable(urls.last(), fault))?;
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
        let info = match Info::read(info.status, &info.body) {
            Ok(info) => info,
            Err(error @ (InfoError::Hidden { .. } | InfoError::Strange)) => {
                eprintln!("warning: {error}");
                Info::default()
            }
            Err(error @ InfoError::Unavailable { .. }) => return Err(error.to_string()),
        };
        let bounds = info
            .bounds(&endpoint)
            .ok_or("this Swift has no static large objects, which every upload needs; put slo into the pipeline of its proxy")?;
        if bounds.joins.part_bytes_min > u64::from(bounds.small_segment_bytes()) {
            return Err("this Swift joins long segments alone; set min_segment_size of its slo middleware to 1 MiB at most".to_owned());
        }
        let (session, rests_until) = (RefCell::new(session), Cell::new(0));
        Ok((Self { login, endpoint, session, rests_until, call_time }, bounds))
    }

    /// Sends an op; `None` if Swift has nothing to do for it. `length` and `md5` are those of the body.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn send(&self, op: &Op, length: Option<u64>, md5: Option<[u8; 16]>) -> Result<Option<Sent>, Fault> {
        self.keep_fresh(matches!(op, Op::Write { .. }));
        let token = self.session.borrow().token.clone();
        let Some(Rendered { request, body, length }) = swift::render(op, length, md5, &self.endpoint, &token)
        else {
            return Ok(None);
        };
        let times = Times { connect: CONNECT_TIME, answer: ANSWER_TIME };
        let (waiting, writer) = wire::send(&request, length, times)?;
        Ok(Some((waiting, writer, body)))
    }

    /// Logs in again. What was not to be had is told by the next answer.
    pub fn renew(&self) {
        match log_in(&self.login, now(), self.call_time) {
            Ok(session) => *self.session.borrow_mut() = session,
            Err(error) => {
                self.rests_until.set(now().saturating_add(RENEWAL_REST_SECONDS));
                eprintln!("warning: there is no new token: {error}");
            }
        }
    }

    /// Says in the log what an operator can do about an answer.
    pub fn advise(&self, op: &Op, head: &HttpHead) {
        if let Some(advice) = swift::advice(op, head, false, &self.endpoint) {
            eprintln!("warning: {advice}");
        } else if head.status.is_server_error() {
            eprintln!("warning: Swift has trouble: {}, {op:?}", head.status);
        }
    }

    /// Renews the token when four fifths of its life are over, or when it could end while a body leaves. A login that does
    /// not answer holds this request up: after one that failed, the next ones go on with the token that there is.
    fn keep_fresh(&self, writes: bool) {
        let due = {
            let session = self.session.borrow();
            let now = now();
            let short = session.expires_at.is_some_and(|end| {
                let half = end.saturating_sub(session.granted_at) / 2;
                end.saturating_sub(now) < WRITE_SECONDS_MIN.min(half)
            });
            session.renew_at().is_some_and(|at| now >= at) || (writes && short)
        };
        if due && now() >= self.rests_until.get() {
            self.renew();
        }
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn unreachable(url: Option<&Uri>, fault: Fault) -> String {
    let url = url.map(Uri::to_string).unwrap_or_default();
    format!("Swift at {url} cannot be asked ({fault:?}): check that it runs and can be reached from here")
}

/// So long a token is good when a write begins; half of its life, if that is shorter.
const WRITE_SECONDS_MIN: u64 = 600;

/// How long after a login that failed the next one ahead of time may be.
const RENEWAL_REST_SECONDS: u64 = 10;

const CONNECT_TIME: Duration = Duration::from_secs(5);

/// The world counts the sending of the body into this; core ends every call in its own time.
const ANSWER_TIME: Duration = Duration::from_secs(24 * 3600);
