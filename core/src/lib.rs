//! The OCI registry protocol as pure data: it decides everything and touches nothing.
//!
//! There are no sockets, files, clocks, threads or random numbers in this crate, and nothing to await. An
//! [`Exchange`](exchange::Exchange) is one request of a client, from its head to the end of its reply. A *host* tells it
//! what happened ([`Input`](exchange::Input)), asks it what to do next ([`Output`](exchange::Output)), and does it.
//!
//! ```text
//!            request, reply              Input: what happened                     Op, bytes
//!   client <---------------->  host  ---------------------------->  Exchange
//!                               |  ^ <----------------------------      |
//!                               |  |     Output: what to do             |  decides in terms of
//!                               v  |                                    v
//!                             a store: files, object storage  . . . . Op, Reply
//! ```
//!
//! Bytes do not pass through an exchange. It names a transfer, from a [`Source`](transfer::Source) to a call or to the
//! reply; the host moves the bytes and reports a count, the reason it ended, and the hashes that were asked for. So an
//! exchange stays small, can be compared and hashed, and every state of it can be visited by a test.
//!
//! # The host's loop
//!
//! Poll outputs and carry out each, without waiting for it to finish, until [`Output::Wait`](exchange::Output::Wait).
//! Then wait until one of the things under way has come to something, hand that in, and poll again. Every input is good
//! at every time; what is late is dropped inside.
//!
//! # What each output obliges to
//!
//! | Output | What the host does, and owes | What never happens |
//! |---|---|---|
//! | `Send` | Opens a call to the store under the name `call`. Owes one `Head`, or one `Failed` after which nothing more of this call is told. `length` 0: there is no body. `None`: it is known when its feed ends. | A call whose body the client feeds is opened before the first byte has come: a feed that moved 0 bytes leaves nothing opened, and owes no `Head`. |
//! | `Feed` to a call | Moves bytes into its body. Owes one `Fed`, whatever the store has answered meanwhile. After `last` and a good end the body is complete. | A body whose source broke, came late or came short is finished: it is abandoned, so that the store keeps nothing. `Stalled` is told before the first byte. |
//! | `Feed` to the reply | The same, into the reply's body. Owes one `Fed`. After one whose source broke another may follow, which goes on where it stopped. | More bytes than `Respond` told. A feed on a HEAD. The reply is ended, or broken, because a source broke: that is for `Done` to say. |
//! | `Collect` | Reads a body, or its first line, into memory. Owes one `Collected`. What follows the line stays there to be moved. | More than `max` bytes are read: that is `TooLong`. |
//! | `Digest` | Moves bytes to nowhere and hashes them. Owes one `Hashed`. | |
//! | `Respond` | Starts the reply: status, fields, and `length` as Content-Length. Content-Length, Date and Connection are the host's own fields. On a HEAD, and with 204 and 304, no body follows, whatever the length. | A second one. |
//! | `Ask` | Asks a service that all exchanges share, which may take a while. Owes one `Told`. What memory was granted is given back when the exchange is over. Several questions may be open at once; `Ask::Retry` is answered by `Told::Retry` with the same `call`. | The work of `Ask::CheckPassword` holds up other exchanges. What is in it is logged. |
//! | `Abort` | Drops both halves of the call. Owes nothing. A call of which the host knows nothing is no mistake. | The store keeps a body that was not complete. |
//! | `Sleep` | Starts a timer of a length that it picks from the range by chance. It takes the place of the one before of the same slot. Owes at most one `Fired`. | |
//! | `Wait` | Waits for one input. | Waiting anywhere else. |
//! | `Done(Complete)` | Drops what is left: calls, timers, the rest of the client's body. The reply is whole. | |
//! | `Done(Cut)` | The same, and the client must see that its reply is broken: the connection ends, or the stream is reset. | The reply is ended as if it were whole. |
//!
//! # What each input tells
//!
//! | Input | After | |
//! |---|---|---|
//! | `Head` | `Send` | What the store answered. The two halves of a call go on by themselves: it may come while the body still leaves, and before or after its `Fed`. |
//! | `Answer` | `Send` | The same from a store that is spoken to over HTTP, for core to read. What core wants of the body it collects or moves. |
//! | `Fed` | `Feed` | How many bytes arrived, and why it ended. Core compares the count with what was promised, and believes no end of file. |
//! | `Collected` | `Collect` | The bytes, or why there are none. |
//! | `Hashed` | `Digest` | The hashes. |
//! | `Told` | `Ask` | Memory was granted or not; the token was renewed, as far as it could be; a failed call may be sent again or not; the URL; what came of a password; or the keys. |
//! | `Failed` | `Send` | The call broke off, in either half. |
//! | `Fired` | `Sleep` | The timer ran out. |
//! | `ClientGone` | any time | Nobody waits for the reply: all ends, with `Done(Cut)`. |
//!
//! # Names
//!
//! A [`CallId`](exchange::CallId) is a slot, of which there are few, and a generation. A slot is used again as soon as its
//! call is over, the generation tells the calls apart: news of an older generation is late, and changes nothing. The
//! same holds for a [`TimerId`](exchange::TimerId). Hosts can keep calls and timers in arrays.
//!
//! # One exchange, whole
//!
//! No network is needed to try out what the registry does. This host has a map for a store, and lives the push of a small
//! blob:
//!
//! ```
//! use std::{collections::BTreeMap, sync::Arc};
//! use bytes::Bytes;
//! use wharfinger_core::exchange::{BodyLength, Collected, Exchange, Given, Input, Output, RequestHead, Side, Told};
//! use wharfinger_core::store::{Op, Reply};
//! use wharfinger_core::transfer::{Blocks, End, Hasher, Moved, Source};
//! use wharfinger_core::access::{Access, Peer};
//! use wharfinger_core::{Config, Limits, oci::{Algorithm, Digest}, upload::Secret};
//!
//! let body = Bytes::from_static(b"hello");
//! let digest = Digest::of(Algorithm::Sha256, &body);
//! let secret = Secret::new(b"sixteen or more random bytes");
//! let limits = Limits::default();
//! let config = Arc::new(Config { secret, access: Access::open(), sparse_manifests: false, redirects: false, store_md5: true, limits });
//! let target = format!("/v2/greetings/blobs/uploads/?digest={digest}");
//! let length = BodyLength::Exactly(body.len() as u64);
//! let (method, headers) = (http::Method::POST, http::HeaderMap::new());
//! let head = RequestHead { method: &method, target: &target, headers: &headers, body: length, peer: Peer::default() };
//!
//! let mut exchange = Exchange::new(&config, &head, Given { now: 1_800_000_000, entropy: [7; 16] });
//! let mut store = BTreeMap::new();
//! let mut sent = None; // the call that is open, and the name it writes to
//! let mut reply = None;
//! loop {
//!     let input = match exchange.poll_output() {
//!         Output::Ask { .. } => Input::Told { answer: Told::Granted },
//!         Output::Collect { from: Side::Client, .. } => {
//!             Input::Collected { from: Side::Client, outcome: Collected::Whole(body.clone()) }
//!         }
//!         Output::Digest { from: Source::Bytes(bytes), hashing } => {
//!             let mut hasher = Hasher::new(&hashing, Blocks::default());
//!             hasher.update(&bytes);
//!             let hashed = Some(Box::new(hasher.finish()));
//!             Input::Hashed { moved: Moved { bytes: bytes.len() as u64, end: End::Eof, hashed } }
//!         }
//!         Output::Send { call, op: Op::Write { key, .. }, .. } => {
//!             sent = Some((call, key));
//!             continue;
//!         }
//!         Output::Feed { body: Source::Bytes(bytes), .. } => {
//!             let (call, key) = sent.take().unwrap();
//!             store.insert(key.to_string(), bytes);
//!             // A body at hand needs no `Fed` before its `Head`: the two halves of a call are on their own.
//!             Input::Head { call, reply: Reply::Written { md5: None } }
//!         }
//!         Output::Respond { head, .. } => {
//!             reply = Some(head);
//!             continue;
//!         }
//!         Output::Sleep { .. } => continue, // nothing takes long here
//!         Output::Done(_) => break,
//!         other => panic!("not a part of this exchange: {other:?}"),
//!     };
//!     exchange.handle_input(input);
//! }
//! assert_eq!(reply.unwrap().status, 201);
//! let hex = digest.hex();
//! assert_eq!(store[&format!("blobs/sha256/{}/{hex}", &hex[..2])], body);
//! assert_eq!(store[&format!("links/greetings!/sha256/{hex}")], r#"{"size":5}"#);
//! ```

pub mod access;
mod config;
pub mod exchange;
mod flow;
pub mod oci;
mod record;
mod retry_budget;
pub mod route;
pub mod settings;
pub mod store;
pub mod swift;

pub mod transfer;
pub mod upload;

pub use config::{Bounds, Config, Joins, Limits};
pub use retry_budget::{RetryBudget, RetryShare};
