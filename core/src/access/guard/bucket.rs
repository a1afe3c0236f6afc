use std::time::Duration;

/// How many failures there may be: some at once, and then one in a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardRate {
    /// So many at once, at least one.
    pub burst: u32,
    /// After so long there may be one more.
    pub every: Duration,
}

impl GuardRate {
    /// The time in which all is forgiven.
    pub(super) fn whole(self) -> Duration {
        self.every.saturating_mul(self.burst.max(1))
    }

    /// The same, with one attempt left.
    pub(super) fn but_one(self) -> Duration {
        self.whole().saturating_sub(self.every)
    }
}

/// What is left of failures that were, and of attempts that may become some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    /// When all is forgiven.
    pub free_at: Duration,
    /// Attempts under way, each of them counted in.
    pub open: u32,
}

/// Whether there is room for one more attempt. The worse is the greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    Free,
    /// If those that are under way are no failures.
    Wait,
    /// In so long.
    Slow(Duration),
}

impl Bucket {
    pub fn room(self, rate: GuardRate, now: Duration) -> Room {
        let late = |free_at: Duration| {
            let after = free_at.max(now).saturating_add(rate.every);
            after.saturating_sub(now.saturating_add(rate.whole()))
        };
        let at_best = self.free_at.saturating_sub(rate.every.saturating_mul(self.open));
        if late(self.free_at).is_zero() {
            Room::Free
        } else if late(at_best).is_zero() {
            Room::Wait
        } else {
            Room::Slow(late(self.free_at))
        }
    }

    /// With one more attempt under way.
    pub fn charged(self, rate: GuardRate, now: Duration) -> Self {
        let free_at = self.free_at.max(now).saturating_add(rate.every);
        Self { free_at, open: self.open.saturating_add(1) }
    }

    /// With one of the attempts having failed.
    pub fn failed(self, _: GuardRate) -> Self {
        Self { open: self.open.saturating_sub(1), ..self }
    }

    /// With one of the attempts never having been. If it was forgotten meanwhile, there is nothing to take back.
    pub fn withdrawn(self, rate: GuardRate) -> Self {
        match self.open.checked_sub(1) {
            Some(open) => Self { free_at: self.free_at.saturating_sub(rate.every), open },
            None => self,
        }
    }
}
