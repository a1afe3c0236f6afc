//! What an answer means, status by status.

use wharfinger_core::store::{Listing, Op, Reply};
use wharfinger_core::swift::{Verdict, classify_container};

use crate::support::{BUSY, REFUSED, blob, copy, head, join, judge, judge_body, list, names, ops, part, tag};

const REJECTED: Verdict = Verdict::TokenRejected;

fn is_reply(reply: Reply) -> Verdict {
    Verdict::Reply(reply)
}

#[test]
fn to_a_write() {
    let plain = Op::Write { key: tag(), create_only: false };
    let create = Op::Write { key: tag(), create_only: true };
    for (status, to_plain, to_create) in [
        (201, is_reply(Reply::Written { md5: None }), is_reply(Reply::Written { md5: None })),
        // Not stored.
        (202, BUSY, BUSY),
        (200, BUSY, BUSY),
        (204, BUSY, BUSY),
        (301, REFUSED, REFUSED),
        (400, REFUSED, REFUSED),
        (401, REJECTED, REJECTED),
        (403, REFUSED, REFUSED),
        (404, BUSY, BUSY),
        (408, BUSY, BUSY),
        (409, BUSY, BUSY),
        (411, REFUSED, REFUSED),
        (412, REFUSED, is_reply(Reply::Exists)),
        (413, is_reply(Reply::Full), is_reply(Reply::Full)),
        (416, REFUSED, REFUSED),
        (422, is_reply(Reply::Mismatch), is_reply(Reply::Mismatch)),
        (429, BUSY, BUSY),
        (497, BUSY, BUSY),
        (498, BUSY, BUSY),
        (499, BUSY, BUSY),
        (500, BUSY, BUSY),
        (502, BUSY, BUSY),
        (503, BUSY, BUSY),
        (504, BUSY, BUSY),
        (507, is_reply(Reply::Full), is_reply(Reply::Full)),
    ] {
        assert_eq!(judge(&plain, status, &[]), to_plain, "{status}");
        assert_eq!(judge(&create, status, &[]), to_create, "{status}");
    }
}

