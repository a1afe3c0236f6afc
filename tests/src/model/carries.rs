use bytes::Bytes;
use wharfinger_core::store::{Op, Reply};

use super::Author;

/// What carries out the calls of a [`Host`](super::Host).
pub trait Carries {
    /// Carries out a call whose body, if any, has arrived whole. With [`Reply::Found`] comes what a Read reads.
    fn carry_out(&mut self, author: Author, op: &Op, body: &Bytes) -> (Reply, Bytes);
}
