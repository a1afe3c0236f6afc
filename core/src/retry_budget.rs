use std::time::Duration;

/// The budget that all retries of store calls in one process draw on: when a store fails for all, trying again for all
/// would only add to what it cannot carry. A host keeps one, tells it the time, and answers
/// [`Ask::Retry`](crate::exchange::Ask::Retry) out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    share: RetryShare,
    /// In hundredths of a retry. Below zero between a grant and the call that it is for, which is counted as any other.
    parts: i64,
    /// Until when the share of time has been added.
    counted: Duration,
}

/// How many retries there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryShare {
    /// So many for every hundred calls.
    pub percent: u64,
    /// So many every second, however few calls there are.
    pub per_second: u64,
}

impl RetryBudget {
    /// A budget that holds what ten seconds give. `now` is a time on the clock of the host that never goes back, since any
    /// moment.
    pub fn new(share: RetryShare, now: Duration) -> Self {
        Self { share, parts: share.parts_of_time(), counted: now }
    }

    /// Takes note of a call to the store, be it the first try or not.
    pub fn count_call(&mut self) {
        self.add(self.share.percent);
    }

    /// Whether a call may be sent again.
    pub fn take(&mut self, now: Duration) -> bool {
        let since = now.saturating_sub(self.counted).as_millis();
        // Whole steps alone are counted, so that frequent looks lose nothing.
        let steps = u64::try_from(since / u128::from(STEP_MILLIS)).unwrap_or(u64::MAX).min(STEPS_MAX);
        if steps > 0 {
            self.counted = if steps == STEPS_MAX {
                now
            } else {
                self.counted + Duration::from_millis(steps * STEP_MILLIS)
            };
            self.add(steps.saturating_mul(self.share.per_second));
        }
        let granted = self.parts >= signed(PARTS);
        if granted {
            // The call that follows is counted too, and must not pay for the next one.
            self.parts = self.parts.saturating_sub(signed(PARTS.saturating_add(self.share.percent)));
        }
        granted
    }

    fn add(&mut self, parts: u64) {
        let most =
            self.share.parts_of_time().saturating_add(signed(self.share.percent.saturating_mul(CALLS_KEPT)));
        self.parts = self.parts.saturating_add(signed(parts)).min(most);
    }
}

impl RetryShare {
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

    fn granted(budget: &mut RetryBudget, now: Duration) -> usize {
        (0..100_000).take_while(|_| budget.take(now)).count()
    }

    #[test]
    fn time_gives_some_and_is_not_saved_up_for_ever() {
        let begun = Duration::from_secs(7);
        let mut budget = RetryBudget::new(RetryShare { percent: 0, per_second: 5 }, begun);
        assert_eq!(granted(&mut budget, begun), 50);
        assert_eq!(granted(&mut budget, begun + Duration::from_millis(100)), 0);
        assert_eq!(granted(&mut budget, begun + Duration::from_millis(1100)), 5);
        assert_eq!(granted(&mut budget, begun + Duration::from_secs(1000)), 50);
        assert_eq!(granted(&mut budget, begun), 0);
    }

    #[test]
    fn frequent_looks_lose_nothing() {
        let mut budget = RetryBudget::new(RetryShare { percent: 0, per_second: 1 }, Duration::ZERO);
        assert_eq!(granted(&mut budget, Duration::ZERO), 10);
        let looks = (1..=3000).filter(|at| budget.take(Duration::from_millis(*at)));
        assert_eq!(looks.count(), 3);
    }

    #[test]
    fn calls_give_their_part_and_retries_none() {
        for (percent, given) in [(10, 50), (50, 250), (100, 500), (1000, 5000)] {
            let mut budget = RetryBudget::new(RetryShare { percent, per_second: 0 }, Duration::ZERO);
            assert_eq!(granted(&mut budget, Duration::ZERO), 0);
            (0..500).for_each(|_| budget.count_call());
            let mut count = 0;
            while count < 10_000 && budget.take(Duration::ZERO) {
                budget.count_call();
                count += 1;
            }
            assert!(given - percent / PARTS <= count && count <= given, "{percent} percent: {count}");
            (0..100_000).for_each(|_| budget.count_call());
            assert!(granted(&mut budget, Duration::ZERO) as u64 <= percent * CALLS_KEPT / PARTS);
        }
    }

    #[test]
    fn nothing_is_granted_where_nothing_is_given() {
        let mut budget = RetryBudget::new(RetryShare { percent: 0, per_second: 0 }, Duration::ZERO);
        (0..1000).for_each(|_| budget.count_call());
        assert!(!budget.take(Duration::ZERO));
        let mut endless =
            RetryBudget::new(RetryShare { percent: u64::MAX, per_second: u64::MAX }, Duration::ZERO);
        endless.count_call();
        assert!(endless.take(Duration::MAX));
    }
}
