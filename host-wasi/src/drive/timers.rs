use std::ops::RangeInclusive;
use std::time::Duration;

use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::Pollable;
use wasip2::random::insecure::get_insecure_random_u64;
use wharfinger_core::exchange::{Exchange, TimerId};

/// A moment of the monotonic clock, in nanoseconds.
pub type Moment = u64;

/// The timers of an exchange.
#[derive(Debug, Default)]
pub struct Timers([Option<(Moment, TimerId)>; Exchange::TIMERS_MAX]);

impl Timers {
    /// Starts a timer in the place of the one that its slot had.
    pub fn start(&mut self, timer: TimerId, within: &RangeInclusive<Duration>) {
        if let Some(slot) = self.0.get_mut(usize::from(timer.slot)) {
            *slot = Some((after_some(within), timer));
        }
    }

    /// When the first one runs out.
    pub fn first(&self) -> Option<Moment> {
        self.0.iter().flatten().map(|(at, _)| *at).min()
    }

    /// One that has run out; it is told once.
    pub fn over(&mut self) -> Option<TimerId> {
        let now = monotonic_clock::now();
        let first = self
            .0
            .iter_mut()
            .filter(|slot| slot.is_some_and(|(at, _)| at <= now))
            .min_by_key(|slot| **slot)?;
        first.take().map(|(_, timer)| timer)
    }
}

/// The time on the monotonic clock.
pub fn since_start() -> Duration {
    Duration::from_nanos(monotonic_clock::now())
}

/// The moment after that much time.
pub fn after(duration: Duration) -> Moment {
    monotonic_clock::now().saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// A moment after a duration within that range, by chance.
pub fn after_some(within: &RangeInclusive<Duration>) -> Moment {
    after(pick(within, get_insecure_random_u64()))
}

/// Whether a moment is past.
pub fn is_past(moment: Moment) -> bool {
    monotonic_clock::now() >= moment
}

/// Ready at a moment.
pub fn ready_at(moment: Moment) -> Pollable {
    monotonic_clock::subscribe_instant(moment)
}

/// The earlier of two.
pub fn sooner(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    one.into_iter().chain(other).min()
}

/// A duration within a range, by chance, so that those who wait for the same thing do not all come back at once.
fn pick(within: &RangeInclusive<Duration>, chance: u64) -> Duration {
    let span = within.end().saturating_sub(*within.start());
    *within.start() + span.mul_f64(chance as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_stays_in_its_range() {
        let range = Duration::from_secs(1)..=Duration::from_secs(3);
        assert_eq!(pick(&range, 0), Duration::from_secs(1));
        assert_eq!(pick(&range, u64::MAX), Duration::from_secs(3));
        assert_eq!(pick(&range, u64::MAX / 2), Duration::from_secs(2));
    }

    #[test]
    fn the_sooner_of_two_moments_counts() {
        assert_eq!(sooner(Some(3), Some(2)), Some(2));
        assert_eq!(sooner(None, Some(2)), Some(2));
        assert_eq!(sooner(None, None), None);
    }
}
