use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::bucket::{Bucket, GuardRate};

/// Buckets by key, so many at most: the one of the lowest rank is forgotten for a new one.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    entries: BTreeMap<u128, (Duration, Bucket)>,
    ranks: BTreeSet<(Duration, u128)>,
}

impl Table {
    /// Rank and bucket.
    pub fn find(&self, key: u128) -> Option<(Duration, Bucket)> {
        self.entries.get(&key).copied()
    }

    /// The bucket; for a key that is unknown, one that holds for all that may have been forgotten, and has room for one.
    pub fn bucket(&self, key: u128, floor: Duration, rate: GuardRate, now: Duration) -> Bucket {
        self.find(key)
            .map(|(_, bucket)| bucket)
            .unwrap_or_else(|| Bucket { free_at: floor.min(now.saturating_add(rate.but_one())), open: 0 })
    }

    /// Keeps a bucket.
    pub fn put(&mut self, key: u128, rank: Duration, bucket: Bucket) {
        // What is forgotten here is trust: those who lose it count as all others do.
        let _ = self.put_ranked(key, rank, bucket);
    }

    /// Keeps a bucket the longer, the later all is forgiven. Tells until when what had to be forgotten for it counted.
    pub fn put_by_time(&mut self, key: u128, bucket: Bucket) -> Duration {
        self.put_ranked(key, bucket.free_at, bucket)
    }

    fn put_ranked(&mut self, key: u128, rank: Duration, bucket: Bucket) -> Duration {
        let mut forgotten = Duration::ZERO;
        match self.entries.insert(key, (rank, bucket)) {
            Some((before, _)) => {
                self.ranks.remove(&(before, key));
            }
            None if self.ranks.len() == ENTRIES_MAX => {
                if let Some((_, lowest)) = self.ranks.pop_first() {
                    let gone = self.entries.remove(&lowest);
                    forgotten = gone.map(|(_, bucket)| bucket.free_at).unwrap_or_default();
                }
            }
            None => {}
        }
        self.ranks.insert((rank, key));
        forgotten
    }
}

/// So many a table holds: less than a mebibyte.
pub(super) const ENTRIES_MAX: usize = 4096;
