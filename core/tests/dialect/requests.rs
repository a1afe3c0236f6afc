//! What is sent.

use http::header;
use wharfinger_core::oci::ByteRange;
use wharfinger_core::store::{Key, Listing, Op, Part};
use wharfinger_core::swift::{Endpoint, LargeObjects, Token, Verdict, classify, render, render_containers};

use wharfinger_core::upload::{Nonce, UploadId};

use crate::support::{
    blob, copy, endpoint, head, join, keys, list, listings, names, ops, part, segment, show, shown, tag,
};

const AB: &str = "abababababababababababababababababababababababababababababababab";

const SEGMENTS: &str = "/wharf_segments/segments/11111111-1111-1111-1111-111111111111";

#[test]
fn a_read() {
    assert_eq!(
        shown(&Op::Read { key: blob(), range: None, if_match: None }, None, None),
        format!("GET https://swift:8080/v1/AUTH_a/wharf/blobs/sha256/ab/{AB}\nx-auth-token: tok\nSome(0)\n")
    );
    let range = ByteRange::within(5, u64::MAX, u64::MAX);
    assert_eq!(
        shown(&Op::Read { key: tag(), range, if_match: None }, Some(7), Some([1; 16])),
        "GET https://swift:8080/v1/AUTH_a/wharf/tags/team/app%21/v1\n\
         range: bytes=5-18446744073709551614\nx-auth-token: tok\nx-newest: true\nSome(0)\n"
    );
}

#[test]
fn the_rest_of_a_read_is_of_the_same_object() {
    let range = ByteRange::within(5, 9, 600);
    for (key, newest) in [(blob(), ""), (tag(), "x-newest: true\n")] {
        let text = shown(&Op::Read { key, range, if_match: Some([0xab; 16]) }, None, None);
        let fields = "if-match: \"abababababababababababababababab\"\nrange: bytes=5-9\nx-auth-token: tok\n";
        assert!(text.ends_with(&format!("{fields}{newest}Some(0)\n")), "{text}");
    }
}

#[test]
fn a_stat() {
    assert_eq!(
        shown(&Op::Stat { key: tag() }, None, None),
        "HEAD https://swift:8080/v1/AUTH_a/wharf/tags/team/app%21/v1\n\
         x-auth-token: tok\nx-newest: true\nSome(0)\n"
    );
}

#[test]
fn names_that_change_are_read_from_every_replica() {
    for key in keys() {
        let fixed = key.to_string().starts_with("blobs/") || key.to_string().starts_with("segments/");
        for op in [Op::Read { key: key.clone(), range: None, if_match: None }, Op::Stat { key: key.clone() }]
        {
            assert_eq!(shown(&op, None, None).contains("x-newest: true"), !fixed, "{op:?}");
        }
        let write = Op::Write { key, create_only: false };
        assert!(!shown(&write, None, None).contains("x-newest"), "{write:?}");
    }
    for listing in listings() {
        assert!(!shown(&list(listing, None, 1), None, None).contains("x-newest"), "it decides nothing there");
    }
}

#[test]
fn a_write() {
    assert_eq!(
        shown(&Op::Write { key: segment(0), create_only: false }, None, None),
        format!(
            "PUT https://swift:8080/v1/AUTH_a{SEGMENTS}/0-2222222222222222\n\
             content-type: application/octet-stream\nx-auth-token: tok\nNone\n"
        )
    );
    assert_eq!(
        shown(&Op::Write { key: tag(), create_only: true }, Some(3), Some([0xAB; 16])),
        "PUT https://swift:8080/v1/AUTH_a/wharf/tags/team/app%21/v1\n\
         content-type: application/octet-stream\netag: abababababababababababababababab\n\
         if-none-match: *\nx-auth-token: tok\nSome(3)\n"
    );
}

