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

    /// Takes `bytes`, as far as there are so many at all, waiting at most `patience` for others to give theirs back. What is
    /// within [`FREE_BYTES`] is not counted.
    pub async fn take(&self, bytes: u64, patience: Duration) -> Option<Grant> {
        if bytes <= FREE_BYTES {
            return Some(Grant { shared: self.0.clone(), pages: 0 });
        }
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

/// As much as a request head, in bytes: the limit on connections bounds what all have of it together. So nobody who is slow
/// with much keeps others from pushing what most manifests are.
pub const FREE_BYTES: u64 = 32 << 10;

const PAGE_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const MANY_BYTES: u64 = 10 * PAGE_BYTES;

    #[test]
    fn what_is_granted_comes_back_and_no_more_is_granted() {
        smol::block_on(async {
            let memory = Memory::new(24 * PAGE_BYTES);
            let short = Duration::from_millis(20);
            let first = memory.take(MANY_BYTES, short).await.unwrap();
            assert!(memory.take(2 * MANY_BYTES, short).await.is_none());
            let second = memory.take(14 * PAGE_BYTES - 1, short).await.unwrap();
            assert_eq!(memory.0.pages.available_permits(), 0);
            drop(first);
            drop(second);
            assert_eq!(memory.0.pages.available_permits(), 24);
            let all = memory.take(u64::MAX, short).await.unwrap();
            assert_eq!(all.pages, 24);
        });
    }

    #[test]
    fn two_that_need_most_of_it_both_get_it_in_turn() {
        smol::block_on(async {
            let memory = Memory::new(12 * PAGE_BYTES);
            let take = || async { memory.take(MANY_BYTES, Duration::from_secs(10)).await.map(drop) };
            let (first, second) = futures_lite::future::zip(take(), take()).await;
            assert!(first.is_some() && second.is_some());
        });
    }

    #[test]
    fn little_is_granted_whoever_holds_the_rest() {
        smol::block_on(async {
            let memory = Memory::new(12 * PAGE_BYTES);
            let short = Duration::from_millis(20);
            let all = memory.take(u64::MAX, short).await.unwrap();
            assert!(memory.take(FREE_BYTES + 1, short).await.is_none());
            assert!(memory.take(FREE_BYTES, Duration::ZERO).await.is_some());
            drop(all);
        });
    }
}
