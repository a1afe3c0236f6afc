//! What is written when clients push.

use wharfinger_tests::digest::sha256;
use wharfinger_tests::image::{INDEX, MANIFEST};

use super::operations::{Answer, Operation, PLAIN};
use super::scene::{Scene, TAG, blob_name, pushed};

/// A blob that comes in pieces, or is cut into them.
const PIECES: usize = 200_000;
/// A blob that comes in one piece and is too long to be held.
const LARGE: usize = (1 << 20) + 50_000;
/// A blob that is held until it is stored.
const SMALL: usize = 3000;
/// Less than the length of any record of a manifest, and of the line before it, bytes.
const RECORD: u64 = 120;

/// The operations.
pub fn all() -> Vec<Operation> {
    [blobs(), manifests(), mounts(), touches()].into_iter().flatten().collect()
}

fn blobs() -> Vec<Operation> {
    let pieces = Operation {
        act: |scene| scene.faulty.push_pieces(&scene.blob(PIECES), PIECES / 2),
        holds: |scene| scene.holds_blob(&scene.blob(PIECES)),
        ..PLAIN
    };
    let small = || Operation {
        act: |scene| scene.faulty.push_whole(&scene.blob(SMALL)),
        holds: |scene| scene.holds_blob(&scene.blob(SMALL)),
        ..PLAIN
    };
    vec![
        Operation {
            name: "push in PATCHes: segment",
            method: "PUT",
            target: "/segments/",
            body: PIECES as u64 / 2,
            replays: false,
            act: pieces.act,
            holds: pieces.holds,
            ..PLAIN
        },
        Operation {
            name: "push in one large PUT: segment",
            method: "PUT",
            target: "/segments/",
            body: LARGE as u64,
            replays: false,
            act: |scene| scene.faulty.push_whole(&scene.blob(LARGE)),
            holds: |scene| scene.holds_blob(&scene.blob(LARGE)),
            ..PLAIN
        },
        Operation {
            name: "push in PATCHes: large object",
            method: "PUT",
            target: "/blobs/",
            body: 200,
            writes: Some(|scene| blob_name(&sha256(&scene.blob(PIECES)))),
            ..pieces
        },
        Operation {
            name: "push of a small blob: content",
            method: "PUT",
            target: "/blobs/",
            body: SMALL as u64,
            writes: Some(|scene| blob_name(&sha256(&scene.blob(SMALL)))),
            ..small()
        },
        Operation {
            name: "push of a blob: link",
            method: "PUT",
            target: "/links/",
            body: 10,
            writes: Some(|scene| scene.link_name(&sha256(&scene.blob(SMALL)))),
            ..small()
        },
    ]
}

fn manifests() -> Vec<Operation> {
    let image = || Operation {
        prepare: Scene::push_config,
        act: |scene| scene.faulty.push_manifest(TAG, MANIFEST, &scene.manifest()),
        holds: Scene::holds_image,
        ..PLAIN
    };
    let writes = |name, target, writes| Operation {
        name,
        method: "PUT",
        target,
        body: RECORD,
        writes: Some(writes),
        ..image()
    };
    vec![
        Operation {
            name: "push of a manifest: link of a blob",
            method: "GET",
            target: "/links/",
            answer: Answer::Collected,
            length: 12,
            others: &[400],
            ..image()
        },
        writes("push of a manifest: manifest", "/manifests/", Scene::manifest_name),
        writes("push of a manifest: referrer", "/referrers/", Scene::referrer_name),
        writes("push of a manifest: tag", "/tags/", Scene::tag_name),
        Operation {
            name: "push of a manifest: look again",
            method: "HEAD",
            target: "/manifests/",
            ..image()
        },
        Operation {
            name: "push of an index: its manifest",
            method: "GET",
            target: "/manifests/",
            answer: Answer::Collected,
            length: RECORD,
            others: &[400],
            prepare: Scene::push_image,
            act: |scene| scene.faulty.push_manifest("index", INDEX, &index(scene)),
            holds: |scene| {
                let record = scene.object(&format!("tags/{}!/index", scene.name));
                match record {
                    Some(record) if !record.ends_with(&index(scene)) => Err("another index".to_owned()),
                    record => Ok(record.is_some()),
                }
            },
            ..PLAIN
        },
    ]
}

fn index(scene: &Scene) -> Vec<u8> {
    let manifest = scene.manifest();
    let entry = serde_json::json!({
        "mediaType": MANIFEST, "digest": sha256(&manifest), "size": manifest.len()
    });
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]});
    index.to_string().into_bytes()
}

fn mounts() -> Vec<Operation> {
    let mount = || Operation {
        // What cannot be mounted becomes an upload.
        others: &[202],
        prepare: |scene| pushed(scene.source().push_whole(&scene.blob(SMALL))),
        act: |scene| {
            let digest = sha256(&scene.blob(SMALL));
            scene.faulty.ask("POST", &format!("blobs/uploads/?mount={digest}&from={}-source", scene.name))
        },
        holds: |scene| scene.holds_blob(&scene.blob(SMALL)),
        ..PLAIN
    };
    vec![
        Operation {
            name: "mount: link of the source",
            method: "GET",
            target: "/links/",
            answer: Answer::Collected,
            length: 12,
            ..mount()
        },
        Operation {
            name: "mount: link",
            method: "PUT",
            target: "/links/",
            body: 10,
            writes: Some(|scene| scene.link_name(&sha256(&scene.blob(SMALL)))),
            ..mount()
        },
    ]
}

fn touches() -> Vec<Operation> {
    let head = |name, target| Operation {
        name,
        method: "POST",
        target,
        done: 200,
        others: &[404],
        believes: true,
        aged: true,
        prepare: |scene| pushed(scene.clean.push_whole(&scene.blob(SMALL))),
        act: |scene| scene.faulty.ask("HEAD", &format!("blobs/{}", sha256(&scene.blob(SMALL)))),
        right: |_, answer| answer.head.length() == Some(SMALL as u64),
        holds: |scene| {
            let digest = sha256(&scene.blob(SMALL));
            scene.touched(&[blob_name(&digest), scene.link_name(&digest)])
        },
        ..PLAIN
    };
    vec![
        head("HEAD of an old blob: touch of the content", "/blobs/"),
        head("HEAD of an old blob: touch of the link", "/links/"),
        Operation {
            name: "push of a manifest: touch of a blob",
            method: "POST",
            target: "/blobs/",
            others: &[400],
            believes: true,
            aged: true,
            prepare: Scene::push_config,
            act: |scene| scene.faulty.push_manifest(TAG, MANIFEST, &scene.manifest()),
            holds: |scene| {
                let digest = sha256(&scene.config());
                let young = scene.touched(&[blob_name(&digest), scene.link_name(&digest)])?;
                Ok(young && scene.holds_image()?)
            },
            ..PLAIN
        },
    ]
}
