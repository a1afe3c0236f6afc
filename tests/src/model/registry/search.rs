use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model, Path};
use wharfinger_core::oci::Repository;
use wharfinger_core::store::Op;
use wharfinger_core::upload::Secret;
use wharfinger_core::{Config, Joins, Limits};

use super::{
    Action, Cluster, Deed, Document, Kinds, Mutant, Plan, Protocol, Pruning, Registry, Rules, Troubles, World,
};

impl Registry {
    /// The one blob.
    pub const BLOB: &'static [u8] = b"blob";

    /// A registry in which nothing happens. Its documents are an image of the blob, another one, an index of the first,
    /// and one that refers to the first as its subject.
    pub fn quiet() -> Self {
        let image = Document::image(Self::BLOB, "", None);
        let other = Document::image(Self::BLOB, "other", None);
        let index = Document::index(&image);
        let referrer = Document::image(Self::BLOB, "referrer", Some(&image));
        let joins = Joins { copies: false, ..Joins::default() };
        Self {
            plans: Vec::new(),
            before: Vec::new(),
            age: 0,
            orphan_entries: false,
            prunes: 0,
            pruning: Pruning { protocol: Protocol::Marks, kinds: Kinds::LinksAndBlobs, runs: 2 },
            blob: Self::BLOB,
            documents: vec![image, other, index, referrer],
            rules: Rules {
                stale: true,
                lag: true,
                marks_show: true,
                tick_seconds: Cluster::LONG_TICK_SECONDS,
            },
            troubles: Troubles::default(),
            config: Arc::new(Config {
                secret: Secret::new(b"a secret of the models"),
                access: wharfinger_core::access::Access::open(),
                sparse_manifests: false,
                redirects: false,
                store_md5: true,
                limits: Limits {
                    joins,
                    upload_age_seconds_max: Cluster::LONG_TICK_SECONDS,
                    ..Limits::default()
                },
            }),
            mutant: None,
        }
    }

    /// Searches to the end, and prints how far that was.
    ///
    /// # Panics
    /// If something that must hold does not, or something that has to be reached is not.
    pub fn search(&self, name: &str) {
        let began = Instant::now();
        let checker = self.clone().checker().threads(2).spawn_bfs().join();
        println!(
            "{name}: {} states, {} of them different, depth {}, {:.1} s",
            checker.state_count(),
            checker.unique_state_count(),
            checker.max_depth(),
            began.elapsed().as_secs_f32()
        );
        for (property, path) in checker.discoveries() {
            let broken = self.properties().iter().any(|known| known.name == property && is_always(known));
            assert!(!broken, "{property}:\n{}", self.trace(path));
        }
        checker.assert_properties();
        assert!(checker.is_done());
    }

    /// Searches until this is broken, prints how, and tells the steps to it.
    ///
    /// # Panics
    /// If it is never broken.
    pub fn breaks(&self, name: &str, expected: &'static str) -> String {
        let began = Instant::now();
        let stop = HasDiscoveries::AnyOf([expected].into());
        let checker = self.clone().checker().threads(1).finish_when(stop).spawn_bfs().join();
        let path = checker.discovery(expected);
        let seconds = began.elapsed().as_secs_f32();
        let count = path.clone().map(|path| path.into_actions().len());
        let states = checker.unique_state_count();
        println!("{name}: \"{expected}\" broken after {count:?} steps, {states} states, {seconds:.1} s");
        self.trace(path.unwrap_or_else(|| panic!("{name} was not found to break \"{expected}\"")))
    }

    /// A path, one step a line, with what is asked of the store.
    fn trace(&self, path: Path<World, Action>) -> String {
        let mut lines = String::new();
        for (world, action) in path.into_vec() {
            let Some(action) = action else { break };
            let what = match action {
                Action::Start(at) => format!("{:?}", world.clients[at].deed(&self.plans[at])),
                Action::Call(at, id, _, _) => {
                    let calls = world.clients[at].running.iter().flat_map(|host| host.calls());
                    calls.filter(|call| call.id == id).map(|call| short(&call.op)).collect()
                }
                Action::CallLate(at) => short(&world.late[at].dropped.op),
                Action::Prune(at, _) => format!("{:?}", world.prunes[at].phase),
                Action::Crash(_) | Action::CrashPrune(_) | Action::Tick => String::new(),
            };
            let _ = writeln!(lines, "  {action:?} {what}");
        }
        lines
    }

    /// The same with a fault built in.
    pub fn finds(&self, mutant: Mutant, expected: &'static str) {
        let model = Self { mutant: Some(mutant), ..self.clone() };
        model.breaks(&format!("{mutant:?}"), expected);
    }
}

impl Plan {
    /// What a client does in a repository.
    ///
    /// # Panics
    /// If that is no name of a repository.
    pub fn new(repository: &str, deeds: &[Deed]) -> Self {
        let repository = Repository::parse(repository).expect("the name of a repository");
        Self { repository, deeds: deeds.to_vec() }
    }
}

fn is_always(property: &stateright::Property<Registry>) -> bool {
    property.expectation == stateright::Expectation::Always
}

/// An op in a few words.
fn short(op: &Op) -> String {
    match op {
        Op::Read { key, .. } => format!("Read {key}"),
        Op::Stat { key } => format!("Stat {key}"),
        Op::Write { key, .. } => format!("Write {key}"),
        Op::Join { key, .. } => format!("Join {key}"),
        Op::Copy { from, .. } => format!("Copy {from}"),
        Op::Touch { key } => format!("Touch {key}"),
        Op::Release { .. } => "Release".to_owned(),
        Op::Remove { key } => format!("Remove {key}"),
        Op::List { listing, .. } => format!("List {listing}"),
    }
}
