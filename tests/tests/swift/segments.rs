//! Uploads of many segments, small and large ones.

use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wharfinger_tests::digest::{named, sha256};
use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::{OCTETS, Repository, finishing, location, refused};
use wharfinger_tests::server::Server;
use wharfinger_tests::swift::{Options, Swift};

use super::{berth, bytes, shared};

const MIB: usize = 1 << 20;

/// A GET that Swift slows down takes a second for each small segment after the tenth.
const QUICK: Duration = Duration::from_secs(10);

/// A Swift that joins four segments at once, so that an upload has 16.
fn narrow() -> &'static Swift {
    static SWIFT: OnceLock<Swift> = OnceLock::new();
    let options = Options { max_manifest_segments: 4, ..Options::default() };
    SWIFT.get_or_init(|| Swift::start(&options).expect("Swift starts"))
}

fn long() -> bool {
    std::env::var_os("WHARFINGER_LONG").is_some()
}

/// Sends each chunk in a PATCH of its own, then the PUT.
fn push(
    repository: &Repository,
    content: &[u8],
    sizes: impl IntoIterator<Item = usize>,
) -> io::Result<Response> {
    let mut connection = repository.connect()?;
    let mut at = repository.begin(&mut connection)?;
    let mut rest = content;
    for size in sizes {
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        at = location(&connection.request("PATCH", &at, &[OCTETS], chunk)?.expect(202)?)?;
        rest = after;
    }
    assert!(rest.is_empty(), "the chunks are all of the content");
    connection.request("PUT", &finishing(&at, &sha256(content)), &[], b"")
}

/// Reads a blob whole, and compares it; a Swift that slows it down is noticed.
fn check(repository: &Repository, content: &[u8]) {
    let digest = sha256(content);
    assert_eq!(repository.stat(&digest).expect("HEAD"), Some(content.len() as u64));
    let began = Instant::now();
    assert!(repository.read(&digest).expect("GET").as_deref() == Some(content));
    assert!(began.elapsed() < QUICK, "Swift slows the GET down: {:?}", began.elapsed());
}

/// What the manifest of a blob in a container names: the length that is taken of each, and whether it is one that was
/// joined itself.
fn segments(swift: &Swift, container: &str, digest: &str) -> Vec<(u64, bool)> {
    let hex = digest.strip_prefix("sha256:").expect("a sha256");
    let path = format!("/{container}/blobs/sha256/{}/{hex}?multipart-manifest=get", &hex[..2]);
    let answer =
        swift.client().expect("logs in").get(&path).and_then(|answer| answer.expect(200)).expect("GET");
    let rows: Vec<Value> = serde_json::from_slice(&answer.body).expect("a manifest");
    let length = |row: &Value| match row["range"].as_str().and_then(|range| range.split_once('-')) {
        Some((first, last)) => {
            last.parse::<u64>().expect("a number") + 1 - first.parse::<u64>().expect("a number")
        }
        None => row["bytes"].as_u64().expect("a size"),
    };
    rows.iter().map(|row| (length(row), row["sub_slo"] == true)).collect()
}

fn range(repository: &Repository, name: &str, digest: &str, range: &str) -> io::Result<Response> {
    repository.connect()?.request("GET", &format!("/v2/{name}/blobs/{digest}"), &[("Range", range)], b"")
}

#[test]
fn a_thousand_and_one_chunks_of_a_few_bytes_are_one_quick_blob() {
    let registry = berth(shared(), "tiny").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "tiny/app");
    let sizes: Vec<usize> = (0..1001).map(|at| 1 + at % 7).collect();
    let content = bytes(1, sizes.iter().sum());
    push(&repository, &content, sizes).and_then(|answer| answer.expect(201)).expect("it is stored");
    assert_eq!(segments(shared(), "tiny", &sha256(&content)), [(content.len() as u64, false)]);
    check(&repository, &content);
}

#[test]
fn small_and_large_chunks_in_turn_are_read_quickly() {
    let registry = berth(shared(), "turns").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "turns/app");
    let sizes: Vec<usize> = (0..12).flat_map(|at| [10 + at, 2 * MIB + 1000]).collect();
    let content = bytes(2, sizes.iter().sum());
    push(&repository, &content, sizes).and_then(|answer| answer.expect(201)).expect("it is stored");
    let segments = segments(shared(), "turns", &sha256(&content));
    assert_eq!(segments.len(), 24);
    assert!(segments.iter().all(|(length, _)| *length >= MIB as u64), "{segments:?}");
    check(&repository, &content);
    let digest = sha256(&content);
    // Over the border of a run and what is left of the large segment after it.
    let part = range(&repository, "turns/app", &digest, "bytes=1048500-1048700").expect("GET");
    assert_eq!((part.status(), part.body.as_slice()), (206, &content[1_048_500..=1_048_700]));
}

