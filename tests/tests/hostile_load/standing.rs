//! Crowds that stand in the way.

use super::Harbour;
use super::crowd::Crowd;
use super::watch::{Usage, behave};
use std::time::{Duration, Instant};
use wharfinger_tests::repository::Repository;

const CROWD: usize = 10_000;
/// Each of these holds two files of the registry, and many systems allow a process 20,000.
const BLOB_CROWD: usize = 9_900;
/// For each of these the system keeps 4 MB that was sent over loopback and not read, and it has a few gigabytes for all
/// connections of the machine (net.ipv4.tcp_mem).
const UNREAD_CROWD: usize = 200;
/// The same in the long form: all that the system has.
const UNREAD_CROWD_LONG: usize = 2_000;
/// No limit ends a crowd before it has been measured.
const PATIENT: &str = "connections: 20000, head-seconds: 300, idle-seconds: 300, body-idle-seconds: 300, \
    write-idle-seconds: 300";
/// How long the registry may take to let a crowd in.
const ACCEPT_MAX: Duration = Duration::from_secs(30);
/// How soon a client must be served that comes after a crowd which takes all places.
const ENTRY_MAX: Duration = Duration::from_secs(30);
/// `connections` by default.
const PLACES: usize = 1024;
const HEAD: &[u8] = b"GET /v2/ HTTP/1.1\r\nHost: h\r\nX: ";

/// A registry, and what it holds before a crowd comes.
fn harbour(limits: &str) -> (Harbour, Usage) {
    let harbour = Harbour::start(limits);
    behave(&harbour, 100, 10, 2).expect("all is well at first");
    let before = harbour.usage();
    (harbour, before)
}

