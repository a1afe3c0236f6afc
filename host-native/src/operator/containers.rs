use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use wharfinger_core::store::{Key, Listing, Op};

use super::attempts::{Outcome, ask_swift};
use super::{Operator, OperatorError};
use crate::registry::Store;
use crate::swift::Swift;

/// Which containers were found to be there: that of segments, and the other one.
#[derive(Debug, Default)]
pub(super) struct Containers {
    segments: AtomicBool,
    rest: AtomicBool,
}

impl Operator {
    /// Makes sure, once, that what was not found stands in a container that is there: Swift answers 404 to both.
    ///
    /// # Errors
    /// It is missing.
    pub(super) async fn check_container(&self, op: &Op) -> Result<(), OperatorError> {
        match &self.store {
            Store::Files(_) => Ok(()),
            Store::Swift(swift) => self.check_in_swift(swift, op).await,
        }
    }

    async fn check_in_swift(&self, swift: &Swift, op: &Op) -> Result<(), OperatorError> {
        let Some(key) = subject(op) else { return Ok(()) };
        let (known, prefix) = match key {
            Key::Segment { .. } | Key::SegmentList { .. } => (&self.known.segments, "segments/"),
            Key::Blob(_) | Key::Link(..) | Key::Manifest(..) | Key::Tag(..) | Key::Referrer { .. } => {
                (&self.known.rest, "")
            }
        };
        if known.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let listing = Listing::Names { prefix: prefix.into(), deep: true };
        let look = Op::List { listing, after: None, limit: 1 };
        match ask_swift(swift, &look, &Bytes::new(), self.call_time).await {
            Outcome::Trouble(error @ OperatorError::Store { status: Some(404), .. }, _) => Err(error),
            // Whoever may not list, or is not answered, has been told that the object is missing.
            Outcome::Trouble(..) | Outcome::Answered(_) => Ok(()),
        }
    }
}

/// The object whose container an answer of 404 may mean.
fn subject(op: &Op) -> Option<&Key> {
    match op {
        Op::Read { key, .. } | Op::Stat { key } | Op::Touch { key } | Op::Remove { key } => Some(key),
        Op::Copy { to, .. } => Some(to),
        Op::Write { .. } | Op::Join { .. } | Op::Release { .. } | Op::List { .. } => None,
    }
}
