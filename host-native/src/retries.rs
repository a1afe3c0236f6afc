//! The budget that all retries of store calls in this process draw on: when a store fails for all, trying again for all
//! would only add to what it cannot carry.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many retries there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// So many for every hundred calls.
    pub percent: u64,
    /// So many every second, however few calls there are.
    pub per_second: u64,
}

/// A bucket of tokens, each good for one retry.
#[derive(Debug)]
pub struct Retries {
    settings: Settings,
    bucket: Mutex<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// In hundredths of a retry. Below zero between a grant and the call that it is for, which is counted as any other.
    parts: i64,
    /// Until when the share of time has been added.
    counted: Instant,
}

impl Retries {
    /// A bucket that holds what ten seconds give.
    pub fn new(settings: Settings) -> Self {
        let bucket = Bucket { parts: settings.parts_of_time(), counted: Instant::now() };
        Self { settings, bucket: Mutex::new(bucket) }
    }

    /// Takes note of a call to the store, be it the first try or not.
    pub fn count_call(&self) {
        self.settings.add(&mut self.bucket(), self.settings.percent);
    }

    /// Whether a call may be sent again.
    pub fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let mut bucket = self.bucket();
        let since = now.saturating_duration_since(bucket.counted).as_millis();
        // Whole steps alone are counted, so that frequent looks lose nothing.
        let steps = u64::try_from(since / u128::from(STEP_MILLIS)).unwrap_or(u64::MAX).min(STEPS_MAX);
        if steps > 0 {
            bucket.counted = if steps == STEPS_MAX {
                now
            } else {
                bucket.counted + Duration::from_millis(steps * STEP_MILLIS)
            };
            self.settings.add(&mut bucket, steps.saturating_mul(self.settings.per_second));
        }
        let granted = bucket.parts >= signed(PARTS);
        if granted {
            // The call that follows is counted too, and must not pay for the next one.
            bucket.parts = bucket.parts.saturating_sub(signed(PARTS.saturating_add(self.settings.percent)));
        }
        granted
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settings {
    fn add(&self, bucket: &mut Bucket, parts: u64) {
        let most = self.parts_of_time().saturating_add(signed(self.percent.saturating_mul(CALLS_KEPT)));
        bucket.parts = bucket.parts.saturating_add(signed(parts)).min(most);
    }

    fn parts_of_time(&self) -> i64 {
        signed(self.per_second.saturating_mul(SECONDS_KEPT * PARTS))
    }
}

fn signed(parts: u64) -> i64 {
    i64::try_from(parts).unwrap_or(i64::MAX)
}

/// The parts of one retry.
const PARTS: u64 = 100;

/// In so long a second's share gives that many parts.
const STEP_MILLIS: u64 = 1000 / PARTS;

/// More fill any bucket.
const STEPS_MAX: u64 = SECONDS_KEPT * PARTS;

/// What so many seconds give is kept for later.
const SECONDS_KEPT: u64 = 10;

/// What so many calls give is kept for later.
const CALLS_KEPT: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(retries: &Retries, now: Instant) -> usize {
        (0..100_000).take_while(|_| retries.take_at(now)).count()
    }

    #[test]
    fn time_gives_some_and_is_not_saved_up_for_ever() {
        let retries = Retries::new(Settings { percent: 0, per_second: 5 });
        let begun = retries.bucket().counted;
        assert_eq!(granted(&retries, begun), 50);
        assert_eq!(granted(&retries, begun + Duration::from_millis(100)), 0);
        assert_eq!(granted(&retries, begun + Duration::from_millis(1100)), 5);
        assert_eq!(granted(&retries, begun + Duration::from_secs(1000)), 50);
        assert_eq!(granted(&retries, begun), 0);
    }

    #[test]
    fn frequent_looks_lose_nothing() {
        let retries = Retries::new(Settings { percent: 0, per_second: 1 });
        let begun = retries.bucket().counted;
        assert_eq!(granted(&retries, begun), 10);
        let looks = (1..=3000).filter(|at| retries.take_at(begun + Duration::from_millis(*at)));
        assert_eq!(looks.count(), 3);
    }

    #[test]
    fn calls_give_their_part_and_retries_none() {
        for (percent, given) in [(10, 50), (50, 250), (100, 500), (1000, 5000)] {
            let retries = Retries::new(Settings { percent, per_second: 0 });
            let now = Instant::now();
            assert_eq!(granted(&retries, now), 0);
            (0..500).for_each(|_| retries.count_call());
            let mut count = 0;
            while count < 10_000 && retries.take_at(now) {
                retries.count_call();
                count += 1;
            }
            assert!(given - percent / PARTS <= count && count <= given, "{percent} percent: {count}");
            (0..100_000).for_each(|_| retries.count_call());
            assert!(granted(&retries, now) as u64 <= percent * CALLS_KEPT / PARTS);
        }
    }

    #[test]
    fn nothing_is_granted_where_nothing_is_given() {
        let retries = Retries::new(Settings { percent: 0, per_second: 0 });
        (0..1000).for_each(|_| retries.count_call());
        assert!(!retries.take());
    }
}
