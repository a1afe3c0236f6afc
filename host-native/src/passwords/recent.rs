use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// What was right a moment ago, so that not every request of a push costs a hash. What was wrong is not kept: somebody might
/// have set that password meanwhile.
#[derive(Default)]
pub(super) struct Recent {
    /// When each was looked at.
    right: HashMap<[u8; 32], Duration>,
    /// In the order of that.
    order: VecDeque<[u8; 32]>,
}

impl Recent {
    /// Whether this check was right not long ago.
    pub fn holds(&self, print: &[u8; 32], now: Duration) -> bool {
        self.right.get(print).is_some_and(|seen| now.saturating_sub(*seen) < KEPT_TIME)
    }

    /// Takes note of a check that is right.
    pub fn add(&mut self, print: [u8; 32], now: Duration) {
        if self.right.insert(print, now).is_some() {
            self.order.retain(|other| *other != print);
        }
        self.order.push_back(print);
        while self.order.len() > ENTRIES_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.right.remove(&oldest);
            }
        }
    }
}

const KEPT_TIME: Duration = Duration::from_secs(60);

const ENTRIES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right_is_kept_for_a_minute() {
        let (mut recent, begun) = (Recent::default(), Duration::from_secs(7));
        recent.add([1; 32], begun);
        assert!(recent.holds(&[1; 32], begun + KEPT_TIME - Duration::from_millis(1)));
        assert!(!recent.holds(&[2; 32], begun) && !recent.holds(&[1; 32], begun + KEPT_TIME));
        recent.add([1; 32], begun + KEPT_TIME);
        assert!(recent.holds(&[1; 32], begun + KEPT_TIME));
    }

    #[test]
    fn the_oldest_make_room() {
        let mut recent = Recent::default();
        let print = |at: usize| std::array::from_fn(|byte| (at >> (8 * (byte % 8))) as u8);
        for at in 0..3 * ENTRIES_MAX {
            recent.add(print(at), Duration::ZERO);
            recent.add(print(at), Duration::ZERO);
        }
        assert_eq!((recent.right.len(), recent.order.len()), (ENTRIES_MAX, ENTRIES_MAX));
        let kept = (0..3 * ENTRIES_MAX).filter(|at| recent.holds(&print(*at), Duration::ZERO));
        assert!(kept.eq(2 * ENTRIES_MAX..3 * ENTRIES_MAX));
    }
}