#[test]
fn a_chunk_that_is_sent_twice_is_there_once() {
    let registry = berth(shared(), "twice").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "twice/app");
    let content = bytes(3, 15 * 1000);
    let mut connection = repository.connect().expect("connects");
    let mut at = repository.begin(&mut connection).expect("POST");
    for chunk in content.chunks(1000) {
        // As after a lost answer: both times to where the upload was before.
        let sent = [0, 1].map(|_| connection.request("PATCH", &at, &[OCTETS], chunk));
        let [_, again] = sent.map(|sent| sent.and_then(|answer| answer.expect(202)).expect("PATCH"));
        at = location(&again).expect("a Location");
    }
    let put = connection.request("PUT", &finishing(&at, &sha256(&content)), &[], b"");
    put.and_then(|answer| answer.expect(201)).expect("it is stored");
    check(&repository, &content);
}

#[test]
fn what_one_large_object_does_not_take_is_joined_in_groups() {
    let swift = narrow();
    let berth = berth(swift, "groups").with("  limits: {segment-bytes: 1048576}\n");
    let registry = berth.start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "groups/app");
    let content = bytes(4, 16 * MIB);
    let digest = sha256(&content);
    // In one PUT of known length, then in chunks.
    for pushed in [repository.push_whole(&content), push(&repository, &content, [MIB; 16])] {
        pushed.and_then(|answer| answer.expect(201)).expect("it is stored");
        assert_eq!(segments(swift, "groups", &digest), [(4 * MIB as u64, true); 4]);
        check(&repository, &content);
    }
    for border in [MIB, 4 * MIB, 12 * MIB] {
        let asked = format!("bytes={}-{}", border - 10, border + 9);
        let part = range(&repository, "groups/app", &digest, &asked).expect("GET");
        assert_eq!((part.status(), part.body.as_slice()), (206, &content[border - 10..border + 10]));
    }
    // A last group of one, which stays as it is.
    let content = bytes(5, 13 * MIB);
    push(&repository, &content, [MIB; 13]).and_then(|answer| answer.expect(201)).expect("it is stored");
    let last = *segments(swift, "groups", &sha256(&content)).last().expect("segments");
    assert_eq!(last, (MIB as u64, false));
    check(&repository, &content);
}

#[test]
fn more_than_can_be_joined_is_refused_before_it_is_sent() {
    let berth = berth(narrow(), "many").with("  limits: {segment-bytes: 1048576}\n");
    let registry = berth.start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "many/app");
    // By its length, and no byte of it has to come.
    let mut connection = repository.connect().expect("connects");
    let begun = repository.begin(&mut connection).expect("POST");
    let length = (16 * MIB + 1).to_string();
    connection.send_head("PATCH", &begun, &[OCTETS, ("Content-Length", &length)]).expect("is sent");
    refused(connection.read_response("PATCH").expect("is answered"), 400).expect("a refusal");
    // By the number of its chunks.
    let content = bytes(6, 16);
    let mut connection = repository.connect().expect("connects");
    let mut at = repository.begin(&mut connection).expect("POST");
    for chunk in content.chunks(1) {
        let sent = connection.request("PATCH", &at, &[OCTETS], chunk).and_then(|answer| answer.expect(202));
        at = location(&sent.expect("PATCH")).expect("a Location");
    }
    let more = connection.request("PATCH", &at, &[OCTETS], b"x").expect("is answered");
    assert!(more.text().contains("more than 16 segments"), "{}", more.text());
    refused(more, 400).expect("a refusal");
    // What was before is still good.
    let mut connection = repository.connect().expect("connects");
    let put = connection.request("PUT", &finishing(&at, &sha256(&content)), &[], b"");
    put.and_then(|answer| answer.expect(201)).expect("it is stored");
    check(&repository, &content);
}

#[test]
fn a_group_that_lost_a_segment_is_healed_by_the_next_push() {
    let swift = narrow();
    let berth = berth(swift, "healed").with("  limits: {segment-bytes: 1048576}\n");
    let registry = berth.start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "healed/app");
    let client = swift.client().expect("logs in");
    let content = bytes(7, 6 * MIB);
    let digest = sha256(&content);
    let push =
        || push(&repository, &content, [MIB; 6]).and_then(|answer| answer.expect(201)).expect("it is stored");
    // Segments 0 to 3 are the first group, 4 and 5 the second one; the names of groups end their ranges of numbers.
    for lost in ["0-", "5-", "4-", "6-"] {
        push();
        check(&repository, &content);
        let names = client.names("healed-segments", "").expect("a listing");
        let gone: Vec<_> = names.iter().filter(|name| name.contains(&format!("/{lost}"))).collect();
        assert!(!gone.is_empty(), "{lost} is among {names:?}");
        for name in gone {
            client
                .delete(&format!("/healed-segments/{name}"))
                .and_then(|answer| answer.expect(204))
                .expect("DELETE");
        }
        let whole = repository.read(&digest);
        assert!(!matches!(whole, Ok(Some(_))), "{lost} is gone, and the blob reads whole");
        let first = if lost == "0-" { 0 } else { 4 * MIB + MIB * usize::from(lost == "5-") };
        let asked = format!("bytes={first}-{}", first + 9);
        if let Ok(part) = range(&repository, "healed/app", &digest, &asked) {
            let is_there = part.status() == 206;
            assert!(!is_there || part.body == content[first..first + 10], "{lost}: {}", part.text());
            assert!(is_there || part.status() == 404, "{lost}: {}", part.status());
        }
    }
    push();
    check(&repository, &content);
}

