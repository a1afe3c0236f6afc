//! Every kind of request that the registry makes of Swift, and what a client does to have it made.

use std::io;

use wharfinger_tests::http::Response;

use super::scene::{Held, Scene};

/// What becomes of the body of Swift's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is none that matters.
    Bare,
    /// It is passed on to the client while it comes.
    Relayed,
    /// The registry reads it whole.
    Collected,
    /// The registry reads it whole; it is a listing.
    Listing,
}

/// One kind of request, and a client's request that has it made.
pub struct Operation {
    /// What the client does, and which request of the registry is meant.
    pub name: &'static str,
    /// The method of the request to Swift.
    pub method: &'static str,
    /// A text in its target that no other request of the same method has.
    pub target: &'static str,
    /// The length of its body, in bytes.
    pub body: u64,
    /// What its answer is.
    pub answer: Answer,
    /// The length of its answer's body, in bytes.
    pub length: u64,
    /// Whether it can be sent again from what is at hand.
    pub replays: bool,
    /// The status that says that all went well.
    pub done: u16,
    /// What is said instead where it did not, beside 5xx and a reply that is visibly cut.
    pub others: &'static [u16],
    /// Whether it takes what Swift does not find for what was removed meanwhile, and goes on.
    pub believes: bool,
    /// Whether all is as before when it is done, so that others may do it again.
    pub keeps: bool,
    /// Whether it needs content that is old enough to be touched.
    pub aged: bool,
    /// The object that it writes, if its name is known before.
    pub writes: Option<fn(&Scene) -> String>,
    /// Makes what is needed, past the faults.
    pub prepare: fn(&Scene),
    /// What the client does; the last answer, or the first that is no success.
    pub act: fn(&Scene) -> io::Result<Response>,
    /// Whether an answer that says that all went well says what is so.
    pub right: fn(&Scene, &Response) -> bool,
    /// Whether Swift holds what a client believes that was told that all went well.
    pub holds: fn(&Scene) -> Held,
}

/// What most operations have in common.
pub const PLAIN: Operation = Operation {
    name: "",
    method: "",
    target: "",
    body: 0,
    answer: Answer::Bare,
    length: 0,
    replays: true,
    done: 201,
    others: &[],
    believes: false,
    keeps: false,
    aged: false,
    writes: None,
    prepare: |_| {},
    act: |_| Err(io::ErrorKind::Unsupported.into()),
    right: |_, _| true,
    holds: |_| Ok(true),
};

/// All of them.
pub fn all() -> Vec<Operation> {
    let mut all = super::pushes::all();
    all.extend(super::pulls::all());
    all.extend(super::deletes::all());
    all
}
