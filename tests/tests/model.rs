//! Searches the models to the end: nothing that must hold is ever broken, all that must be reachable is reached, and
//! each built-in fault is found.

use std::sync::Arc;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};
use wharfinger_core::oci::{Algorithm, Digest, Repository};
use wharfinger_core::upload::Secret;
use wharfinger_core::{Config, Joins, Limits};
use wharfinger_tests::model::{Budget, Mutant, Plan, Step, StoreKind, Uploads};

const BLOB: &[u8] = b"blob";

const PATCHED: [Step; 2] = [Step::Patch { upto: 4, stated: false }, Step::Put { stated: true }];
const SMALL_THEN_LARGE: [Step; 2] = [Step::Patch { upto: 1, stated: true }, Step::Put { stated: true }];
const STREAMED: [Step; 1] = [Step::Put { stated: false }];
const PUT: [Step; 1] = [Step::Put { stated: true }];
const ALL: Step = Step::Patch { upto: 4, stated: true };
const SMALL: [Step; 1] = [Step::Put { stated: true }];
const POSTED: [Step; 1] = [Step::Post { stated: true }];

#[test]
fn two_clients_push_one_blob_to_a_directory() {
    let mut model = pushes(StoreKind::Files, &[&PATCHED, &PATCHED]);
    model.budget.faults = 2;
    search("patched, patched; files", &model);
}

#[test]
fn two_clients_push_one_blob_to_swift() {
    search("patched, patched; swift", &pushes(StoreKind::Swift, &[&PATCHED, &PATCHED]));
}

#[test]
fn a_whole_body_meets_a_patched_one() {
    search("streamed, patched; swift", &pushes(StoreKind::Swift, &[&STREAMED, &PATCHED]));
    search("small, patched; files", &pushes(StoreKind::Files, &[&SMALL, &PATCHED]));
    search("posted, streamed; swift", &pushes(StoreKind::Swift, &[&POSTED, &STREAMED]));
}

#[test]
fn one_upload_is_finished_twice_at_once() {
    for (kind, faults) in [(StoreKind::Files, 1), (StoreKind::Swift, 2)] {
        let mut model = pushes(kind, &[&[Step::Put { stated: true }], &[Step::Put { stated: true }]]);
        model.before = Some(plan(0, &PATCHED[..1], BLOB, digest(BLOB)));
        model.plans.iter_mut().for_each(|plan| plan.upload = 0);
        model.budget.faults = faults;
        search(&format!("one upload, finished twice; {kind:?}"), &model);
    }
}

#[test]
fn a_body_in_many_segments_is_gone_on_with_where_it_broke_off() {
    const STEPS: [Step; 2] = [Step::Patch { upto: 3, stated: true }, Step::Put { stated: false }];
    let mut model = pushes(StoreKind::Swift, &[&STEPS]);
    model.config = config(StoreKind::Swift, 2);
    model.plans[0].resumes = true;
    model.budget = Budget { faults: 2, crashes: 1, breaks: 1, stalls: 1, retries: 2 };
    search("segments of two bytes", &model);
}

#[test]
fn content_is_hashed_again_by_another_algorithm() {
    let digest = Digest::of(Algorithm::Sha512, BLOB);
    let mut model = pushes(StoreKind::Files, &[&PATCHED, &PATCHED]);
    model.plans.iter_mut().for_each(|plan| plan.digest = digest);
    search("sha512 after sha256; files", &model);
}

#[test]
fn wrong_content_is_refused_and_never_seen() {
    let mut model = pushes(StoreKind::Swift, &[&PATCHED, &STREAMED]);
    model.plans[1].content = b"blot";
    search("one right, one wrong; swift", &model);
    let mut model = pushes(StoreKind::Files, &[&SMALL, &PATCHED]);
    model.plans[0].content = b"blot";
    search("one wrong and small, one right; files", &model);
    let mut model = pushes(StoreKind::Files, &[&[Step::Put { stated: true }], &STREAMED]);
    model.before = Some(plan(0, &PATCHED[..1], BLOB, digest(BLOB)));
    model.plans.iter_mut().for_each(|plan| plan.upload = 0);
    model.plans[1].content = b"blob and more";
    search("one upload, finished rightly and wrongly; files", &model);
}

/// A byte, then three, of which the run that the first one begins takes one.
#[test]
fn small_segments_are_merged_into_the_start_of_large_ones() {
    let mut model = merging(&[&SMALL_THEN_LARGE, &SMALL_THEN_LARGE]);
    model.budget.faults = 0;
    search("a small and a large segment, twice; swift", &model);
    let mut model = merging(&[&PUT]);
    model.before = Some(plan(0, &[Step::Patch { upto: 1, stated: true }, ALL], BLOB, digest(BLOB)));
    model.budget = Budget { faults: 2, crashes: 1, breaks: 0, stalls: 0, retries: 2 };
    search("a small and a large segment, with more trouble; swift", &model);
}

