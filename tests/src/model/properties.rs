use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use stateright::Property;
use wharfinger_core::Config;
use wharfinger_core::store::Key;

use super::host::Cost;
use super::store::is_of;
use super::uploads::{Plan, Uploads, World};
use super::{Author, Host, Request, Told};

/// What must hold, and what must be reachable, whatever the plans.
pub(super) fn of(model: &Uploads) -> Vec<Property<Uploads>> {
    let mut all = vec![
        Property::always("a 201 is true, at once and ever after", created_is_there),
        Property::always("what is linked is there", linked_is_there),
        Property::always("content is what its name says", content_is_its_name),
        Property::always("a segment is written once, and removed by its writer alone", |_, world: &World| {
            !world.store.overwritten && !world.store.robbed
        }),
        Property::always("no exchange waits for nothing", nobody_waits_for_nothing),
        Property::always("calls and outputs are bounded", |_, world: &World| {
            let mut hosts = world.clients.iter().flat_map(|client| &client.running);
            hosts.all(|host| host.calls().len() <= 8 && !host.endless)
        }),
        Property::always("late news changes nothing", |_, world: &World| !world.confused),
        Property::always("just what was sent is acknowledged", |_, world: &World| {
            world.clients.iter().all(|client| !client.miscounted)
        }),
        Property::always("only what failed or is wrong is refused", refusals_are_right),
        Property::always("wrong content is never accepted", |model: &Uploads, world: &World| {
            each(model, world).all(|(plan, client)| !client.created || is_of(plan.content, &plan.digest))
        }),
    ];
    all.extend(reachable(model));
    all
}

fn reachable(model: &Uploads) -> Vec<Property<Uploads>> {
    let right = model.plans.iter().filter(|plan| is_of(plan.content, &plan.digest)).count();
    let mut all =
        vec![Property::sometimes("all that is right is told 201", |model: &Uploads, world: &World| {
            each(model, world).all(|(plan, client)| client.created == is_of(plan.content, &plan.digest))
        })];
    if right > 1 && model.budget.crashes > 0 {
        all.push(Property::sometimes("one crashes, another is told 201", |_, world: &World| {
            let lost = world
                .clients
                .iter()
                .any(|client| client.crashed && client.running.is_none() && !client.created);
            lost && world.clients.iter().any(|client| client.created)
        }));
    }
    if model.budget.crashes > 0 && model.budget.retries > 0 {
        all.push(Property::sometimes("one that crashed comes back and is told 201", |_, world: &World| {
            world.clients.iter().any(|client| client.crashed && client.created)
        }));
    }
    if model.budget.faults > 0 {
        all.push(Property::sometimes("a call fails and the client is told 201", |_, world: &World| {
            world.clients.iter().any(|client| client.hurt && client.created)
        }));
    }
    if right < model.plans.len() {
        all.push(Property::sometimes("wrong content is told 400", |model: &Uploads, world: &World| {
            each(model, world)
                .any(|(plan, client)| !is_of(plan.content, &plan.digest) && client.refused == Some(400))
        }));
    }
    all
}

fn each<'a>(
    model: &'a Uploads,
    world: &'a World,
) -> impl Iterator<Item = (&'a Plan, &'a super::uploads::Client)> {
    model.plans.iter().zip(&world.clients)
}

/// Asked through exchanges of their own, while all others stand still.
fn created_is_there(model: &Uploads, world: &World) -> bool {
    each(model, world).filter(|(_, client)| client.created).all(|(plan, _)| {
        let head = ask(&model.config, world, plan, Method::HEAD);
        let get = ask(&model.config, world, plan, Method::GET);
        let length = plan.content.len() as u64;
        (head.status, head.length) == (200, length) && get.status == 200 && get.body == plan.content
    })
}

fn ask(config: &Arc<Config>, world: &World, plan: &Plan, method: Method) -> Told {
    let request = Request::new(method, format!("/v2/{}/blobs/{}", plan.repository, plan.digest));
    let (host, _) = Host::new(request.start(config, [0; 16]), Bytes::new());
    host.run(&mut world.store.clone(), Author { client: u8::MAX, request: 0 })
}

fn linked_is_there(_: &Uploads, world: &World) -> bool {
    world.store.names().all(|name| match name {
        Key::Link(_, digest) => {
            let content = world.store.read(&Key::Blob(*digest));
            let size = content.map(|content| format!("{{\"size\":{}}}", content.len()));
            size.is_some_and(|size| world.store.read(name).is_some_and(|link| link == size))
        }
        Key::Blob(_)
        | Key::Segment { .. }
        | Key::SegmentList { .. }
        | Key::Manifest(..)
        | Key::Tag(..)
        | Key::Referrer { .. } => true,
    })
}

fn content_is_its_name(_: &Uploads, world: &World) -> bool {
    world.store.names().all(|name| match name {
        Key::Blob(digest) => world.store.read(name).is_none_or(|content| is_of(&content, digest)),
        Key::Segment { .. }
        | Key::SegmentList { .. }
        | Key::Link(..)
        | Key::Manifest(..)
        | Key::Tag(..)
        | Key::Referrer { .. } => true,
    })
}

fn nobody_waits_for_nothing(_: &Uploads, world: &World) -> bool {
    world
        .clients
        .iter()
        .flat_map(|client| &client.running)
        .all(|host| host.endless || host.happenings().into_iter().any(|next| next.cost() == Cost::Nothing))
}

/// 503 and 429 are for those whose own calls failed; who broke off, or sent what is wrong, hears of that. An upload that was
/// published may be forgotten: where its content would have to be hashed once more, its segments may be gone.
fn refusals_are_right(model: &Uploads, world: &World) -> bool {
    each(model, world).all(|(plan, client)| match client.refused {
        None => true,
        Some(503 | 429) => client.hurt,
        Some(400) => client.broke || !is_of(plan.content, &plan.digest),
        Some(404) => world.store.read(&Key::Link(plan.repository.clone(), plan.digest)).is_some(),
        Some(408) => client.broke,
        Some(_) => false,
    })
}
