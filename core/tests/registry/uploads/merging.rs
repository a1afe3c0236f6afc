//! Many small segments, on a store that is slow to read them one by one.

use crate::support::{Registry, Trouble, content, sha256, sha512};
use wharfinger_core::store::Reply as StoreReply;

/// An upload of these chunks, all but ended: its registry, its Location, its content.
fn chunked(chunks: &[&[u8]]) -> (Registry, String, Vec<u8>) {
    let mut registry = Registry::new();
    registry.config.limits.small_segments_max = 10;
    let mut location = registry.begin("a");
    for chunk in chunks {
        location = registry.patch(&location, *chunk);
    }
    (registry, location, chunks.concat())
}

/// An upload of chunks of these sizes, where less than ten bytes are small.
fn tens(sizes: &[usize]) -> (Registry, String, Vec<u8>) {
    let content = content(sizes.iter().sum());
    let mut registry = Registry::new();
    registry.config.limits.small_segments_max = 10;
    registry.config.limits.small_segment_bytes = 10;
    let mut location = registry.begin("a");
    let mut rest = content.as_slice();
    for size in sizes {
        let (chunk, after) = rest.split_at(*size);
        location = registry.patch(&location, chunk);
        rest = after;
    }
    (registry, location, content)
}

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

fn joined(ops: &[String]) -> &str {
    ops.iter().find(|op| op.starts_with("Join blob")).map_or("", String::as_str)
}

#[test]
fn ten_small_segments_are_joined_as_they_are_and_more_are_merged() {
    for (count, parts) in [(10, 10), (11, 1), (40, 1)] {
        let chunks: Vec<Vec<u8>> = (0..count).map(|at| vec![at; 3]).collect();
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let (mut registry, location, content) = chunked(&chunks);
        let reply = registry.put(&location, &sha256(&content), ());
        assert_eq!(reply.status, 201, "{}", reply.text());
        assert_eq!(joined(&reply.ops), format!("Join blob of {parts}"), "{count} chunks");
        let blob = registry.get(&format!("/v2/a/blobs/{}", sha256(&content)));
        assert_eq!(blob.text().as_bytes(), content);
    }
}

#[test]
fn runs_end_where_they_are_large_and_take_the_start_of_what_is_large() {
    let (mut registry, location, content) = tens(&[1, 50, 1, 1, 50, 6, 6, 6, 12, 1, 1, 1, 1, 1, 1, 10, 1]);
    registry.config.limits.small_segments_max = 2;
    let reply = registry.put(&location, &sha256(&content), ());
    assert_eq!(reply.status, 201, "{}", reply.text());
    let ops: Vec<_> = reply.ops.iter().filter(|op| op.contains("segment")).map(String::as_str).collect();
    let expected = [
        "Read segment 0",
        "Read segment 1 0-8",
        "Read segment 1 0-8",
        "Write segment 2",
        "Read segment 2",
        "Read segment 3",
        "Read segment 4 0-7",
        "Read segment 4 0-7",
        "Write segment 5",
        "Read segment 5",
        "Read segment 6",
        "Write segment 7",
        "Read segment 7",
        "Read segment 8",
        "Write segment 9",
    ];
    assert_eq!(&ops[..expected.len()], expected);
    assert_eq!(&ops[expected.len()..], {
        let mut rest: Vec<_> = (9..16).map(|number| format!("Read segment {number}")).collect();
        rest.push("Write segment 16".to_owned());
        rest
    });
    // Run, the rest of the large one, run, the rest of the large one, three runs, the last one.
    assert_eq!(joined(&reply.ops), "Join blob of 8");
    assert_eq!(registry.get(&format!("/v2/a/blobs/{}", sha256(&content))).body, content);
}

#[test]
fn small_and_large_in_turn_leave_one_small_one_at_most() {
    let sizes: Vec<usize> = (0..30).flat_map(|_| [1, 40]).collect();
    let (mut registry, location, content) = tens(&sizes);
    let reply = registry.put(&location, &sha256(&content), ());
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(joined(&reply.ops), "Join blob of 60");
    assert_eq!(registry.store.smallest_parts(10), 0);
    assert_eq!(registry.get(&format!("/v2/a/blobs/{}", sha256(&content))).body, content);
}

#[test]
fn no_large_segment_is_cut_where_few_small_ones_stay_without() {
    let sizes: Vec<usize> = [[2; 12].as_slice(), &[1, 40].repeat(9)].concat();
    let (mut registry, location, content) = tens(&sizes);
    let reply = registry.put(&location, &sha256(&content), ());
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert!(
        !reply.ops.iter().any(|op| op.starts_with("Read segment") && op.contains('-')),
        "{:?}",
        reply.ops
    );
    // Two runs of five, one of two and one, then large and small in turn.
    assert_eq!(joined(&reply.ops), "Join blob of 20");
    assert_eq!(registry.store.smallest_parts(10), 9);
    assert_eq!(registry.get(&format!("/v2/a/blobs/{}", sha256(&content))).body, content);
}

