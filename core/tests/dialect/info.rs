//! What a Swift tells of itself.

use http::StatusCode;
use wharfinger_core::swift::{Endpoint, Info, InfoError, LargeObjects, TempUrls, render_info};

use crate::support::show;

fn read(body: &str) -> Result<Info, InfoError> {
    Info::read(StatusCode::OK, body.as_bytes())
}

#[test]
fn it_stands_above_the_version() {
    for (storage_url, info) in [
        ("http://swift:8080/v1/AUTH_a", "http://swift:8080/info"),
        ("https://rgw/swift/v1/AUTH_a", "https://rgw/swift/info"),
        ("https://rgw/swift/v1", "https://rgw/swift/info"),
        ("https://swift/elsewhere", "https://swift/info"),
        ("https://swift", "https://swift/info"),
    ] {
        let endpoint = Endpoint::new(storage_url, "a", "a").unwrap();
        assert_eq!(show(&render_info(&endpoint)), format!("GET {info}\nSome(0)\n"));
    }
}

#[test]
fn limits_and_parts() {
    let info = read(
        r#"{"swift": {"version": "2.38.3", "max_file_size": 5368709122, "container_listing_limit": 10000,
            "policies": [{"name": "Policy-0", "default": true}]},
            "slo": {"max_manifest_segments": 500, "max_manifest_size": 8388608, "min_segment_size": 1, "yield_frequency": 10},
            "tempurl": {"methods": ["GET", "HEAD"], "allowed_digests": ["sha1", "sha256"], "incoming_remove_headers": []},
            "bulk_delete": {"max_deletes_per_request": 10000, "max_failed_deletes": 1000},
            "symlink": {"symloop_max": 2, "static_links": true}}"#,
    );
    assert_eq!(
        info,
        Ok(Info {
            object_bytes_max: 5_368_709_122,
            listing_rows_max: 10_000,
            large_objects: Some(LargeObjects {
                segments_max: 500,
                manifest_bytes_max: 8 << 20,
                segment_bytes_min: 1
            }),
            temp_urls: Some(TempUrls { get: true, sha256: true }),
            bulk_deletes_max: Some(10_000),
            symlinks: true,
        })
    );
}

#[test]
fn what_it_joins() {
    let endpoint = Endpoint::new("http://swift/v1/a", "wharf", "wharf").unwrap();
    let usual = LargeObjects::default().joins(&endpoint);
    assert_eq!((usual.parts_max, usual.part_bytes_min, usual.copies), (1000, 1, false));
    for (segments_max, manifest_bytes_max, parts_max) in
        [(4, 8 << 20, 4), (0, 8 << 20, 1), (100_000, 2 << 20, 10_000), (1000, 30, 1)]
    {
        let limits = LargeObjects { segments_max, manifest_bytes_max, segment_bytes_min: 7 };
        let joins = limits.joins(&endpoint);
        assert_eq!(joins.part_bytes_min, 7);
        assert!(joins.parts_max <= parts_max && joins.parts_max >= parts_max * 9 / 10, "{joins:?}");
    }
}

#[test]
fn what_is_not_there_is_not_promised() {
    let info = read(r#"{"swift": {}}"#).unwrap();
    assert_eq!(info, Info { large_objects: None, ..Info::default() });
    let info = read(r#"{"swift": {}, "slo": {}, "tempurl": {}, "bulk_delete": {}}"#).unwrap();
    assert_eq!(info.large_objects, Some(LargeObjects::default()));
    assert_eq!(info.temp_urls, Some(TempUrls { get: false, sha256: false }));
    assert_eq!(info.bulk_deletes_max, Some(10_000));
}

#[test]
fn what_is_no_swift_is_told_so() {
    for body in ["", "{}", "[]", "<html>", r#"{"swift": 1}"#, r#"{"swift": {"max_file_size": -1}}"#] {
        assert_eq!(read(body), Err(InfoError::Strange), "{body}");
    }
    let of = |status| Info::read(StatusCode::from_u16(status).unwrap(), b"{\"swift\":{}}").unwrap_err();
    for status in [401, 403, 404, 302, 204] {
        assert!(matches!(of(status), InfoError::Hidden { .. }), "{status}");
    }
    for status in [408, 429, 498, 500, 503] {
        assert!(matches!(of(status), InfoError::Unavailable { .. }), "{status}");
    }
    assert!(InfoError::Strange.to_string().contains("check the storage URL"));
}
