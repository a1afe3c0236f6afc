//! Searches prunes against every writer, before there is a command that prunes.

use wharfinger_core::oci::Repository;
use wharfinger_tests::model::registry::{
    Cluster, Deed, Kinds, Mutant, Plan, Protocol, Pruning, Registry, Rules, Troubles,
};

const PUT: Deed = Deed::PutManifest { document: 0, tagged: true };

/// A blob that was pushed long ago and that no manifest needs; its link too.
fn forgotten(kinds: Kinds) -> Registry {
    let mut model = Registry::quiet();
    model.before = vec![Plan::new("a", &[Deed::Push])];
    model.age = 3;
    model.prunes = 1;
    model.pruning = Pruning { protocol: Protocol::Marks, kinds, runs: 2 };
    model.troubles = Troubles { faults: 0, crashes: 1, late: true, retries: 0, ticks: 3 };
    model
}

/// The same without a link.
fn unlinked() -> Registry {
    let mut model = forgotten(Kinds::Blobs);
    model.before = vec![Plan::new("a", &[Deed::Push, Deed::DeleteBlob])];
    model
}

#[test]
fn a_manifest_comes_while_its_link_is_pruned() {
    let mut model = forgotten(Kinds::Links);
    model.plans = vec![Plan::new("a", &[PUT])];
    model.search("manifest; prune of links");
    model.plans = vec![Plan::new("a", &[Deed::Head, PUT])];
    model.search("HEAD, manifest; prune of links");
    model.rules.tick_seconds = Cluster::SHORT_TICK_SECONDS;
    model.search("HEAD, manifest; prune of links, short ticks");
    model.rules.tick_seconds = Cluster::LONG_TICK_SECONDS;
    model.plans = vec![Plan::new("a", &[Deed::Push, PUT])];
    model.search("upload, manifest; prune of links");
}

#[test]
fn a_blob_comes_back_into_use_while_it_is_pruned() {
    let mut model = unlinked();
    model.plans = vec![Plan::new("a", &[Deed::Push, PUT])];
    model.search("upload, manifest; prune of blobs");
    model.plans = vec![Plan::new("b", &[Deed::Mount { from: None }])];
    model.search("mount from anywhere; prune of blobs");
    let mut model = forgotten(Kinds::LinksAndBlobs);
    model.plans = vec![Plan::new("b", &[mount_from("a")])];
    model.search("mount; prune of links and blobs");
}

#[test]
fn two_prunes_at_once_and_one_after_a_crash() {
    let mut model = forgotten(Kinds::Links);
    model.prunes = 2;
    model.pruning.runs = runs();
    model.plans = vec![Plan::new("a", &[PUT])];
    model.search("manifest; two prunes of links");
    let mut model = unlinked();
    model.prunes = 2;
    model.pruning.runs = runs();
    model.plans = vec![Plan::new("b", &[Deed::Mount { from: None }])];
    model.search("mount; two prunes of blobs");
}

#[test]
fn manifests_and_links_are_deleted_while_prune_runs() {
    let mut model = forgotten(Kinds::LinksAndBlobs);
    model.before[0].deeds.push(PUT);
    model.plans = vec![
        Plan::new("a", &[Deed::DeleteManifest(0)]),
        Plan::new("a", &[Deed::PutManifest { document: 1, tagged: false }]),
    ];
    model.troubles = Troubles { crashes: 0, ..model.troubles };
    model.search("delete of the manifest, push of another; prune of links and blobs");
    let mut model = forgotten(Kinds::LinksAndBlobs);
    model.plans = vec![Plan::new("a", &[Deed::DeleteBlob]), Plan::new("b", &[mount_from("a"), Deed::Get])];
    model.troubles = Troubles { crashes: 0, ..model.troubles };
    model.search("mount, GET; delete at the source; prune of links and blobs");
}

#[test]
fn entries_of_referrers_are_pruned() {
    let mut model = forgotten(Kinds::Referrers);
    let referrer = Deed::PutManifest { document: 3, tagged: false };
    model.before[0].deeds.push(referrer.clone());
    model.orphan_entries = true;
    model.plans = vec![Plan::new("a", &[referrer])];
    model.troubles.faults = 1;
    model.search("referrer; prune of entries");
}

