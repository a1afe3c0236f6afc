use bytes::Bytes;
use wharfinger_core::exchange::CallId;
use wharfinger_core::store::{Found, Key, Op, Page, Reply};

use super::super::host::Stage;
use super::super::store::Object;
use super::document::digest;
use super::{Deed, Registry, World};

/// A fault that is built in, one at a time, between the exchanges and the store, or into the prunes. Each does what a
/// registry would do that left something out, or did it in another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// While another exchange joins parts under a name, a second join of that name is answered at once and not done.
    JoinTakenForDone,
    /// An upload writes its link before its content.
    LinkFirst,
    /// A push of a manifest believes that all it refers to is there.
    ReferencesBelieved,
    /// A push of a manifest touches nothing.
    ManifestTouchesNot,
    /// A push of a manifest writes the tag first.
    TagFirst,
    /// A push of a manifest does not look whether a delete took it.
    LooksNotAgain,
    /// A push of a manifest forgets its entry among the referrers.
    ReferrerForgotten,
    /// A delete of a manifest removes it before its tags.
    ManifestBeforeTags,
    /// A delete of a manifest does not list the tags again.
    ListsTagsOnce,
    /// A delete of a manifest takes the tags that came meanwhile even if the manifest is there again.
    TakesNewTags,
    /// A delete of a blob removes the content too.
    ContentDeleted,
    /// A mount does not look at its source.
    MountsAnything,
    /// A mount touches nothing.
    MountTouchesNot,
    /// A mount writes the link, then touches.
    MountLinksFirst,
    /// A HEAD touches nothing.
    HeadTouchesNot,
    /// A prune removes what it has marked whatever happened since it looked.
    RemovesAnyway,
    /// A prune removes in the run that finds it, without a mark.
    MarksNothing,
    /// A prune removes what it marked a moment ago.
    WaitsNot,
    /// A prune counts how long a mark stands from its look at the object, and not from its listing.
    ListedTooEarly,
    /// A prune marks what is young, and removes what it marked a moment ago.
    GraceIgnored,
    /// A prune that sets timers does not look again before they fire.
    TimerUnwatched,
}