/// Waits until the registry has let in `count` clients, with so many files each.
#[track_caller]
fn await_entry(harbour: &Harbour, files: usize) {
    let began = Instant::now();
    while harbour.usage().files < files {
        assert!(began.elapsed() < ACCEPT_MAX, "{:?}, {files} awaited", harbour.usage());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Measures what a crowd costs, and what others feel of it.
#[track_caller]
fn beside(name: &str, harbour: &Harbour, before: Usage, count: usize, each_bytes_max: u64) {
    let seen = behave(harbour, 1, 1000, 5).expect("others are served");
    let usage = harbour.usage();
    let each = usage.resident_max.saturating_sub(before.resident) / count as u64;
    eprintln!(
        "| {count} clients {name} | resident {} KiB before, {} KiB most: {:.1} KiB each; {} files; {seen} |",
        before.resident / 1024,
        usage.resident_max / 1024,
        each as f64 / 1024.0,
        usage.files,
    );
    assert!(each < each_bytes_max, "{each} bytes each");
    seen.check();
}

#[test]
fn clients_that_send_nothing_cost_little() {
    let (harbour, before) = harbour(PATIENT);
    let crowd = Crowd::gather(harbour.server.address(), CROWD, b"");
    await_entry(&harbour, CROWD);
    beside("that send nothing", &harbour, before, CROWD, 32 << 10);
    assert_eq!(crowd.standing(), CROWD);
    drop(crowd);
    harbour.end();
}

#[test]
fn clients_that_send_a_byte_a_second_of_a_head_cost_little() {
    let (harbour, before) = harbour(PATIENT);
    let mut crowd = Crowd::gather(harbour.server.address(), CROWD, HEAD);
    crowd.drip();
    await_entry(&harbour, CROWD);
    beside("that send a byte a second of a head", &harbour, before, CROWD, 48 << 10);
    assert_eq!(crowd.standing(), CROWD);
    drop(crowd);
    harbour.end();
}

#[test]
fn clients_that_send_a_byte_a_second_of_a_blob_cost_little() {
    let (harbour, before) = harbour(PATIENT);
    let slow = Repository::new(harbour.server.address(), "slow");
    let target = slow.begin(&mut harbour.connect()).expect("an upload begins");
    let head = format!("PATCH {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\nx");
    // The second crowd finds the memory as the first one left it.
    for turn in ["that send", "more that send"] {
        let mut crowd = Crowd::gather(harbour.server.address(), BLOB_CROWD, head.as_bytes());
        crowd.drip();
        await_entry(&harbour, 2 * BLOB_CROWD);
        let name = format!("{turn} a byte a second of a blob");
        beside(&name, &harbour, before, BLOB_CROWD, 96 << 10);
        assert_eq!(crowd.standing(), BLOB_CROWD);
        drop(crowd);
        super::watch::settled(&harbour, before.files + 8);
    }
    harbour.end();
}

#[test]
fn clients_that_send_a_byte_a_second_of_a_manifest_keep_nobody_from_pushing() {
    let (harbour, before) = harbour(PATIENT);
    let head = b"PUT /v2/slow/manifests/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n{";
    let mut crowd = Crowd::gather(harbour.server.address(), CROWD, head);
    crowd.drip();
    await_entry(&harbour, CROWD);
    beside("that send a byte a second of a manifest", &harbour, before, CROWD, 48 << 10);
    drop(crowd);
    harbour.end();
}

#[test]
fn clients_that_never_read_cost_little() {
    let (harbour, _) = harbour(PATIENT);
    let slow = Repository::new(harbour.server.address(), "slow");
    let digest = slow.push_mib(3, 8).expect("a large blob is stored");
    let before = harbour.usage();
    let head = format!("GET /v2/slow/blobs/{digest} HTTP/1.1\r\nHost: h\r\n\r\n");
    let count = if std::env::var_os("WHARFINGER_LONG").is_some() { UNREAD_CROWD_LONG } else { UNREAD_CROWD };
    let crowd = Crowd::gather(harbour.server.address(), count, head.as_bytes());
    await_entry(&harbour, 2 * count);
    beside("that never read", &harbour, before, count, 48 << 10);
    let sockets = std::fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    eprintln!(
        "the system's sockets, in pages: {}",
        sockets.lines().find(|line| line.starts_with("TCP")).unwrap_or_default()
    );
    assert_eq!(crowd.answered(), count);
    drop(crowd);
    harbour.end();
}

/// How long a client takes that comes once a crowd has taken, or waits for, all places.
#[track_caller]
fn assert_entry(harbour: &Harbour, what: &str) {
    let began = Instant::now();
    behave(harbour, 1, 100, 1).expect("others are served");
    let took = began.elapsed();
    eprintln!("| {what} take all places | others are served after {:.2} s |", took.as_secs_f64());
    assert!(took < ENTRY_MAX, "{what}: {took:?}");
}

#[test]
fn clients_that_wait_make_room_for_others() {
    // The limits of a registry that nobody configured.
    for (first, what) in [(&b""[..], "clients that send nothing"), (HEAD, "clients that send half a head")] {
        let (harbour, _) = harbour("");
        let mut crowd = Crowd::flood(harbour.server.address(), CROWD, first);
        crowd.drip();
        assert_entry(&harbour, &format!("{CROWD} {what}"));
        drop(crowd);
        harbour.end();
    }
}

#[test]
fn clients_that_send_bodies_too_slowly_make_room_for_others() {
    let (harbour, _) = harbour("body-idle-seconds: 8");
    let slow = Repository::new(harbour.server.address(), "slow");
    let target = slow.begin(&mut harbour.connect()).expect("an upload begins");
    let head = format!("PATCH {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\nx");
    // As many as there are places where nobody configured them.
    let mut crowd = Crowd::gather(harbour.server.address(), PLACES, head.as_bytes());
    crowd.drip();
    await_entry(&harbour, 2 * PLACES);
    assert_entry(&harbour, &format!("{PLACES} clients that send a byte a second of a blob"));
    drop(crowd);
    harbour.end();
}