#[test]
fn a_join() {
    let head = |etag: &str| {
        format!(
            "PUT https://swift:8080/v1/AUTH_a/wharf/blobs/sha256/ab/{AB}?multipart-manifest=put\n\
             accept: application/json\ncontent-type: application/octet-stream\n{etag}x-auth-token: tok\n"
        )
    };
    let entry = |number: u32, size: u64, md5: &str| {
        format!("{{\"path\":\"{SEGMENTS}/{number}-2222222222222222\",\"size_bytes\":{size}{md5}}}")
    };
    let (first, second) = ("01".repeat(16), "02".repeat(16));
    let (first, second) = (format!(",\"etag\":\"{first}\""), format!(",\"etag\":\"{second}\""));
    // Each Etag is the MD5 of the hex MD5s of the parts, one after the other.
    assert_eq!(
        shown(&join(&[part(0, 5, Some(1)), part(1, 1 << 40, Some(2))]), None, Some([9; 16])),
        format!(
            "{}\n[{},{}]\n",
            head("etag: c7ea1bcad82f396e5733e7f064b9a5d0\n"),
            entry(0, 5, &first),
            entry(1, 1 << 40, &second)
        )
    );
    // One part is no other case.
    assert_eq!(
        shown(&join(&[part(0, 5, Some(1))]), None, None),
        format!("{}\n[{}]\n", head("etag: 57a893d6e90e3f29e6967fa8e75409bc\n"), entry(0, 5, &first))
    );
    // A part whose MD5 is not known is let through by its size, and the whole is not checked.
    assert_eq!(
        shown(&join(&[part(0, 5, Some(1)), part(1, 6, None)]), None, None),
        format!("{}\n[{},{}]\n", head(""), entry(0, 5, &first), entry(1, 6, ""))
    );
    // Swift takes an empty segment at the end alone.
    let empty = "d41d8cd98f00b204e9800998ecf8427e";
    assert_eq!(
        shown(&join(&[part(0, 0, Some(7)), part(1, 5, Some(1)), part(2, 0, None)]), None, None),
        format!("{}\n[{}]\n", head("etag: 57a893d6e90e3f29e6967fa8e75409bc\n"), entry(1, 5, &first))
    );
    assert_eq!(
        shown(&join(&[part(0, 0, Some(7))]), None, None),
        format!("{}\n[]\n", head(&format!("etag: {empty}\n")))
    );
}

#[test]
fn a_join_of_a_part_without_its_start() {
    let mut skipped = part(1, 10, Some(2));
    skipped.skip = 4;
    let text = shown(&join(&[part(0, 5, Some(1)), skipped.clone()]), None, None);
    let (first, second) = ("01".repeat(16), "02".repeat(16));
    // The MD5 of the first MD5 and then "<second MD5>:4-9;".
    assert!(text.contains("\netag: b938b1320195d166fa0cdfc7e032dc52\n"), "{text}");
    assert!(text.ends_with(&format!(
        "[{{\"path\":\"{SEGMENTS}/0-2222222222222222\",\"size_bytes\":5,\"etag\":\"{first}\"}},\
         {{\"path\":\"{SEGMENTS}/1-2222222222222222\",\"size_bytes\":10,\"etag\":\"{second}\",\"range\":\"4-9\"}}]\n"
    )), "{text}");
    // Nothing of it is left.
    skipped.skip = 10;
    let text = shown(&join(&[part(0, 5, Some(1)), skipped]), None, None);
    assert!(text.contains("/0-22") && !text.contains("/1-22"), "{text}");
}

#[test]
fn no_entry_of_a_manifest_is_longer_than_foreseen() {
    let container = "\u{1}".repeat(256);
    let endpoint = Endpoint::new("http://swift/v1/a", "a", &container).unwrap();
    let key =
        Key::Segment { upload: UploadId::new([0xFF; 16]), number: u32::MAX, nonce: Nonce::new([0xFF; 8]) };
    let longest = Part { key, size: u64::MAX, skip: u64::MAX - 1, md5: Some([0xFF; 16]) };
    let token = Token::new("tok").unwrap();
    let parts_max = 7;
    let body = render(&join(&vec![longest; parts_max]), None, None, &endpoint, &token).unwrap().body.unwrap();
    let limits = |bytes: usize| LargeObjects { manifest_bytes_max: bytes as u64, ..LargeObjects::default() };
    assert!(limits(body.len()).joins(&endpoint).parts_max as usize <= parts_max);
    assert!(limits(body.len() + 8 * parts_max).joins(&endpoint).parts_max as usize >= parts_max);
}

