//! Rows, and whether more follow.

use wharfinger_core::store::{Listing, Op, Page, Reply, Row};
use wharfinger_core::swift::{ROWS_MAX, Verdict};

use crate::support::{BUSY, judge_body, list, names, repository};

fn tags(limit: u32) -> Op {
    list(Listing::Tags(repository()), None, limit)
}

fn object(name: &str, bytes: u64) -> String {
    format!(
        r#"{{"name":"{name}","bytes":{bytes},"hash":"00112233445566778899aabbccddeeff","content_type":"application/octet-stream","last_modified":"2026-01-02T03:04:05.678901"}}"#
    )
}

/// When it was written stands in the rows that [`object`] writes, and is left out here and in [`judged`].
fn page(rows: &[(&str, u64)], more: bool) -> Verdict {
    let row = |(name, size): &(&str, u64)| Row { name: (*name).into(), size: *size, written: None };
    Verdict::Reply(Reply::Page(Page { rows: rows.iter().map(row).collect(), more }))
}

fn judged(op: &Op, rows: &[String]) -> Verdict {
    let mut verdict = judge_body(op, 200, format!("[{}]", rows.join(",")).as_bytes());
    if let Verdict::Reply(Reply::Page(page)) = &mut verdict {
        page.rows.iter_mut().for_each(|row| row.written = None);
    }
    verdict
}

#[test]
fn rows_tell_when_they_were_written() {
    let op = list(names("", true), None, 9);
    let rows = format!(
        r#"[{},{{"name":"odd","bytes":1,"last_modified":"once"}},{{"name":"tags/","bytes":0}}]"#,
        object("a", 1)
    );
    let Verdict::Reply(Reply::Page(page)) = judge_body(&op, 200, rows.as_bytes()) else { panic!() };
    let written: Vec<_> = page.rows.iter().map(|row| row.written).collect();
    assert_eq!(written, [Some(1_767_323_045), None, None]);
}

#[test]
fn an_operator_sees_whatever_stands_there() {
    let shallow = list(names("tags/a", false), None, 9);
    let rows = [object("tags/a", 3), r#"{"subdir":"tags/a!/"}"#.to_owned(), object("tags/app", 1)];
    assert_eq!(judged(&shallow, &rows), page(&[("", 3), ("!/", 0), ("pp", 1)], false));
    assert_eq!(judged(&shallow, &[r#"{"subdir":"tags/ab"}"#.to_owned()]), BUSY);
    assert_eq!(judged(&list(names("", true), None, 9), &[object("tags/", 0)]), page(&[("tags/", 0)], false));
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
    // Swift cuts a name behind the first delimiter, and nowhere else.
    for odd in ["manifests/a", "manifests/a!b!", "manifests/a!b", "manifests/a!!"] {
        assert_eq!(judged(&op, &[format!(r#"{{"subdir":"{odd}"}}"#)]), BUSY, "{odd}");
    }
    let names = list(names("tags", false), None, 3);
    assert_eq!(judged(&names, &[r#"{"subdir":"tags/a/"}"#.to_owned()]), BUSY);
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
