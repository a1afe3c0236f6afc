//! Every op and every reply, one at a time.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use wharfinger::files::{Files, OpenError, Settings};
use wharfinger_core::oci::ByteRange;
use wharfinger_core::store::{Found, Key, Listing, Op, Part, Reply};

use super::{
    Scratch, WRITTEN, blob, digest, files_below, join, link, manifest, names, page, part, put, read, release,
    reply, repository, segment, tag, upload_folder, write,
};

fn set_age(scratch: &Scratch, name: &str, seconds: i64) {
    let now = SystemTime::now();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 { now + distance } else { now - distance };
    File::options().write(true).open(scratch.path().join(name)).unwrap().set_modified(time).unwrap();
}

fn stat(files: &Files, key: &Key) -> Found {
    let reply = reply(files, &Op::Stat { key: key.clone() });
    let Reply::Found(found) = reply else { panic!("{key}: {reply:?}") };
    found
}

#[test]
fn what_was_written_is_found() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let keys = [
        blob(1),
        link("a", 1),
        link("a/b", 1),
        manifest("a", 2),
        tag("a", "v1"),
        segment(1, 0),
        Key::SegmentList {
            upload: wharfinger_core::upload::UploadId::new([1; 16]),
            number: 16,
            nonce: wharfinger_core::upload::Nonce::new([7; 8]),
        },
        Key::Referrer { repository: repository("a"), subject: digest(1), referrer: digest(2) },
    ];
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(read(&files, key), None, "{key}");
        assert_eq!(reply(&files, &Op::Stat { key: key.clone() }), Reply::Missing);
        let bytes = vec![at as u8; at * 100_000];
        put(&files, key, &bytes);
        assert_eq!(fs::read(scratch.path().join(key.to_string())).unwrap(), bytes, "{key}");
        assert_eq!(read(&files, key), Some(bytes), "{key}");
        let found = stat(&files, key);
        assert_eq!(found.size, at as u64 * 100_000);
        assert!(found.age < 60, "{found:?}");
    }
    let mut expected: Vec<String> = keys.iter().map(Key::to_string).collect();
    expected.sort();
    assert_eq!(files_below(scratch.path()), expected, "and nothing else is left behind");
}

#[test]
fn a_write_goes_over_what_is_there_unless_told_not_to() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let key = tag("a", "v1");
    assert_eq!(write(&files, &key, b"one", true).reply, WRITTEN);
    assert_eq!(write(&files, &key, b"two", true).reply, Reply::Exists);
    assert_eq!(read(&files, &key).unwrap(), b"one");
    assert_eq!(write(&files, &key, b"three", false).reply, WRITTEN);
    assert_eq!(read(&files, &key).unwrap(), b"three");
    assert_eq!(files_below(scratch.path()), [key.to_string()]);
}

#[test]
fn an_open_body_outlives_its_name() {
    let scratch = Scratch::new();
    let files = scratch.open();
    put(&files, &blob(1), b"old");
    let body = files.carry_out(&Op::Read { key: blob(1), range: None, if_match: None }).body.unwrap();
    put(&files, &blob(1), b"newer");
    assert_eq!(reply(&files, &Op::Remove { key: blob(1) }), Reply::Done);
    assert_eq!(std::io::read_to_string(body.file).unwrap(), "old");
}

#[test]
fn an_abandoned_write_was_never_there() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let mut writer = files.create().unwrap();
    writer.write(b"half").unwrap();
    assert_eq!(files_below(scratch.path()).len(), 1);
    drop(writer);
    assert_eq!(files_below(scratch.path()), [""; 0]);
}

#[test]
fn a_write_that_is_carried_out_without_its_body_stores_nothing() {
    let scratch = Scratch::new();
    let files = scratch.open();
    assert_eq!(reply(&files, &Op::Write { key: blob(1), create_only: false }), Reply::Mismatch);
    assert_eq!(files_below(scratch.path()), [""; 0]);
}

#[test]
fn folders_may_go_at_any_time() {
    let scratch = Scratch::new();
    let files = scratch.open();
    put(&files, &tag("a/b", "v1"), b"1");
    fs::remove_dir_all(scratch.path().join("tags")).unwrap();
    put(&files, &tag("a/b", "v1"), b"2");
    fs::remove_dir_all(scratch.path().join("tmp")).unwrap();
    put(&files, &segment(1, 0), b"3");
    fs::remove_dir_all(scratch.path().join("tmp")).unwrap();
    assert_eq!(reply(&files, &join(blob(1), &[part(segment(1, 0), 1)])), WRITTEN);
    assert_eq!(read(&files, &tag("a/b", "v1")).unwrap(), b"2");
    assert_eq!(read(&files, &blob(1)).unwrap(), b"3");
}

