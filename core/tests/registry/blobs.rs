//! Blobs: GET, HEAD, ranges, DELETE.

use crate::support::{Registry, Trouble, content, sha256};
use wharfinger_core::exchange::Outcome;
use wharfinger_core::store::{Fault, Reply as StoreReply};

const DAY: u64 = 24 * 3600;

#[test]
fn a_blob_comes_back_as_it_was_pushed() {
    let mut registry = Registry::new();
    let bytes = content(1000);
    let digest = registry.push("a/b", &bytes);
    let target = format!("/v2/a/b/blobs/{digest}");
    let reply = registry.get(&target);
    assert_eq!((reply.status, reply.body.as_slice()), (200, bytes.as_slice()));
    assert_eq!(reply.field("docker-content-digest"), Some(digest.to_string().as_str()));
    assert_eq!(reply.field("etag"), Some(format!("\"{digest}\"").as_str()));
    assert_eq!(reply.field("accept-ranges"), Some("bytes"));
    assert_eq!(reply.field("content-type"), Some("application/octet-stream"));
    assert_eq!(reply.ops, ["Read link a/b", "Read blob"]);
    let reply = registry.head(&target);
    assert_eq!((reply.status, reply.length), (200, 1000));
    assert_eq!(reply.field("docker-content-digest"), Some(digest.to_string().as_str()));
    assert_eq!(reply.ops, ["Read link a/b"]);
}

#[test]
fn a_repository_shows_its_own_blobs_only() {
    let mut registry = Registry::new();
    let digest = registry.push("a/b", b"bytes");
    for repository in ["a", "a/b/c", "b"] {
        let target = format!("/v2/{repository}/blobs/{digest}");
        assert_eq!(registry.get(&target).refusal(), (404, "BLOB_UNKNOWN".to_owned()));
        assert_eq!(registry.head(&target).status, 404);
        assert_eq!(registry.delete(&target).refusal(), (404, "BLOB_UNKNOWN".to_owned()));
    }
    let unknown = format!("/v2/a/b/blobs/{}", sha256(b"other"));
    assert_eq!(registry.get(&unknown).refusal(), (404, "BLOB_UNKNOWN".to_owned()));
}

#[test]
fn an_empty_blob_is_one_too() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"");
    let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!((reply.status, reply.length, reply.outcome), (200, 0, Some(Outcome::Complete)));
    let range = [("range", "bytes=0-")];
    let reply = registry.send("GET", &format!("/v2/a/blobs/{digest}"), &range, ());
    assert_eq!(reply.refusal(), (416, "SIZE_INVALID".to_owned()));
    assert_eq!(reply.field("content-range"), Some("bytes */0"));
}

#[test]
fn one_range_is_read_and_no_more() {
    let mut registry = Registry::new();
    let bytes = content(1000);
    let digest = registry.push("a", &bytes);
    let target = format!("/v2/a/blobs/{digest}");
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=990-", 990, 999),
        ("bytes=990-5000", 990, 999),
        ("bytes=-5", 995, 999),
    ] {
        let reply = registry.send("GET", &target, &[("range", range)], ());
        assert_eq!((reply.status, reply.body.as_slice()), (206, &bytes[first..=last]), "{range}");
        let stated = format!("bytes {first}-{last}/1000");
        assert_eq!(reply.field("content-range"), Some(stated.as_str()));
        assert_eq!(reply.ops, ["Read link a".to_owned(), format!("Read blob {first}-{last}")]);
    }
    for range in ["bytes=1000-", "bytes=5-4", "bytes=-0"] {
        let reply = registry.send("GET", &target, &[("range", range)], ());
        assert_eq!(reply.refusal(), (416, "SIZE_INVALID".to_owned()), "{range}");
        assert_eq!(reply.field("content-range"), Some("bytes */1000"));
        assert_eq!(reply.ops, ["Read link a"]);
    }
    for range in ["bytes=a-b", "lines=1-2"] {
        let reply = registry.send("GET", &target, &[("range", range)], ());
        assert_eq!((reply.status, reply.body.as_slice()), (200, bytes.as_slice()), "{range}");
    }
    let reply = registry.send("HEAD", &target, &[("range", "bytes=0-0")], ());
    assert_eq!((reply.status, reply.length), (200, 1000));
}

