//! The budget of retries that all exchanges of this process draw on.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use wharfinger_core::{RetryBudget, RetryShare};

/// One budget for all threads.
#[derive(Debug)]
pub struct Retries {
    begun: Instant,
    budget: Mutex<RetryBudget>,
}

impl Retries {
    /// A budget of that share.
    pub fn new(share: RetryShare) -> Self {
        let begun = Instant::now();
        Self { begun, budget: Mutex::new(RetryBudget::new(share, begun.elapsed())) }
    }

    /// Takes note of a call to the store, be it the first try or not.
    pub fn count_call(&self) {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).count_call();
    }

    /// Whether a call may be sent again.
    pub fn take(&self) -> bool {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).take(self.begun.elapsed())
    }
}
