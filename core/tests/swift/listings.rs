//! Rows, and whether more follow.

use wharfinger_core::store::{Listing, Op, Page, Reply, Row};
use wharfinger_core::swift::{ROWS_MAX, Verdict};

use crate::support::{BUSY, judge_body, list, repository};

fn tags(limit: u32) -> Op {
    list(Listing::Tags(repository()), None, limit)
}

fn object(name: &str, bytes: u64) -> String {
    format!(
        r#"{{"name":"{name}","bytes":{bytes},"hash":"00112233445566778899aabbccddeeff","content_type":"application/octet-stream","last_modified":"2026-01-02T03:04:05.678901"}}"#
    )
}

fn page(rows: &[(&str, u64)], more: bool) -> Verdict {
    let rows = rows.iter().map(|(name, size)| Row { name: (*name).into(), size: *size }).collect();
    Verdict::Reply(Reply::Page(Page { rows, more }))
}

fn judged(op: &Op, rows: &[String]) -> Verdict {
    judge_body(op, 200, format!("[{}]", rows.join(",")).as_bytes())
}

#[test]
fn one_row_more_tells_that_more_follow() {
    let row = |tag: &str| object(&format!("tags/team/app!/{tag}"), 5);
    assert_eq!(judged(&tags(2), &[]), page(&[], false));
    assert_eq!(judged(&tags(2), &[row("a")]), page(&[("a", 5)], false));
    assert_eq!(judged(&tags(2), &[row("a"), row("b")]), page(&[("a", 5), ("b", 5)], false));
    assert_eq!(judged(&tags(2), &[row("a"), row("b"), row("c")]), page(&[("a", 5), ("b", 5)], true));
    assert_eq!(judged(&tags(2), &[row("a"), row("b"), row("c"), row("d")]), BUSY);
    assert_eq!(judged(&tags(0), &[row("a"), row("b")]), page(&[("a", 5)], true));
}

#[test]
fn the_longest_page() {
    let rows: Vec<String> = (0..10_001).map(|tag| object(&format!("tags/team/app!/{tag:05}"), 1)).collect();
    let Verdict::Reply(Reply::Page(page)) = judged(&tags(u32::MAX), &rows[1..]) else { panic!() };
    assert_eq!((page.rows.len(), page.more), (ROWS_MAX as usize, true));
    let Verdict::Reply(Reply::Page(page)) = judged(&tags(ROWS_MAX), &rows[2..]) else { panic!() };
    assert_eq!((page.rows.len(), page.more), (ROWS_MAX as usize, false));
    assert_eq!(judged(&tags(u32::MAX), &rows), BUSY);
}

#[test]
fn rows_cut_at_a_delimiter() {
    let op = list(Listing::Repositories, None, 3);
    let rows = [r#"{"subdir":"manifests/a!"}"#, r#"{"subdir":"manifests/team/app!"}"#].map(str::to_owned);
    assert_eq!(judged(&op, &rows), page(&[("a", 0), ("team/app", 0)], false));
    // Somebody put an object there.
    assert_eq!(judged(&op, &[object("manifests/README", 9)]), page(&[("README", 9)], false));
    assert_eq!(judged(&op, &[r#"{"subdir":"manifests/a"}"#.to_owned()]), BUSY);
    assert_eq!(judged(&tags(1), &[r#"{"subdir":"tags/team/app!/a!"}"#.to_owned()]), BUSY);
}

#[test]
fn large_objects_and_odd_names() {
    let large =
        r#"{"name":"tags/team/app!/a","bytes":629145600,"hash":"x","slo_etag":"y","content_type":"z"}"#;
    assert_eq!(judged(&tags(2), &[large.to_owned()]), page(&[("a", 629_145_600)], false));
    let escaped = r#"{"name":"tags\/team\/app!\/\u00fc\n","bytes":1}"#;
    assert_eq!(judged(&tags(2), &[escaped.to_owned()]), page(&[("ü\n", 1)], false));
    // An object that stands for a folder is none of ours, and yet the page was full.
    let folder = object("tags/team/app!/", 0);
    let row = object("tags/team/app!/a", 5);
    assert_eq!(judged(&tags(1), &[folder.clone(), row.clone()]), page(&[("a", 5)], true));
    assert_eq!(judged(&tags(2), &[folder, row]), page(&[("a", 5)], false));
}

#[test]
fn what_is_no_listing_is_not_read_as_one() {
    for rows in [
        r#"{"name":"tags/team/app2!/a","bytes":1}"#,
        r#"{"name":"tags/team/app!","bytes":1}"#,
        r#"{"name":"tags/team/app!/a"}"#,
        r#"{"name":"tags/team/app!/a","bytes":"1"}"#,
        r#"{"name":"tags/team/app!/a","bytes":-1}"#,
        r#"{"name":"tags/team/app!/a","bytes":1.5}"#,
        r#"{"name":"tags/team/app!/a","bytes":18446744073709551616}"#,
        r#"{"name":"tags/team/app!/a","bytes":1,"bytes":2}"#,
        r#"{"name":"tags/team/app!/a","bytes":1,"subdir":"tags/team/app!/a"}"#,
        r#"{"name":"tags/team/app!/\ud800","bytes":1}"#,
        r#"{"name":1,"bytes":1}"#,
        r#"{"bytes":1}"#,
        "{}",
        "[]",
        "null",
        "1",
    ] {
        assert_eq!(judged(&tags(1), &[rows.to_owned()]), BUSY, "{rows}");
    }
    for body in ["", "[", "[1", "{}", "null", "<html>", "tags/team/app!/a\n", "[]x", "\u{feff}[]"] {
        assert_eq!(judge_body(&tags(1), 200, body.as_bytes()), BUSY, "{body}");
    }
}
