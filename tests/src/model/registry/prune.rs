use std::collections::BTreeSet;

use wharfinger_core::oci::ReferenceKind;
use wharfinger_core::store::Key;

use super::super::store::Object;
use super::cluster::{Cluster, Mark};
use super::document::pushed;
use super::{Mutant, Promises};

/// What prunes do in a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruning {
    /// How.
    pub protocol: Protocol,
    /// What they remove.
    pub kinds: Kinds,
    /// How often each runs.
    pub runs: u8,
}

/// How a prune removes what nobody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A run marks what nobody needs and nobody used for a grace. A later one removes what a listing, begun long enough
    /// after the mark was set, shows to be needed by nobody, in one step that fails if the mark is gone.
    Marks,
    /// A run lists, waits, lists again, has the store remove what nobody needs after a while by itself, waits, lists a
    /// third time, and touches what came back into use.
    Timer,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    /// Links that no manifest needs.
    Links,
    /// Blobs without a link.
    Blobs,
    /// Both.
    LinksAndBlobs,
    /// Entries among the referrers without their manifest.
    Referrers,
    /// Segments that no large object needs.
    Segments,
}

/// A prune.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prune {
    /// Which run it is in.
    pub run: u8,
    /// Time since its last listing began, in ticks.
    pub since: u8,
    /// Where it stands.
    pub phase: Phase,
    /// A run broke off.
    pub crashed: bool,
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Names are listed next. What an earlier listing of this run found, and what the store removes soon.
    Listing {
        /// So often it has listed.
        listed: u8,
        /// What it goes on about; after the first listing.
        keys: BTreeSet<Key>,
    },
    /// Objects are looked at, the last one first.
    Looking {
        /// So often it has listed.
        listed: u8,
        /// Which.
        left: Vec<Key>,
        /// What it has marked.
        marked: BTreeSet<Key>,
    },
    /// One was looked at, and something is done about it next, whatever happened between.
    Acting {
        /// So often it has listed.
        listed: u8,
        /// What.
        act: Act,
        /// The last of these.
        left: Vec<Key>,
        /// What it has marked.
        marked: BTreeSet<Key>,
    },
    /// It waits for time to pass.
    Waiting {
        /// In ticks.
        ticks: u8,
        /// So often it has listed.
        listed: u8,
        /// What it goes on about.
        keys: BTreeSet<Key>,
    },
    /// It has done all its runs, or broke off in the last one.
    Over,
}

/// What is done about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// It gets a mark, with or without a timer.
    Mark(Mark),
    /// It is removed if it still has the mark.
    RemoveMarked(u8),
    /// It is removed.
    Remove,
    /// It is made young.
    Touch,
}

impl Prune {
    pub(super) fn new() -> Self {
        Self { run: 0, since: 0, phase: listing(), crashed: false }
    }

    /// In how many ways it can go on.
    pub(super) fn choices(&self, pruning: &Pruning, cluster: &Cluster) -> usize {
        match &self.phase {
            Phase::Listing { .. } => cluster.listings(|key| pruning.kinds.lists(key)),
            Phase::Looking { .. } | Phase::Acting { .. } => 1,
            Phase::Waiting { ticks, .. } => usize::from(*ticks == 0),
            Phase::Over => 0,
        }
    }

    /// Whether it lets time pass. A run that has timers set is given all that helps it: it never dawdles.
    pub(super) fn lets_time_pass(&self, protocol: Protocol) -> bool {
        match &self.phase {
            Phase::Waiting { ticks, .. } => *ticks > 0,
            Phase::Listing { listed: 0, .. } | Phase::Over => true,
            Phase::Listing { .. } | Phase::Looking { .. } | Phase::Acting { .. } => {
                protocol == Protocol::Marks
            }
        }
    }

    pub(super) fn tick(&mut self) {
        self.since = Cluster::AGE_MAX.min(self.since + 1);
        if let Phase::Waiting { ticks, .. } = &mut self.phase {
            *ticks = ticks.saturating_sub(1);
        }
    }

    /// Whether a run of it has begun and is not over.
    pub(super) fn is_under_way(&self) -> bool {
        !matches!(&self.phase, Phase::Listing { listed: 0, .. } | Phase::Over)
    }

    /// The process vanishes; the next run begins anew.
    pub(super) fn crash(&mut self, pruning: &Pruning) {
        self.crashed = true;
        self.end(pruning);
    }

