//! Manifests that are no manifests that anybody would write.

use super::watch::{Times, behave};
use super::{Harbour, INDEX, MANIFEST, image};
use std::time::{Duration, Instant};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::{Repository, refused};

const LIMIT: usize = 4 << 20;
const CHAIN: usize = 1000;
/// The longest that any of them may take.
const TIME_MAX: Duration = Duration::from_secs(5);
/// The most that the registry may ever have resident, in bytes.
const RESIDENT_MAX: u64 = 96 << 20;

/// A good manifest with this in one more member, filled up with blanks to just the limit.
fn full(member: &str) -> String {
    let mut text = image(b"{}", &[]);
    text.truncate(text.len() - 1);
    text = format!("{text},{member}}}");
    assert!(text.len() <= LIMIT, "{}", text.len());
    text.push_str(&" ".repeat(LIMIT - text.len()));
    text
}

fn nested(depth: usize, open: &str, core: &str, close: &str) -> String {
    format!("{}{core}{}", open.repeat(depth), close.repeat(depth))
}

fn wide(each: impl Fn(usize) -> String, room: usize) -> String {
    let mut text = String::with_capacity(room);
    for number in 0.. {
        let member = each(number);
        if text.len() + member.len() + 1 > room {
            break;
        }
        if number > 0 {
            text.push(',');
        }
        text.push_str(&member);
    }
    text
}

/// What it is, its text, and whether it must be refused or taken, where that is settled.
fn monsters() -> Vec<(String, String, Option<u16>)> {
    let room = LIMIT - 1000;
    let mut all = Vec::new();
    for depth in [1000, 100_000, 500_000] {
        for (what, open, close) in [("arrays", "[", "]"), ("objects", "{\"a\":", "}")] {
            let deep = nested(depth, open, "1", close);
            all.push((format!("{depth} {what} in an unknown member"), full(&format!("\"x\":{deep}")), None));
            all.push((
                format!("{depth} {what} in annotations"),
                full(&format!("\"annotations\":{deep}")),
                Some(400),
            ));
            all.push((
                format!("{depth} {what} in layers"),
                image(b"{}", &[]).replace("[]", &deep),
                Some(400),
            ));
            all.push((format!("{depth} {what} alone"), deep, Some(400)));
        }
        all.push((format!("{depth} arrays that do not end"), "[".repeat(depth), Some(400)));
        let short = format!("{{\"config\":{}", "[".repeat(depth));
        all.push((format!("{depth} arrays that do not end, in the config"), short, Some(400)));
    }
    let members = wide(|number| format!("\"{number:x}\":0"), room);
    all.push(("small members".to_owned(), full(&members), None));
    let same = wide(|_| "\"a\":0".to_owned(), room);
    all.push(("equal members".to_owned(), full(&same), None));
    all.push(("equal known members".to_owned(), full("\"layers\":[]"), Some(400)));
    let annotations = wide(|number| format!("\"{number:x}\":\"\""), room);
    all.push(("annotations".to_owned(), full(&format!("\"annotations\":{{{annotations}}}")), None));
    all.push(("a key of 4 MiB".to_owned(), full(&format!("\"{}\":0", "k".repeat(room))), None));
    all.push(("a key of escapes".to_owned(), full(&format!("\"{}\":0", "\\u0041".repeat(room / 6))), None));
    let numbers = wide(|_| "1e308".to_owned(), room);
    all.push(("numbers of 10^308".to_owned(), full(&format!("\"x\":[{numbers}]")), None));
    all.push(("a number beyond all".to_owned(), full("\"x\":1e999999999"), None));
    all.push(("a number of 4 MiB".to_owned(), full(&format!("\"x\":{}", "9".repeat(room))), None));
    let sized = image(b"{}", &[]).replace("\"size\":2", "\"size\":1e308");
    all.push(("a size of 10^308".to_owned(), sized, Some(400)));
    let descriptors = wide(|_| "{}".to_owned(), room);
    all.push((
        "a million layers".to_owned(),
        image(b"{}", &[]).replace("[]", &format!("[{descriptors}]")),
        None,
    ));
    all.push(("blanks".to_owned(), " ".repeat(LIMIT), Some(400)));
    all.push(("a byte more than the limit".to_owned(), format!("{} ", full("\"x\":0")), Some(413)));
    all
}

