use std::time::Duration;

use super::bucket::{Bucket, GuardRate};

/// Buckets by key, so many at most: the one of the lowest rank is forgotten for a new one.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// In the order of the keys.
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    key: u128,
    pub rank: Duration,
    pub bucket: Bucket,
}

impl Table {
    /// What is known by that key.
    pub fn find(&self, key: u128) -> Option<Entry> {
        self.place(key).ok().map(|at| self.entries[at])
    }

    /// The bucket; for a key that is unknown, one that holds for all that may have been forgotten, and has room for one.
    pub fn bucket(&self, key: u128, floor: Duration, rate: GuardRate, now: Duration) -> Bucket {
        let unknown = Bucket { free_at: floor.min(now.saturating_add(rate.but_one())), open: 0 };
        self.find(key).map_or(unknown, |entry| entry.bucket)
    }

    /// Keeps a bucket. Tells until when what had to be forgotten for it counted.
    pub fn put(&mut self, key: u128, rank: Duration, bucket: Bucket) -> Duration {
        let mut forgotten = Duration::ZERO;
        let entry = Entry { key, rank, bucket };
        match self.place(key) {
            Ok(at) => self.entries[at] = entry,
            Err(_) => {
                if self.entries.len() >= ENTRIES_MAX
                    && let Some((lowest, _)) =
                        self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.rank)
                {
                    forgotten = self.entries.remove(lowest).bucket.free_at;
                }
                let at = self.place(key).unwrap_or_else(|at| at);
                self.entries.insert(at, entry);
            }
        }
        forgotten
    }

    fn place(&self, key: u128) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&key, |entry| entry.key)
    }
}

/// So many a table holds: a quarter of a mebibyte.
pub(super) const ENTRIES_MAX: usize = 4096;