    /// Goes on by one step. `id` tells the prunes apart.
    pub(super) fn step(
        &mut self,
        id: u8,
        choice: usize,
        pruning: &Pruning,
        mutant: Option<Mutant>,
        (cluster, promises): (&mut Cluster, &mut Promises),
    ) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Listing { listed, keys } => {
                self.since = 0;
                let survey = Survey::of(cluster, pruning.kinds, choice);
                self.phase = self.surveyed(listed + 1, keys, survey, pruning.protocol);
            }
            Phase::Looking { listed, mut left, marked } => {
                let Some(key) = left.last() else { return self.end_of_list(listed, marked, pruning, mutant) };
                self.phase = match self.look(id, listed, key, pruning.protocol, mutant, cluster) {
                    Some(act) => Phase::Acting { listed, act, left, marked },
                    None => {
                        left.pop();
                        Phase::Looking { listed, left, marked }
                    }
                };
            }
            Phase::Acting { listed, act, mut left, mut marked } => {
                let Some(key) = left.pop() else { return };
                match act {
                    Act::Mark(mark) => {
                        cluster.mark(&key, mark);
                        marked.insert(key);
                    }
                    Act::RemoveMarked(stamp) => promises.pruned |= cluster.remove_marked(&key, stamp),
                    Act::Remove => promises.pruned |= cluster.remove(&key),
                    Act::Touch => {
                        if let Key::Link(_, digest) = &key {
                            cluster.touch(&Key::Blob(*digest));
                        }
                        cluster.touch(&key);
                    }
                }
                self.phase = Phase::Looking { listed, left, marked };
            }
            Phase::Waiting { listed, keys, .. } => self.phase = Phase::Listing { listed, keys },
            Phase::Over => {}
        }
        if matches!(&self.phase, Phase::Looking { left, .. } if left.is_empty())
            && let Phase::Looking { listed, marked, .. } = std::mem::replace(&mut self.phase, Phase::Over)
        {
            self.end_of_list(listed, marked, pruning, mutant);
        }
    }

    /// What a listing leads to.
    fn surveyed(&self, listed: u8, keys: BTreeSet<Key>, survey: Survey, protocol: Protocol) -> Phase {
        let Survey { needed, unneeded } = survey;
        let looking = |left: BTreeSet<Key>| {
            let left = left.into_iter().rev().collect();
            Phase::Looking { listed, left, marked: BTreeSet::new() }
        };
        match (protocol, listed) {
            (Protocol::Marks, _) => looking(unneeded),
            (Protocol::Timer, 1) => Phase::Waiting { ticks: WAIT, listed, keys: unneeded },
            (Protocol::Timer, 2) => looking(unneeded.intersection(&keys).cloned().collect()),
            (Protocol::Timer, _) => looking(needed.intersection(&keys).cloned().collect()),
        }
    }

    /// What is to be done about an object, asked of all servers.
    fn look(
        &self,
        id: u8,
        listed: u8,
        key: &Key,
        protocol: Protocol,
        mutant: Option<Mutant>,
        cluster: &Cluster,
    ) -> Option<Act> {
        let version = cluster.version(key)?;
        let old = version.age >= GRACE || mutant == Some(Mutant::GraceIgnored);
        let stamp = 8 * id + self.run;
        match (protocol, listed, version.mark) {
            (Protocol::Timer, 1 | 2, None) if old => Some(Act::Mark(Mark { stamp, fires: Some(TIMER) })),
            (Protocol::Timer, 1 | 2, _) => None,
            (Protocol::Timer, _, _) => Some(Act::Touch),
            (Protocol::Marks, _, None) if old && mutant == Some(Mutant::MarksNothing) => Some(Act::Remove),
            (Protocol::Marks, _, None) if old => Some(Act::Mark(Mark { stamp, fires: None })),
            (Protocol::Marks, _, None) => None,
            (Protocol::Marks, _, Some(mark)) => {
                // The mark has to be older than the listing by that, not than this look.
                let stood = match mutant {
                    Some(Mutant::ListedTooEarly) => version.age,
                    _ => version.age.saturating_sub(self.since),
                };
                let waits_not = matches!(mutant, Some(Mutant::WaitsNot | Mutant::GraceIgnored));
                let long = stood >= WAIT || waits_not;
                let act = match mutant {
                    Some(Mutant::RemovesAnyway) => Act::Remove,
                    _ => Act::RemoveMarked(mark.stamp),
                };
                long.then_some(act)
            }
        }
    }

    fn end_of_list(&mut self, listed: u8, marked: BTreeSet<Key>, pruning: &Pruning, mutant: Option<Mutant>) {
        let watches = mutant != Some(Mutant::TimerUnwatched);
        match pruning.protocol {
            Protocol::Timer if listed < 3 && !marked.is_empty() && watches => {
                self.phase = Phase::Waiting { ticks: WAIT, listed: 2, keys: marked };
            }
            Protocol::Timer | Protocol::Marks => self.end(pruning),
        }
    }

    fn end(&mut self, pruning: &Pruning) {
        self.run += 1;
        self.since = 0;
        self.phase = if self.run < pruning.runs { listing() } else { Phase::Over };
    }
}

