//! The HTTP/1.1 edge over real sockets: what hostile, slow and departing clients get to see.

mod bodies;
mod client;
mod heads;
mod pipeline;
mod replies;
mod secure;
mod server;
