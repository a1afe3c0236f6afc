//! The outgoing HTTP/1.1 client: surf over an `HttpClient` of this crate's own.
//!
//! ```text
//! Client::send ─ surf ─ Wire ─ pool or connect (TCP, TLS) ─┬─ Sending:  head and body, one piece in flight
//!                                                          └─ Incoming: head, then the body as it is read
//! ```
//!
//! The answer is read while the request is still leaving: [`Client::send`] comes back with the first final
//! answer, however early. From then on the rest of the request leaves while the answer's body is read, or in
//! [`Response::sent`]. Nothing runs on its own: what is dropped is broken off, and its connection closed.
//!
//! surf and http_types appear in this module alone. Their types cannot hold every status and every header
//! value, so the answer's head travels beside the response that they carry.
//!
//! ```no_run
//! # use wharfinger::client::{Body, Client, Settings};
//! # async fn ask() -> Result<(), wharfinger::client::ClientError> {
//! let client = Client::new(Settings::default());
//! let request = http::Request::get("http://127.0.0.1:5000/v2/").body(()).expect("a sound request");
//! let mut response = client.send(request, Body::Empty).await?;
//! let body = response.collect(1024).await?;
//! println!("{}: {} bytes", response.status, body.len());
//! # Ok(())
//! # }
//! ```

mod answer;
mod body;
mod connect;
mod error;
mod incoming;
mod outgoing;
mod pool;
mod request;
mod response;
mod tls;
mod wire;

pub use body::{Body, Feed, FeedGone};
pub use error::{ClientError, Late};
pub use incoming::AnswerLength;
pub use response::Response;
pub use tls::{Identity, Tls, TlsError, TlsFault, Trust};

use std::sync::Arc;
use std::time::Duration;

use wire::Wire;

/// What a server may use of the client before it is given up. Every field is a setting of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Time to look up a host, to connect to it and to agree on TLS.
    pub connect_time: Duration,
    /// Time from the last byte of a request to the end of the answer's head.
    pub answer_time: Duration,
    /// Time without a single byte of an answer's body while somebody is waiting for one.
    pub body_idle_time: Duration,
    /// Time in which the server takes not a single byte of the request that is ready to be sent.
    pub write_idle_time: Duration,
    /// Time that an unused connection may wait to be used again: shorter than that of the server.
    pub pool_idle_time: Duration,
    /// Most unused connections that are kept, to all servers together.
    pub pool_connections_max: usize,
    /// Longest head of an answer, in bytes.
    pub head_bytes_max: usize,
    /// Most header fields in one answer.
    pub headers_max: usize,
    /// What `https://` is spoken with; without it, such URLs are refused.
    pub tls: Option<Tls>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(60),
            body_idle_time: Duration::from_secs(60),
            write_idle_time: Duration::from_secs(60),
            pool_idle_time: Duration::from_secs(15),
            pool_connections_max: 32,
            head_bytes_max: 32 * 1024,
            headers_max: 100,
            tls: None,
        }
    }
}

/// An HTTP client; a clone shares its connections.
#[derive(Clone, Debug)]
pub struct Client {
    surf: surf::Client,
}

impl Client {
    /// A client without connections.
    pub fn new(settings: Settings) -> Self {
        Self { surf: surf::Client::with_http_client(Wire::new(Arc::new(settings))) }
    }

    /// Sends a request and waits for the head of its final answer, which may come while `body` is still leaving.
    ///
    /// The URL is sent byte for byte or refused. Host, Connection and the fields that frame the body are this
    /// client's own. A request without body or with [`Body::Bytes`] that is answered alike when it is carried out twice may
    /// use a connection that lay idle, and is sent once more if that turns out to be closed. All others, which must not be
    /// sent again, get a new connection.
    ///
    /// # Errors
    /// See [`ClientError`]. A status is never an error.
    pub async fn send(&self, request: http::Request<()>, body: Body) -> Result<Response, ClientError> {
        let request = request::translate(&request, body)?;
        let response = self.surf.send(request).await.map_err(ClientError::from_surf)?;
        Response::from_surf(response)
    }
}
