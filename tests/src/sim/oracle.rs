//! The reference registry: what may be seen of every name, by what clients were told and by what they were not told.
//!
//! A name has effects: pushes and deletes, each with the time when it began and when it was over, in steps. One that was
//! told to have gone well is certain, any other may or may not have happened. What a reader may see is every effect that no
//! certain one has taken the place of: one that began after the first was over, and was told before the reader began.

use std::collections::BTreeMap;
use std::rc::Rc;

use wharfinger_core::oci::Digest;

use super::names::{self, Goods, REPOSITORIES, TAGS};

/// What a request is about.
#[derive(Clone, Debug)]
pub enum Intent {
    /// Nothing that stays.
    None,
    /// Something that its sender may not do.
    Intrude,
    PushBlob {
        repository: usize,
        digest: Digest,
    },
    DeleteBlob {
        repository: usize,
        digest: Digest,
    },
    /// GET or HEAD, of a range or of all.
    ReadBlob {
        repository: usize,
        digest: Digest,
        range: Option<(usize, usize)>,
    },
    PushManifest {
        repository: usize,
        image: usize,
        tag: Option<usize>,
    },
    DeleteManifest {
        repository: usize,
        image: usize,
    },
    DeleteTag {
        repository: usize,
        tag: usize,
    },
    ReadManifest {
        repository: usize,
        image: usize,
    },
    ReadTag {
        repository: usize,
        tag: usize,
    },
    ListTags {
        repository: usize,
    },
    ListReferrers {
        repository: usize,
    },
}

/// Something that was not yet, while it may still come.
pub const OPEN: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Put,
    Delete,
    /// The manifest, or its entry among the referrers, by a delete of the manifest.
    ManifestDelete,
    /// A tag, if it holds this manifest.
    Sweep(Digest),
    /// It was old, and nothing needed it.
    Aged,
}

#[derive(Clone, Debug)]
struct Effect {
    exchange: u64,
    start: u64,
    end: u64,
    told: u64,
    /// When it last asked the store for anything.
    looked: u64,
    kind: Kind,
    /// What is there after it: a digest for tags, nothing in particular for others.
    value: Option<Option<Digest>>,
}

/// What may be.
#[derive(Debug)]
pub struct Oracle {
    pub goods: Rc<Goods>,
    names: BTreeMap<String, Vec<Effect>>,
    /// The names that an exchange may change.
    touched: BTreeMap<u64, Vec<String>>,
    /// Seen things that are documented not to be prevented.
    pub known: Vec<&'static str>,
}

/// What stands under a name: `None` for nothing.
type Seen = Option<Option<Digest>>;

impl Oracle {
    pub fn new(goods: Rc<Goods>) -> Self {
        Self { goods, names: BTreeMap::new(), touched: BTreeMap::new(), known: Vec::new() }
    }

    /// An exchange begins.
    pub fn begin(&mut self, exchange: u64, intent: &Intent, step: u64) {
        let put = |value| (Kind::Put, Some(value));
        let mut effects: Vec<(String, (Kind, Seen))> = Vec::new();
        let repository = |at: &usize| REPOSITORIES[*at];
        match intent {
            Intent::PushBlob { repository: at, digest } => {
                effects.push((names::link(repository(at), digest), put(None)));
            }
            Intent::DeleteBlob { repository: at, digest } => {
                effects.push((names::link(repository(at), digest), (Kind::Delete, None)));
            }
            Intent::PushManifest { repository: at, image, tag } => {
                let image = &self.goods.images[*image];
                effects.push((names::manifest(repository(at), &image.digest), put(None)));
                if let Some(subject) = &image.subject {
                    effects.push((names::referrer(repository(at), subject, &image.digest), put(None)));
                }
                if let Some(tag) = tag {
                    effects.push((names::tag(repository(at), TAGS[*tag]), put(Some(image.digest))));
                }
            }
            Intent::DeleteManifest { repository: at, image } => {
                let image = &self.goods.images[*image];
                let gone = (Kind::ManifestDelete, None);
                effects.push((names::manifest(repository(at), &image.digest), gone));
                if let Some(subject) = &image.subject {
                    effects.push((names::referrer(repository(at), subject, &image.digest), gone));
                }
                for tag in TAGS {
                    effects.push((names::tag(repository(at), tag), (Kind::Sweep(image.digest), None)));
                }
            }
            Intent::DeleteTag { repository: at, tag } => {
                effects.push((names::tag(repository(at), TAGS[*tag]), (Kind::Delete, None)));
            }
            Intent::None
            | Intent::Intrude
            | Intent::ReadBlob { .. }
            | Intent::ReadManifest { .. }
            | Intent::ReadTag { .. }
            | Intent::ListTags { .. }
            | Intent::ListReferrers { .. } => {}
        }
        for (name, (kind, value)) in effects {
            let effect = Effect { exchange, start: step, end: OPEN, told: OPEN, looked: step, kind, value };
            self.names.entry(name.clone()).or_default().push(effect);
            self.touched.entry(exchange).or_default().push(name);
        }
    }

