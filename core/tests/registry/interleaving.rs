//! Two exchanges over one store, in every order of their calls.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::support::{Body, Registry, Run, Store, image, sha256};

#[derive(Clone)]
struct World {
    store: Store,
    runs: [Run; 2],
}

/// Lives both runs in every order, and checks every state on the way once; tells how many states there are.
fn every_order(world: World, check: &impl Fn(&World)) -> usize {
    let mut seen = BTreeSet::new();
    let mut open = vec![world];
    while let Some(world) = open.pop() {
        let mut hasher = DefaultHasher::new();
        (&world.store.objects, world.runs[0].state(), world.runs[1].state()).hash(&mut hasher);
        if !seen.insert(hasher.finish()) {
            continue;
        }
        check(&world);
        for at in 0..2 {
            let mut world = world.clone();
            if !world.runs[at].is_over() {
                world.runs[at].turn(&mut world.store);
                open.push(world);
            }
        }
    }
    seen.len()
}

fn world(registry: &Registry, runs: [Run; 2]) -> World {
    World { store: registry.store.clone(), runs }
}

/// Whether a blob of a repository is there whole.
fn shows(registry: &Registry, store: &Store, target: &str, content: &[u8]) -> bool {
    let mut registry = registry.clone();
    registry.store = store.clone();
    let head = registry.head(target);
    let reply = registry.get(target);
    (head.status, head.length) == (200, content.len() as u64)
        && (reply.status, reply.body.as_slice()) == (200, content)
}

#[test]
fn two_uploads_of_one_blob_do_not_harm_each_other() {
    let content = b"0123456789";
    let digest = sha256(content);
    let bodies: [Body; 2] = [Body::chunked(content), content.into()];
    for streamed in [[true, true], [true, false], [false, false]] {
        let mut registry = Registry::new();
        registry.config.limits.segment_bytes_max = 6;
        let targets = ["a", "b"].map(|repository| format!("/v2/{repository}/blobs/{digest}"));
        let runs = [("a", streamed[0]), ("b", streamed[1])].map(|(repository, streamed)| {
            let location = registry.begin(repository);
            let target = format!("{location}&digest={digest}");
            registry.start("PUT", &target, &[], bodies[usize::from(!streamed)].clone())
        });
        let states = every_order(world(&registry, runs), &|world| {
            for (run, target) in world.runs.iter().zip(&targets) {
                if run.reply().status != 0 {
                    assert_eq!(run.reply().status, 201);
                    assert!(shows(&registry, &world.store, target, content));
                }
            }
        });
        assert!(states > 10, "{states}");
    }
}

#[test]
fn a_put_that_is_sent_twice_at_once_is_one_blob() {
    let content = b"0123456789";
    let digest = sha256(content);
    let mut registry = Registry::new();
    let location = registry.begin("a");
    let location = registry.patch(&location, content);
    let target = format!("{location}&digest={digest}");
    let runs = [0, 1].map(|_| registry.start("PUT", &target, &[], ()));
    let blob = format!("/v2/a/blobs/{digest}");
    every_order(world(&registry, runs), &|world| {
        for run in &world.runs {
            if run.reply().status != 0 {
                assert_eq!(run.reply().status, 201);
                assert!(shows(&registry, &world.store, &blob, content));
            }
        }
    });
}

#[test]
fn a_push_and_a_delete_of_one_blob_end_as_one_or_the_other() {
    let content = b"0123456789";
    let digest = sha256(content);
    let mut registry = Registry::new();
    registry.push("a", content);
    let location = registry.begin("a");
    let blob = format!("/v2/a/blobs/{digest}");
    let put = registry.start("PUT", &format!("{location}&digest={digest}"), &[], Body::chunked(content));
    let delete = registry.start("DELETE", &blob, &[], ());
    every_order(world(&registry, [put, delete]), &|world| {
        let [put, delete] = &world.runs;
        if put.is_over() && delete.is_over() {
            let is_there = shows(&registry, &world.store, &blob, content);
            assert!(is_there || world.store.names("links/").is_empty());
            assert!(put.reply().status == 201 && delete.reply().status == 202);
        }
    });
}

