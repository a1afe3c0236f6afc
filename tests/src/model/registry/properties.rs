use http::Method;
use stateright::Property;
use wharfinger_core::oci::ReferenceKind;
use wharfinger_core::store::Key;

use super::super::host::Cost;
use super::super::store::{Object, is_of};
use super::super::{Author, Request, Told};
use super::document::{digest, pushed};
use super::{Deed, Registry, World};

/// What must hold of every registry, named after the invariants of the design; and what a search has to reach, so that it
/// is not empty.
pub(super) fn of(model: &Registry) -> Vec<Property<Registry>> {
    let mut all = vec![
        Property::always("1: after a 201 every HEAD and GET shows it whole", told_is_true),
        Property::always("2: no name shows other bytes than its digest's", names_are_true),
        Property::always("3: no uploader is told 201 before the blob is visible", uploaded_is_visible),
        Property::always("4: a linked blob exists", linked_exists),
        Property::always("4: no link looks young whose content is old", links_are_as_old),
        Property::always("5: a manifest has all that it refers to", manifest_has_all),
        Property::always("6: a tag's record is a whole manifest of this repository", tag_is_whole),
        Property::always("6: a pushed tag and its digest can be read", pushed_tag_is_there),
        Property::always("7: no large object lacks a segment", segments_are_left),
        Property::always("7: a referrer that can be read has its entry", referrers_are_left),
        Property::always("9: a 200 shows what was pushed", |_, world: &World| {
            world.clients.iter().all(|client| !client.deceived)
        }),
        Property::always("10: no exchange waits for nothing", nobody_waits_for_nothing),
        Property::sometimes("every client gets what it wants", |model: &Registry, world: &World| {
            world.clients.iter().zip(&model.plans).all(|(client, plan)| client.is_content(plan))
        }),
    ];
    if model.prunes > 0 {
        all.push(Property::sometimes("prune removes what nobody needs", |_, world: &World| {
            world.promises.pruned
        }));
    }
    if model.troubles.crashes > 0 && !model.plans.is_empty() {
        all.push(Property::sometimes("8: one crashes, all is well", |model: &Registry, world: &World| {
            let all = || world.clients.iter().zip(&model.plans);
            all().any(|(client, _)| client.crashed)
                && all().all(|(client, plan)| client.crashed || client.is_content(plan))
        }));
    }
    if !model.rules.lag {
        all.push(Property::always("6: no tag outlives its manifest", tags_go_with_manifests));
    }
    all.extend(windows(model));
    all
}

/// What decisions have accepted: each is shown to be there, so that nobody believes that the search would not see it.
fn windows(model: &Registry) -> Vec<Property<Registry>> {
    let deeds = || model.plans.iter().flat_map(|plan| &plan.deeds);
    let deletes = |document| deeds().any(|deed| *deed == Deed::DeleteManifest(document));
    let tags_too = |document| deeds().any(|deed| *deed == Deed::PutManifest { document, tagged: true });
    let mut all = Vec::new();
    if model.rules.lag && deletes(0) && tags_too(0) {
        all.push(Property::sometimes(
            "decision 9: a tag that no listing shows outlives the delete of its manifest",
            |_, world: &World| {
                let orphan = tags(world).any(|(repository, digest)| {
                    world.cluster.version(&Key::Manifest(repository.clone(), digest)).is_none()
                });
                orphan && is_quiet(world)
            },
        ));
    }
    if deletes(0) && tags_too(1) && !deletes(1) {
        all.push(Property::sometimes(
            "no compare-and-swap: the delete of a manifest takes a tag that moved to another one meanwhile",
            |model: &Registry, world: &World| {
                let all = world.clients.iter().zip(&model.plans);
                let content = all.into_iter().all(|(client, plan)| client.is_content(plan));
                content && is_quiet(world) && tags(world).next().is_none()
            },
        ));
    }
    all
}

