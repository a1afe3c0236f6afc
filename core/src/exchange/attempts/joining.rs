use std::time::Duration;

use crate::config::Joins;
use crate::store::Op;

/// How long a store may take, beyond the limit of every call, for what it joins itself.
pub(super) fn joining_time(op: &Op, joins: &Joins) -> Duration {
    match op {
        Op::Join { parts, .. } if joins.copies => {
            let bytes = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.length()));
            Duration::from_secs(bytes / COPIED_BYTES_PER_SECOND_MIN)
        }
        Op::Join { parts, .. } => Duration::from_secs(parts.len() as u64 / PARTS_PER_SECOND_MIN),
        Op::Read { .. }
        | Op::Stat { .. }
        | Op::Write { .. }
        | Op::Copy { .. }
        | Op::Touch { .. }
        | Op::Release { .. }
        | Op::Remove { .. }
        | Op::List { .. } => Duration::ZERO,
    }
}

/// The slowest that a store is believed to copy.
const COPIED_BYTES_PER_SECOND_MIN: u64 = 8 << 20;

/// The slowest that a store is believed to look at parts.
const PARTS_PER_SECOND_MIN: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Algorithm, Digest};
    use crate::store::{Key, Part};

    #[test]
    fn a_join_may_take_as_long_as_its_parts_do() {
        let key = Key::Blob(Digest::of(Algorithm::Sha256, b""));
        let part = |size| Part { key: key.clone(), size, skip: 0, md5: None };
        let join =
            |sizes: &[u64]| Op::Join { key: key.clone(), parts: sizes.iter().copied().map(part).collect() };
        let copies = Joins::default();
        let time = |sizes: &[u64], joins| joining_time(&join(sizes), &joins);
        assert_eq!(time(&[8 << 20, 16 << 20], copies), Duration::from_secs(3));
        assert_eq!(time(&[1000], copies), Duration::ZERO);
        assert_eq!(time(&[u64::MAX, u64::MAX], copies), Duration::from_secs(u64::MAX >> 23));
        // Swift took 8 s for a thousand.
        let points = Joins { copies: false, ..copies };
        assert_eq!(time(&[1 << 40; 3], points), Duration::ZERO);
        assert_eq!(time(&[1; 1000], points), Duration::from_secs(100));
        assert_eq!(joining_time(&Op::Stat { key: key.clone() }, &copies), Duration::ZERO);
    }
}
