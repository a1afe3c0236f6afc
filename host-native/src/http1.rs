//! The HTTP/1.1 server edge: all that stands between an accepted TCP socket and a checked request or a
//! framed reply.
//!
//! ```text
//! Connection::new, or ::agree with TLS
//!         │
//! Connection::next ─ Request, BodyReader, ReplyWriter ─ conclude ─ Connection::next ...
//!         │                                                  └── closed: shut, linger
//!         ├── Refused: HeadRefusal, ReplyWriter ─ conclude ── closed
//!         └── Closed
//! ```
//!
//! A head is searched, taken apart and checked here (RFC 9112), and only then decoded by async-h1, which
//! also encodes the heads of replies. Body framing in both directions is done here. Reader and writer of
//! one exchange are independent values, for two futures or one.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use wharfinger::http1::{Connection, Limits, Next, ReplyError, ReplyLength, conclude};
//! async fn serve(stream: smol::net::TcpStream) -> Result<(), ReplyError> {
//!     let mut connection = Connection::new(stream, Arc::new(Limits::default()));
//!     loop {
//!         let (body, mut reply, status) = match connection.next().await {
//!             Next::Request { body, reply, .. } => (Some(body), reply, http::StatusCode::OK),
//!             Next::Refused { refusal, reply } => (None, reply, refusal.status()),
//!             Next::Closed => return Ok(()),
//!         };
//!         reply.head(status, &http::HeaderMap::new(), ReplyLength::Exactly(2))?;
//!         reply.write(b"ok").await?;
//!         match conclude(body, reply).await {
//!             Some(again) => connection = again,
//!             None => return Ok(()),
//!         }
//!     }
//! }
//! ```

mod agree;
mod body;
mod chunked;
mod codec;
mod conclude;
mod connection;
mod framing;
mod head;
mod limits;
mod peer;
mod refusal;
mod reply;
mod secure;
mod socket;
mod target;
mod wire;

pub use agree::{Agreed, Disagreement};
pub use body::{BodyError, BodyReader, Filled};
pub use chunked::ChunkFault;
pub use conclude::conclude;
pub use connection::{BodyLength, Connection, Next, Request};
pub use limits::Limits;
pub use peer::{ClientCertificate, Peer};
pub use refusal::HeadRefusal;
pub use reply::{ReplyError, ReplyLength, ReplyWriter};

// For the client, which reads the same syntax from the other side.
pub(crate) use chunked::{ChunkDecoder, Step};
pub(crate) use framing::{asks_to_close, stated_length};
pub(crate) use head::{HeadSearch, RawHead, head_lines, split_field};
