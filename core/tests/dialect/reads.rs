//! What is found: sizes, ranges, ages.

use wharfinger_core::oci::ByteRange;
use wharfinger_core::store::{Found, Op, Reply};
use wharfinger_core::swift::Verdict;

use crate::support::{BUSY, NOW, REFUSED, blob, judge};

const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:27 GMT");

fn found(size: u64, age: u64) -> Verdict {
    Verdict::Reply(Reply::Found(Found { size, age, etag: None }))
}

fn whole() -> Op {
    Op::Read { key: blob(), range: None, if_match: None }
}

fn ranged(first: u64, last: u64) -> Op {
    Op::Read { key: blob(), range: ByteRange::within(first, last, 1 << 50), if_match: None }
}

#[test]
fn statuses() {
    for (status, to_read, to_stat) in [
        (201, BUSY, BUSY),
        (202, BUSY, BUSY),
        (203, BUSY, BUSY),
        (204, BUSY, BUSY),
        (304, REFUSED, REFUSED),
        (400, REFUSED, REFUSED),
        (401, Verdict::TokenRejected, Verdict::TokenRejected),
        (403, REFUSED, REFUSED),
        (404, Verdict::Reply(Reply::Missing), Verdict::Reply(Reply::Missing)),
        (408, BUSY, BUSY),
        (409, Verdict::Reply(Reply::Damaged), Verdict::Reply(Reply::Damaged)),
        (412, REFUSED, REFUSED),
        (413, BUSY, BUSY),
        (416, Verdict::Reply(Reply::Damaged), REFUSED),
        (429, BUSY, BUSY),
        (497, BUSY, BUSY),
        (498, BUSY, BUSY),
        (499, BUSY, BUSY),
        (500, BUSY, BUSY),
        (502, BUSY, BUSY),
        (503, BUSY, BUSY),
        (504, BUSY, BUSY),
        (507, BUSY, BUSY),
    ] {
        let fields = [("content-length", "3"), MODIFIED];
        assert_eq!(judge(&whole(), status, &fields), to_read, "{status}");
        assert_eq!(judge(&ranged(0, 1), status, &fields), to_read, "{status}");
        assert_eq!(judge(&Op::Stat { key: blob() }, status, &fields), to_stat, "{status}");
    }
}

#[test]
fn another_object_than_the_one_that_is_meant_is_not_there() {
    let meant = Op::Read { key: blob(), range: ByteRange::within(5, 9, 600), if_match: Some([1; 16]) };
    assert_eq!(judge(&meant, 412, &[]), Verdict::Reply(Reply::Missing));
    assert_eq!(judge(&meant, 206, &[("content-range", "bytes 5-9/600"), MODIFIED]), found(600, 10));
}

#[test]
fn sizes_are_those_of_the_whole_object() {
    for (op, status, fields, verdict) in [
        (whole(), 200, [("content-length", "0"), MODIFIED], found(0, 10)),
        (whole(), 200, [("content-length", "18446744073709551615"), MODIFIED], found(u64::MAX, 10)),
        (whole(), 200, [("content-length", "-1"), MODIFIED], BUSY),
        (whole(), 200, [("content-length", "18446744073709551616"), MODIFIED], BUSY),
        (whole(), 200, [("x", "y"), MODIFIED], BUSY),
        (whole(), 206, [("content-range", "bytes 0-9/10"), MODIFIED], BUSY),
        (ranged(2, 5), 206, [("content-range", "bytes 2-5/600"), MODIFIED], found(600, 10)),
        (ranged(2, 5), 206, [("content-range", "bytes 2-3/4"), MODIFIED], found(4, 10)),
        // Other bytes than those asked for.
        (ranged(2, 5), 206, [("content-range", "bytes 0-5/600"), MODIFIED], BUSY),
        (ranged(2, 5), 206, [("content-range", "bytes 2-6/600"), MODIFIED], BUSY),
        (ranged(2, 5), 206, [("content-range", "bytes 2-5/*"), MODIFIED], BUSY),
        (ranged(2, 5), 206, [("content-type", "multipart/byteranges"), MODIFIED], BUSY),
        (ranged(2, 5), 200, [("content-length", "600"), MODIFIED], BUSY),
        // All of it begins with what was asked for.
        (ranged(0, 5), 200, [("content-length", "600"), MODIFIED], found(600, 10)),
        (ranged(0, 5), 200, [("content-length", "0"), MODIFIED], BUSY),
        (Op::Stat { key: blob() }, 200, [("content-length", "7"), MODIFIED], found(7, 10)),
        (Op::Stat { key: blob() }, 200, [("x", "y"), MODIFIED], BUSY),
    ] {
        assert_eq!(judge(&op, status, &fields), verdict, "{op:?} {status} {fields:?}");
    }
}

#[test]
fn ages() {
    let length = ("content-length", "7");
    let later = ("date", "Sun, 06 Nov 1994 08:50:27 GMT");
    let stamp = ("x-timestamp", "784111700.99999");
    let other = ("x", "y");
    for (fields, verdict) in [
        ([length, MODIFIED, other], found(7, 10)),
        ([length, stamp, other], found(7, 77)),
        ([length, stamp, MODIFIED], found(7, 77)),
        // The clock of the store counts more than ours.
        ([length, MODIFIED, later], found(7, 60)),
        ([length, ("x-timestamp", "999999999999"), later], found(7, 0)),
        ([length, ("x-timestamp", "0"), other], found(7, NOW)),
        // It does not say: this is no answer of a Swift.
        ([length, later, other], BUSY),
        ([length, ("x-timestamp", "soon"), other], BUSY),
        ([length, ("last-modified", "yesterday"), later], BUSY),
    ] {
        for op in [whole(), Op::Stat { key: blob() }] {
            assert_eq!(judge(&op, 200, &fields), verdict, "{op:?} {fields:?}");
        }
    }
}