#[test]
fn a_range_is_cut_to_what_is_there() {
    let scratch = Scratch::new();
    let files = scratch.open();
    put(&files, &blob(1), b"0123456789");
    put(&files, &blob(2), b"");
    for (number, first, last, offset, length) in [
        (1, 0, 0, 0, 1),
        (1, 2, 4, 2, 3),
        (1, 9, 9, 9, 1),
        (1, 4, 99, 4, 6),
        (1, 10, 99, 10, 0),
        (2, 0, 9, 0, 0),
    ] {
        let range = ByteRange::within(first, last, 100);
        let answer = files.carry_out(&Op::Read { key: blob(number), range, if_match: None });
        let Reply::Found(found) = answer.reply else { panic!("{:?}", answer.reply) };
        assert_eq!(found.size, if number == 1 { 10 } else { 0 }, "the whole size, whatever the range");
        let body = answer.body.unwrap();
        assert_eq!((body.offset, body.length), (offset, length), "{first}-{last} of blob {number}");
    }
}

#[test]
fn an_age_counts_from_the_last_write_join_or_touch() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let old = |name: &str| set_age(&scratch, name, 5000);
    put(&files, &blob(1), b"1");
    old(&blob(1).to_string());
    let age = stat(&files, &blob(1)).age;
    assert!((5000..5060).contains(&age), "{age}");
    assert_eq!(reply(&files, &Op::Touch { key: blob(1) }), Reply::Done);
    assert!(stat(&files, &blob(1)).age < 60);
    assert_eq!(read(&files, &blob(1)).unwrap(), b"1");

    put(&files, &segment(1, 0), b"22");
    old(&segment(1, 0).to_string());
    assert_eq!(reply(&files, &join(blob(2), &[part(segment(1, 0), 2)])), WRITTEN);
    assert!(stat(&files, &blob(2)).age < 60);

    set_age(&scratch, &blob(2).to_string(), -5000);
    assert_eq!(stat(&files, &blob(2)).age, 0, "a clock that was set back makes nothing older than new");
    assert_eq!(reply(&files, &Op::Touch { key: blob(3) }), Reply::Missing);
}

#[test]
fn one_part_becomes_the_object_without_a_copy() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let parts = [part(segment(1, 0), 3)];
    put(&files, &segment(1, 0), b"abc");
    let inode = |key: &Key| fs::metadata(scratch.path().join(key.to_string())).unwrap().ino();
    put(&files, &blob(1), b"another file of that name");
    assert!(upload_folder(&scratch, 1).exists());
    for _ in 0..3 {
        assert_eq!(reply(&files, &join(blob(1), &parts)), WRITTEN, "also onto itself");
        assert_eq!(inode(&blob(1)), inode(&segment(1, 0)));
        assert_eq!(files_below(scratch.path()), [blob(1).to_string(), segment(1, 0).to_string()]);
    }
    assert_eq!(reply(&files, &release(&parts)), Reply::Done);
    assert_eq!(reply(&files, &release(&parts)), Reply::Done, "twice is as good as once");
    assert_eq!(read(&files, &blob(1)).unwrap(), b"abc");
    assert!(!upload_folder(&scratch, 1).exists());
    assert_eq!(reply(&files, &join(blob(1), &parts)), Reply::Missing);
    assert_eq!(read(&files, &blob(1)).unwrap(), b"abc");
}

#[test]
fn several_parts_become_one_object_in_order() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let big = vec![b'x'; 3_000_000];
    put(&files, &segment(1, 0), &big);
    put(&files, &segment(1, 1), b"");
    put(&files, &segment(1, 2), b"tail");
    let parts = [part(segment(1, 0), big.len()), part(segment(1, 1), 0), part(segment(1, 2), 4)];
    put(&files, &blob(1), b"what was there");
    assert_eq!(reply(&files, &join(blob(1), &parts)), WRITTEN);
    assert_eq!(read(&files, &blob(1)).unwrap(), [&*big, b"tail"].concat());
    assert_eq!(read(&files, &segment(1, 2)).unwrap(), b"tail", "a Join alone takes nothing away");
    put(&files, &segment(1, 3), b"of another history");
    assert_eq!(reply(&files, &release(&parts)), Reply::Done);
    assert_eq!(files_below(scratch.path()), [blob(1).to_string(), segment(1, 3).to_string()]);
}

#[test]
fn a_join_leaves_out_what_it_is_told_to() {
    let scratch = Scratch::new();
    let files = scratch.open();
    put(&files, &segment(1, 0), b"01234");
    put(&files, &segment(1, 1), b"56789");
    let skipping = |number, skip| Part { skip, ..part(segment(1, number), 5) };
    for (parts, joined) in [
        (&[skipping(0, 0), skipping(1, 3)][..], &b"0123489"[..]),
        (&[skipping(0, 4), skipping(1, 0)], b"456789"),
        (&[skipping(1, 2)], b"789"),
    ] {
        assert_eq!(reply(&files, &join(blob(1), parts)), WRITTEN);
        assert_eq!(read(&files, &blob(1)).unwrap(), joined);
    }
    assert_eq!(read(&files, &segment(1, 1)).unwrap(), b"56789", "the part stays as it is");
}