#[test]
fn names_of_segments_are_escaped_for_json_and_not_for_urls() {
    let endpoint = Endpoint::new("http://swift/v1/a", "a b", "ü\"\\\n%20").unwrap();
    let token = Token::new("tok").unwrap();
    let rendered = render(&join(&[part(0, 1, None)]), None, None, &endpoint, &token).unwrap();
    assert!(rendered.request.uri().to_string().starts_with("http://swift/v1/a/a%20b/blobs/"));
    let body: serde_json::Value = serde_json::from_slice(&rendered.body.unwrap()).unwrap();
    let path = body[0]["path"].as_str().unwrap();
    assert!(path.starts_with("/ü\"\\\n%20/segments/1111"), "{path}");
    let write = Op::Write { key: segment(0), create_only: false };
    let rendered = render(&write, None, None, &endpoint, &token).unwrap();
    let uri = rendered.request.uri().to_string();
    assert!(uri.starts_with("http://swift/v1/a/%C3%BC%22%5C%0A%2520/segments/"), "{uri}");
}

#[test]
fn a_copy_takes_no_more_of_a_large_object_than_its_manifest() {
    assert_eq!(
        shown(&copy(), Some(7), Some([1; 16])),
        format!(
            "COPY https://swift:8080/v1/AUTH_a/wharf/blobs/sha256/ab/{AB}?multipart-manifest=get\n\
             destination: {SEGMENTS}/7-2222222222222222\nx-auth-token: tok\nx-newest: true\nSome(0)\n"
        )
    );
    let endpoint = Endpoint::new("http://swift/v1/a", "a b", "c").unwrap();
    let op = Op::Copy { from: blob(), to: Box::new(tag()) };
    let rendered = render(&op, None, None, &endpoint, &Token::new("tok").unwrap()).unwrap();
    assert_eq!(rendered.request.headers()["destination"], "/a%20b/tags/team/app%21/v1");
}

#[test]
fn a_touch_names_no_metadata() {
    assert_eq!(
        shown(&Op::Touch { key: tag() }, None, None),
        "POST https://swift:8080/v1/AUTH_a/wharf/tags/team/app%21/v1\nx-auth-token: tok\nSome(0)\n"
    );
}

#[test]
fn a_remove_takes_no_segments() {
    assert_eq!(
        shown(&Op::Remove { key: tag() }, None, None),
        "DELETE https://swift:8080/v1/AUTH_a/wharf/tags/team/app%21/v1\nx-auth-token: tok\nSome(0)\n"
    );
}

#[test]
fn a_release_asks_nothing() {
    let op = Op::Release { parts: [part(0, 1, None)].into() };
    assert!(render(&op, None, None, &endpoint(), &Token::new("tok").unwrap()).is_none());
    let done = Verdict::Reply(wharfinger_core::store::Reply::Done);
    assert_eq!(classify(&op, &head(500, &[]), None, 0), done);
}

