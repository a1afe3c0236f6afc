use std::sync::atomic::Ordering;
use std::time::Instant;

use futures_lite::FutureExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use smol::net::TcpStream;
use wharfinger_core::exchange::Outcome;
use wharfinger_core::oci::{DOCKER_DISTRIBUTION_API_VERSION, Refusal};

use super::Server;
use crate::drive::{Drive, Driven};
use crate::http1::{
    Agreed, BodyReader, Connection, Disagreement, HeadRefusal, Next, ReplyLength, ReplyWriter, Request,
    conclude,
};
use crate::registry;
use crate::tls::Tls;

/// Serves one request of a connection after the other.
pub(super) async fn serve(stream: TcpStream, server: Server) {
    let begun = match &server.tls {
        None => Some(Connection::new(stream, server.limits.clone())),
        Some(tls) => agree(stream, tls, &server).await,
    };
    let Some(mut connection) = begun else { return };
    let mut turn = 0u64;
    loop {
        // A client that never lets its connection run dry must not keep a thread from all others.
        turn += 1;
        if turn.is_multiple_of(TURN_REQUESTS) {
            smol::future::yield_now().await;
        }
        let dismissed = async {
            server.dismissed().await;
            Next::Closed
        };
        let next = match connection.next().or(dismissed).await {
            Next::Request { request, body, reply } => exchange(&request, body, reply, &server).await,
            Next::Refused { refusal, reply } => {
                refuse(refusal, reply).await;
                return;
            }
            Next::Closed => return,
        };
        match next {
            Some(again) => connection = again,
            None => return,
        }
    }
}

impl Server {
    /// Comes back when a connection that waits for its client is to go.
    async fn dismissed(&self) {
        let draining = async { self.drain.recv().await.is_ok() };
        let crowded = async { self.crowded.recv().await.is_ok() };
        draining.or(crowded).await;
    }
}

/// A connection that TLS is spoken on. `None`: there is none, and it is told why.
async fn agree(stream: TcpStream, tls: &Tls, server: &Server) -> Option<Connection> {
    let agreed = async { Some(Connection::agree(stream, tls.config(), server.limits.clone()).await) };
    let dismissed = async {
        server.dismissed().await;
        None
    };
    match agreed.or(dismissed).await? {
        Ok(Agreed::Secure(connection)) => return Some(connection),
        Ok(Agreed::Plain(Next::Refused { refusal, reply })) => refuse(refusal, reply).await,
        Ok(Agreed::Plain(Next::Request { .. } | Next::Closed)) | Err(Disagreement::Silent) => {}
        Err(disagreement) => tracing::info!(reason = %disagreement, "refused"),
    }
    None
}

async fn exchange(
    request: &Request,
    body: BodyReader,
    reply: ReplyWriter,
    server: &Server,
) -> Option<Connection> {
    let began = Instant::now();
    let (given, id) = match registry::given().and_then(|given| Ok((given, request_id()?))) {
        Ok(given) => given,
        Err(error) => {
            tracing::error!(%error, "the system has no random bytes");
            tell(Refusal::Internal.status(), &Refusal::Internal, reply).await;
            return None;
        }
    };
    server.active.fetch_add(1, Ordering::Relaxed);
    let closing = server.drain.is_closed();
    let drive = Drive::new(&server.registry, request, given, body, reply, closing);
    let stop = server.stop.clone();
    let driven = drive.run(async move { drop(stop.recv().await) }).await;
    let Driven { body, mut reply, status, user, reason, outcome } = driven;
    let whole = match (outcome, &mut reply) {
        (Outcome::Complete, Some(reply)) => reply.finish().await.is_ok(),
        (Outcome::Complete | Outcome::Cut, _) => false,
    };
    let bytes = reply.as_ref().map_or(0, ReplyWriter::body_bytes_sent);
    server.active.fetch_sub(1, Ordering::Relaxed);
    if let Some(reason) = reason {
        tracing::info!(id, reason, "a token of an issuer is not taken");
    }
    log(request, user.as_deref(), Reply { status, bytes, cut: !whole }, began, &id);
    conclude(body, reply.filter(|_| whole)?).await
}

/// What came of a request.
struct Reply {
    status: StatusCode,
    /// Of the body, as far as they were sent.
    bytes: u64,
    cut: bool,
}

/// One line for one request. The query stays out: it may hold an upload's token.
fn log(request: &Request, user: Option<&str>, reply: Reply, began: Instant, id: &str) {
    let Reply { status, bytes, cut } = reply;
    let (method, status) = (request.method.as_str(), status.as_u16());
    let path = request.target.split('?').next().unwrap_or_default();
    let path = &path[..path.len().min(PATH_BYTES_MAX)];
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(method, path, user, status, bytes, ms, id, cut, "request");
}

/// Names a request in the log.
fn request_id() -> std::io::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(std::io::Error::from)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

/// Tells a client why its head is not taken.
async fn refuse(refusal: HeadRefusal, reply: ReplyWriter) {
    let status = refusal.status();
    let bytes = tell(status, &Refusal::HeadInvalid(refusal.to_string().into()), reply).await;
    let id = request_id().unwrap_or_default();
    tracing::info!(status = status.as_u16(), bytes, id, reason = %refusal, "refused");
}

/// Refuses a request that no exchange was started for; returns how many bytes of the body were sent.
async fn tell(status: StatusCode, refusal: &Refusal, mut reply: ReplyWriter) -> u64 {
    let body = refusal.body();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(DOCKER_DISTRIBUTION_API_VERSION, HeaderValue::from_static("registry/2.0"));
    let begun = reply.head(status, &headers, ReplyLength::Exactly(body.len() as u64));
    let written = begun.is_ok() && reply.write(&body).await.is_ok();
    let bytes = reply.body_bytes_sent();
    if written {
        conclude(None, reply).await;
    }
    bytes
}

/// So many requests of one connection may be answered without waiting before other tasks get their turn.
const TURN_REQUESTS: u64 = 16;

/// So much of a path is logged, in bytes. A target is ASCII, so that it can be cut anywhere.
const PATH_BYTES_MAX: usize = 512;