#[test]
fn a_join_of_wrong_or_missing_parts_changes_nothing() {
    let scratch = Scratch::new();
    let files = scratch.open();
    put(&files, &segment(1, 0), b"abc");
    put(&files, &segment(1, 1), b"def");
    put(&files, &blob(1), b"what was there");
    let good = part(segment(1, 0), 3);
    for (parts, expected) in [
        (vec![part(segment(1, 0), 2)], Reply::Mismatch),
        (vec![part(segment(1, 9), 3)], Reply::Missing),
        (vec![good.clone(), part(segment(1, 1), 4)], Reply::Mismatch),
        (vec![good.clone(), part(segment(1, 9), 3)], Reply::Missing),
        (vec![part(segment(9, 9), 3), good], Reply::Missing),
    ] {
        assert_eq!(reply(&files, &join(blob(1), &parts)), expected, "{parts:?}");
        assert_eq!(read(&files, &blob(1)).unwrap(), b"what was there");
        assert_eq!(files_below(scratch.path()).len(), 3);
    }
}

#[test]
fn what_is_removed_is_missing() {
    let scratch = Scratch::new();
    let files = scratch.open();
    for key in [blob(1), link("a/b", 1), tag("a/b", "v1")] {
        assert_eq!(reply(&files, &Op::Remove { key: key.clone() }), Reply::Missing);
        put(&files, &key, b"1");
        assert_eq!(reply(&files, &Op::Remove { key: key.clone() }), Reply::Done);
        assert_eq!(read(&files, &key), None);
        assert_eq!(reply(&files, &Op::Remove { key }), Reply::Missing);
    }
    put(&files, &tag("a", "v1"), b"1");
    assert!(!scratch.path().join("tags/a").exists(), "folders go with the last object in them");
    assert!(scratch.path().join("links").exists());
    assert_eq!(names(&page(&files, &Listing::Tags(repository("a")), "", 9)), ["v1"]);
}

#[test]
fn a_copy_is_a_second_name_over_what_stood_there() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let copy = |from: &Key, to: &Key| {
        files.carry_out(&Op::Copy { from: from.clone(), to: Box::new(to.clone()) }).reply
    };
    let (source, target) = (tag("a", "v1"), tag("deep/in/b", "v2"));
    assert_eq!(copy(&source, &target), Reply::Missing);
    assert_eq!(files_below(scratch.path()), [""; 0]);
    put(&files, &source, b"one");
    put(&files, &target, b"two");
    for _ in 0..2 {
        assert_eq!(copy(&source, &target), WRITTEN);
        assert_eq!(read(&files, &target).unwrap(), b"one");
    }
    // What is written to one of them leaves the other alone.
    put(&files, &source, b"three");
    assert_eq!(read(&files, &target).unwrap(), b"one");
    assert_eq!(reply(&files, &Op::Remove { key: source }), Reply::Done);
    assert_eq!(read(&files, &target).unwrap(), b"one");
    assert_eq!(files_below(scratch.path()), [target.to_string()], "nothing is left in tmp/");
    fs::create_dir_all(scratch.path().join(blob(9).to_string())).unwrap();
    assert_eq!(copy(&blob(9), &target), Reply::Damaged);
    assert_eq!(copy(&target, &blob(9)), Reply::Refused);
}

#[test]
fn a_store_that_is_only_looked_at_is_left_as_it_is() {
    let scratch = Scratch::new();
    let root = scratch.path().join("store");
    let settings = Settings { root: root.clone(), sync: true };
    let error = Files::open_to_read(&settings).unwrap_err().to_string();
    assert!(error.contains("there is no storage directory"), "{error}");
    assert!(!root.exists());
    fs::create_dir(&root).unwrap();
    let files = Files::open_to_read(&settings).unwrap();
    assert_eq!(names(&page(&files, &Listing::Repositories, "", 9)), [""; 0]);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
}