#[test]
fn a_range_is_kept_only_if_the_content_is_the_one_meant() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"0123456789");
    let target = format!("/v2/a/blobs/{digest}");
    let tag = format!("\"{digest}\"");
    let weak = format!("W/\"{digest}\"");
    for (if_range, status) in [(tag.as_str(), 206), (&weak, 200), ("\"other\"", 200)] {
        let reply = registry.send("GET", &target, &[("range", "bytes=1-2"), ("if-range", if_range)], ());
        assert_eq!(reply.status, status, "{if_range}");
    }
}

#[test]
fn several_ranges_come_as_many_parts_as_asked_byte_for_byte() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"0123456789");
    let target = format!("/v2/a/blobs/{digest}");
    let reply = registry.send("GET", &target, &[("range", "bytes=0-1, 2-3,2-2,-1")], ());
    assert_eq!(reply.status, 206);
    let boundary = "00000000000000000000000000000002";
    let kind = format!("multipart/byteranges; boundary={boundary}");
    assert_eq!(reply.field("content-type"), Some(kind.as_str()));
    assert_eq!(reply.field("content-range"), None);
    let part = |range: &str, bytes: &str| {
        format!(
            "--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {range}/10\r\n\r\n{bytes}\r\n"
        )
    };
    let parts = [part("0-1", "01"), part("2-3", "23"), part("2-2", "2"), part("9-9", "9")];
    assert_eq!(reply.text(), format!("{}--{boundary}--\r\n", parts.concat()));
    assert_eq!(
        reply.ops,
        ["Read link a", "Read blob 0-1", "Read blob 2-3", "Read blob 2-2", "Read blob 9-9"]
    );
}

#[test]
fn a_reply_of_parts_that_cannot_go_on_is_cut() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"0123456789");
    let target = format!("/v2/a/blobs/{digest}");
    let range = [("range", "bytes=0-1,2-3")];
    registry.store.trouble("Read blob 2-3", [Trouble::Answer(StoreReply::Damaged)]);
    let reply = registry.send("GET", &target, &range, ());
    assert_eq!((reply.status, reply.outcome), (206, Some(Outcome::Cut)));
    registry.store.trouble("Read blob 2-3", [Trouble::Short(1)]);
    assert_eq!(registry.send("GET", &target, &range, ()).outcome, Some(Outcome::Cut));
    registry.store.unavailable("Read blob 2-3", 3);
    assert_eq!(registry.send("GET", &target, &range, ()).outcome, Some(Outcome::Complete));
    registry.host.reply_bytes_max = Some(20);
    assert_eq!(registry.send("GET", &target, &range, ()).outcome, Some(Outcome::Cut));
}

#[test]
fn who_has_it_is_told_so() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"bytes");
    let target = format!("/v2/a/blobs/{digest}");
    let tag = format!("W/\"other\", \"{digest}\"");
    for (method, if_none_match, status) in [
        ("GET", tag.as_str(), 304),
        ("HEAD", &tag, 304),
        ("GET", "*", 304),
        ("GET", "\"other\"", 200),
        ("HEAD", "\"other\"", 200),
    ] {
        let reply = registry.send(method, &target, &[("if-none-match", if_none_match)], ());
        assert_eq!(reply.status, status, "{method} {if_none_match}");
        if status == 304 {
            assert_eq!((reply.body.len(), reply.length), (0, 0));
            assert_eq!(reply.field("etag"), Some(format!("\"{digest}\"").as_str()));
            assert_eq!(reply.field("content-type"), None);
        }
    }
}

#[test]
fn a_head_makes_young_what_the_client_relies_on() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"bytes");
    let target = format!("/v2/a/blobs/{digest}");
    registry.store.age(DAY / 2);
    assert_eq!(registry.head(&target).ops, ["Read link a"]);
    registry.store.age(DAY / 2 + 1);
    assert_eq!(registry.get(&target).ops, ["Read link a", "Read blob"]);
    let reply = registry.head(&target);
    assert_eq!((reply.status, reply.length), (200, 5));
    assert_eq!(reply.ops, ["Read link a", "Touch blob", "Touch link a"]);
    assert!(registry.store.objects.values().all(|object| object.age == 0));
    assert_eq!(registry.head(&target).ops, ["Read link a"]);
}

