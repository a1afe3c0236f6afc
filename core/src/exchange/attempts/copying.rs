use std::time::Duration;

use crate::store::Op;

/// How long a store may take, beyond the limit of every call, for what it copies itself.
pub(super) fn copying_time(op: &Op) -> Duration {
    match op {
        Op::Join { parts, .. } => {
            let bytes = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.size));
            Duration::from_secs(bytes / COPIED_BYTES_PER_SECOND_MIN)
        }
        Op::Read { .. }
        | Op::Stat { .. }
        | Op::Write { .. }
        | Op::Touch { .. }
        | Op::Release { .. }
        | Op::Remove { .. }
        | Op::List { .. } => Duration::ZERO,
    }
}

/// The slowest that a store is believed to copy.
const COPIED_BYTES_PER_SECOND_MIN: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use Duration;

    use super::*;
    use crate::oci::{Algorithm, Digest};
    use crate::store::{Key, Part};

    #[test]
    fn a_join_may_take_as_long_as_copying_its_parts_does() {
        let key = Key::Blob(Digest::of(Algorithm::Sha256, b""));
        let part = |size| Part { key: key.clone(), size, md5: None };
        let join =
            |sizes: &[u64]| Op::Join { key: key.clone(), parts: sizes.iter().copied().map(part).collect() };
        assert_eq!(copying_time(&join(&[8 << 20, 16 << 20])), Duration::from_secs(3));
        assert_eq!(copying_time(&join(&[1000])), Duration::ZERO);
        assert_eq!(copying_time(&join(&[u64::MAX, u64::MAX])), Duration::from_secs(u64::MAX >> 23));
        assert_eq!(copying_time(&Op::Stat { key: key.clone() }), Duration::ZERO);
    }
}
