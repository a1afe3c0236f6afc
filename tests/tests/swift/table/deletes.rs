//! What is read and removed when clients delete.

use wharfinger_tests::digest::sha256;

use super::operations::{Answer, Operation, PLAIN};
use super::scene::{Scene, TAG, pushed};

/// The operations.
pub fn all() -> Vec<Operation> {
    let mut all = manifests();
    all.push(Operation {
        name: "DELETE of a tag",
        method: "DELETE",
        target: "/tags/",
        done: 202,
        others: &[404],
        prepare: Scene::push_image,
        act: |scene| scene.faulty.ask("DELETE", &format!("manifests/{TAG}")),
        holds: |scene| Ok(scene.object(&scene.tag_name()).is_none()),
        ..PLAIN
    });
    all.push(Operation {
        name: "DELETE of a blob",
        method: "DELETE",
        target: "/links/",
        done: 202,
        others: &[404],
        prepare: |scene| pushed(scene.clean.push_whole(&scene.config())),
        act: |scene| scene.faulty.ask("DELETE", &format!("blobs/{}", sha256(&scene.config()))),
        holds: |scene| scene.holds_blob(&scene.config()).map(|held| !held),
        ..PLAIN
    });
    all
}

fn manifests() -> Vec<Operation> {
    let delete = |name, method, target, answer| Operation {
        name,
        method,
        target,
        answer,
        length: if answer == Answer::Bare { 0 } else { 100 },
        done: 202,
        others: &[404],
        prepare: Scene::push_image,
        act: |scene| scene.faulty.ask("DELETE", &format!("manifests/{}", sha256(&scene.manifest()))),
        holds: Scene::lost_image,
        ..PLAIN
    };
    vec![
        delete("DELETE of a manifest: its size", "HEAD", "/manifests/", Answer::Bare),
        delete("DELETE of a manifest: itself", "GET", "/manifests/", Answer::Collected),
        delete("DELETE of a manifest: list of tags", "GET", "prefix=tags/", Answer::Listing),
        Operation {
            believes: true,
            ..delete("DELETE of a manifest: look into a tag", "GET", "/tags/", Answer::Collected)
        },
        delete("DELETE of a manifest: tag", "DELETE", "/tags/", Answer::Bare),
        delete("DELETE of a manifest: referrer", "DELETE", "/referrers/", Answer::Bare),
        delete("DELETE of a manifest: manifest", "DELETE", "/manifests/", Answer::Bare),
    ]
}
