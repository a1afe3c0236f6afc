use std::future::Future as _;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use smol::Timer;
use wharfinger_core::exchange::{Exchange, TimerId};

/// The timers of an exchange. The system's timer is asked for only when the exchange really waits: most calls are
/// answered long before.
#[derive(Debug, Default)]
pub struct Timers {
    running: [Option<(Instant, TimerId)>; Exchange::TIMERS_MAX],
    asked: Option<(Instant, Timer)>,
}

impl Timers {
    /// Starts a timer in the place of the one that its slot had.
    pub fn start(&mut self, timer: TimerId, within: RangeInclusive<Duration>) {
        if let Some(slot) = self.running.get_mut(usize::from(timer.slot)) {
            *slot = Instant::now().checked_add(pick(&within)).map(|at| (at, timer));
        }
    }

    /// Whether none runs.
    pub fn is_empty(&self) -> bool {
        self.running.iter().all(Option::is_none)
    }

    /// Waits for the first one to run out.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<TimerId> {
        let Some((at, timer)) = self.running.iter().flatten().min_by_key(|(at, _)| *at).copied() else {
            return Poll::Pending;
        };
        if self.asked.as_ref().is_none_or(|(asked, _)| *asked != at) {
            self.asked = Some((at, Timer::at(at)));
        }
        let Some((_, asked)) = &mut self.asked else { return Poll::Pending };
        Pin::new(asked).poll(cx).map(|_| {
            self.running[usize::from(timer.slot)] = None;
            self.asked = None;
            timer
        })
    }
}

/// A moment within a range, by chance, so that those who wait for the same thing do not all come back at once.
fn pick(within: &RangeInclusive<Duration>) -> Duration {
    let span = within.end().saturating_sub(*within.start());
    if span.is_zero() {
        return *within.start();
    }
    let chance = getrandom::u32().unwrap_or(u32::MAX / 2);
    *within.start() + span.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_run_out_comes_first_and_only_once() {
        smol::block_on(async {
            let mut timers = Timers::default();
            let id = |slot, generation| TimerId { slot, generation };
            let ms = Duration::from_millis;
            timers.start(id(0, 1), ms(30)..=ms(40));
            timers.start(id(1, 1), Duration::from_secs(600)..=Duration::from_secs(600));
            timers.start(id(1, 2), ms(5)..=ms(5));
            assert_eq!(std::future::poll_fn(|cx| timers.poll(cx)).await, id(1, 2));
            assert_eq!(std::future::poll_fn(|cx| timers.poll(cx)).await, id(0, 1));
            assert!(timers.is_empty());
        });
    }
}