    /// The store carried something out for an exchange.
    pub fn looked(&mut self, exchange: u64, step: u64) {
        self.each(exchange, |effect| effect.looked = step);
    }

    /// The client was told that it is done.
    pub fn told(&mut self, exchange: u64, step: u64) {
        self.each(exchange, |effect| effect.told = step);
    }

    /// Nothing of the exchange can happen any more.
    pub fn settle(&mut self, exchange: u64, step: u64) {
        self.each(exchange, |effect| effect.end = step);
        self.touched.remove(&exchange);
    }

    /// What nobody needed for long was removed.
    pub fn aged(&mut self, name: &str, step: u64) {
        let effect = Effect {
            exchange: 0,
            start: step,
            end: step,
            told: step,
            looked: step,
            kind: Kind::Aged,
            value: None,
        };
        self.names.entry(name.to_owned()).or_default().push(effect);
    }

    fn each(&mut self, exchange: u64, change: impl Fn(&mut Effect)) {
        for name in self.touched.get(&exchange).into_iter().flatten() {
            let effects = self.names.get_mut(name).into_iter().flatten();
            effects.filter(|effect| effect.exchange == exchange).for_each(&change);
        }
    }

    /// The effects that a reader between these steps may see.
    fn open(&self, name: &str, from: u64, to: u64) -> Vec<&Effect> {
        let effects = self.names.get(name).map_or(&[][..], Vec::as_slice);
        let certain = || effects.iter().filter(|by| by.told <= from && !matches!(by.kind, Kind::Sweep(_)));
        let latest = certain().map(|by| by.start).max().unwrap_or(0);
        effects.iter().filter(|effect| effect.start <= to && effect.end >= latest).collect()
    }

    /// Whether a reader may see this. `Err` says what should have been.
    pub fn may(&mut self, name: &str, seen: Seen, from: u64, to: u64) -> Result<(), String> {
        let outcome = match seen {
            Some(value) => self.may_be(name, value, from, to),
            None => self.may_be_gone(name, from, to),
        };
        let known = outcome.map_err(|text| {
            let all = self.names.get(name).into_iter().flatten().map(|effect| format!("\n  {effect:?}"));
            format!("{name}, read in steps {from} to {to}, {text}; its effects:{}", all.collect::<String>())
        })?;
        self.known.extend(known);
        Ok(())
    }

    /// Whether a delete may find nothing, its own doing aside.
    pub fn may_without(&mut self, name: &str, exchange: u64, from: u64, to: u64) -> Result<(), String> {
        let effects = self.names.get_mut(name);
        let own: Vec<Effect> = effects.map_or(Vec::new(), |effects| {
            let (own, others) =
                std::mem::take(effects).into_iter().partition(|effect| effect.exchange == exchange);
            *effects = others;
            own
        });
        let outcome = self.may(name, None, from, to);
        self.names.entry(name.to_owned()).or_default().extend(own);
        outcome
    }

    fn may_be(
        &self,
        name: &str,
        value: Option<Digest>,
        from: u64,
        to: u64,
    ) -> Result<Option<&'static str>, &'static str> {
        match self.open(name, from, to).iter().any(|effect| effect.value == Some(value)) {
            true => Ok(None),
            false => Err("shows what nobody pushed, or what is gone or replaced"),
        }
    }

