//! Searches the model of a whole registry to the end: what the design says must always hold does, whatever the store does
//! and whoever crashes; and each built-in fault breaks the invariant that forbids it.

use wharfinger_tests::model::registry::{Deed, Mutant, Plan, Registry, Rules, Troubles};

const TROUBLES: Troubles = Troubles { faults: 1, crashes: 1, late: true, retries: 1, ticks: 0 };

#[test]
fn two_uploaders_of_one_blob_in_every_form() {
    let forms: [&[Deed]; 3] =
        [&[Deed::Patch, Deed::Finish], &[Deed::Put { stated: false }], &[Deed::Put { stated: true }]];
    for (at, one) in forms.iter().enumerate() {
        for other in &forms[at..] {
            let mut model = Registry::quiet();
            model.plans = vec![Plan::new("a", one), Plan::new("a", other)];
            model.troubles = TROUBLES;
            model.search(&format!("{one:?}, {other:?}"));
        }
    }
}

#[test]
fn an_upload_a_manifest_and_readers() {
    let mut model = Registry::quiet();
    let put = Deed::PutManifest { document: 0, tagged: true };
    model.plans = vec![
        Plan::new("a", &[Deed::Put { stated: true }, put.clone()]),
        Plan::new("a", &[Deed::Head, put]),
        Plan::new("a", &[Deed::GetTag, Deed::Get]),
    ];
    model.troubles = Troubles { faults: 0, ..TROUBLES };
    model.search("upload and manifest; HEAD and manifest; reader");
}

/// The image stands, under the tag; a client pushes it again, another one deletes it.
fn push_and_delete(document: usize) -> Registry {
    let mut model = Registry::quiet();
    model.rules = Rules { stale: false, ..model.rules };
    model.before = vec![Plan::new("a", &[Deed::Push, put(0, true)])];
    model.plans = vec![Plan::new("a", &[put(document, true)]), Plan::new("a", &[Deed::DeleteManifest(0)])];
    model
}

/// Listings are up to date, what was given up is not done, and who vanished does not come back: a push that does is a
/// second one. See the windows below.
fn settled(model: &mut Registry) {
    model.rules.lag = false;
    model.troubles = Troubles { late: false, retries: 0, ..TROUBLES };
}

#[test]
fn a_manifest_is_pushed_and_deleted() {
    let mut model = push_and_delete(0);
    model.search("push of a manifest and its delete, lagging");
    settled(&mut model);
    model.search("push of a manifest and its delete");
    model.troubles.faults = 0;
    model.plans.push(Plan::new("a", &[Deed::GetTag]));
    model.search("push of a manifest, its delete, a reader");
    let mut model = push_and_delete(0);
    model.plans[1].deeds = vec![Deed::DeleteTag, Deed::DeleteBlob];
    model.troubles = TROUBLES;
    model.search("push of a manifest, delete of its tag and its blob");
    let mut model = push_and_delete(1);
    model.troubles = TROUBLES;
    model.search("push of another manifest of the tag, delete of the first");
}

#[test]
fn an_index_and_a_referrer_come_and_go() {
    let mut model = push_and_delete(0);
    model.plans[0].deeds = vec![put(2, false), put(3, false)];
    model.troubles = Troubles { faults: 0, ..TROUBLES };
    model.search("index, referrer; delete of the image");
    let mut model = push_and_delete(0);
    model.before[0].deeds.push(put(3, false));
    model.plans = vec![Plan::new("a", &[put(3, false)]), Plan::new("a", &[Deed::DeleteManifest(3)])];
    settled(&mut model);
    model.search("push of a referrer and its delete");
}

/// Decision 6: a second push of the same manifest brings it back between what a delete removes, and the first push finds
/// nothing wrong. A call of the first push that was given up and is carried out late does the same.
#[test]
fn a_second_push_hides_from_the_first_that_a_delete_took_its_tag() {
    let mut model = push_and_delete(0);
    settled(&mut model);
    model.troubles = Troubles::default();
    model.plans.push(Plan::new("a", &[put(0, false)]));
    model.breaks("decision 6", TAGGED);
    let mut model = push_and_delete(0);
    settled(&mut model);
    model.troubles = Troubles { faults: 1, late: true, ..Troubles::default() };
    model.breaks("decision 6, by a late call", TAGGED);
}

