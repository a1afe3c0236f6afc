//! What is read when clients pull.

use std::io;

use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Response;
use wharfinger_tests::image::MANIFEST;

use super::operations::{Answer, Operation, PLAIN};
use super::scene::{Scene, TAG, pushed};

/// The blob that is pulled, bytes.
const BLOB: usize = 60_000;
/// The part of it that is pulled.
const RANGE: std::ops::Range<usize> = 10_000..50_000;

/// The operations.
pub fn all() -> Vec<Operation> {
    [blobs(), manifests(), lists()].into_iter().flatten().collect()
}

fn blob(scene: &Scene, method: &str, fields: &[(&str, &str)]) -> io::Result<Response> {
    let target = format!("/v2/{}/blobs/{}", scene.name, sha256(&scene.blob(BLOB)));
    scene.faulty.connect()?.request(method, &target, fields, b"")
}

fn blobs() -> Vec<Operation> {
    let get = || Operation {
        method: "GET",
        done: 200,
        others: &[404],
        keeps: true,
        prepare: |scene| pushed(scene.clean.push_whole(&scene.blob(BLOB))),
        act: |scene| blob(scene, "GET", &[]),
        right: |scene, answer| answer.body == scene.blob(BLOB),
        holds: |scene| scene.holds_blob(&scene.blob(BLOB)),
        ..PLAIN
    };
    vec![
        Operation {
            name: "GET of a blob: content",
            target: "/blobs/",
            answer: Answer::Relayed,
            length: BLOB as u64,
            ..get()
        },
        Operation {
            name: "GET of a blob: link",
            target: "/links/",
            answer: Answer::Collected,
            length: 14,
            ..get()
        },
        Operation {
            name: "HEAD of a blob: link",
            target: "/links/",
            answer: Answer::Collected,
            length: 14,
            act: |scene| blob(scene, "HEAD", &[]),
            right: |_, answer| answer.head.length() == Some(BLOB as u64),
            ..get()
        },
        Operation {
            name: "GET of a range of a large object: content",
            target: "/blobs/",
            answer: Answer::Relayed,
            length: RANGE.len() as u64,
            done: 206,
            prepare: |scene| pushed(scene.clean.push_pieces(&scene.blob(BLOB), BLOB / 2)),
            act: |scene| {
                let range = format!("bytes={}-{}", RANGE.start, RANGE.end - 1);
                blob(scene, "GET", &[("Range", &range)])
            },
            right: |scene, answer| answer.body == scene.blob(BLOB)[RANGE],
            ..get()
        },
    ]
}

fn manifest(scene: &Scene, method: &str, reference: &str) -> io::Result<Response> {
    let target = format!("/v2/{}/manifests/{reference}", scene.name);
    scene.faulty.connect()?.request(method, &target, &[("Accept", MANIFEST)], b"")
}

fn manifests() -> Vec<Operation> {
    let get = |name, target, answer| Operation {
        name,
        method: "GET",
        target,
        answer,
        length: 500,
        done: 200,
        others: &[404],
        keeps: true,
        prepare: Scene::push_image,
        act: |scene| manifest(scene, "GET", TAG),
        right: |scene, answer| answer.body == scene.manifest(),
        holds: Scene::holds_tag,
        ..PLAIN
    };
    vec![
        get("GET of a manifest by tag", "/tags/", Answer::Relayed),
        Operation {
            act: |scene| manifest(scene, "GET", &sha256(&scene.manifest())),
            ..get("GET of a manifest by digest", "/manifests/", Answer::Relayed)
        },
        Operation {
            act: |scene| manifest(scene, "HEAD", TAG),
            right: |scene, answer| {
                answer.head.length() == Some(scene.manifest().len() as u64)
                    && answer.head.field("docker-content-digest") == Some(&sha256(&scene.manifest()))
            },
            // Only the line before the manifest is read.
            length: 120,
            ..get("HEAD of a manifest by tag", "/tags/", Answer::Collected)
        },
    ]
}

fn lists() -> Vec<Operation> {
    let list = |name, target, answer| Operation {
        name,
        method: "GET",
        target,
        answer,
        length: 100,
        done: 200,
        keeps: true,
        prepare: Scene::push_image,
        holds: Scene::holds_tag,
        ..PLAIN
    };
    vec![
        Operation {
            act: |scene| scene.faulty.ask("GET", "tags/list"),
            right: |_, answer| answer.text().contains(&format!("\"tags\":[\"{TAG}\"]")),
            ..list("list of tags", "prefix=tags/", Answer::Listing)
        },
        Operation {
            act: |scene| {
                // What sorts right before it.
                let target = format!("/v2/_catalog?n=1&last={}", scene.name.trim_end_matches('x'));
                scene.faulty.connect()?.request("GET", &target, &[], b"")
            },
            right: |scene, answer| answer.text().contains(&format!("[\"{}\"]", scene.name)),
            length: 30,
            ..list("list of repositories", "delimiter=", Answer::Listing)
        },
        Operation {
            act: |scene| scene.faulty.ask("GET", &format!("referrers/{}", scene.subject())),
            right: |scene, answer| answer.text().contains(&sha256(&scene.manifest())),
            ..list("list of referrers", "prefix=referrers/", Answer::Listing)
        },
        Operation {
            act: |scene| scene.faulty.ask("GET", &format!("referrers/{}", scene.subject())),
            right: |scene, answer| answer.text().contains(&sha256(&scene.manifest())),
            believes: true,
            ..list("list of referrers: descriptor", "/referrers/", Answer::Collected)
        },
    ]
}
