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

fn model(names: &BTreeMap<String, u64>, listing: &Listing, after: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (name, size) in names {
        let row = match listing.cut(name) {
            Some(cut) => Row { name: cut.into(), size: 0, written: None },
            None => Row { name: name.as_str().into(), size: *size, written: None },
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
    let all = model(names, listing, "");
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
        let expected = model(names, listing, after);
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

/// Follows the pages of an operator's listing.
fn names_from(files: &Files, prefix: &str, deep: bool, limit: u32) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let listing = Listing::Names { prefix: prefix.into(), deep };
        let after = names.last().map(|last| Box::from(&last[prefix.len()..]));
        let reply = reply(files, &Op::List { listing, after, limit });
        let Reply::Page(page) = reply else { panic!("{reply:?}") };
        names.extend(page.rows.iter().map(|row| format!("{prefix}{}", row.name)));
        if !page.more {
            return names;
        }
    }
}

#[test]
fn an_operator_lists_any_prefix() {
    let parts = ["a", "a-b", "a0", "aa", "b", "Z", "a!", "a-!", "!"];
    for seed in 1..=10 {
        let scratch = Scratch::new();
        let files = scratch.open();
        let names = random_names(&mut Numbers(seed), &parts, 40);
        lay_out(scratch.path(), &names);
        let whole = names.keys().next_back().unwrap();
        for prefix in ["", "a", "a/", "a-", "aa/a", "a!/", "b/b/", "zz", "zz/", whole] {
            let below = names.keys().filter(|name| name.starts_with(prefix));
            let mut cut: Vec<String> = below
                .clone()
                .map(|name| match name[prefix.len()..].find('/') {
                    Some(at) => name[..=prefix.len() + at].to_owned(),
                    None => name.clone(),
                })
                .collect();
            cut.dedup();
            let all: Vec<String> = below.cloned().collect();
            for limit in [1, 2, 3, 100] {
                assert_eq!(names_from(&files, prefix, true, limit), all, "{prefix:?} {limit}");
                assert_eq!(names_from(&files, prefix, false, limit), cut, "{prefix:?} {limit}");
            }
        }
    }
}

#[test]
fn an_operator_sees_no_more_than_the_objects() {
    let scratch = Scratch::new();
    let files = scratch.open();
    fs::write(scratch.path().join("secret"), "x").unwrap();
    fs::write(scratch.path().join("tmp/1"), "x").unwrap();
    fs::write(scratch.path().join("notes.txt"), "x").unwrap();
    put(&files, &tag("a", "v1"), b"1");
    assert_eq!(names_from(&files, "", true, 9), ["notes.txt", "tags/a!/v1"]);
    assert_eq!(names_from(&files, "", false, 9), ["notes.txt", "tags/"]);
    for outside in ["/", "/etc/", "/etc", "../", "tags/../", ".", "./", "tags//", "tags/./a", "tags/a!/v1/"] {
        assert_eq!(names_from(&files, outside, false, 9), [""; 0], "{outside}");
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
    let rows = [(1, 1), (2, 2)].map(|(number, size)| Row {
        name: format!("sha256/{}", digest(number).hex()).into(),
        size,
        written: None,
    });
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
