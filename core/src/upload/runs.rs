use crate::store::Part;

/// What becomes of the parts of an upload so that only the last one may be small.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Planned {
    /// A part stays, be it without its first bytes.
    Kept(Part),
    /// Pieces of neighbours are written again as one; shorter than two parts that are just not small.
    Run(Vec<Piece>),
}

/// A piece of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Piece {
    /// The index of the part.
    pub(crate) part: usize,
    /// Its first byte, counted from the start of the part's object.
    pub(crate) first: u64,
    /// Its length in bytes; at least 1.
    pub(crate) length: u64,
}

impl Planned {
    /// How many bytes it adds.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Kept(part) => part.length(),
            Self::Run(pieces) => pieces.iter().map(|piece| piece.length).sum(),
        }
    }
}

/// Plans runs: a small part goes on into the parts after it until the run is not small. Of a large part a run takes no
/// more than it needs, unless what is left would be small. A part is small below `small` bytes, which is at least 1.
/// Without `cuts` a run takes no piece of a part: it may stay small where a large one follows.
///
/// There are never more planned parts than parts.
pub(crate) fn plan(parts: &[Part], small: u64, cuts: bool) -> Vec<Planned> {
    let mut planned = Vec::new();
    let mut at = 0;
    while let Some(part) = parts.get(at) {
        if part.length() >= small || at + 1 == parts.len() {
            planned.push(Planned::Kept(part.clone()));
            at += 1;
            continue;
        }
        let mut run = Vec::new();
        let mut need = small;
        let mut rest = None;
        while let Some(part) = parts.get(at).filter(|_| need > 0) {
            let is_cut = part.length() >= need + small;
            if is_cut && !cuts {
                break;
            }
            let length = if is_cut { need } else { part.length() };
            if length < part.length() {
                rest = Some(Planned::Kept(Part { skip: part.skip + length, ..part.clone() }));
            }
            run.push(Piece { part: at, first: part.skip, length });
            need = need.saturating_sub(length);
            at += 1;
        }
        planned.push(match run.as_slice() {
            [alone] => Planned::Kept(parts[alone.part].clone()),
            _ => Planned::Run(run),
        });
        planned.extend(rest);
    }
    planned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Key;
    use crate::upload::{Nonce, UploadId};

    const SMALL: u64 = 100;

    fn parts(sizes: &[u64]) -> Vec<Part> {
        let key = |number| Key::Segment { upload: UploadId::new([1; 16]), number, nonce: Nonce::new([2; 8]) };
        let part = |(at, size): (usize, &u64)| Part { key: key(at as u32), size: *size, skip: 0, md5: None };
        sizes.iter().enumerate().map(part).collect()
    }

    /// The plan in short: `k` with number and skip, `r` with numbers and lengths.
    fn short(sizes: &[u64], cuts: bool) -> String {
        let parts = parts(sizes);
        let show = |planned: Planned| match planned {
            Planned::Kept(part) => {
                let at = parts.iter().position(|known| known.key == part.key).unwrap();
                if part.skip > 0 { format!("k{at}/{}", part.skip) } else { format!("k{at}") }
            }
            Planned::Run(run) => {
                let pieces = run.iter().map(|piece| format!("{}:{}", piece.part, piece.length));
                format!("r{}", pieces.collect::<Vec<_>>().join("+"))
            }
        };
        plan(&parts, SMALL, cuts).into_iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn runs_take_what_they_need_of_the_next_large_part() {
        let short = |sizes: &[u64]| short(sizes, true);
        assert_eq!(short(&[]), "");
        assert_eq!(short(&[5]), "k0");
        assert_eq!(short(&[500, 5]), "k0 k1");
        assert_eq!(short(&[5, 500]), "r0:5+1:95 k1/95");
        assert_eq!(short(&[5, 195]), "r0:5+1:95 k1/95");
        assert_eq!(short(&[5, 194]), "r0:5+1:194");
        assert_eq!(short(&[5, 100, 100]), "r0:5+1:100 k2");
        assert_eq!(short(&[60, 60, 500]), "r0:60+1:60 k2");
        assert_eq!(short(&[60, 20, 500, 7, 500]), "r0:60+1:20+2:20 k2/20 r3:7+4:93 k4/93");
        assert_eq!(short(&[500, 1, 1, 1]), "k0 r1:1+2:1+3:1");
        assert_eq!(short(&[99, 99, 99]), "r0:99+1:99 k2");
    }

    #[test]
    fn runs_without_cuts_stay_small_before_a_large_part() {
        let short = |sizes: &[u64]| short(sizes, false);
        assert_eq!(short(&[5, 500]), "k0 k1");
        assert_eq!(short(&[5, 195]), "k0 k1");
        assert_eq!(short(&[5, 194]), "r0:5+1:194");
        assert_eq!(short(&[60, 20, 500, 7, 500]), "r0:60+1:20 k2 k3 k4");
        assert_eq!(short(&[60, 60, 500, 1, 1]), "r0:60+1:60 k2 r3:1+4:1");
    }

    /// Sizes of a pattern that follows from its seed: small ones, such as are just not small, and large ones.
    fn pattern(seed: u64) -> Vec<u64> {
        let mut state = seed;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let count = next(40);
        let kinds = [SMALL, SMALL + 2, 2 * SMALL + 2, 5 * SMALL];
        let most = 1 + next(4);
        let size = |_| {
            let kind = next(most);
            1 + next(kinds[kind as usize])
        };
        (0..count).map(size).collect()
    }

    #[test]
    fn whatever_the_sizes_only_the_last_is_small_and_every_byte_stays_in_its_place() {
        for seed in 0..20_000 {
            let sizes = pattern(seed);
            let parts = parts(&sizes);
            let planned = plan(&parts, SMALL, true);
            assert!(planned.len() <= parts.len(), "{seed}: {sizes:?}");
            let mut place = (0, 0);
            let mut advance = |part: usize, first: u64, length: u64| {
                assert_eq!((part, first), place, "{seed}: {sizes:?}");
                assert!(length > 0 && first + length <= sizes[part]);
                place = if first + length == sizes[part] { (part + 1, 0) } else { (part, first + length) };
            };
            for (at, step) in planned.iter().enumerate() {
                let length = match step {
                    Planned::Kept(part) => {
                        let index = parts.iter().position(|known| known.key == part.key).unwrap();
                        assert_eq!(part.size, sizes[index]);
                        advance(index, part.skip, part.length());
                        part.length()
                    }
                    Planned::Run(run) => {
                        run.iter().for_each(|piece| advance(piece.part, piece.first, piece.length));
                        let length = run.iter().map(|piece| piece.length).sum();
                        assert!(run.len() > 1 && length < 2 * SMALL, "{seed}: {sizes:?}");
                        length
                    }
                };
                assert!(length >= SMALL || at + 1 == planned.len(), "{seed}: {sizes:?}");
            }
            assert_eq!(place, (parts.len(), 0), "{seed}: {sizes:?}");
        }
    }
}
