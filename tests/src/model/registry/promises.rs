use std::collections::{BTreeMap, BTreeSet};

use wharfinger_core::oci::{Digest, Repository};

/// What clients were told, as far as it still has to be true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Promises {
    /// Blobs that a 201, or the 200 to a HEAD, told of, and how many ticks that has to hold.
    pub blobs: BTreeMap<(Repository, Digest), Promise>,
    /// Manifests that a 201 told of.
    pub manifests: BTreeSet<(Repository, Digest)>,
    /// Repositories whose tag a 201 told of.
    pub tags: BTreeSet<Repository>,
    /// Blobs and manifests that some client began to delete.
    pub undone: BTreeSet<(Repository, Digest)>,
    /// A prune has removed something.
    pub pruned: bool,
}

/// How long a blob has to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Promise {
    /// In ticks.
    pub left: u8,
    /// Who was told had uploaded it.
    pub uploaded: bool,
}

impl Promises {
    /// A tick passes.
    pub(super) fn tick(&mut self) {
        self.blobs.retain(|_, promise| {
            promise.left -= 1;
            promise.left > 0
        });
    }

    /// Somebody is told that a blob is there.
    pub(super) fn promise_blob(&mut self, repository: &Repository, digest: Digest, uploaded: bool) {
        let promise = Promise { left: TICKS, uploaded };
        self.blobs.insert((repository.clone(), digest), promise);
    }
}

/// A little more than half a grace where ticks are long, and less where they are short.
const TICKS: u8 = 2;