    fn may_be_gone(&self, name: &str, from: u64, to: u64) -> Result<Option<&'static str>, &'static str> {
        let effects = self.names.get(name).map_or(&[][..], Vec::as_slice);
        let certain = effects.iter().filter(|by| by.told <= from && !matches!(by.kind, Kind::Sweep(_)));
        let pushed: Vec<&Effect> = certain.filter(|by| by.value.is_some()).collect();
        if pushed.is_empty() {
            return Ok(None);
        }
        let open = self.open(name, from, to);
        let latest = effects.iter().filter(|by| by.told <= from && !matches!(by.kind, Kind::Sweep(_)));
        let latest = latest.map(|by| by.start).max().unwrap_or(0);
        let gone: Vec<&&Effect> = open
            .iter()
            .filter(|effect| match effect.kind {
                Kind::Put => false,
                Kind::Delete | Kind::ManifestDelete | Kind::Aged => true,
                Kind::Sweep(digest) => {
                    let meanwhile = self.open(name, effect.start, effect.end);
                    meanwhile.iter().any(|by| by.value == Some(Some(digest)))
                }
            })
            .collect();
        if gone.is_empty() {
            return Err("is gone, although it was acknowledged and nobody deleted it");
        }
        let moved = |by: &&Effect| match by.kind {
            Kind::Sweep(digest) => open.iter().all(|put| put.value != Some(Some(digest))),
            Kind::Put | Kind::Delete | Kind::ManifestDelete | Kind::Aged => false,
        };
        if gone.iter().all(|by| moved(by)) {
            return Ok(Some("a tag was moved while the manifest that it held was deleted"));
        }
        // A push looks for its manifest at last: it notices every delete of it that was over by then. Where another push had moved
        // the tag to a manifest of its own, and that one was deleted, there is nothing to notice.
        let last =
            pushed.iter().filter(|by| by.end >= latest || by.start >= latest).max_by_key(|by| by.looked);
        let noticed = |by: &&Effect| {
            let of_manifest = match by.kind {
                Kind::ManifestDelete => true,
                Kind::Sweep(digest) => last.is_some_and(|push| push.value == Some(Some(digest))),
                Kind::Put | Kind::Delete | Kind::Aged => false,
            };
            of_manifest && by.told != OPEN && last.is_some_and(|push| by.told < push.looked)
        };
        if !gone.iter().all(|by| noticed(by)) {
            return Ok(None);
        }
        // With a second push of the same manifest that went on meanwhile, or before the first one looked, that is what is known
        // not to be prevented.
        let looked = last.map_or(0, |push| push.looked);
        let crowded = gone.iter().any(|by| {
            let manifest = match by.kind {
                Kind::Sweep(digest) => repository_of(name).map(|name| names::manifest(name, &digest)),
                Kind::Put | Kind::Delete | Kind::ManifestDelete | Kind::Aged => Some(name.to_owned()),
            };
            let pushes = manifest.and_then(|manifest| self.names.get(&manifest)).into_iter().flatten();
            let pushes = pushes.filter(|push| push.value.is_some());
            pushes.filter(|push| push.start <= by.end.max(looked) && push.end >= by.start).count() >= 2
        });
        match crowded {
            true => Ok(Some("push, push and delete of one manifest at once")),
            false => Err("is gone, although its push looked for it after the delete was over"),
        }
    }

    /// Whether a name has to be there for whoever looks at this step.
    pub fn must_be(&self, name: &str, step: u64) -> bool {
        self.may_be_gone(name, step, step).is_err()
    }

    /// Whether anybody pushed this.
    pub fn was_pushed(&self, name: &str, value: Option<Digest>) -> bool {
        self.names.get(name).into_iter().flatten().any(|effect| effect.value == Some(value))
    }

    /// Whether a push of this value may have been under way at or after a step.
    pub fn pushed_since(&self, name: &str, value: Option<Digest>, step: u64) -> bool {
        let effects = self.names.get(name).into_iter().flatten();
        effects.filter(|effect| effect.value == Some(value)).any(|effect| effect.end >= step)
    }

    /// When an exchange that changes names began.
    pub fn begun(&self, exchange: u64) -> Option<u64> {
        let name = self.touched.get(&exchange)?.first()?;
        self.names.get(name)?.iter().find(|effect| effect.exchange == exchange).map(|effect| effect.start)
    }
}

/// The repository of a name, `/CONTAINER/KIND/REPOSITORY!/...`.
fn repository_of(name: &str) -> Option<&str> {
    name.splitn(4, '/').nth(3)?.split_once("!/").map(|(repository, _)| repository)
}
