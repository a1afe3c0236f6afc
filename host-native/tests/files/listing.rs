//! Listings against a model: all names of a flat store, sorted by their bytes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use wharfinger::files::Files;
use wharfinger_core::store::{Listing, Op, Reply, Row};

use super::{Numbers, Scratch, digest, link, manifest, names, page, put, reply, repository, tag};

/// Names as the store's layout never has them, but any flat store could.
fn random_names(numbers: &mut Numbers, parts: &[&str], count: usize) -> BTreeMap<String, u64> {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    while found.len() < count {
        let depth = 1 + numbers.below(4);
        let name = (0..depth).map(|_| parts[numbers.below(parts.len())]).collect::<Vec<_>>().join("/");
        // In a directory a name is either a file or a folder.
        let clashes = found.keys().any(|other| {
            other == &name || other.starts_with(&format!("{name}/")) || name.starts_with(&format!("{other}/"))
        });
        if !clashes {
            found.insert(name, numbers.below(50) as u64);
        }
    }
    found
}

fn lay_out(folder: &Path, names: &BTreeMap<String, u64>) {
    for (name, size) in names {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![b'x'; *size as usize]).unwrap();
    }
}

fn model(names: &BTreeMap<String, u64>, delimiter: Option<char>, after: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (name, size) in names {
        let row = match delimiter.and_then(|delimiter| name.split_once(delimiter)) {
            Some((cut, _)) => Row { name: cut.into(), size: 0 },
            None => Row { name: name.as_str().into(), size: *size },
        };
        if &*row.name > after && rows.last().is_none_or(|last| last.name != row.name) {
            rows.push(row);
        }
    }
    rows
}

/// Asks for every limit, following the pages, and after every name.
#[track_caller]
fn compare(files: &Files, listing: &Listing, names: &BTreeMap<String, u64>, others: &[&str]) {
    let all = model(names, listing.delimiter(), "");
    for limit in 1..=all.len() + 1 {
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let after = rows.last().map_or("", |row| &row.name);
            let page = page(files, listing, after, limit as u32);
            assert!(page.rows.len() == limit || !page.more, "limit {limit}: a page is full or the last");
            rows.extend(page.rows);
            assert_eq!(page.more, rows.len() < all.len(), "limit {limit}, {} rows", rows.len());
            if !page.more {
                break;
            }
        }
        assert_eq!(rows, all, "limit {limit}");
    }
    let cuts = all.iter().map(|row| &*row.name);
    for after in names.keys().map(String::as_str).chain(cuts).chain(others.iter().copied()) {
        let expected = model(names, listing.delimiter(), after);
        assert_eq!(page(files, listing, after, u32::MAX).rows, expected, "after {after:?}");
    }
}

#[test]
fn rows_come_in_the_order_of_a_flat_store() {
    let parts = ["a", "a-b", "a.b", "a0", "aa", "a_", "b", "b--c", "Z", "0", "a!", "a-!", "!"];
    let others = ["a/", "a-", "a/zzz", "a!", "a/b/", "zzz", "~", "A", "\u{e4}", "a/\u{10ffff}", " "];
    for seed in 1..=20 {
        let scratch = Scratch::new();
        let files = scratch.open();
        let numbers = &mut Numbers(seed);
        let names = random_names(numbers, &parts, 40);
        lay_out(&scratch.path().join("tags/r!"), &names);
        compare(&files, &Listing::Tags(repository("r")), &names, &others);
        lay_out(&scratch.path().join("manifests"), &names);
        compare(&files, &Listing::Repositories, &names, &others);
    }
}

#[test]
fn repositories_are_named_once_and_in_order() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let repositories = ["foo", "foo-bar", "foo/bar", "foo/bar/baz", "foo.bar", "fo", "foo0", "a/b"];
    for name in repositories {
        put(&files, &manifest(name, 1), b"1");
        put(&files, &manifest(name, 2), b"22");
        put(&files, &tag(name, "v1"), b"1");
        put(&files, &link(name, 9), b"{}");
    }
    let expected = ["a/b", "fo", "foo", "foo-bar", "foo.bar", "foo/bar", "foo/bar/baz", "foo0"];
    assert_eq!(names(&page(&files, &Listing::Repositories, "", 99)), expected);
    for (at, after) in expected.iter().enumerate() {
        assert_eq!(names(&page(&files, &Listing::Repositories, after, 99)), expected[at + 1..], "{after}");
    }
    let page = page(&files, &Listing::Manifests(repository("foo")), "", 99);
    let rows = [(1, 1), (2, 2)]
        .map(|(number, size)| Row { name: format!("sha256/{}", digest(number).hex()).into(), size });
    assert_eq!(page.rows, rows);
}

#[test]
fn a_repository_without_a_manifest_is_not_listed() {
    let scratch = Scratch::new();
    let files = scratch.open();
    put(&files, &manifest("a", 1), b"1");
    put(&files, &manifest("b", 1), b"1");
    fs::create_dir_all(scratch.path().join("manifests/empty!/sha256")).unwrap();
    assert_eq!(names(&page(&files, &Listing::Repositories, "", 9)), ["a", "b"]);
    assert_eq!(reply(&files, &Op::Remove { key: manifest("b", 1) }), Reply::Done);
    let left = page(&files, &Listing::Repositories, "", 1);
    assert_eq!((names(&left), left.more), (vec!["a"], false), "nothing follows that has no object");
}

#[test]
fn a_folder_that_is_missing_holds_nothing() {
    let scratch = Scratch::new();
    let files = scratch.open();
    for listing in [
        Listing::Repositories,
        Listing::Tags(repository("a")),
        Listing::Links(repository("a")),
        Listing::Manifests(repository("a")),
        Listing::Referrers(repository("a"), digest(1)),
    ] {
        let page = page(&files, &listing, "", 1);
        assert_eq!((page.rows.len(), page.more), (0, false), "{listing:?}");
    }
}

#[test]
fn what_is_no_object_is_left_out() {
    let scratch = Scratch::new();
    let files = scratch.open();
    put(&files, &tag("a", "v1"), b"1");
    let folder = scratch.path().join("tags/a!");
    for name in [&b".nfs0001"[..], b".v1.swp", b"a b", b"\xff\xfe", "\u{e4}".as_bytes(), b"tab\t"] {
        fs::write(folder.join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
    }
    symlink("v1", folder.join("v2")).unwrap();
    symlink(".", folder.join("loop")).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    let all = page(&files, &Listing::Tags(repository("a")), "", 1);
    assert_eq!((names(&all), all.more), (vec!["v1"], false));
}