#[test]
fn monstrous_manifests_are_taken_or_refused_in_time() {
    let harbour = Harbour::start_with("registry:\n  storage: {sync: none}\n");
    let mine = Repository::new(harbour.server.address(), "mine");
    mine.push_whole(b"{}").and_then(|answer| answer.expect(201)).expect("a config is stored");
    behave(&harbour, 100, 10, 2).expect("all is well at first");
    let before = harbour.usage();
    let mut times = Times::default();
    let (mut taken, mut slowest) = (0, (Duration::ZERO, String::new()));
    let all = monsters();
    for (what, text, expected) in &all {
        let began = Instant::now();
        let answer = mine.push_manifest("monster", MANIFEST, text.as_bytes()).expect(what);
        let took = began.elapsed();
        let status = answer.status();
        assert!(took < TIME_MAX, "{what}: {took:?}");
        assert!(expected.is_none_or(|expected| expected == status), "{what}: {status} {}", answer.text());
        if status == 201 {
            taken += 1;
            let stored = mine.read_manifest("monster").expect(what);
            assert!(stored.as_deref() == Some(text.as_bytes()), "{what} comes back as another");
        } else {
            assert!(matches!(status, 400 | 413), "{what}: {status}");
            assert!(answer.body.len() < 4096, "{what}: a refusal of {} bytes", answer.body.len());
            refused(answer, status).expect(what);
        }
        times.add(took);
        slowest = slowest.max((took, what.clone()));
    }
    let usage = harbour.usage();
    eprintln!(
        "| {} manifests of up to 4 MiB, up to 500,000 deep | {taken} taken, others refused; {times}, slowest: {}; resident {} KiB before, {} KiB most |",
        all.len(),
        slowest.1,
        before.resident / 1024,
        usage.resident_max / 1024,
    );
    assert!(usage.resident_max < RESIDENT_MAX, "{usage:?}");
    harbour.end();
}

#[test]
fn many_monsters_at_once_leave_others_their_share() {
    let harbour = Harbour::start_with("registry:\n  storage: {sync: none}\n");
    let mine = Repository::new(harbour.server.address(), "mine");
    mine.push_whole(b"{}").and_then(|answer| answer.expect(201)).expect("a config is stored");
    behave(&harbour, 100, 10, 2).expect("all is well at first");
    let text = full(&format!("\"x\":{}", nested(1000, "[", "", "]")));
    let seen = std::thread::scope(|scope| {
        for pusher in 0..16 {
            let (mine, text) = (&mine, &text);
            scope.spawn(move || {
                for _ in 0..5 {
                    let answer = mine.push_manifest(&format!("m{pusher}"), MANIFEST, text.as_bytes());
                    answer.and_then(|answer| answer.expect(201)).expect("each has its turn");
                }
            });
        }
        behave(&harbour, 200, 300, 3)
    });
    let seen = seen.expect("others are served");
    let usage = harbour.usage();
    eprintln!(
        "| 16 clients push manifests of 4 MiB | resident {} KiB most; {seen} |",
        usage.resident_max / 1024
    );
    seen.check();
    assert!(usage.resident_max < RESIDENT_MAX, "{usage:?}");
    harbour.end();
}

#[test]
fn a_thousand_indexes_one_inside_the_other() {
    let harbour = Harbour::start_with("registry:\n  storage: {sync: none}\n");
    let mine = Repository::new(harbour.server.address(), "mine");
    let mut inner = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
    let mut connection = harbour.connect();
    let mut times = [Times::default(), Times::default()];
    for depth in 0..=CHAIN {
        let target = format!(
            "/v2/mine/manifests/{}",
            if depth == CHAIN { "top".to_owned() } else { sha256(inner.as_bytes()) }
        );
        let began = Instant::now();
        let answer = connection.request("PUT", &target, &[("Content-Type", INDEX)], inner.as_bytes());
        answer.and_then(|answer| answer.expect(201)).expect("each is taken");
        times[usize::from(depth > CHAIN / 2)].add(began.elapsed());
        if depth < CHAIN {
            let (digest, size) = (sha256(inner.as_bytes()), inner.len());
            inner = format!(
                r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{INDEX}","digest":"{digest}","size":{size}}}]}}"#
            );
        }
    }
    let [early, late] = &times;
    eprintln!("| {CHAIN} indexes, each in the next | pushes: first half {early}; second half {late} |");
    let grown = late.percentile(50) > early.percentile(50) * 3 + Duration::from_millis(5);
    assert!(!grown, "a push takes longer the deeper it refers: {early}; {late}");
    let began = Instant::now();
    assert_eq!(mine.read_manifest("top").expect("an answer").as_deref(), Some(inner.as_bytes()));
    assert!(began.elapsed() < TIME_MAX);
    harbour.end();
}
