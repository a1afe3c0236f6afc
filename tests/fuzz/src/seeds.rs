//! The seeds of the targets, which the tests of this crate run.

use std::path::PathBuf;

/// Runs every seed of a target; returns how many there are.
pub(crate) fn each(target: &str, run: impl Fn(&[u8])) -> usize {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "seeds", target].iter().collect();
    let seeds = std::fs::read_dir(folder).expect("there is a folder of seeds");
    seeds.map(|seed| run(&std::fs::read(seed.expect("a seed").path()).expect("a seed can be read"))).count()
}

/// The same with every beginning of every seed.
pub(crate) fn each_beginning(target: &str, run: impl Fn(&[u8])) -> usize {
    each(target, |bytes| (0..=bytes.len()).for_each(|end| run(&bytes[..end])))
}