#[test]
fn a_list() {
    let uri = |op: &Op| shown(op, None, None).lines().next().unwrap().to_owned();
    assert_eq!(
        shown(&list(Listing::Repositories, None, 100), None, None),
        "GET https://swift:8080/v1/AUTH_a/wharf?format=json&limit=101&prefix=manifests/&delimiter=%21\n\
         x-auth-token: tok\nSome(0)\n"
    );
    let tags = Listing::Tags(crate::support::repository());
    for (op, query) in [
        (
            list(tags.clone(), Some("v 1+ü"), 1),
            "limit=2&prefix=tags/team/app%21/&marker=tags/team/app%21/v%201%2B%C3%BC",
        ),
        (list(tags.clone(), Some(""), 1), "limit=2&prefix=tags/team/app%21/&marker=tags/team/app%21/"),
        // Swift takes no NUL, and no name has one.
        (list(tags.clone(), Some("a\0b"), 1), "limit=2&prefix=tags/team/app%21/&marker=tags/team/app%21/a"),
        (list(tags.clone(), None, 9_999), "limit=10000&prefix=tags/team/app%21/"),
        (list(tags.clone(), None, u32::MAX), "limit=10000&prefix=tags/team/app%21/"),
        (list(tags, None, 0), "limit=2&prefix=tags/team/app%21/"),
        // Above all names of the repository, below those of the next one.
        (
            list(Listing::Repositories, Some("team/app"), 1),
            "limit=2&prefix=manifests/&delimiter=%21&marker=manifests/team/app%22",
        ),
    ] {
        assert_eq!(uri(&op), format!("GET https://swift:8080/v1/AUTH_a/wharf?format=json&{query}"));
    }
}

#[test]
fn a_list_for_an_operator() {
    let uri = |op: &Op| shown(op, None, None).lines().next().unwrap().to_owned();
    for (op, query) in [
        (list(names("", true), None, 1), "wharf?format=json&limit=2&prefix="),
        (list(names("", false), None, 1), "wharf?format=json&limit=2&prefix=&delimiter=/"),
        (
            list(names("tags/te", false), Some("am/app!"), 1),
            "wharf?format=json&limit=2&prefix=tags/te&delimiter=/&marker=tags/team/app%21%F4%8F%BF%BF",
        ),
        (
            list(names("tags/te", true), Some("am/app!/v1"), 1),
            "wharf?format=json&limit=2&prefix=tags/te&marker=tags/team/app%21/v1",
        ),
        (
            list(names("tags/v1", true), Some(""), 1),
            "wharf?format=json&limit=2&prefix=tags/v1&marker=tags/v1",
        ),
        // Segments have a container of their own.
        (
            list(names("segments/1", false), Some("1/"), 1),
            "wharf_segments?format=json&limit=2&prefix=segments/1&delimiter=/&marker=segments/11/%F4%8F%BF%BF",
        ),
        (list(names("segments", true), None, 1), "wharf?format=json&limit=2&prefix=segments"),
    ] {
        assert_eq!(uri(&op), format!("GET https://swift:8080/v1/AUTH_a/{query}"));
    }
    let long = shown(&list(names(&"ü".repeat(9000), true), None, 1), None, None);
    assert!(long.len() < 8000, "{}", long.len());
}

#[test]
fn a_marker_has_a_bound() {
    for (letter, count) in [("a", 100_000), ("ü", 50_000), ("\0", 100_000), ("😀", 20_000)] {
        for listing in listings() {
            let query = shown(&list(listing, Some(&letter.repeat(count)), 1), None, None);
            assert!(query.len() < 4000, "{}", query.len());
        }
    }
}

#[test]
fn no_header_speaks_of_the_connection() {
    let forbidden = [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    for op in ops() {
        let rendered = render(&op, None, None, &endpoint(), &Token::new("tok").unwrap()).unwrap();
        for name in &forbidden {
            assert!(!rendered.request.headers().contains_key(name), "{op:?}: {name}");
        }
        assert_eq!(rendered.request.uri().authority().unwrap(), "swift:8080");
        assert!(rendered.request.headers()["x-auth-token"].is_sensitive());
        assert!(!format!("{rendered:?}").contains("tok\""), "{rendered:?}");
    }
}

#[test]
fn containers_are_created_once_each() {
    let token = Token::new("tok").unwrap();
    let shown = |segments| {
        let endpoint = Endpoint::new("http://swift/v1/a/", "wh arf", segments).unwrap();
        render_containers(&endpoint, &token).iter().map(show).collect::<String>()
    };
    let put = |name| format!("PUT http://swift/v1/a/{name}\nx-auth-token: tok\nSome(0)\n");
    assert_eq!(shown("wh arf"), put("wh%20arf"));
    assert_eq!(shown("other"), put("wh%20arf") + &put("other"));
}