#[test]
fn a_head_of_what_is_gone_heals_the_repository() {
    for (gone, ops) in [
        ("blobs/", &["Read link a", "Touch blob", "Remove link a", "Stat blob"][..]),
        ("links/", &["Read link a", "Touch blob", "Touch link a", "Remove link a"]),
    ] {
        let mut registry = Registry::new();
        let digest = registry.push("a", b"bytes");
        registry.store.age(DAY);
        let target = format!("/v2/a/blobs/{digest}");
        let mut run = registry.start("HEAD", &target, &[], ());
        assert!(run.turn(&mut registry.store));
        registry.store.objects.retain(|name, _| !name.starts_with(gone));
        while run.turn(&mut registry.store) {}
        assert_eq!(run.reply().status, 404);
        assert_eq!(run.reply().ops, ops, "{gone}");
        assert_eq!(registry.store.names("links/"), [""; 0]);
    }
}

#[test]
fn a_store_without_writes_still_answers_a_head() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"bytes");
    registry.store.age(DAY);
    registry.store.trouble("Touch", vec![Trouble::Answer(StoreReply::Refused)]);
    let target = format!("/v2/a/blobs/{digest}");
    let reply = registry.head(&target);
    assert_eq!((reply.status, reply.ops), (200, vec!["Read link a".to_owned(), "Touch blob".to_owned()]));
    // The link stayed old, so that nobody takes the content for young.
    assert_eq!(registry.head(&target).ops, ["Read link a", "Touch blob", "Touch link a"]);
    registry.store.age(DAY);
    registry.store.unavailable("Touch blob", 4);
    let reply = registry.head(&format!("/v2/a/blobs/{digest}"));
    assert_eq!((reply.status, reply.field("retry-after")), (503, Some("5")));
}

#[test]
fn a_push_that_heals_while_the_link_goes_keeps_its_own() {
    for turns in 0..8 {
        let mut registry = Registry::new();
        let digest = registry.push("a", b"bytes");
        registry.store.objects.retain(|name, _| !name.starts_with("blobs/"));
        let target = format!("/v2/a/blobs/{digest}");
        let mut run = registry.start("GET", &target, &[], ());
        for _ in 0..turns {
            run.turn(&mut registry.store);
        }
        let told = run.is_over();
        registry.push("a", b"bytes");
        while run.turn(&mut registry.store) {}
        assert_eq!(registry.head(&target).status, 200, "after {turns} turns");
        assert!(told || [200, 404, 503].contains(&run.reply().status));
    }
}

#[test]
fn a_get_that_meets_the_push_of_its_blob_takes_no_link_away() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"bytes");
    // Both are asked for at once: the content was before it was pushed, the link after.
    registry.store.trouble("Read blob", [Trouble::Answer(StoreReply::Missing)]);
    let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
    assert_eq!(reply.ops, ["Read link a", "Read blob", "Read blob"]);
    assert_eq!((reply.status, &reply.body[..]), (200, &b"bytes"[..]));
}

#[test]
fn a_link_to_what_is_gone_goes_too() {
    for range in [None, Some("bytes=0-1"), Some("bytes=0-1,3-4")] {
        let fields: Vec<_> = range.map(|range| ("range", range)).into_iter().collect();
        for trouble in [Some(Trouble::Answer(StoreReply::Damaged)), None] {
            let mut registry = Registry::new();
            let digest = registry.push("a", b"bytes");
            let target = format!("/v2/a/blobs/{digest}");
            match trouble {
                Some(trouble) => registry.store.trouble("Read blob", [trouble]),
                None => registry.store.objects.retain(|name, _| !name.starts_with("blobs/")),
            }
            let reply = registry.send("GET", &target, &fields, ());
            assert_eq!(reply.refusal(), (404, "BLOB_UNKNOWN".to_owned()), "{range:?}");
            assert!(reply.ops.contains(&"Remove link a".to_owned()), "{range:?}");
            assert_eq!(registry.store.names("links/"), [""; 0], "{range:?}");
        }
    }
}