#[test]
fn odd_things_in_the_place_of_an_object_are_damage() {
    let scratch = Scratch::new();
    let files = scratch.open();
    put(&files, &blob(1), b"1");
    let path = |key: &Key| scratch.path().join(key.to_string());
    fs::create_dir_all(path(&blob(2))).unwrap();
    fs::create_dir_all(path(&tag("a", "v1"))).unwrap();
    symlink(path(&blob(1)), path(&blob(3))).unwrap();
    mknodat(CWD, path(&blob(4)), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    // Bound elsewhere, as the path of a socket has to be short.
    let _socket = std::os::unix::net::UnixListener::bind(scratch.path().join("socket")).unwrap();
    fs::rename(scratch.path().join("socket"), path(&blob(5))).unwrap();
    fs::create_dir_all(scratch.path().join("links")).unwrap();
    fs::write(scratch.path().join("links/a!"), "").unwrap();
    for key in [blob(2), blob(3), blob(4), blob(5), link("a", 1)] {
        for op in [
            Op::Read { key: key.clone(), range: None, if_match: None },
            Op::Stat { key: key.clone() },
            Op::Touch { key: key.clone() },
            join(blob(9), &[part(key.clone(), 1)]),
            join(blob(9), &[part(blob(1), 1), part(key.clone(), 1)]),
        ] {
            let answer = files.carry_out(&op);
            assert_eq!(answer.reply, Reply::Damaged, "{op:?}");
            let error = answer.error.unwrap().to_string();
            assert!(error.starts_with(&key.to_string()) && error.ends_with("remove it"), "{error}");
        }
    }
    let answer = write(&files, &blob(2), b"1", false);
    assert_eq!(answer.reply, Reply::Refused);
    assert!(answer.error.is_some());
    assert_eq!(reply(&files, &Op::Stat { key: blob(9) }), Reply::Missing);
    assert!(fs::read_dir(scratch.path().join("tmp")).unwrap().next().is_none());
}

#[test]
fn opening_creates_the_directory_for_its_owner_alone() {
    let scratch = Scratch::new();
    let root = scratch.path().join("a/b");
    let settings = Settings { root: root.clone(), sync: true };
    put(&Files::open(&settings).unwrap(), &blob(1), b"1");
    for path in [&root, &scratch.path().join("a")] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o700, "{}", path.display());
    }
    assert_eq!(read(&Files::open(&settings).unwrap(), &blob(1)).unwrap(), b"1");
}

#[test]
fn opening_what_is_no_directory_says_so() {
    let scratch = Scratch::new();
    let file = scratch.path().join("file");
    fs::write(&file, "").unwrap();
    for root in [file.clone(), file.join("below")] {
        let error = Files::open(&Settings { root: root.clone(), sync: true }).unwrap_err();
        assert!(matches!(error, OpenError::NotDirectory { .. }), "{error:?}");
        let message = error.to_string();
        assert!(
            message.contains(root.to_str().unwrap()) && message.contains("name another one"),
            "{message}"
        );
    }
}

#[test]
fn opening_sweeps_old_temporary_files_only() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let mut writer = files.create().unwrap();
    writer.write(b"of a process that lives").unwrap();
    fs::write(scratch.path().join("tmp/old"), "").unwrap();
    fs::write(scratch.path().join("tmp/young"), "").unwrap();
    set_age(&scratch, "tmp/old", 25 * 3600);
    set_age(&scratch, "tmp/young", 23 * 3600);
    let other = scratch.open();
    assert_eq!(writer.commit(&blob(1), false).reply, WRITTEN);
    assert_eq!(read(&other, &blob(1)).unwrap(), b"of a process that lives");
    assert_eq!(files_below(scratch.path()), [blob(1).to_string(), "tmp/young".to_owned()]);
}

#[test]
fn without_syncs_all_else_is_the_same() {
    let scratch = Scratch::new();
    let files = Files::open(&Settings { root: scratch.path().to_owned(), sync: false }).unwrap();
    put(&files, &segment(1, 0), b"1");
    assert_eq!(reply(&files, &join(blob(1), &[part(segment(1, 0), 1)])), WRITTEN);
    assert_eq!(reply(&files, &Op::Touch { key: blob(1) }), Reply::Done);
    assert_eq!(reply(&files, &Op::Remove { key: segment(1, 0) }), Reply::Done);
    assert_eq!(write(&files, &blob(1), b"2", true).reply, Reply::Exists);
    assert_eq!(files_below(scratch.path()), [blob(1).to_string()]);
}

#[test]
fn quick_is_what_waits_for_no_disk_to_sync() {
    let quick = [Op::Read { key: blob(1), range: None, if_match: None }, Op::Stat { key: blob(1) }];
    let slow = [
        Op::Write { key: blob(1), create_only: true },
        join(blob(1), &[part(segment(1, 0), 1)]),
        release(&[part(segment(1, 0), 1)]),
        Op::Copy { from: blob(1), to: Box::new(blob(2)) },
        Op::Touch { key: blob(1) },
        Op::Remove { key: blob(1) },
        Op::List { listing: Listing::Repositories, after: None, limit: 1 },
    ];
    assert!(quick.iter().all(Files::is_quick));
    assert!(!slow.iter().any(Files::is_quick));
}
