use std::sync::Arc;

use stateright::{Model, Property};
use wharfinger_core::Config;
use wharfinger_core::exchange::CallId;
use wharfinger_core::oci::Repository;
use wharfinger_core::store::Key;

use super::super::{Author, Dropped};
use super::steps::BEFORE;
use super::{Client, Cluster, Deed, Document, Mutant, Promises, Prune, Pruning, Rules, properties};

/// Clients and prunes on one store.
#[derive(Clone, Debug)]
pub struct Registry {
    /// What each client does.
    pub plans: Vec<Plan>,
    /// What was done before, without any trouble.
    pub before: Vec<Plan>,
    /// How long ago, in ticks.
    pub age: u8,
    /// Since then the manifests of the referrers are gone, and their entries are not: a delete of another kind broke off.
    pub orphan_entries: bool,
    /// How many prunes there are.
    pub prunes: usize,
    /// What they do.
    pub pruning: Pruning,
    /// The one blob.
    pub blob: &'static [u8],
    /// The manifests.
    pub documents: Vec<Document>,
    /// The store.
    pub rules: Rules,
    /// What may go wrong.
    pub troubles: Troubles,
    /// The registry's configuration.
    pub config: Arc<Config>,
    /// A fault that is built in.
    pub mutant: Option<Mutant>,
}

/// What a client does in a repository.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The repository.
    pub repository: Repository,
    /// One after the other.
    pub deeds: Vec<Deed>,
}

/// How much may happen in one search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Troubles {
    /// Answers that are lost, calls that come late, streamed bodies that are not stored.
    pub faults: u8,
    /// Exchanges and prunes that vanish.
    pub crashes: u8,
    /// Calls of which nobody hears any more may be carried out nevertheless, some time later.
    pub late: bool,
    /// Requests that clients send again.
    pub retries: u8,
    /// Ticks that pass.
    pub ticks: u8,
}

/// All of it at one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The clients.
    pub clients: Vec<Client>,
    /// The prunes.
    pub prunes: Vec<Prune>,
    /// The store.
    pub cluster: Cluster,
    /// Calls that nobody waits for and that may still be carried out.
    pub late: Vec<Late>,
    /// What may still happen.
    pub troubles: Troubles,
    /// What clients were told.
    pub promises: Promises,
}

/// A call that nobody waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Late {
    /// Whose it was.
    pub author: Author,
    /// The call.
    pub dropped: Dropped,
    /// Time has passed since its exchange began.
    pub ticked: bool,
    /// Its client's deed was to delete.
    pub deletes: Option<(Repository, Deed)>,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out and answered.
    Answered,
    /// It is carried out, and the answer is lost or says that it was not.
    Lost,
    /// It is not carried out: 202, 503, a connection that breaks.
    Undone,
    /// It takes too long, and may be carried out after it was given up.
    Late,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A client sends its next request.
    Start(usize),
    /// The store does something about a call of a client, and gives one of its answers.
    Call(usize, CallId, Fate, usize),
    /// The store carries out a call that nobody waits for.
    CallLate(usize),
    /// A client's exchange vanishes.
    Crash(usize),
    /// A prune goes on, in one of the ways it can.
    Prune(usize, usize),
    /// A prune vanishes.
    CrashPrune(usize),
    /// Time passes.
    Tick,
}

impl Model for Registry {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut cluster = Cluster::new(self.rules);
        for plan in &self.before {
            for deed in &plan.deeds {
                let request = deed.request(self, plan, "");
                let host = self.exchange(&request, Author { client: BEFORE, request: 0 }, 0);
                let told = host.run(&mut cluster, Author { client: BEFORE, request: 0 });
                assert!((200..300).contains(&told.status), "{deed:?}: {told:?}");
            }
        }
        let referrers = self.documents.iter().filter(|document| document.has_subject());
        for (document, plan) in referrers.zip(self.before.iter().cycle()).filter(|_| self.orphan_entries) {
            cluster.remove(&Key::Manifest(plan.repository.clone(), document.digest));
        }
        for _ in 0..self.age {
            cluster.tick();
        }
        cluster.settle();
        let clients = self.plans.iter().enumerate().map(|(at, plan)| self.client(at, plan)).collect();
        let prunes = (0..self.prunes).map(|_| Prune::new()).collect();
        let (late, troubles, promises) = (Vec::new(), self.troubles, Promises::default());
        vec![World { clients, prunes, cluster, late, troubles, promises }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (at, client) in world.clients.iter().enumerate() {
            match &client.running {
                None if client.over || client.is_content(&self.plans[at]) => {}
                None => actions.push(Action::Start(at)),
                Some(host) => self.calls(world, at, host, actions),
            }
        }
        actions.extend((0..world.late.len()).map(Action::CallLate));
        for (at, prune) in world.prunes.iter().enumerate() {
            let choices = prune.choices(&self.pruning, &world.cluster);
            actions.extend((0..choices).map(|choice| Action::Prune(at, choice)));
            if world.troubles.crashes > 0 && prune.is_under_way() {
                actions.push(Action::CrashPrune(at));
            }
        }
        let waited = world.clients.iter().all(|client| client.running.is_none() || !client.ticked)
            && world.prunes.iter().all(|prune| prune.lets_time_pass(self.pruning.protocol));
        if world.troubles.ticks > 0 && waited {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut world = world.clone();
        match action {
            Action::Start(at) => self.start(&mut world, at),
            Action::Call(at, call, fate, answer) => self.call(&mut world, at, call, fate, answer),
            Action::CallLate(at) => self.call_late(&mut world, at),
            Action::Crash(at) => self.crash(&mut world, at),
            Action::Prune(at, choice) => {
                let World { prunes, cluster, promises, .. } = &mut world;
                let store = (cluster, promises);
                prunes[at].step(at as u8, choice, &self.pruning, self.mutant, store);
            }
            Action::CrashPrune(at) => {
                world.troubles.crashes -= 1;
                world.prunes[at].crash(&self.pruning);
            }
            Action::Tick => world.tick(),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self)
    }
}

impl World {
    fn tick(&mut self) {
        self.troubles.ticks -= 1;
        self.promises.pruned |= self.cluster.tick();
        self.promises.tick();
        self.prunes.iter_mut().for_each(Prune::tick);
        self.clients.iter_mut().for_each(|client| client.ticked = client.running.is_some());
        self.late.retain(|late| !late.ticked);
        self.late.iter_mut().for_each(|late| late.ticked = true);
    }

    /// Whether a deed of that kind is under way in a repository, or a call of it may still be carried out.
    pub(super) fn is_under_way(
        &self,
        plans: &[Plan],
        repository: &Repository,
        of: impl Fn(&Deed) -> bool,
    ) -> bool {
        let running = self.clients.iter().zip(plans).any(|(client, plan)| {
            client.running.is_some() && plan.repository == *repository && client.deed(plan).is_some_and(&of)
        });
        let late = self.late.iter().filter_map(|late| late.deletes.as_ref());
        running || late.into_iter().any(|(place, deed)| place == repository && of(deed))
    }
}
