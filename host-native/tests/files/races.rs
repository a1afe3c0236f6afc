//! Many at once on one directory, as several processes would: each thread opens the store on its own.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use wharfinger::files::Files;
use wharfinger_core::store::{Key, Listing, Op, Reply};

use super::{
    Numbers, Scratch, WRITTEN, blob, files_below, join, manifest, names, page, part, put, read, release,
    reply, repository, segment, tag, upload_folder, write,
};

/// Bytes that show whether they are whole: all alike, and as many as they say.
fn whole(number: u8) -> Vec<u8> {
    vec![number; 1 + usize::from(number) * 37]
}

#[track_caller]
fn assert_whole(bytes: &[u8]) {
    assert_eq!(bytes, whole(bytes[0]), "{} bytes of {}", bytes.len(), bytes[0]);
}

#[test]
fn one_of_many_creators_wins() {
    let scratch = Scratch::new();
    let barrier = Barrier::new(8);
    let won: Vec<Vec<usize>> = thread::scope(|scope| {
        let racers: Vec<_> = (0..8u8)
            .map(|racer| {
                let (barrier, files) = (&barrier, scratch.open());
                scope.spawn(move || {
                    let mut won = Vec::new();
                    for round in 0..50 {
                        barrier.wait();
                        let key = tag("a/b", &format!("round-{round}"));
                        let answer = write(&files, &key, &whole(racer), true);
                        if answer.reply == WRITTEN {
                            won.push(round);
                        } else {
                            assert_eq!(answer.reply, Reply::Exists, "{:?}", answer.error);
                            assert_whole(&read(&files, &key).unwrap());
                        }
                    }
                    won
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let files = scratch.open();
    for round in 0..50 {
        let winners: Vec<usize> = (0..8).filter(|racer| won[*racer].contains(&round)).collect();
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let key = tag("a/b", &format!("round-{round}"));
        assert_eq!(read(&files, &key).unwrap(), whole(winners[0] as u8), "round {round}");
    }
    assert_eq!(files_below(scratch.path()).len(), 50, "the losers left nothing");
}

/// One round of one thread, on names that all threads share.
fn do_something(files: &Files, numbers: &mut Numbers, thread: u8, round: u32) {
    let number = numbers.below(100) as u8;
    let shared = tag("busy/bee", ["a", "b", "c"][numbers.below(3)]);
    match numbers.below(6) {
        0 => put(files, &shared, &whole(number)),
        1 => {
            let removed = reply(files, &Op::Remove { key: shared });
            assert!(matches!(removed, Reply::Done | Reply::Missing), "{removed:?}");
        }
        2 => {
            put(files, &manifest("busy/bee", 1), &whole(number));
            let removed = reply(files, &Op::Remove { key: manifest("busy/bee", 1) });
            assert!(matches!(removed, Reply::Done | Reply::Missing), "{removed:?}");
        }
        3 => {
            let touched = reply(files, &Op::Touch { key: shared.clone() });
            assert!(matches!(touched, Reply::Done | Reply::Missing), "{touched:?}");
            if let Some(bytes) = read(files, &shared) {
                assert_whole(&bytes);
            }
        }
        4 => upload(files, number, thread, round),
        5 => {
            let tags = page(files, &Listing::Tags(repository("busy/bee")), "", 99);
            assert!(names(&tags).is_sorted() && tags.rows.len() <= 3, "{tags:?}");
            assert!(tags.rows.iter().all(|row| row.size % 37 == 1), "{tags:?}");
            let repositories = page(files, &Listing::Repositories, "", 99);
            let listed: BTreeSet<&str> = names(&repositories).into_iter().collect();
            assert!(listed.contains("still"), "{repositories:?}");
            assert!(listed.is_subset(&["busy/bee", "still"].into()), "{repositories:?}");
        }
        _ => unreachable!("six things to do"),
    }
}

/// Uploads one of a few blobs, in one part or in several, as every thread does at once.
fn upload(files: &Files, number: u8, thread: u8, round: u32) {
    let target = blob(u64::from(number % 4));
    // All threads share an upload's folder, so that one removes it while another writes into it.
    let key = |at| segment(1, u32::from(thread) * 1_000_000 + round * 2 + at);
    let bytes = whole(number % 4 + 10);
    let parts = if number.is_multiple_of(2) {
        vec![part(key(0), bytes.len())]
    } else {
        vec![part(key(0), 5), part(key(1), bytes.len() - 5)]
    };
    let mut rest = &bytes[..];
    for part in &parts {
        let (first, last) = rest.split_at(usize::try_from(part.size).unwrap());
        put(files, &part.key, first);
        rest = last;
    }
    assert_eq!(reply(files, &join(target.clone(), &parts)), WRITTEN);
    assert_eq!(read(files, &target).unwrap(), bytes);
    assert_eq!(reply(files, &release(&parts)), Reply::Done);
    assert_eq!(read(files, &target).unwrap(), bytes);
}

#[test]
fn whatever_all_do_at_once_everything_seen_is_whole() {
    let scratch = Scratch::new();
    put(&scratch.open(), &manifest("still", 1), b"1");
    thread::scope(|scope| {
        for thread in 0..8u8 {
            let files = scratch.open();
            scope.spawn(move || {
                let numbers = &mut Numbers(u64::from(thread) + 1);
                for round in 0..300 {
                    do_something(&files, numbers, thread, round);
                }
            });
        }
    });
    let left = files_below(scratch.path());
    assert!(!left.iter().any(|name| name.starts_with("tmp/") || name.starts_with("segments/")), "{left:?}");
    assert!(!upload_folder(&scratch, 1).exists());
}

#[test]
fn joiners_of_one_part_onto_one_name_all_succeed() {
    let scratch = Scratch::new();
    let bytes = whole(99);
    let parts = [part(segment(1, 0), bytes.len())];
    put(&scratch.open(), &segment(1, 0), &bytes);
    thread::scope(|scope| {
        for _ in 0..8 {
            let (files, parts, bytes) = (scratch.open(), &parts, &bytes);
            scope.spawn(move || {
                for _ in 0..100 {
                    assert_eq!(reply(&files, &join(blob(1), parts)), WRITTEN);
                    assert_eq!(&read(&files, &blob(1)).unwrap(), bytes);
                }
            });
        }
    });
    assert_eq!(files_below(scratch.path()), [blob(1).to_string(), segment(1, 0).to_string()]);
}

#[test]
fn a_listing_beside_writers_shows_all_that_stays() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let kept: Vec<String> = (0..200).map(|number| format!("kept-{number:03}")).collect();
    for name in &kept {
        put(&files, &tag("a", name), b"1");
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..3 {
            let (files, over) = (scratch.open(), &over);
            scope.spawn(move || {
                for round in 0.. {
                    let key = tag("a", &format!("passing-{thread}-{}", round % 50));
                    put(&files, &key, b"22");
                    assert_eq!(reply(&files, &Op::Remove { key }), Reply::Done);
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        for _ in 0..200 {
            let mut found: Vec<Box<str>> = Vec::new();
            loop {
                let after = found.last().map_or("", |name| name).to_owned();
                let page = page(&files, &Listing::Tags(repository("a")), &after, 60);
                found.extend(page.rows.into_iter().map(|row| row.name));
                if !page.more {
                    break;
                }
            }
            assert!(found.is_sorted_by(|a, b| a < b), "{found:?}");
            found.retain(|name| name.starts_with("kept"));
            assert!(found.iter().map(|name| &**name).eq(kept.iter().map(String::as_str)), "{found:?}");
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn keys_of_the_same_repository_never_meet() {
    let scratch = Scratch::new();
    let files = scratch.open();
    let keys: Vec<Key> = ["a", "a/b", "a/b/c", "a-b"].iter().map(|name| tag(name, "b")).collect();
    for (at, key) in keys.iter().enumerate() {
        put(&files, key, &whole(at as u8));
    }
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(read(&files, key).unwrap(), whole(at as u8), "{key}");
    }
}