impl Registry {
    /// Those mutants that act when a call is opened.
    pub(super) fn meddle(&self, world: &mut World, at: usize, id: CallId) {
        let (Some(mutant), Some(op)) = (self.mutant, op_of(world, at, id)) else { return };
        let plan = &self.plans[at];
        let Some(deed) = world.clients[at].deed(plan) else { return };
        let (blob, repository) = (digest(self.blob), plan.repository.clone());
        let link = || Object::Own(format!("{{\"size\":{}}}", self.blob.len()).into());
        let manifest_of = |at: usize| Key::Manifest(repository.clone(), self.documents[at].digest);
        match (mutant, deed, &op) {
            (Mutant::JoinTakenForDone, _, Op::Join { key, .. }) if others_join(world, at, key) => {
                answer(world, at, id, Reply::Written { md5: None }, Bytes::new());
            }
            (Mutant::LinkFirst, _, Op::Join { .. } | Op::Write { key: Key::Blob(_), .. }) => {
                world.cluster.write(&Key::Link(repository, blob), link());
            }
            (Mutant::ReferencesBelieved, Deed::PutManifest { .. }, Op::Read { key: Key::Link(..), .. })
            | (Mutant::MountsAnything, Deed::Mount { .. }, Op::Read { key: Key::Link(..), .. }) => {
                let record = Bytes::from(format!("{{\"size\":{}}}", self.blob.len()));
                answer(world, at, id, found(record.len()), record);
            }
            (Mutant::MountsAnything, Deed::Mount { .. }, Op::Stat { .. }) => {
                answer(world, at, id, found(self.blob.len()), Bytes::new());
            }
            (Mutant::ManifestTouchesNot, Deed::PutManifest { .. }, Op::Touch { .. })
            | (Mutant::MountTouchesNot | Mutant::MountsAnything, Deed::Mount { .. }, Op::Touch { .. })
            | (Mutant::HeadTouchesNot, Deed::Head, Op::Touch { .. }) => {
                answer(world, at, id, Reply::Done, Bytes::new());
            }
            (Mutant::MountLinksFirst, Deed::Mount { .. }, Op::Touch { .. }) => {
                world.cluster.write(&Key::Link(repository, blob), link());
            }
            (
                Mutant::TagFirst,
                Deed::PutManifest { document, tagged: true },
                Op::Write { key: Key::Manifest(..), .. },
            ) => {
                let tag = wharfinger_core::oci::Tag::parse(Self::TAG).expect("a tag");
                let record = self.record(*document);
                world.cluster.write(&Key::Tag(repository, tag), Object::Own(record));
            }
            (Mutant::LooksNotAgain, Deed::PutManifest { .. }, Op::Stat { key: Key::Manifest(..) }) => {
                answer(world, at, id, found(1), Bytes::new());
            }
            (
                Mutant::ReferrerForgotten,
                Deed::PutManifest { .. },
                Op::Write { key: Key::Referrer { .. }, .. },
            ) => answer(world, at, id, Reply::Written { md5: None }, Bytes::new()),
            (Mutant::ManifestBeforeTags, Deed::DeleteManifest(document), Op::List { .. }) => {
                world.cluster.remove(&manifest_of(*document));
            }
            (Mutant::ListsTagsOnce, Deed::DeleteManifest(document), Op::List { .. })
                if world.cluster.version(&manifest_of(*document)).is_none() =>
            {
                let page = Page { rows: Vec::new(), more: false };
                answer(world, at, id, Reply::Page(page), Bytes::new());
            }
            (
                Mutant::TakesNewTags,
                Deed::DeleteManifest(document),
                Op::Stat { key: key @ Key::Manifest(..) },
            ) if *key == manifest_of(*document) && has_listed(world, at) => {
                answer(world, at, id, Reply::Missing, Bytes::new());
            }
            (Mutant::ContentDeleted, Deed::DeleteBlob, Op::Remove { .. }) => {
                world.cluster.remove(&Key::Blob(blob));
            }
            (_, _, _) => {}
        }
    }

    /// What is stored of a document.
    fn record(&self, document: usize) -> Bytes {
        let document = &self.documents[document];
        let media_type = super::document::media_type(&document.bytes);
        let (digest, size) = (document.digest, document.bytes.len());
        let line = format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"{digest}\",\"size\":{size}}}\n");
        [line.as_bytes(), &document.bytes].concat().into()
    }
}

fn op_of(world: &World, at: usize, id: CallId) -> Option<Op> {
    let host = world.clients[at].running.as_ref()?;
    host.calls().iter().find(|call| call.id == id).map(|call| call.op.clone())
}

fn answer(world: &mut World, at: usize, id: CallId, reply: Reply, bytes: Bytes) {
    if let Some(call) = world.clients[at].running.as_mut().and_then(|host| host.call_mut(id)) {
        call.stage = Stage::Answering { reply, bytes };
    }
}

fn found(size: usize) -> Reply {
    Reply::Found(Found { size: size as u64, age: 0, etag: None })
}

/// Whether another exchange waits for a join of that name.
fn others_join(world: &World, at: usize, key: &Key) -> bool {
    let others = world.clients.iter().enumerate().filter(|(other, _)| *other != at);
    others.flat_map(|(_, client)| &client.running).flat_map(|host| host.calls()).any(|call| {
        call.stage == Stage::Open && matches!(&call.op, Op::Join { key: same, .. } if same == key)
    })
}

/// Whether it is the look at the manifest for the sake of a tag, and not the first one for its size: that one is sent
/// before anything else, in the first generation of the first slot.
fn has_listed(world: &World, at: usize) -> bool {
    let calls = world.clients[at].running.iter().flat_map(|host| host.calls());
    calls.into_iter().all(|call| call.id.generation > 1 || call.id.slot > 0)
}