#[test]
fn a_link_that_says_another_size_is_no_link() {
    for record in [&b"{\"size\":4}"[..], b"{\"size\":", b"", &[b' '; 200]] {
        let mut registry = Registry::new();
        let digest = registry.push("a", b"bytes");
        let link = registry.store.names("links/")[0].to_owned();
        registry.store.objects.get_mut(&link).unwrap().bytes = record.to_vec().into();
        let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
        assert_eq!(reply.status, 404, "{record:?}");
        assert!(!registry.store.has(&link), "{record:?}");
    }
}

#[test]
fn a_damaged_link_is_no_link_whatever_is_asked() {
    for (method, range) in [("HEAD", None), ("GET", Some("bytes=0-1")), ("GET", None)] {
        for record in [&b"{\"size\":"[..], b"", &[b' '; 200]] {
            let mut registry = Registry::new();
            let digest = registry.push("a", b"bytes");
            let link = registry.store.names("links/")[0].to_owned();
            registry.store.objects.get_mut(&link).unwrap().bytes = record.to_vec().into();
            let fields: Vec<_> = range.map(|range| ("range", range)).into_iter().collect();
            let reply = registry.send(method, &format!("/v2/a/blobs/{digest}"), &fields, ());
            assert_eq!(reply.status, 404, "{method} {range:?} {record:?}");
            assert!(!registry.store.has(&link), "{method} {range:?} {record:?}");
        }
    }
}

#[test]
fn a_short_blob_never_ends_cleanly() {
    for trouble in [Trouble::Short(3), Trouble::Late(3)] {
        let mut registry = Registry::new();
        let digest = registry.push("a", b"bytes");
        registry.store.trouble("Read blob", [trouble]);
        let reply = registry.get(&format!("/v2/a/blobs/{digest}"));
        assert_eq!((reply.status, reply.outcome), (200, Some(Outcome::Cut)));
    }
    let mut registry = Registry::new();
    let digest = registry.push("a", b"bytes");
    registry.host.reply_bytes_max = Some(2);
    assert_eq!(registry.get(&format!("/v2/a/blobs/{digest}")).outcome, Some(Outcome::Cut));
}

#[test]
fn a_delete_lets_go_of_the_blob_here_alone() {
    let mut registry = Registry::new();
    let digest = registry.push("a", b"bytes");
    registry.push("b", b"bytes");
    let target = format!("/v2/a/blobs/{digest}");
    let reply = registry.delete(&target);
    assert_eq!((reply.status, reply.body.len()), (202, 0));
    assert_eq!(reply.ops, ["Remove link a"]);
    assert_eq!(registry.get(&target).status, 404);
    assert_eq!(registry.delete(&target).refusal(), (404, "BLOB_UNKNOWN".to_owned()));
    assert_eq!(registry.get(&format!("/v2/b/blobs/{digest}")).body, b"bytes");
}

#[test]
fn what_a_store_cannot_do_is_told_as_it_is() {
    for (answer, status, retry_after) in [
        (StoreReply::Refused, 503, None),
        (StoreReply::Full, 507, None),
        (StoreReply::Damaged, 503, Some("5")),
        (StoreReply::Mismatch, 503, Some("5")),
        (StoreReply::Exists, 503, Some("5")),
    ] {
        let mut registry = Registry::new();
        let digest = registry.push("a", b"bytes");
        registry.store.trouble("Remove link", [Trouble::Answer(answer.clone())]);
        let reply = registry.delete(&format!("/v2/a/blobs/{digest}"));
        assert_eq!(reply.refusal(), (status, "UNAVAILABLE".to_owned()), "{answer:?}");
        assert_eq!(reply.field("retry-after"), retry_after, "{answer:?}");
    }
    let mut registry = Registry::new();
    registry.store.trouble("Remove link", vec![Trouble::Fails(Fault::Unreachable); 4]);
    let reply = registry.delete(&format!("/v2/a/blobs/{}", sha256(b"")));
    assert_eq!((reply.status, reply.field("retry-after")), (503, Some("5")));
}