#[test]
fn a_write_is_told_its_md5() {
    let op = Op::Write { key: blob(), create_only: false };
    let md5 = "00112233445566778899aabbccddeeff";
    let expected =
        [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
    for (etag, md5) in [
        (md5.to_owned(), Some(expected)),
        (format!("\"{md5}\""), Some(expected)),
        (format!("W/\"{md5}\""), None),
        (format!("{md5}-2"), None),
        ("x".to_owned(), None),
    ] {
        assert_eq!(judge(&op, 201, &[("etag", &etag)]), is_reply(Reply::Written { md5 }), "{etag}");
    }
}

#[test]
fn to_a_join() {
    let op = join(&[part(0, 1, Some(1))]);
    for (status, verdict) in [
        (201, is_reply(Reply::Written { md5: None })),
        (200, BUSY),
        (202, BUSY),
        (400, Verdict::Body { max: 512 << 10 }),
        (401, REJECTED),
        (403, REFUSED),
        (404, BUSY),
        (408, BUSY),
        (409, BUSY),
        (411, REFUSED),
        (412, REFUSED),
        (413, Verdict::Body { max: 512 << 10 }),
        (422, is_reply(Reply::Mismatch)),
        (429, BUSY),
        (497, BUSY),
        (498, BUSY),
        (499, BUSY),
        (500, BUSY),
        (503, BUSY),
        (507, is_reply(Reply::Full)),
    ] {
        assert_eq!(judge(&op, status, &[]), verdict, "{status}");
    }
    // The Etag of a large object is not the MD5 of its content, but what it goes by as a segment.
    let etag = ("etag", "\"01010101010101010101010101010101\"");
    assert_eq!(judge(&op, 201, &[etag]), is_reply(Reply::Written { md5: Some([1; 16]) }));
    assert_eq!(
        judge(&op, 413, &[("retry-after", "1")]),
        Verdict::Reply(Reply::Unavailable { retry_after: Some(1) })
    );
    for (body, verdict) in [
        ("Upload exceeds quota.", is_reply(Reply::Full)),
        ("", is_reply(Reply::Full)),
        ("Number of object-backed segments must be <= 1000", REFUSED),
        ("Manifest File > 8388608 bytes", REFUSED),
    ] {
        assert_eq!(judge_body(&op, 413, body.as_bytes()), verdict, "{body}");
    }
}

#[test]
fn to_a_copy() {
    for (status, verdict) in [
        (201, is_reply(Reply::Written { md5: None })),
        // Not stored.
        (202, BUSY),
        (200, BUSY),
        (204, BUSY),
        (304, REFUSED),
        (400, REFUSED),
        (401, REJECTED),
        (403, REFUSED),
        (404, is_reply(Reply::Missing)),
        (405, REFUSED),
        (408, BUSY),
        (409, BUSY),
        (411, REFUSED),
        (412, REFUSED),
        (413, is_reply(Reply::Full)),
        (416, REFUSED),
        (422, is_reply(Reply::Mismatch)),
        (429, BUSY),
        (497, BUSY),
        (498, BUSY),
        (499, BUSY),
        (500, BUSY),
        (502, BUSY),
        (503, BUSY),
        (504, BUSY),
        (507, is_reply(Reply::Full)),
    ] {
        assert_eq!(judge(&copy(), status, &[]), verdict, "{status}");
    }
    // Of a large object it is that of the manifest.
    let etag = ("etag", "00112233445566778899aabbccddeeff");
    assert_eq!(judge(&copy(), 201, &[etag]), is_reply(Reply::Written { md5: None }));
}

#[test]
fn to_a_touch_and_to_a_remove() {
    for (status, to_touch, to_remove) in [
        (200, is_reply(Reply::Done), is_reply(Reply::Done)),
        (202, is_reply(Reply::Done), BUSY),
        (204, is_reply(Reply::Done), is_reply(Reply::Done)),
        (307, REFUSED, REFUSED),
        (400, REFUSED, REFUSED),
        (401, REJECTED, REJECTED),
        (403, REFUSED, REFUSED),
        (404, is_reply(Reply::Missing), is_reply(Reply::Missing)),
        (408, BUSY, BUSY),
        (409, BUSY, BUSY),
        (412, REFUSED, REFUSED),
        (413, BUSY, BUSY),
        (429, BUSY, BUSY),
        (497, BUSY, BUSY),
        (498, BUSY, BUSY),
        (499, BUSY, BUSY),
        (500, BUSY, BUSY),
        (503, BUSY, BUSY),
        (507, BUSY, BUSY),
    ] {
        assert_eq!(judge(&Op::Touch { key: blob() }, status, &[]), to_touch, "{status}");
        assert_eq!(judge(&Op::Remove { key: blob() }, status, &[]), to_remove, "{status}");
    }
}

#[test]
fn to_a_list() {
    let op = list(Listing::Repositories, None, 9);
    let empty = is_reply(Reply::Page(wharfinger_core::store::Page { rows: vec![], more: false }));
    for (status, verdict) in [
        (200, Verdict::Body { max: 10 << 10 }),
        (204, empty),
        (202, BUSY),
        (400, REFUSED),
        (401, REJECTED),
        (403, REFUSED),
        // Never an empty page: nobody knows that there is nothing.
        (404, BUSY),
        (412, REFUSED),
        (429, BUSY),
        (497, BUSY),
        (498, BUSY),
        (500, BUSY),
        (503, BUSY),
        (507, BUSY),
    ] {
        assert_eq!(judge(&op, status, &[]), verdict, "{status}");
    }
    // Names of others may be longer.
    assert_eq!(judge(&list(names("", true), None, 9), 200, &[]), Verdict::Body { max: 80 << 10 });
    assert_eq!(
        judge(&list(Listing::Repositories, None, u32::MAX), 200, &[]),
        Verdict::Body { max: 10_000 << 10 }
    );
}

#[test]
fn retry_after_is_passed_on() {
    for op in ops() {
        for status in [408, 413, 429, 497, 498, 499, 500, 502, 503, 504, 599] {
            let verdict = judge(&op, status, &[("retry-after", "17")]);
            assert_eq!(verdict, is_reply(Reply::Unavailable { retry_after: Some(17) }), "{op:?} {status}");
        }
        let date =
            [("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
        let verdict = judge(&op, 503, &date);
        assert_eq!(verdict, is_reply(Reply::Unavailable { retry_after: Some(3) }), "{op:?}");
    }
}

#[test]
fn every_status_means_something_to_every_op() {
    for op in ops() {
        for status in 100..1000 {
            let verdict = judge(&op, status, &[]);
            let is_success = matches!(status, 200..=299);
            match verdict {
                Verdict::TokenRejected => assert_eq!(status, 401, "{op:?}"),
                Verdict::Body { .. } => assert!(matches!(status, 200 | 400 | 413), "{op:?} {status}"),
                Verdict::Reply(Reply::Written { .. }) => assert_eq!(status, 201, "{op:?}"),
                Verdict::Reply(Reply::Done | Reply::Page(_) | Reply::Found(_)) => {
                    assert!(is_success, "{op:?} {status}");
                }
                Verdict::Reply(Reply::Missing) => assert_eq!(status, 404, "{op:?}"),
                Verdict::Reply(
                    Reply::Exists
                    | Reply::Damaged
                    | Reply::Mismatch
                    | Reply::Full
                    | Reply::Refused
                    | Reply::Unavailable { .. },
                ) => {}
            }
        }
    }
}

#[test]
fn to_the_creation_of_a_container() {
    for (status, verdict) in [
        (201, is_reply(Reply::Done)),
        (202, is_reply(Reply::Done)),
        (401, REJECTED),
        (403, REFUSED),
        (404, REFUSED),
        (413, is_reply(Reply::Full)),
        (503, BUSY),
    ] {
        assert_eq!(classify_container(&head(status, &[])), verdict, "{status}");
    }
}
