//! The memory that all exchanges together may collect small bodies in.

use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt as _;
use smol::Timer;
use smol::lock::{Mutex, Semaphore};

/// A number of bytes, handed out in pages.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pages: Semaphore,
    pages_max: usize,
    /// Whoever collects pages holds it, so that two never wait for each other's.
    turnstile: Mutex<()>,
}

/// Memory that was granted; it goes back when this is dropped.
#[derive(Debug)]
pub struct Grant {
    shared: Arc<Shared>,
    pages: usize,
}

impl Memory {
    /// So many bytes, rounded down to whole pages.
    pub fn new(bytes_max: u64) -> Self {
        let pages_max = usize::try_from(bytes_max / PAGE_BYTES).unwrap_or(usize::MAX >> 8).max(1);
        let shared = Shared { pages: Semaphore::new(pages_max), pages_max, turnstile: Mutex::new(()) };
        Self(Arc::new(shared))
    }

    /// Takes `bytes`, as far as there are so many at all, waiting at most `patience` for others to give theirs back.
    pub async fn take(&self, bytes: u64, patience: Duration) -> Option<Grant> {
        let wanted = usize::try_from(bytes.div_ceil(PAGE_BYTES)).unwrap_or(usize::MAX).min(self.0.pages_max);
        let mut grant = Grant { shared: self.0.clone(), pages: 0 };
        let collect = async {
            let _turn = self.0.turnstile.lock().await;
            while grant.pages < wanted {
                self.0.pages.acquire().await.forget();
                grant.pages += 1;
            }
            true
        };
        let late = async {
            Timer::after(patience).await;
            false
        };
        let granted = collect.or(late).await;
        granted.then_some(grant)
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.shared.pages.add_permits(self.pages);
    }
}

const PAGE_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_granted_comes_back_and_no_more_is_granted() {
        smol::block_on(async {
            let memory = Memory::new(4 * PAGE_BYTES);
            let short = Duration::from_millis(20);
            let first = memory.take(3 * PAGE_BYTES, short).await.unwrap();
            assert!(memory.take(2 * PAGE_BYTES, short).await.is_none());
            let second = memory.take(1, short).await.unwrap();
            assert_eq!(memory.0.pages.available_permits(), 0);
            drop(first);
            drop(second);
            assert_eq!(memory.0.pages.available_permits(), 4);
            let all = memory.take(u64::MAX, short).await.unwrap();
            assert_eq!(all.pages, 4);
        });
    }

    #[test]
    fn two_that_need_most_of_it_both_get_it_in_turn() {
        smol::block_on(async {
            let memory = Memory::new(4 * PAGE_BYTES);
            let take = || async { memory.take(3 * PAGE_BYTES, Duration::from_secs(10)).await.map(drop) };
            let (first, second) = futures_lite::future::zip(take(), take()).await;
            assert!(first.is_some() && second.is_some());
        });
    }
}