/// While a delete runs, a tag may be the next that it takes; while a push runs, it may write the manifest again. A delete that
/// vanishes beside a push may leave the tag of a push that vanishes too.
fn tags_go_with_manifests(model: &Registry, world: &World) -> bool {
    let pushes = model.plans.iter().flat_map(|plan| &plan.deeds);
    let pushes = pushes.into_iter().any(|deed| matches!(deed, Deed::PutManifest { .. }));
    let crashed = world.clients.iter().any(|client| client.crashed);
    tags(world).all(|(repository, digest)| {
        let deletes = |deed: &Deed| match deed {
            Deed::DeleteManifest(document) => model.documents[*document].digest == digest,
            Deed::Push
            | Deed::Patch
            | Deed::Finish
            | Deed::Put { .. }
            | Deed::Mount { .. }
            | Deed::Head
            | Deed::Get
            | Deed::DeleteBlob
            | Deed::PutManifest { .. }
            | Deed::GetManifest(_)
            | Deed::GetTag
            | Deed::DeleteTag => false,
        };
        world.cluster.version(&Key::Manifest(repository.clone(), digest)).is_some()
            || world.is_under_way(&model.plans, repository, deletes)
            || world.is_under_way(&model.plans, repository, |deed| matches!(deed, Deed::PutManifest { .. }))
            || (pushes && crashed)
    })
}

fn is_quiet(world: &World) -> bool {
    world.late.is_empty() && world.clients.iter().all(|client| client.running.is_none())
}

/// Asked through exchanges of their own, of every replica, while all others stand still.
fn told_is_true(model: &Registry, world: &World) -> bool {
    let blobs = world.promises.blobs.iter().filter(|(_, promise)| !promise.uploaded);
    let manifests = world.promises.manifests.iter().all(|name| {
        let document = model.documents.iter().find(|document| document.digest == name.1);
        document.is_some_and(|document| shows(model, world, "manifests", name, &document.bytes))
    });
    manifests && blobs.into_iter().all(|(name, _)| shows(model, world, "blobs", name, model.blob))
}

fn uploaded_is_visible(model: &Registry, world: &World) -> bool {
    let blobs = world.promises.blobs.iter().filter(|(_, promise)| promise.uploaded);
    blobs.into_iter().all(|(name, _)| shows(model, world, "blobs", name, model.blob))
}

fn shows(
    model: &Registry,
    world: &World,
    what: &str,
    (repository, digest): &(wharfinger_core::oci::Repository, wharfinger_core::oci::Digest),
    bytes: &[u8],
) -> bool {
    let target = format!("/v2/{repository}/{what}/{digest}");
    (0..if model.rules.stale { 2 } else { 1 }).all(|replica| {
        let head = ask(model, world, Method::HEAD, &target, replica);
        let get = ask(model, world, Method::GET, &target, replica);
        (head.status, head.length) == (200, bytes.len() as u64) && get.status == 200 && get.body == bytes
    })
}

fn ask(model: &Registry, world: &World, method: Method, target: &str, replica: usize) -> Told {
    let author = Author { client: u8::MAX, request: 1 };
    let host = model.exchange(&Request::new(method, target.to_owned()), author, 0);
    let mut cluster = world.cluster.clone();
    cluster.choose(replica);
    host.run(&mut cluster, author)
}

fn names_are_true(_: &Registry, world: &World) -> bool {
    world.cluster.names().all(|(key, _)| match key {
        Key::Blob(digest) => world.cluster.read(key).is_none_or(|bytes| is_of(&bytes, digest)),
        Key::Manifest(_, named) => {
            let record = world.cluster.read(key).and_then(|record| pushed(&record));
            record.is_some_and(|(digest, _)| digest == *named)
        }
        Key::Segment { .. }
        | Key::SegmentList { .. }
        | Key::Link(..)
        | Key::Tag(..)
        | Key::Referrer { .. } => true,
    })
}

fn linked_exists(_: &Registry, world: &World) -> bool {
    world.cluster.names().all(|(key, _)| match key {
        Key::Link(_, digest) => {
            let blob = world.cluster.read(&Key::Blob(*digest));
            let link = blob.map(|blob| format!("{{\"size\":{}}}", blob.len()));
            link.is_some_and(|link| world.cluster.read(key).is_some_and(|stands| stands == link))
        }
        Key::Blob(_)
        | Key::Segment { .. }
        | Key::SegmentList { .. }
        | Key::Manifest(..)
        | Key::Tag(..)
        | Key::Referrer { .. } => true,
    })
}

