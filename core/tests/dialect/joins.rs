//! Why Swift does not join.

use wharfinger_core::store::Reply;
use wharfinger_core::swift::Verdict;

use crate::support::{BUSY, REFUSED, join, judge_body, part};

fn verdict(errors: &str) -> Verdict {
    let body = format!("{{\"Errors\": {errors}}}");
    judge_body(&join(&[part(0, 1, Some(1))]), 400, body.as_bytes())
}

#[test]
fn reasons() {
    let mismatch = Verdict::Reply(Reply::Mismatch);
    let missing = Verdict::Reply(Reply::Missing);
    for (errors, expected) in [
        (r#"[["/c/s", "404 Not Found"]]"#, &missing),
        (r#"[["/c/s", "404"]]"#, &missing),
        (r#"[["/c/s", "Etag Mismatch"]]"#, &mismatch),
        (r#"[["/c/s", "Size Mismatch"]]"#, &mismatch),
        (r#"[["/c/s", "Size Mismatch"], ["/c/s", "Etag Mismatch"]]"#, &mismatch),
        (r#"[["/c/s", "Etag Mismatch"], ["/c/t", "404 Not Found"]]"#, &missing),
        (r#"[["/c/s", "404 Not Found"], ["/c/t", "503 Service Unavailable"]]"#, &BUSY),
        (r#"[["/c/s", "500 Internal Error"]]"#, &BUSY),
        (r#"[["/c/s", "498 Rate Limited"]]"#, &BUSY),
        (r#"[["/c/s", "401 Unauthorized"]]"#, &Verdict::TokenRejected),
        (r#"[["/c/s", "403 Forbidden"]]"#, &REFUSED),
        (r#"[["/c/s", "Etag Mismatch"], ["/c/t", "403 Forbidden"]]"#, &REFUSED),
        (r#"[["/c/s", "Too small; each segment must be at least 1 byte."]]"#, &REFUSED),
        (r#"[["/c/s", "404 Not Found", "x"]]"#, &mismatch),
        (r#"[["/c/s"]]"#, &mismatch),
        (r#"[[1, 404]]"#, &mismatch),
        (r#"[]"#, &REFUSED),
        (r#"{}"#, &mismatch),
        (r#"null"#, &mismatch),
    ] {
        assert_eq!(verdict(errors), *expected, "{errors}");
    }
}

#[test]
fn swift_may_say_more_or_less() {
    // What Swift does not understand may have been understood if it had arrived as it was sent.
    let mismatch = Verdict::Reply(Reply::Mismatch);
    let op = join(&[part(0, 1, Some(1))]);
    for (body, expected) in [
        (
            &br#"{"Response Status":"400 Bad Request","Response Body":"","Errors":[["/c/s","404 Not Found"]]}"#[..],
            Verdict::Reply(Reply::Missing),
        ),
        (b"", mismatch.clone()),
        (b"Errors:\n/c/s, 404 Not Found\n", mismatch.clone()),
        (b"<html><h1>Bad Request</h1></html>", mismatch.clone()),
        (b"\xff\xfe", mismatch.clone()),
        (b"[[\"/c/s\", \"404 Not Found\"]]", mismatch.clone()),
        (b"{\"errors\": []}", mismatch.clone()),
        (b"{\"Errors\": [[\"/c/s\", \"404 Not", mismatch.clone()),
    ] {
        assert_eq!(judge_body(&op, 400, body), expected, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_thousand_reasons_are_read() {
    let errors = vec![
        r#"["/wharf_segments/segments/11111111-1111-1111-1111-111111111111/0-22","503 Service Unavailable"]"#;
        2000
    ];
    let errors = format!("[{}]", errors.join(","));
    assert!(errors.len() < 512 << 10);
    assert_eq!(verdict(&errors), BUSY);
    let errors = format!("[{}]", vec![r#"["","404"]"#; 20_001].join(","));
    assert_eq!(verdict(&errors), Verdict::Reply(Reply::Mismatch));
}