#[test]
fn what_a_push_was_told_is_there_unless_a_delete_ends_later() {
    for (before, reference) in [(true, "v1"), (false, "v1"), (true, "v2"), (true, "digest")] {
        let mut registry = Registry::new();
        registry.image_of("a", "image");
        let subject = sha256(b"{}");
        let manifest = image(b"config of image", &[], Some(&subject));
        let digest = sha256(&manifest);
        if before {
            registry.push_manifest("a", "v1", &manifest);
        } else {
            registry.push_manifest("a", &digest.to_string(), &manifest);
        }
        let by_digest = format!("/v2/a/manifests/{digest}");
        let by_reference = match reference {
            "digest" => by_digest.clone(),
            tag => format!("/v2/a/manifests/{tag}"),
        };
        let referrer = format!("referrers/a!/sha256/{}/sha256/{}", subject.hex(), digest.hex());
        let put = registry.start("PUT", &by_reference, &[], &manifest);
        let delete = registry.start("DELETE", &by_digest, &[], ());
        let states = every_order(world(&registry, [put, delete]), &|world| {
            let [put, delete] = &world.runs;
            for name in world.store.names("tags/") {
                let tag = name.rsplit('/').next().unwrap();
                assert!(shows(&registry, &world.store, &format!("/v2/a/manifests/{tag}"), &manifest));
            }
            let told = put.reply().status == 201;
            let is_there = shows(&registry, &world.store, &by_digest, &manifest);
            if delete.is_over() && !put.is_over() {
                let mut world = world.clone();
                let mut looks_once_more = false;
                while world.runs[0].turn(&mut world.store) {
                    looks_once_more = true;
                }
                assert_eq!(world.runs[0].reply().status, 201);
                if looks_once_more {
                    assert!(shows(&registry, &world.store, &by_reference, &manifest));
                    assert!(shows(&registry, &world.store, &by_digest, &manifest));
                    assert!(world.store.has(&referrer));
                }
            }
            if delete.is_over() && told {
                assert!(is_there || world.store.names("tags/").is_empty());
                assert_eq!(delete.reply().status, 202);
            }
        });
        assert!(states > 50, "{states}");
    }
}

#[test]
fn two_manifests_of_one_tag_end_as_one_of_them() {
    let mut registry = Registry::new();
    let manifests = ["first", "second"].map(|seed| registry.image_of("a", seed));
    let runs =
        manifests.each_ref().map(|manifest| registry.start("PUT", "/v2/a/manifests/v1", &[], manifest));
    every_order(world(&registry, runs), &|world| {
        if world.runs.iter().all(Run::is_over) {
            assert!(world.runs.iter().all(|run| run.reply().status == 201));
            let shown = manifests.each_ref().map(|manifest| {
                let digest = format!("/v2/a/manifests/{}", sha256(manifest));
                assert!(shows(&registry, &world.store, &digest, manifest));
                shows(&registry, &world.store, "/v2/a/manifests/v1", manifest)
            });
            assert_ne!(shown[0], shown[1]);
        }
    });
}

#[test]
fn a_mount_and_a_delete_at_its_source_leave_no_link_without_content() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"bytes");
    registry.store.age(24 * 3600);
    let mount = registry.start("POST", &format!("/v2/b/blobs/uploads/?mount={digest}&from=a"), &[], ());
    let delete = registry.start("DELETE", &format!("/v2/a/blobs/{digest}"), &[], ());
    every_order(world(&registry, [mount, delete]), &|world| {
        if world.runs[0].reply().status == 201 {
            assert!(shows(&registry, &world.store, &format!("/v2/b/blobs/{digest}"), b"bytes"));
        }
    });
}

#[test]
fn a_referrer_that_was_accepted_is_listed_unless_it_was_deleted() {
    let mut registry = Registry::new();
    registry.image_of("a", "image");
    let subject = sha256(b"{}");
    let manifests = ["first", "second"].map(|layer| {
        registry.push("a", layer.as_bytes());
        image(b"config of image", &[layer.as_bytes()], Some(&subject))
    });
    let runs = manifests.each_ref().map(|manifest| {
        registry.start("PUT", &format!("/v2/a/manifests/{}", sha256(manifest)), &[], manifest)
    });
    every_order(world(&registry, runs), &|world| {
        for (run, manifest) in world.runs.iter().zip(&manifests) {
            if run.reply().status != 0 {
                let hex = sha256(manifest).hex();
                let name = format!("referrers/a!/sha256/{}/sha256/{hex}", subject.hex());
                assert!(world.store.has(&name));
            }
        }
    });
}
