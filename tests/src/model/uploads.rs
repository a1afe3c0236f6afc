use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use stateright::{Model, Property};
use wharfinger_core::Config;
use wharfinger_core::exchange::{CallId, Input, Outcome};
use wharfinger_core::oci::{Digest, Repository};
use wharfinger_core::store::{Key, Op, Part, Reply};

use super::host::{Cost, Drained, Stage};
use super::{Author, Dropped, Happening, Host, Mutant, Request, Store, StoreKind, properties};

/// A few clients that upload blobs into one store at the same time.
#[derive(Clone, Debug)]
pub struct Uploads {
    /// What each client does.
    pub plans: Vec<Plan>,
    /// What happened before, to upload 0.
    pub before: Option<Plan>,
    /// The store.
    pub store: StoreKind,
    /// What may go wrong.
    pub budget: Budget,
    /// The registry's configuration.
    pub config: Arc<Config>,
    /// A fault that is built in.
    pub mutant: Option<Mutant>,
}

/// What a client does, one request after the other.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its requests after the POST that starts the upload.
    pub steps: Vec<Step>,
    /// What it uploads.
    pub content: &'static [u8],
    /// What it says that this is.
    pub digest: Digest,
    /// Where to.
    pub repository: Repository,
    /// Which upload; clients with the same number share one.
    pub upload: u8,
    /// Whether a refused PATCH is gone on with where its reply says, else from its own start.
    pub resumes: bool,
}

/// One request of an upload.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A PATCH of the content up to here.
    Patch {
        /// The end, in bytes.
        upto: u64,
        /// Whether the head states the length.
        stated: bool,
    },
    /// The PUT with the rest of the content.
    Put {
        /// Whether the head states the length.
        stated: bool,
    },
    /// A POST with all of it.
    Post {
        /// Whether the head states the length.
        stated: bool,
    },
}

/// How much may go wrong in one search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Failures of the store or of the way to it.
    pub faults: u8,
    /// Exchanges that vanish, and clients that go away.
    pub crashes: u8,
    /// Bodies of clients that break off.
    pub breaks: u8,
    /// Bodies of clients that stall.
    pub stalls: u8,
    /// Requests that clients send again.
    pub retries: u8,
}

/// The clients and the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The clients.
    pub clients: Vec<Client>,
    /// The store.
    pub store: Store,
    /// Calls that nobody waits for and that may still be carried out.
    pub late: Vec<Late>,
    /// What may still go wrong.
    pub budget: Budget,
    /// Late news changed an exchange.
    pub confused: bool,
}

/// A call that nobody waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Late {
    /// Whose it was.
    pub author: Author,
    /// The call.
    pub dropped: Dropped,
}

/// A client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// Which step of its plan is next, or under way.
    pub step: u8,
    /// How many requests it has sent.
    pub requests: u8,
    /// Where its upload goes on.
    pub location: Box<str>,
    /// How much of it is acknowledged, in bytes.
    pub offset: u64,
    /// Its exchange.
    pub running: Option<Host>,
    /// It was told 201.
    pub created: bool,
    /// It does nothing more.
    pub over: bool,
    /// Its exchange vanished, or it went away itself.
    pub crashed: bool,
    /// Its body broke off.
    pub broke: bool,
    /// A call of its exchange failed.
    pub hurt: bool,
    /// The last refusal that it was told.
    pub refused: Option<u16>,
    /// An answer acknowledged another length than was sent.
    pub miscounted: bool,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A client sends its next request.
    Start(u8),
    /// Something happens to a client's exchange.
    Happen(u8, Happening),
    /// The store carries out a call that nobody waits for.
    CarryOutLate(u8),
    /// A client's exchange vanishes.
    Crash(u8),
}

