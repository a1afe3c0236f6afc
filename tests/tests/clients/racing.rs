//! Several clients at once.

use std::thread;

use wharfinger_tests::contents::Contents;
use wharfinger_tests::image::Image;
use wharfinger_tests::repository::Repository;

use super::quay::{AS_IT_IS, Quay, local};

pub fn four_clients_push_the_same_image_at_once(quay: &Quay) {
    for round in 0..5 {
        let image = Image::new(80 + round, &[900_000, 0, 3_000_000]);
        let (path, digest) = quay.layout(&format!("round-{round}"), &image);
        let expected = Contents::of_layout(&path);
        let name = format!("four/round-{round}");
        thread::scope(|scope| {
            for pusher in 0..4 {
                let (quay, path, name, digest, expected) = (&quay, &path, &name, &digest, &expected);
                scope.spawn(move || {
                    let remote = quay.remote(&format!("{name}:by-{pusher}"));
                    quay.copy(&[AS_IT_IS], &local(path), &remote);
                    assert_whole(&quay.repository(name), digest, expected);
                });
            }
        });
        for pusher in 0..4 {
            assert_eq!(quay.pull(&[], &quay.remote(&format!("{name}:by-{pusher}"))), expected);
        }
    }
}

/// Every blob of `expected` is there, with its full size, and so is the manifest.
fn assert_whole(repository: &Repository, manifest: &str, expected: &Contents) {
    for (digest, size) in &expected.blobs {
        if digest != manifest {
            assert_eq!(repository.stat(digest).expect("a HEAD is answered"), Some(*size), "{digest}");
        }
    }
    let found = repository.read_manifest(manifest).expect("a GET is answered");
    assert_eq!(found.map(|bytes| bytes.len() as u64), expected.blobs.get(manifest).copied());
}
