use bytes::Bytes;
use http::Method;
use wharfinger_core::exchange::{CallId, Exchange, Given, Outcome};
use wharfinger_core::oci::Repository;
use wharfinger_core::store::Op;

use super::super::host::{Cost, Drained};
use super::super::{Author, Carries, Dropped, Happening, Host, Request, Told};
use super::document::digest;
use super::{Action, Client, Cluster, Deed, Fate, Late, Plan, Registry, World};

impl Registry {
    /// The one tag.
    pub const TAG: &'static str = "t";

    /// A client before its first deed; the POST that begins its upload was answered.
    pub(super) fn client(&self, at: usize, plan: &Plan) -> Client {
        let mut client = Client::default();
        if plan.deeds.iter().any(Deed::is_of_upload) {
            let request = Request::new(Method::POST, format!("/v2/{}/blobs/uploads/", plan.repository));
            let author = Author { client: BEGUN + at as u8, request: 0 };
            let (mut nothing, host) = (Cluster::new(self.rules), self.exchange(&request, author, 0));
            client.location = host.run(&mut nothing, author).location.unwrap_or_default();
        }
        client
    }

    /// An exchange that has asked for nothing yet.
    pub(super) fn exchange(&self, request: &Request, author: Author, ticks: u8) -> Host {
        Host::new(self.begin(request, author, ticks), request.body.clone()).0
    }

    fn begin(&self, request: &Request, author: Author, ticks: u8) -> Exchange {
        let mut entropy = [0; 16];
        entropy[..2].copy_from_slice(&[author.client, author.request]);
        let now = 1_000_000 + u64::from(ticks) * self.rules.tick_seconds;
        request.start_at(&self.config, Given { now, entropy })
    }

    /// What the store may do about the calls of an exchange. A read whose answer is lost is made again, which is as good as
    /// one that was made later; so is a call that was not carried out, unless its body cannot be sent again.
    pub(super) fn calls(&self, world: &World, at: usize, host: &Host, actions: &mut Vec<Action>) {
        let happenings = host.happenings();
        for call in host.calls().iter().filter(|call| happenings.contains(&Happening::CarryOut(call.id))) {
            let act = |fate, answer| Action::Call(at, call.id, fate, answer);
            actions.extend((0..world.cluster.answers(&call.op)).map(|answer| act(Fate::Answered, answer)));
            let (changes, streams) = match &call.op {
                Op::Write { key, .. } => (true, matches!(key, wharfinger_core::store::Key::Segment { .. })),
                Op::Join { .. } | Op::Remove { .. } => (true, false),
                Op::Read { .. }
                | Op::Stat { .. }
                | Op::Copy { .. }
                | Op::Touch { .. }
                | Op::Release { .. }
                | Op::List { .. } => (false, false),
            };
            if changes && world.troubles.faults > 0 {
                actions.push(act(Fate::Lost, 0));
                actions.extend(world.troubles.late.then(|| act(Fate::Late, 0)));
                actions.extend(streams.then(|| act(Fate::Undone, 0)));
            }
        }
        if world.troubles.crashes > 0 {
            actions.push(Action::Crash(at));
        }
    }

    pub(super) fn start(&self, world: &mut World, at: usize) {
        let plan = &self.plans[at];
        let Some(deed) = world.clients[at].deed(plan) else { return };
        let clean = !world.is_under_way(&self.plans, &plan.repository, |other| deed.is_undone_by(other));
        self.undo(world, plan, deed);
        let client = &mut world.clients[at];
        client.requests += 1;
        (client.clean, client.ticked) = (clean, false);
        let request = deed.request(self, plan, &client.location);
        let ticks = self.troubles.ticks - world.troubles.ticks;
        let exchange = self.begin(&request, client.author(at), ticks);
        let (host, drained) = Host::new(exchange, request.body);
        client.running = Some(host);
        self.settle(world, at, drained);
    }