#[test]
fn a_blob_is_mounted_and_deleted() {
    let mut model = Registry::quiet();
    model.before = vec![Plan::new("a", &[Deed::Push])];
    model.age = 1;
    model.plans = vec![
        Plan::new("b", &[Deed::Mount { from: Plan::new("a", &[]).repository.into() }, put(0, true)]),
        Plan::new("a", &[Deed::DeleteBlob]),
        Plan::new("b", &[Deed::Head, Deed::Get]),
    ];
    model.troubles = TROUBLES;
    model.search("mount, manifest; delete at the source; reader");
    model.plans[0].deeds[0] = Deed::Mount { from: None };
    model.search("mount from anywhere, manifest; delete of the link; reader");
}

#[test]
fn links_are_mounted_on_and_on() {
    let from = |name| Deed::Mount { from: Plan::new(name, &[]).repository.into() };
    let mut model = Registry::quiet();
    model.before = vec![Plan::new("a", &[Deed::Push])];
    model.plans = vec![Plan::new("b", &[from("a")]), Plan::new("c", &[from("b")])];
    model.troubles = Troubles { ticks: 2, ..Troubles::default() };
    model.search("mount of what was mounted");
}

#[test]
fn the_search_finds_what_is_wrong_with_uploads() {
    let mut model = Registry::quiet();
    model.plans =
        vec![Plan::new("a", &[Deed::Patch, Deed::Finish]), Plan::new("a", &[Deed::Put { stated: false }])];
    model.finds(Mutant::JoinTakenForDone, "3: no uploader is told 201 before the blob is visible");
    model.finds(Mutant::LinkFirst, LINKED);
}

#[test]
fn the_search_finds_what_is_wrong_with_manifests() {
    let mut model = push_and_delete(0);
    model.before = vec![Plan::new("a", &[Deed::Push])];
    model.finds(Mutant::TagFirst, "6: a tag's record is a whole manifest of this repository");
    let model = push_and_delete(0);
    model.finds(Mutant::LooksNotAgain, TAGGED);
    let mut model = Registry::quiet();
    model.plans = vec![Plan::new("a", &[put(0, true)]), Plan::new("a", &[Deed::Push])];
    model.finds(Mutant::ReferencesBelieved, NEEDED);
    let mut model = push_and_delete(0);
    model.plans = vec![Plan::new("a", &[put(3, false)])];
    model.finds(Mutant::ReferrerForgotten, "7: a referrer that can be read has its entry");
}

#[test]
fn the_search_finds_what_is_wrong_with_deletes() {
    let model = push_and_delete(0);
    model.finds(Mutant::TakesNewTags, TAGGED);
    let mut model = push_and_delete(0);
    model.rules.lag = false;
    model.finds(Mutant::ListsTagsOnce, "6: no tag outlives its manifest");
    model.plans.remove(0);
    model.troubles.crashes = 1;
    model.finds(Mutant::ManifestBeforeTags, "6: no tag outlives its manifest");
    let mut model = Registry::quiet();
    model.before = vec![Plan::new("a", &[Deed::Push]), Plan::new("b", &[Deed::Push])];
    model.plans = vec![Plan::new("a", &[Deed::DeleteBlob])];
    model.finds(Mutant::ContentDeleted, LINKED);
}

#[test]
fn the_search_finds_what_is_wrong_with_mounts() {
    let mut model = Registry::quiet();
    model.plans = vec![Plan::new("b", &[Deed::Mount { from: Plan::new("a", &[]).repository.into() }])];
    model.finds(Mutant::MountsAnything, LINKED);
}

fn put(document: usize, tagged: bool) -> Deed {
    Deed::PutManifest { document, tagged }
}

const LINKED: &str = "4: a linked blob exists";

const NEEDED: &str = "5: a manifest has all that it refers to";

const TAGGED: &str = "6: a pushed tag and its digest can be read";
