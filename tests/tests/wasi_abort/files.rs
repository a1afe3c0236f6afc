//! The same on a directory.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::{OCTETS, Repository, finishing, refused};
use wharfinger_tests::wasi::{Component, Options};

use super::pushing::{Framing, Leave, push_part};
use super::{bytes, tries, wait_until};

/// The files below a folder, by name; none if it is missing.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => names.extend(self::names(&entry.path())),
            Ok(_) | Err(_) => names.push(entry.file_name().to_string_lossy().into_owned()),
        }
    }
    names
}

#[test]
fn what_was_not_pushed_whole_leaves_nothing_in_a_directory() {
    let component = Component::start(Options::default()).expect("the component starts");
    let name = "abort/app";
    let repository = Repository::new(component.address(), name);
    let mut stored = BTreeSet::new();
    for seed in 0..tries() {
        let body = bytes(seed, 2_500_000);
        for framing in [Framing::Length, Framing::Chunked] {
            for leave in [Leave::Close, Leave::Half, Leave::Reset] {
                for sent in [0, 1, 100_000, 1_500_000, 2_499_999] {
                    let told =
                        push_part(component.address(), name, &body, sent, framing, leave).expect("is sent");
                    assert!(!told.contains("HTTP/1.1 2"), "{sent} bytes: {told}");
                }
            }
        }
        let mut connection = repository.connect().expect("connects");
        let target = repository.begin(&mut connection).expect("POST");
        let target = finishing(&target, &sha256(b"something else"));
        let answer = connection.request("PUT", &target, &[OCTETS], &body).expect("PUT");
        refused(answer, 400).expect("a wrong digest is refused");
        let right = bytes(1000 + seed, 20_000_000);
        repository.push_whole(&right).and_then(|answer| answer.expect(201)).expect("it is stored");
        assert_eq!(repository.read(&sha256(&right)).expect("GET"), Some(right.clone()));
        stored.insert(sha256(&right).trim_start_matches("sha256:").to_owned());
    }
    wait_until("files stay in tmp/", || names(&component.data().join("tmp")).is_empty());
    for folder in ["blobs", "links"] {
        let found = names(&component.data().join(folder));
        assert_eq!(found.len(), stored.len(), "{folder}: {found:?}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), stored, "{folder}");
    }
    let log = component.log();
    assert!(!log.contains("trap") && !log.contains("panicked"), "{log}");
    assert!(!log.contains("please report"), "{log}");
}