    /// What was promised is so no more once somebody deletes it.
    fn undo(&self, world: &mut World, plan: &Plan, deed: &Deed) {
        let (repository, promises) = (&plan.repository, &mut world.promises);
        match deed {
            Deed::DeleteBlob => {
                let name = (repository.clone(), digest(self.blob));
                promises.blobs.remove(&name);
                promises.undone.insert(name);
            }
            Deed::DeleteManifest(document) => {
                let name = (repository.clone(), self.documents[*document].digest);
                promises.manifests.remove(&name);
                promises.tags.remove(repository);
                promises.undone.insert(name);
            }
            Deed::DeleteTag => drop(promises.tags.remove(repository)),
            Deed::Push
            | Deed::Patch
            | Deed::Finish
            | Deed::Put { .. }
            | Deed::Mount { .. }
            | Deed::Head
            | Deed::Get
            | Deed::PutManifest { .. }
            | Deed::GetManifest(_)
            | Deed::GetTag => {}
        }
        for (client, other) in world.clients.iter_mut().zip(&self.plans) {
            let undone = client.deed(other).is_some_and(|undone| undone.is_undone_by(deed));
            client.clean &= !(undone && other.repository == *repository);
        }
    }

    pub(super) fn call(&self, world: &mut World, at: usize, call: CallId, fate: Fate, answer: usize) {
        let client = &mut world.clients[at];
        let author = client.author(at);
        let Some(host) = &mut client.running else { return };
        let steps = match fate {
            Fate::Answered => vec![Happening::CarryOut(call)],
            Fate::Lost => vec![Happening::CarryOut(call), Happening::Break(call)],
            Fate::Undone => vec![Happening::Break(call)],
            Fate::Late => vec![Happening::Expire(call.slot)],
        };
        if fate != Fate::Answered {
            world.troubles.faults -= 1;
            client.hurt = true;
        }
        world.cluster.choose(answer);
        let mut drained = Drained::default();
        for step in steps {
            drained = host.happen(step, &mut world.cluster, author, None);
        }
        world.cluster.choose(0);
        self.settle(world, at, drained);
    }

    /// The exchange hears nothing of it. A delete that vanished never ends: who pushes what a late call of it takes pushes
    /// while it is deleted.
    pub(super) fn call_late(&self, world: &mut World, at: usize) {
        let Late { author, dropped, deletes, .. } = world.late.remove(at);
        world.cluster.carry_out(author, &dropped.op, &dropped.body);
        if let Some((repository, _)) = deletes {
            self.excuse(world, &repository);
        }
    }

    /// What is pushed to a repository meanwhile is not promised.
    fn excuse(&self, world: &mut World, repository: &Repository) {
        for (client, plan) in world.clients.iter_mut().zip(&self.plans) {
            client.clean &= plan.repository != *repository;
        }
    }

    /// An exchange vanishes. A delete that does so half way never ends: see the windows of decision 6.
    pub(super) fn crash(&self, world: &mut World, at: usize) {
        let plan = &self.plans[at];
        if world.clients[at].deed(plan).is_some_and(Deed::deletes) {
            self.excuse(world, &plan.repository);
        }
        world.troubles.crashes -= 1;
        world.clients[at].crashed = true;
        let dropped = world.clients[at].running.take().map(Host::crash).unwrap_or_default();
        self.drop_calls(world, at, dropped);
        self.end(world, at, None);
    }

    pub(super) fn drop_calls(&self, world: &mut World, at: usize, mut dropped: Vec<Dropped>) {
        dropped.retain(|_| world.troubles.late);
        let (client, plan) = (&world.clients[at], &self.plans[at]);
        let (author, ticked) = (client.author(at), client.ticked);
        let deletes = client.deed(plan).filter(|deed| deed.deletes());
        let deletes = deletes.map(|deed| (plan.repository.clone(), deed.clone()));
        let late = dropped.into_iter().map(|dropped| {
            let deletes = deletes.clone();
            Late { author, dropped, ticked, deletes }
        });
        world.late.extend(late);
        world.late.sort_by_key(|late| (late.author, late.dropped.call));
    }