impl Model for Uploads {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut store = Store::new(self.store, self.mutant);
        let mut clients: Vec<Client> = self.plans.iter().map(|plan| self.session(plan, &mut store)).collect();
        if let Some(plan) = &self.before {
            let mut first = self.session(plan, &mut store);
            while usize::from(first.step) < plan.steps.len() {
                let author = Author { client: BEFORE, request: first.requests };
                let request = first.request(plan);
                let (host, _) = Host::new(request.start(&self.config, self.entropy(author)), request.body);
                first.hear(plan, &host.run(&mut store, author));
            }
            for (client, plan) in clients.iter_mut().zip(&self.plans).filter(|(_, plan)| plan.upload == 0) {
                debug_assert!(plan.content.len() as u64 >= first.offset);
                (client.location, client.offset) = (first.location.clone(), first.offset);
            }
        }
        vec![World { clients, store, late: Vec::new(), budget: self.budget, confused: false }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (at, client) in world.clients.iter().enumerate() {
            let at = at as u8;
            match &client.running {
                None if client.over => {}
                None => actions.push(Action::Start(at)),
                Some(host) => {
                    let affordable = host.happenings().into_iter().filter(|next| world.budget.affords(*next));
                    actions.extend(affordable.map(|next| Action::Happen(at, next)));
                    if world.budget.crashes > 0 {
                        actions.push(Action::Crash(at));
                    }
                }
            }
        }
        actions.extend((0..world.late.len()).map(|at| Action::CarryOutLate(at as u8)));
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut world = world.clone();
        match action {
            Action::Start(at) => self.start(&mut world, at),
            Action::Happen(at, happening) => self.happen(&mut world, at, happening),
            Action::CarryOutLate(at) => self.carry_out_late(&mut world, usize::from(at)),
            Action::Crash(at) => {
                let client = &mut world.clients[usize::from(at)];
                let author = client.author(at);
                let dropped = client.running.take().map(Host::crash).unwrap_or_default();
                client.crashed = true;
                world.budget.crashes -= 1;
                world.drop_calls(author, dropped);
                world.give_up_or_retry(at, true);
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self)
    }
}

impl Uploads {
    /// A client whose POST was answered.
    fn session(&self, plan: &Plan, store: &mut Store) -> Client {
        let request = Request::new(Method::POST, format!("/v2/{}/blobs/uploads/", plan.repository));
        let author = Author { client: POSTED + plan.upload, request: 0 };
        let (host, _) = Host::new(request.start(&self.config, self.entropy(author)), Bytes::new());
        let told = host.run(store, author);
        Client {
            step: 0,
            requests: 0,
            location: told.location.unwrap_or_default(),
            offset: 0,
            running: None,
            created: false,
            over: false,
            crashed: false,
            broke: false,
            hurt: false,
            refused: None,
            miscounted: false,
        }
    }

    fn entropy(&self, author: Author) -> [u8; 16] {
        let mut entropy = [0; 16];
        if self.mutant != Some(Mutant::SameEntropy) {
            entropy[..2].copy_from_slice(&[author.client, author.request]);
        }
        entropy
    }

    fn start(&self, world: &mut World, at: u8) {
        let client = &mut world.clients[usize::from(at)];
        client.requests += 1;
        let request = client.request(&self.plans[usize::from(at)]);
        let exchange = request.start(&self.config, self.entropy(client.author(at)));
        let (host, drained) = Host::new(exchange, request.body);
        client.running = Some(host);
        self.follow(world, at, drained);
    }

    fn happen(&self, world: &mut World, at: u8, happening: Happening) {
        world.budget.pay(happening);
        let client = &mut world.clients[usize::from(at)];
        client.crashed |= happening.cost() == Cost::Leave;
        client.broke |= happening.cost() == Cost::Break;
        client.hurt |= happening.cost() == Cost::Fault;
        let author = client.author(at);
        let Some(host) = &mut client.running else { return };
        let drained = host.happen(happening, &mut world.store, author, self.mutant);
        if self.mutant == Some(Mutant::TimerLost) {
            host.lose_timers();
        }
        self.follow(world, at, drained);
    }

    /// Does what an exchange's outputs lead to.
    fn follow(&self, world: &mut World, at: u8, drained: Drained) {
        let author = world.clients[usize::from(at)].author(at);
        world.drop_calls(author, drained.dropped);
        drained.sent.iter().for_each(|call| self.meddle(world, at, *call));
        let client = &mut world.clients[usize::from(at)];
        let Some(host) = &client.running else { return };
        client.created |= host.told().status == 201;
        let Some(outcome) = host.outcome() else { return };
        let told = host.told().clone();
        client.running = None;
        let went_on = client.hear(&self.plans[usize::from(at)], &told);
        if !went_on {
            world.give_up_or_retry(at, outcome == Outcome::Cut || RETRIED.contains(&told.status));
        }
    }

    /// Those mutants that act when a call is opened.
    fn meddle(&self, world: &mut World, at: u8, id: CallId) {
        let author = world.clients[usize::from(at)].author(at);
        let Some(Op::Join { key, parts }) = world.call(at, id) else { return };
        match self.mutant {
            Some(Mutant::JoinTakenForDone) => {
                let others = world.clients.iter().enumerate().filter(|(other, _)| *other != usize::from(at));
                let joined = others
                    .flat_map(|(_, client)| &client.running)
                    .flat_map(|host| host.calls())
                    .any(|call| {
                        call.stage == Stage::Open
                            && matches!(&call.op, Op::Join { key: same, .. } if *same == key)
                    });
                let host = world.clients[usize::from(at)].running.as_mut();
                if let Some(call) = host.filter(|_| joined).and_then(|host| host.call_mut(id)) {
                    let reply = Reply::Written { md5: None };
                    call.stage = Stage::Answering { reply, bytes: Bytes::new() };
                }
            }
            Some(Mutant::LinkFirst) => {
                let plan = &self.plans[usize::from(at)];
                let key = Key::Link(plan.repository.clone(), plan.digest);
                let size: u64 = parts.iter().map(Part::length).sum();
                let link = format!("{{\"size\":{size}}}");
                world.store.carry_out(author, &Op::Write { key, create_only: false }, &link.into());
            }
            Some(Mutant::PartDropped) if parts.len() > 1 => {
                let host = world.clients[usize::from(at)].running.as_mut();
                if let Some(call) = host.and_then(|host| host.call_mut(id)) {
                    call.op = Op::Join { key, parts: parts[1..].into() };
                }
            }
            Some(
                Mutant::PartDropped
                | Mutant::SkipIgnored
                | Mutant::TailLost
                | Mutant::ReleaseFrees
                | Mutant::SameEntropy
                | Mutant::GenerationIgnored
                | Mutant::TimerLost
                | Mutant::ShortIsWhole,
            )
            | None => {}
        }
    }