#[test]
fn a_piece_that_is_not_the_same_when_it_is_read_again_is_not_published() {
    for (changed, reads) in [(2, 1), (3, 2)] {
        let (mut registry, location, content) = tens(&[1, 40].repeat(3));
        registry.config.limits.small_segments_max = 2;
        let digest = sha256(&content);
        let large = registry.store.names("segments/").into_iter().find(|name| name.contains("/1-")).unwrap();
        let large = large.to_owned();
        let good = registry.store.objects[&large].clone();
        let mut bad = good.clone();
        bad.bytes = [b"X", &good.bytes[1..]].concat().into();
        let mut run = registry.start("PUT", &format!("{location}&digest={digest}"), &[], ());
        for call in 1..=3 {
            let object = if call == changed { &bad } else { &good };
            registry.store.objects.insert(large.clone(), object.clone());
            assert!(run.turn(&mut registry.store));
        }
        registry.store.objects.insert(large, good);
        while run.turn(&mut registry.store) {}
        let pieces = run.reply().ops.iter().filter(|op| *op == "Read segment 1 0-8").count();
        assert_eq!((run.reply().status, pieces), (503, 2), "at {reads}: {:?}", run.reply().ops);
        assert_eq!(registry.store.names("blobs/"), [""; 0]);
        assert_eq!(registry.put(&location, &digest, ()).status, 201);
        assert_eq!(registry.get(&format!("/v2/a/blobs/{digest}")).body, content);
    }
}

#[test]
fn who_merges_again_writes_the_same_and_runs_of_equal_content_have_names_of_their_own() {
    let chunks = [&b"x"[..]; 40];
    let (mut registry, location, content) = chunked(&chunks);
    registry.config.limits.small_segment_bytes = 10;
    let runs = |registry: &Registry| -> Vec<String> {
        let names = registry.store.names("segments/").into_iter();
        names.filter(|name| registry.store.objects[*name].bytes.len() == 10).map(str::to_owned).collect()
    };
    let mut before = Vec::new();
    for _ in 0..2 {
        registry.store.trouble("Join blob", [Trouble::Answer(StoreReply::Refused)]);
        assert_eq!(registry.put(&location, &sha256(&content), ()).status, 503);
        assert!(before.is_empty() || before == runs(&registry), "{before:?}");
        before = runs(&registry);
    }
    let mut nonces: Vec<_> = before.iter().filter_map(|name| name.rsplit('-').next()).collect();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 4, "{before:?}");
    assert_eq!(registry.put(&location, &sha256(&content), ()).status, 201);
}

#[test]
fn what_the_store_does_not_join_is_merged_however_few_it_is() {
    for (sizes, parts) in [(&[10, 3][..], 2), (&[3, 10], 1), (&[10, 9, 9], 2), (&[10, 10, 10], 3)] {
        let (mut registry, location, content) = tens(sizes);
        registry.config.limits.joins.part_bytes_min = 10;
        let reply = registry.put(&location, &sha256(&content), ());
        assert_eq!(reply.status, 201, "{}", reply.text());
        assert_eq!(joined(&reply.ops), format!("Join blob of {parts}"), "{sizes:?}");
    }
}

#[test]
fn whatever_the_chunks_the_blob_is_the_same_out_of_few_parts() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let kinds = [9, 12, 25, 60];
        let most = 1 + random.below(kinds.len());
        let count = 1 + random.below(64);
        let size = |_| {
            let kind = random.below(most);
            1 + random.below(kinds[kind])
        };
        let sizes: Vec<usize> = (0..count).map(size).collect();
        let (mut registry, location, content) = tens(&sizes);
        registry.config.limits.joins.parts_max = 8;
        registry.host.head_before_fed = seed % 2 == 0;
        let digest = if seed % 3 == 0 { sha512(&content) } else { sha256(&content) };
        let reply = registry.put(&location, &digest, ());
        assert_eq!(reply.status, 201, "{seed}: {sizes:?}: {}", reply.text());
        for join in reply.ops.iter().filter(|op| op.starts_with("Join")) {
            let (_, parts) = join.rsplit_once(' ').unwrap();
            assert!((1..=8).contains(&parts.parse::<u32>().unwrap()), "{seed}: {join}");
        }
        assert!(registry.store.smallest_parts(10) <= 10, "{seed}: {sizes:?}");
        let blob = registry.get(&format!("/v2/a/blobs/{digest}"));
        assert!(blob.body == content, "{seed}: {sizes:?}");
    }
}

#[test]
fn a_merge_whose_parts_are_gone_is_a_blob_or_nothing() {
    let (mut registry, location, content) = tens(&[1; 12]);
    let digest = sha256(&content);
    registry.store.objects.clear();
    let reply = registry.put(&location, &digest, ());
    assert_eq!(reply.refusal(), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
    assert_eq!(reply.ops.last().unwrap(), "Stat blob");
    registry.push("b", &content);
    assert_eq!(registry.put(&location, &digest, ()).status, 201, "it stands already");
    // A store that points at parts frees none: the blob may lack what is missing.
    registry.config.limits.joins.copies = false;
    let reply = registry.put(&location, &digest, ());
    assert_eq!(reply.refusal(), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
    assert!(!reply.ops.iter().any(|op| op == "Stat blob"), "{:?}", reply.ops);
}

#[test]
fn what_cannot_be_merged_is_not_published() {
    let chunks = [&b"x"[..]; 11];
    for (label, answer, status) in [
        ("Read segment 3", StoreReply::Missing, 404),
        ("Read segment 3", StoreReply::Refused, 503),
        ("Write segment 11", StoreReply::Full, 507),
    ] {
        let (mut registry, location, content) = chunked(&chunks);
        registry.store.trouble(label, [Trouble::Answer(answer.clone())]);
        let reply = registry.put(&location, &sha256(&content), ());
        assert_eq!(reply.status, status, "{label} {answer:?}: {:?}", reply.ops);
        assert!(registry.store.is_calm() && joined(&reply.ops).is_empty());
        assert_eq!(registry.put(&location, &sha256(&content), ()).status, 201, "it can be tried again");
    }
    let (mut registry, location, content) = chunked(&chunks);
    registry.host.memory = false;
    assert_eq!(registry.put(&location, &sha256(&content), ()).status, 503);
}