/// Every manifest that can be read was accepted. What a client has begun to delete is excused.
fn manifest_has_all(_: &Registry, world: &World) -> bool {
    let cluster = &world.cluster;
    cluster.names().all(|(key, _)| {
        let (Key::Manifest(repository, _) | Key::Tag(repository, _)) = key else { return true };
        let Some((named, manifest)) = cluster.read(key).and_then(|record| pushed(&record)) else {
            return true;
        };
        let is_gone = |name: &Key| cluster.read(name).is_none();
        let manifest_stands = matches!(key, Key::Manifest(..));
        let lacks = manifest.references().iter().any(|reference| {
            let name = match reference.kind {
                ReferenceKind::Blob => Key::Link(repository.clone(), reference.digest),
                ReferenceKind::Child => Key::Manifest(repository.clone(), reference.digest),
            };
            let is_undone = world.promises.undone.contains(&(repository.clone(), reference.digest));
            let lost = reference.kind == ReferenceKind::Blob && is_gone(&Key::Blob(reference.digest));
            !is_undone && (is_gone(&name) || lost)
        });
        let is_kept = manifest_stands || cluster.version(&Key::Manifest(repository.clone(), named)).is_some();
        !(lacks && is_kept)
    })
}

fn tags(
    world: &World,
) -> impl Iterator<Item = (&wharfinger_core::oci::Repository, wharfinger_core::oci::Digest)> {
    world.cluster.names().filter_map(|(key, _)| {
        let Key::Tag(repository, _) = key else { return None };
        let record = world.cluster.read(key)?;
        Some((repository, pushed(&record)?.0))
    })
}

fn tag_is_whole(model: &Registry, world: &World) -> bool {
    world.cluster.names().all(|(key, _)| {
        let Key::Tag(repository, _) = key else { return true };
        let Some((digest, _)) = world.cluster.read(key).and_then(|record| pushed(&record)) else {
            return false;
        };
        let puts = |deed: &Deed| match deed {
            Deed::PutManifest { document, .. } => model.documents[*document].digest == digest,
            Deed::Push
            | Deed::Patch
            | Deed::Finish
            | Deed::Put { .. }
            | Deed::Mount { .. }
            | Deed::Head
            | Deed::Get
            | Deed::DeleteBlob
            | Deed::GetManifest(_)
            | Deed::GetTag
            | Deed::DeleteManifest(_)
            | Deed::DeleteTag => false,
        };
        let mut plans = model.before.iter().chain(&model.plans);
        let is_of_here = plans.any(|plan| plan.repository == *repository && plan.deeds.iter().any(puts));
        let is_undone = world.promises.undone.contains(&(repository.clone(), digest));
        let stands = world.cluster.version(&Key::Manifest(repository.clone(), digest)).is_some();
        is_of_here && (stands || is_undone)
    })
}

fn pushed_tag_is_there(model: &Registry, world: &World) -> bool {
    world.promises.tags.iter().all(|repository| {
        let target = format!("/v2/{repository}/manifests/{}", Registry::TAG);
        let told = ask(model, world, Method::GET, &target, 0);
        let digest = digest(&told.body);
        let target = format!("/v2/{repository}/manifests/{digest}");
        told.status == 200 && ask(model, world, Method::HEAD, &target, 0).status == 200
    })
}

fn segments_are_left(_: &Registry, world: &World) -> bool {
    world.cluster.names().all(|(_, version)| match &version.object {
        Object::Large(parts) => parts.iter().all(|part| world.cluster.version(&part.key).is_some()),
        Object::Own(_) => true,
    })
}

fn referrers_are_left(_: &Registry, world: &World) -> bool {
    let cluster = &world.cluster;
    world.promises.manifests.iter().all(|(repository, referrer)| {
        let record = cluster.read(&Key::Manifest(repository.clone(), *referrer));
        let subject = record.and_then(|record| pushed(&record)?.1.subject().copied());
        let entry = subject.map(|subject| Key::Referrer {
            repository: repository.clone(),
            subject,
            referrer: *referrer,
        });
        entry.is_none_or(|entry| cluster.version(&entry).is_some())
    })
}

/// Who finds a young link relies on content that nobody looks at: it may be older by an exchange, and not by more. A link
/// that is marked does not look young.
fn links_are_as_old(_: &Registry, world: &World) -> bool {
    world.cluster.names().all(|(key, link)| {
        let Key::Link(_, digest) = key else { return true };
        let blob = world.cluster.version(&Key::Blob(*digest));
        link.mark.is_some() || blob.is_none_or(|blob| blob.age <= link.age + 1)
    })
}

fn nobody_waits_for_nothing(_: &Registry, world: &World) -> bool {
    world
        .clients
        .iter()
        .flat_map(|client| &client.running)
        .all(|host| host.endless || host.happenings().into_iter().any(|next| next.cost() == Cost::Nothing))
}
