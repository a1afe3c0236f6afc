//! The world's side of HTTP: the client's request and reply, requests to a store and their answers, and the streams of
//! all their bodies.
//!
//! Resources of a component have to be dropped children first: a pollable before its stream, a stream before its body. A
//! struct drops its fields in the order of their declaration; here that order is the rule.

mod head;
mod incoming;
mod outgoing;
mod reader;
mod reply;
mod writer;

pub use head::read_fields;
pub use incoming::{Incoming, read_request};
pub use outgoing::{Answered, Times, Waiting, send};
pub use reader::{Piece, Reader};
pub use reply::{Reply, refuse};
pub use writer::{Broken, Spliced, Writer};