    /// Lets all happen to an exchange that nobody else can see, and takes its reply.
    fn settle(&self, world: &mut World, at: usize, mut drained: Drained) {
        loop {
            self.drop_calls(world, at, drained.dropped);
            drained.sent.iter().for_each(|call| self.meddle(world, at, *call));
            let client = &mut world.clients[at];
            let author = client.author(at);
            let Some(host) = &mut client.running else { return };
            let alone =
                |next: &Happening| next.cost() == Cost::Nothing && !matches!(next, Happening::CarryOut(_));
            let Some(next) = host.happenings().into_iter().find(alone) else { break };
            drained = host.happen(next, &mut world.cluster, author, None);
        }
        let Some(host) = &world.clients[at].running else { return };
        if let Some(outcome) = host.outcome() {
            let told = host.told().clone();
            world.clients[at].running = None;
            self.end(world, at, Some((outcome, told)));
        }
    }

    /// An exchange is over, or vanished.
    pub(super) fn end(&self, world: &mut World, at: usize, end: Option<(Outcome, Told)>) {
        let plan = &self.plans[at];
        let Some(deed) = world.clients[at].deed(plan) else { return };
        world.clients[at].ticked = false;
        let status = end.as_ref().map_or(0, |(_, told)| told.status);
        if let Some((Outcome::Complete, told)) = &end {
            self.promise(world, at, deed, told);
        }
        let client = &mut world.clients[at];
        let mounted = !matches!(deed, Deed::Mount { .. }) || status == 201;
        let is_complete = end.as_ref().is_some_and(|(outcome, _)| *outcome == Outcome::Complete);
        if is_complete && (200..300).contains(&status) && mounted {
            client.step += 1;
            if let Some((_, told)) = end.filter(|_| *deed == Deed::Patch) {
                client.location = told.location.unwrap_or_default();
            }
            return;
        }
        client.refused = (status != 0).then_some(status);
        if matches!(status, 0 | 429 | 503) && world.troubles.retries > 0 {
            world.troubles.retries -= 1;
        } else {
            client.over = true;
        }
    }

    /// Takes down what a reply tells.
    fn promise(&self, world: &mut World, at: usize, deed: &Deed, told: &Told) {
        let repository = &self.plans[at].repository;
        let clean = world.clients[at].clean;
        let is_deleting = |deleted: usize| {
            world.is_under_way(&self.plans, repository, |other| *other == Deed::DeleteManifest(deleted))
        };
        let whole = |bytes: &Bytes, document: usize| *bytes == self.documents[document].bytes;
        match (deed, told.status) {
            (deed, 201) if deed.makes_blob() && clean => {
                let uploaded = !matches!(deed, Deed::Mount { .. });
                world.promises.promise_blob(repository, digest(self.blob), uploaded);
            }
            (Deed::Head, 200) if clean => {
                world.promises.promise_blob(repository, digest(self.blob), false);
            }
            (Deed::PutManifest { document, tagged }, 201) if clean && !is_deleting(*document) => {
                let name = (repository.clone(), self.documents[*document].digest);
                world.promises.manifests.insert(name);
                if *tagged {
                    world.promises.tags.insert(repository.clone());
                }
            }
            (Deed::Get, 200) => world.clients[at].deceived |= told.body != self.blob,
            (Deed::GetManifest(document), 200) => {
                world.clients[at].deceived |= !whole(&told.body, *document);
            }
            (Deed::GetTag, 200) => {
                let mut documents = 0..self.documents.len();
                world.clients[at].deceived |= !documents.any(|document| whole(&told.body, document));
            }
            (_, _) => {}
        }
    }
}

/// Stands for the client of [`Registry::before`].
pub(super) const BEFORE: u8 = 255;

/// Stands for the clients of the POSTs that begin uploads, before the number of the client.
const BEGUN: u8 = 100;