fn listing() -> Phase {
    Phase::Listing { listed: 0, keys: BTreeSet::new() }
}

/// What a listing showed.
struct Survey {
    needed: BTreeSet<Key>,
    unneeded: BTreeSet<Key>,
}

impl Survey {
    /// Lists names and reads manifests and large objects, of which all servers are asked. That it happens at one instant
    /// takes nothing away: what changed while pages were listed may be missing from a listing anyway.
    fn of(cluster: &Cluster, kinds: Kinds, choice: usize) -> Self {
        let rows = cluster.list(|key| kinds.lists(key), choice);
        let mut needed = BTreeSet::new();
        for (key, _) in &rows {
            match key {
                Key::Manifest(repository, digest) => {
                    let record = cluster.read(key).and_then(|record| pushed(&record));
                    let references = record.iter().flat_map(|(_, manifest)| manifest.references());
                    needed.extend(references.map(|reference| match reference.kind {
                        ReferenceKind::Blob => Key::Link(repository.clone(), reference.digest),
                        ReferenceKind::Child => Key::Manifest(repository.clone(), reference.digest),
                    }));
                    if let Some(subject) = record.and_then(|(_, manifest)| manifest.subject().copied()) {
                        let (repository, referrer) = (repository.clone(), *digest);
                        needed.insert(Key::Referrer { repository, subject, referrer });
                    }
                }
                Key::Link(_, digest) => drop(needed.insert(Key::Blob(*digest))),
                Key::Blob(_) => {
                    if let Some(Object::Large(parts)) = cluster.version(key).map(|version| &version.object) {
                        needed.extend(parts.iter().map(|part| part.key.clone()));
                    }
                }
                Key::Segment { .. } | Key::SegmentList { .. } | Key::Tag(..) | Key::Referrer { .. } => {}
            }
        }
        let found = rows.into_iter().map(|(key, _)| key).filter(|key| kinds.removes(key));
        let unneeded = found.filter(|key| !needed.contains(key)).cloned().collect();
        Self { needed, unneeded }
    }
}

impl Kinds {
    fn removes(self, key: &Key) -> bool {
        match key {
            Key::Link(..) => matches!(self, Self::Links | Self::LinksAndBlobs),
            Key::Blob(_) => matches!(self, Self::Blobs | Self::LinksAndBlobs),
            Key::Referrer { .. } => self == Self::Referrers,
            Key::Segment { .. } | Key::SegmentList { .. } => self == Self::Segments,
            Key::Manifest(..) | Key::Tag(..) => false,
        }
    }

    /// Whether it has to be known that such a name is there.
    fn lists(self, key: &Key) -> bool {
        let needs = match key {
            Key::Manifest(..) => matches!(self, Self::Links | Self::LinksAndBlobs | Self::Referrers),
            Key::Link(..) => matches!(self, Self::Blobs | Self::LinksAndBlobs),
            Key::Blob(_) => self == Self::Segments,
            Key::Segment { .. } | Key::SegmentList { .. } | Key::Tag(..) | Key::Referrer { .. } => false,
        };
        needs || self.removes(key)
    }
}

/// What nobody used for so many ticks may be marked: a grace, which is longer than an exchange and a listing's lag.
const GRACE: u8 = 3;

/// In so many ticks an exchange that runs today is over, with its calls, and every listing shows what it did: a call may
/// be carried out after one, and show after two more.
const WAIT: u8 = 3;

/// After so many ticks the store removes what it is to remove.
const TIMER: u8 = WAIT + 1;