#[test]
fn segments_are_pruned() {
    let mut model = Registry::quiet();
    model.plans =
        vec![Plan::new("a", &[Deed::Patch, Deed::Finish]), Plan::new("a", &[Deed::Put { stated: false }])];
    model.prunes = 1;
    model.pruning = Pruning { protocol: Protocol::Marks, kinds: Kinds::Segments, runs: 2 };
    model.troubles = Troubles { faults: 0, crashes: 1, late: true, retries: 0, ticks: 6 };
    model.search("two uploads; prune of segments");
}

/// What the design said at first: a run waits, looks again, has the store remove by a timer, and looks a last time before
/// it fires. See decision 11.
#[test]
fn timers_lose_what_came_back_into_use() {
    let mut model = forgotten(Kinds::Links);
    model.pruning = Pruning { protocol: Protocol::Timer, kinds: Kinds::Links, runs: 1 };
    model.troubles = Troubles { ticks: 9, ..Troubles::default() };
    model.plans = vec![Plan::new("a", &[PUT])];
    model.search("timers, if nothing crashes, and a mark makes old");
    model.troubles.crashes = 1;
    model.breaks("timers, a prune that crashes", NEEDED);
    model.troubles.crashes = 0;
    model.rules = Rules { marks_show: false, tick_seconds: Cluster::SHORT_TICK_SECONDS, ..model.rules };
    model.breaks("timers, a mark makes young, as on Swift", NEEDED);
    model.pruning = Pruning { protocol: Protocol::Marks, kinds: Kinds::Links, runs: 2 };
    model.breaks("marks, a mark makes young", NEEDED);
    let mut model = unlinked();
    model.pruning = Pruning { protocol: Protocol::Timer, kinds: Kinds::Blobs, runs: 1 };
    model.troubles = Troubles { ticks: 9, crashes: 1, ..Troubles::default() };
    model.plans = vec![Plan::new("a", &[Deed::Push])];
    model.breaks("timers, an upload, a prune that crashes", LINKED);
}

#[test]
fn the_search_finds_what_is_wrong_with_prunes() {
    let mut model = forgotten(Kinds::Links);
    model.plans = vec![Plan::new("a", &[PUT])];
    model.finds(Mutant::RemovesAnyway, NEEDED);
    model.finds(Mutant::MarksNothing, NEEDED);
    model.finds(Mutant::WaitsNot, NEEDED);
    model.finds(Mutant::ManifestTouchesNot, NEEDED);
    model.prunes = 2;
    model.pruning.runs = 1;
    model.troubles.crashes = 0;
    model.finds(Mutant::ListedTooEarly, NEEDED);
    let mut model = forgotten(Kinds::Links);
    model.plans = vec![Plan::new("a", &[Deed::Push])];
    model.finds(Mutant::GraceIgnored, "3: no uploader is told 201 before the blob is visible");
    model.plans = vec![Plan::new("a", &[Deed::Head])];
    model.finds(Mutant::HeadTouchesNot, "1: after a 201 every HEAD and GET shows it whole");
    let mut model = forgotten(Kinds::Links);
    model.pruning = Pruning { protocol: Protocol::Timer, kinds: Kinds::Links, runs: 1 };
    model.troubles = Troubles { ticks: 9, ..Troubles::default() };
    model.plans = vec![Plan::new("a", &[PUT])];
    model.finds(Mutant::TimerUnwatched, NEEDED);
}

#[test]
fn the_search_finds_mounts_that_prune_overtakes() {
    let mut model = unlinked();
    model.plans = vec![Plan::new("b", &[Deed::Mount { from: None }])];
    model.finds(Mutant::MountTouchesNot, LINKED);
    model.finds(Mutant::MountLinksFirst, LINKED);
}

/// Of two prunes each needs one run for them to meet: one marks, the other removes.
fn runs() -> u8 {
    if std::env::var_os("WHARFINGER_LONG").is_some() { 2 } else { 1 }
}

fn mount_from(name: &str) -> Deed {
    Deed::Mount { from: Some(Repository::parse(name).unwrap()) }
}

const LINKED: &str = "4: a linked blob exists";

const NEEDED: &str = "5: a manifest has all that it refers to";