#[test]
fn groups_of_segments_are_joined_first() {
    let mut model = nesting(&[&PUT, &PUT]);
    model.budget.faults = 0;
    search("one upload of four segments, finished twice at once; swift", &model);
    let mut model = nesting(&[&PUT]);
    model.budget = Budget { faults: 2, crashes: 1, breaks: 0, stalls: 0, retries: 2 };
    search("four segments, of which two are joined at once; swift", &model);
}

#[test]
fn the_search_finds_every_built_in_fault() {
    let patched = |kind| pushes(kind, &[&PATCHED, &PATCHED]);
    let files = StoreKind::Files;
    found(Mutant::JoinTakenForDone, patched(files), "what is linked is there");
    found(Mutant::LinkFirst, patched(files), "what is linked is there");
    found(Mutant::TailLost, patched(files), "content is what its name says");
    found(Mutant::ReleaseFrees, patched(StoreKind::Swift), "a 201 is true, at once and ever after");
    found(Mutant::GenerationIgnored, patched(files), "a 201 is true, at once and ever after");
    found(Mutant::TimerLost, patched(files), "no exchange waits for nothing");
    let mut shared = patched(files);
    shared.plans.iter_mut().for_each(|plan| plan.upload = 0);
    found(Mutant::SameEntropy, shared, "a segment is written once, and removed by its writer alone");
    let merged = merging(&[&SMALL_THEN_LARGE]);
    found(Mutant::SkipIgnored, merged.clone(), "content is what its name says");
    found(Mutant::PartDropped, merged, "content is what its name says");
    let mut broken = patched(files);
    broken.budget.breaks = 1;
    found(Mutant::ShortIsWhole, broken, "just what was sent is acknowledged");
}

/// Clients with uploads of their own that push one blob.
fn pushes(store: StoreKind, steps: &[&[Step]]) -> Uploads {
    let plans = steps.iter().enumerate();
    let plans = plans.map(|(at, steps)| plan(at as u8, steps, BLOB, digest(BLOB))).collect();
    let budget = Budget { faults: 1, crashes: 1, breaks: 0, stalls: 0, retries: 1 };
    Uploads { plans, before: None, store, budget, config: config(store, 1 << 20), mutant: None }
}

/// The same on a Swift that is slow to read segments below two bytes.
fn merging(steps: &[&[Step]]) -> Uploads {
    let mut model = pushes(StoreKind::Swift, steps);
    let limits = Limits { small_segment_bytes: 2, small_segments_max: 0, ..Limits::default() };
    model.config = Arc::new(Config { limits, ..(*model.config).clone() });
    model
}

/// Clients that finish one upload of four segments of a byte, on a Swift that joins two at once.
fn nesting(steps: &[&[Step]]) -> Uploads {
    let mut model = pushes(StoreKind::Swift, steps);
    let joins = Joins { parts_max: 2, part_bytes_min: 1, copies: false };
    let limits = Limits { segment_bytes_max: 1, joins, ..Limits::default() };
    model.config = Arc::new(Config { limits, ..(*model.config).clone() });
    model.before = Some(plan(0, &[ALL], BLOB, digest(BLOB)));
    model.plans.iter_mut().for_each(|plan| plan.upload = 0);
    model
}

fn plan(upload: u8, steps: &[Step], content: &'static [u8], digest: Digest) -> Plan {
    let repository = Repository::parse("a").unwrap();
    Plan { steps: steps.to_vec(), content, digest, repository, upload, resumes: false }
}

fn config(store: StoreKind, segment_bytes_max: u64) -> Arc<Config> {
    Arc::new(Config {
        secret: Secret::new(b"a secret of the models"),
        access: wharfinger_core::access::Access::open(),
        sparse_manifests: false,
        redirects: false,
        store_md5: store == StoreKind::Swift,
        limits: Limits { segment_bytes_max, ..Limits::default() },
    })
}

fn digest(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, content)
}

/// Searches to the end. Without a target of states, depth or time the checker stops only where no state is left, or
/// where every property has a discovery, which a property that must always hold never has if all is well.
fn search(name: &str, model: &Uploads) {
    let began = Instant::now();
    let checker = model.clone().checker().threads(2).spawn_bfs().join();
    println!(
        "{name}: {} states, {} of them different, depth {}, {:.1} s",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f32()
    );
    checker.assert_properties();
    assert!(checker.is_done());
}

/// Searches until a built-in fault breaks something, and compares what.
fn found(mutant: Mutant, model: Uploads, expected: &'static str) {
    let began = Instant::now();
    let model = Uploads { mutant: Some(mutant), ..model };
    let stop = HasDiscoveries::AnyOf([expected].into());
    let checker = model.checker().threads(1).finish_when(stop).spawn_bfs().join();
    let path = checker.discovery(expected);
    let steps = path.map(|path| path.into_actions().len());
    let seconds = began.elapsed().as_secs_f32();
    println!("{mutant:?}: \"{expected}\" broken after {steps:?} steps, {seconds:.1} s");
    assert!(steps.is_some(), "{mutant:?} was not found");
}