#[test]
fn no_object_is_longer_than_swift_takes() {
    let options = Options { max_file_size: 1_000_000, ..Options::default() };
    let swift = Swift::start(&options).expect("Swift starts");
    let registry = berth(&swift, "capped").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "capped/app");
    let content = bytes(8, 3_000_000);
    repository.push_whole(&content).and_then(|answer| answer.expect(201)).expect("it is stored");
    assert_eq!(segments(&swift, "capped", &sha256(&content)), [(1_000_000, false); 3]);
    check(&repository, &content);
    // What would be one object elsewhere.
    let content = bytes(9, MIB);
    repository.push_whole(&content).and_then(|answer| answer.expect(201)).expect("it is stored");
    check(&repository, &content);
    // What is merged becomes no longer either.
    let content = bytes(10, 3_000_000);
    push(&repository, &content, [100_000; 30]).and_then(|answer| answer.expect(201)).expect("it is stored");
    assert_eq!(segments(&swift, "capped", &sha256(&content)), [(500_000, false); 6]);
    check(&repository, &content);
}

/// Streams a blob that follows from a seed, a MiB at a time; answers its digest.
fn stream(registry: &Server, name: &str, seed: u64, length: usize) -> io::Result<String> {
    let repository = Repository::new(registry.address(), name);
    let mut connection = repository.connect()?;
    let begun = repository.begin(&mut connection)?;
    let fields = [OCTETS, ("Content-Length", &length.to_string())];
    connection.send_head("PATCH", &begun, &fields)?;
    let (mut random, mut sum) = (Random::new(seed), Sha256::new());
    let mut piece = vec![0; MIB];
    let mut left = length;
    while left > 0 {
        piece.truncate(left);
        random.fill(&mut piece);
        sum.update(&piece);
        connection.send(&piece)?;
        left -= piece.len();
    }
    let at = location(&connection.read_response("PATCH")?.expect(202)?)?;
    let digest = named(sum.finalize().as_slice());
    connection.request("PUT", &finishing(&at, &digest), &[], b"")?.expect(201)?;
    Ok(digest)
}

/// The digest and the length of a blob, read piece by piece.
fn drain(registry: &Server, name: &str, digest: &str) -> io::Result<(String, u64)> {
    let mut connection = Connection::open(registry.address())?;
    connection.send_head("GET", &format!("/v2/{name}/blobs/{digest}"), &[])?;
    let head = connection.read_head()?;
    assert_eq!(head.status, 200);
    let mut sum = Sha256::new();
    let length = connection.read_body(&head, &mut |piece| sum.update(piece))?;
    Ok((named(sum.finalize().as_slice()), length))
}

/// In its long form with the segments that are used by default, and longer than any object that is not a large one.
#[test]
fn a_blob_of_more_than_one_segment_comes_back_whole() {
    let (berth, length, parts) = match long() {
        true => (berth(shared(), "gigabytes"), 6 << 30, 6),
        false => (berth(shared(), "megabytes").with("  limits: {segment-bytes: 4194304}\n"), 24 * MIB, 6),
    };
    let registry = berth.start().expect("the registry starts");
    let digest = stream(&registry, "large/app", 11, length).expect("it is stored");
    assert_eq!(segments(shared(), &berth.container, &digest).len(), parts);
    assert_eq!(drain(&registry, "large/app", &digest).expect("GET"), (digest, length as u64));
}

/// In its long form 1,001 chunks of a MiB, on a Swift that joins 40 at once; else 81 on one that joins 9.
#[test]
fn many_large_chunks_are_joined_in_groups() {
    let (max_manifest_segments, chunks) = if long() { (40, 1001) } else { (9, 81) };
    let swift = Swift::start(&Options { max_manifest_segments, ..Options::default() }).expect("Swift starts");
    let registry = berth(&swift, "chunks").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "chunks/app");
    let (mut random, mut sum) = (Random::new(12), Sha256::new());
    let mut chunk = vec![0; MIB];
    let mut connection = repository.connect().expect("connects");
    let mut at = repository.begin(&mut connection).expect("POST");
    for _ in 0..chunks {
        random.fill(&mut chunk);
        sum.update(&chunk);
        let sent = connection.request("PATCH", &at, &[OCTETS], &chunk).and_then(|answer| answer.expect(202));
        at = location(&sent.expect("PATCH")).expect("a Location");
    }
    let digest = named(sum.finalize().as_slice());
    let put = connection.request("PUT", &finishing(&at, &digest), &[], b"");
    put.and_then(|answer| answer.expect(201)).expect("it is stored");
    let groups = segments(&swift, "chunks", &digest);
    assert_eq!(groups.len(), usize::div_ceil(chunks, max_manifest_segments as usize));
    let length = (chunks * MIB) as u64;
    assert_eq!(drain(&registry, "chunks/app", &digest).expect("GET"), (digest, length));
}
