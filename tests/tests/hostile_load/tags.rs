//! A repository with very many tags.

use super::watch::{Times, behave};
use super::{Harbour, INDEX};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Connection;
use wharfinger_tests::repository::Repository;

const PUSHED: usize = 1000;
/// Each tag that is pushed is linked so often: most file systems allow 65,000 links of a file.
const LINKED: usize = 99;
const TAGS: usize = PUSHED * (LINKED + 1);
/// The longest that one page may take.
const PAGE_TIME_MAX: Duration = Duration::from_secs(3);
/// The longest that the removal of a manifest may take which looks into all tags.
const DELETE_TIME_MAX: Duration = Duration::from_secs(120);
/// The slowest of a hundred requests meanwhile.
const REQUEST_TIME_MAX: Duration = Duration::from_millis(500);
/// The most that the registry may ever have resident, in bytes.
const RESIDENT_MAX: u64 = 64 << 20;

/// Two indexes of one size: only their records tell which of them a tag holds.
fn manifest(letter: char) -> String {
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"annotations":{{"x":"{letter}"}}}}"#)
}

/// Fills the repository `many`, and tells how long each real push took.
fn fill(harbour: &Harbour) -> io::Result<Times> {
    let mut times = Times::default();
    let mut connection = harbour.connect();
    for number in 0..PUSHED {
        let target = format!("/v2/many/manifests/t{number:04}");
        let began = Instant::now();
        let answer = connection.request("PUT", &target, &[("Content-Type", INDEX)], manifest('a').as_bytes());
        answer?.expect(201)?;
        times.add(began.elapsed());
    }
    let folder = harbour.server.data().join("tags/many!");
    for number in 0..PUSHED {
        let from = folder.join(format!("t{number:04}"));
        for copy in 0..LINKED {
            fs::hard_link(&from, folder.join(format!("t{number:04}-{copy:02}")))?;
        }
    }
    Repository::new(harbour.server.address(), "many")
        .push_manifest("odd", INDEX, manifest('b').as_bytes())?
        .expect(201)?;
    Ok(times)
}

/// Walks through so many pages at most, and tells how long each took.
fn walk(connection: &mut Connection, first: &str, pages_max: usize) -> (BTreeSet<String>, Times) {
    let (mut tags, mut times) = (BTreeSet::new(), Times::default());
    let mut next = Some(first.to_owned());
    for _ in 0..pages_max {
        let Some(target) = next else { break };
        let began = Instant::now();
        let page = connection.request("GET", &target, &[], b"").and_then(|answer| answer.expect(200));
        let page = page.expect("a page");
        times.add(began.elapsed());
        let json: serde_json::Value = serde_json::from_slice(&page.body).expect("a page is JSON");
        for tag in json["tags"].as_array().expect("a page has tags") {
            assert!(tags.insert(tag.as_str().unwrap_or_default().to_owned()), "{tag} comes twice");
        }
        let link = page.head.field("link").and_then(|link| link.strip_prefix('<'));
        next = link.and_then(|link| link.split('>').next()).map(str::to_owned);
    }
    (tags, times)
}

#[test]
fn a_hundred_thousand_tags() {
    let harbour = Harbour::start_with("registry:\n  storage: {sync: none}\n");
    behave(&harbour, 100, 10, 1).expect("all is well at first");
    let pushes = fill(&harbour).expect("the repository is filled");
    let before = harbour.usage();
    let mut connection = harbour.connect();
    let pages_max = if std::env::var_os("WHARFINGER_LONG").is_some() { usize::MAX } else { 20 };
    for (first, page) in [("/v2/many/tags/list", 10_000), ("/v2/many/tags/list?n=1000", 1000)] {
        let began = Instant::now();
        let (tags, times) = walk(&mut connection, first, pages_max);
        assert_eq!(tags.len(), (TAGS + 1).min(pages_max.saturating_mul(page)));
        eprintln!("| {TAGS} tags, {first} | {:.2} s; pages: {times} |", began.elapsed().as_secs_f64());
        assert!(times.percentile(100) < PAGE_TIME_MAX, "{times}");
    }
    let over = AtomicBool::new(false);
    let delete = || {
        let began = Instant::now();
        let target = format!("/v2/many/manifests/{}", sha256(manifest('b').as_bytes()));
        let answer =
            harbour.connect().request("DELETE", &target, &[], b"").and_then(|answer| answer.expect(202));
        over.store(true, Ordering::Relaxed);
        answer.map(|_| began.elapsed())
    };
    let (took, times) = std::thread::scope(|scope| {
        let deleting = scope.spawn(delete);
        let mut times = Times::default();
        while !over.load(Ordering::Relaxed) {
            let began = Instant::now();
            let answer = connection.request("HEAD", "/v2/many/manifests/t0500", &[("Accept", INDEX)], b"");
            answer.and_then(|answer| answer.expect(200)).expect("others are served");
            times.add(began.elapsed());
        }
        (deleting.join().expect("no panic").expect("the manifest is removed"), times)
    });
    let usage = harbour.usage();
    eprintln!(
        "| {TAGS} tags of one size, a manifest removed | {:.2} s; HEAD meanwhile: {times}; pushes: {pushes}; resident {} KiB before, {} KiB most |",
        took.as_secs_f64(),
        before.resident / 1024,
        usage.resident_max / 1024,
    );
    assert!(took < DELETE_TIME_MAX, "{took:?}");
    assert!(times.percentile(99) < REQUEST_TIME_MAX, "{times}");
    assert!(usage.resident_max < RESIDENT_MAX, "{usage:?}");
    let many = Repository::new(harbour.server.address(), "many");
    assert_eq!(many.ask("GET", "manifests/odd").expect("an answer").status(), 404);
    assert!(many.read_manifest("t0999-98").expect("an answer").is_some());
    harbour.end();
}