    /// The exchange, if it is still there, hears of it too late.
    fn carry_out_late(&self, world: &mut World, at: usize) {
        let Late { author, dropped } = world.late.remove(at);
        let (reply, _) = world.store.carry_out(author, &dropped.op, &dropped.body);
        let client = &mut world.clients[usize::from(author.client)];
        let same = client.author(author.client) == author;
        let Some(host) = client.running.as_mut().filter(|_| same) else { return };
        let today = host.calls().iter().map(|call| call.id).find(|id| id.slot == dropped.call.slot);
        match (self.mutant, today) {
            (Some(Mutant::GenerationIgnored), Some(call)) => {
                let drained = host.mistake(Input::Head { call, reply });
                self.follow(world, author.client, drained);
            }
            _ => world.confused |= !host.ignores(Input::Head { call: dropped.call, reply }),
        }
    }
}

impl World {
    fn call(&self, at: u8, id: CallId) -> Option<Op> {
        let host = self.clients[usize::from(at)].running.as_ref()?;
        host.calls().iter().find(|call| call.id == id).map(|call| call.op.clone())
    }

    fn drop_calls(&mut self, author: Author, dropped: Vec<Dropped>) {
        self.late.extend(dropped.into_iter().map(|dropped| Late { author, dropped }));
        self.late.sort_by_key(|late| (late.author, late.dropped.call));
    }

    fn give_up_or_retry(&mut self, at: u8, retried: bool) {
        let client = &mut self.clients[usize::from(at)];
        if retried && !client.created && self.budget.retries > 0 {
            self.budget.retries -= 1;
        } else {
            client.over = true;
        }
    }
}

impl Client {
    fn author(&self, client: u8) -> Author {
        Author { client, request: self.requests }
    }

    /// Its next request.
    fn request(&self, plan: &Plan) -> Request {
        let rest = plan.content.len() as u64;
        let (method, target, end, length_stated) = match plan.steps[usize::from(self.step)] {
            Step::Patch { upto, stated } => (Method::PATCH, self.location.to_string(), upto, stated),
            Step::Put { stated } => {
                (Method::PUT, format!("{}&digest={}", self.location, plan.digest), rest, stated)
            }
            Step::Post { stated } => {
                let target = format!("/v2/{}/blobs/uploads/?digest={}", plan.repository, plan.digest);
                (Method::POST, target, rest, stated)
            }
        };
        let body = plan.content.get(self.offset as usize..end as usize).unwrap_or_default();
        Request { method, target, body: Bytes::from_static(body), length_stated }
    }

    /// Takes a reply; tells whether the next step follows from it.
    fn hear(&mut self, plan: &Plan, told: &super::Told) -> bool {
        if told.status == 202 {
            if let Step::Patch { upto, .. } = plan.steps[usize::from(self.step)] {
                self.miscounted |= told.acknowledged != Some(upto);
            }
            self.location = told.location.clone().unwrap_or_default();
            self.offset = told.acknowledged.unwrap_or(0);
            self.step += 1;
            return true;
        }
        if told.status != 201 && told.status != 0 {
            self.refused = Some(told.status);
        }
        if let (true, Some(location)) = (plan.resumes && told.status != 201, &told.location) {
            self.location = location.clone();
            self.offset = told.acknowledged.unwrap_or(0);
        }
        false
    }
}

impl Budget {
    fn affords(self, happening: Happening) -> bool {
        let left = match happening.cost() {
            Cost::Nothing => return true,
            Cost::Fault => self.faults,
            Cost::Stall => self.stalls,
            Cost::Break => self.breaks,
            Cost::Leave => self.crashes,
        };
        left > 0
    }

    fn pay(&mut self, happening: Happening) {
        match happening.cost() {
            Cost::Nothing => {}
            Cost::Fault => self.faults -= 1,
            Cost::Stall => self.stalls -= 1,
            Cost::Break => self.breaks -= 1,
            Cost::Leave => self.crashes -= 1,
        }
    }
}

/// Replies after which a client sends its request again.
const RETRIED: [u16; 4] = [400, 408, 429, 503];

/// Stands for the client of [`Uploads::before`].
const BEFORE: u8 = 255;

/// Stands for the clients of the POSTs, before the number of the upload.
const POSTED: u8 = 100;
