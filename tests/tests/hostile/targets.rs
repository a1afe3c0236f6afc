use super::{INDEX, Registry, TREASURE, assert_refused};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::{finishing, location};

/// Paths that lead to the chest for whoever normalises, decodes or cuts them.
const DETOURS: [&str; 22] = [
    "/v2/mine/../harbour/chest/",
    "/v2/mine/x/../../harbour/chest/",
    "/v2/../v2/harbour/chest/",
    "/v2/./harbour/chest/",
    "/v2/harbour/./chest/",
    "/v2/harbour/mine/../chest/",
    "/v2/harbour/chest/../chest/",
    "/v2//harbour/chest/",
    "/v2/harbour//chest/",
    "//v2/harbour/chest/",
    "/./v2/harbour/chest/",
    "/x/../v2/harbour/chest/",
    "/V2/harbour/chest/",
    "/v2/Harbour/chest/",
    "/v2/harbour%2Fchest/",
    "/v2/harbour%2fchest/",
    "/v2/harbour%252Fchest/",
    "/v2/mine/%2e%2e/harbour/chest/",
    "/v2/mine%2F..%2Fharbour/chest/",
    "/v2/mine/..%2Fharbour/chest/",
    "/v2/harbour\\chest/",
    "/v2/harbour/chest;x/",
];

#[test]
fn no_detour_leads_into_another_repository() {
    let registry = Registry::start("head-bytes: 4096");
    let digest = sha256(TREASURE);
    let rests = [
        "manifests/gold".to_owned(),
        format!("manifests/{digest}"),
        format!("blobs/{digest}"),
        "tags/list".to_owned(),
        format!("referrers/{digest}"),
        "blobs/uploads/".to_owned(),
        "blobs/uploads/00000000-0000-0000-0000-000000000000?state=x".to_owned(),
    ];
    let methods = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"];
    let mut connection = registry.connect();
    for path in DETOURS {
        for rest in &rests {
            for method in methods {
                let what = format!("{method} {path}{rest}");
                let fields = [("Content-Type", INDEX)];
                let body = if method == "PUT" { TREASURE } else { b"" };
                let answer = connection.request(method, &format!("{path}{rest}"), &fields, body);
                let response = answer.expect(&what);
                let status = response.status();
                assert!(matches!(status, 400 | 404 | 405), "{what}: {status} {}", response.text());
                assert!(!response.text().contains("schemaVersion"), "{what}");
                if method != "HEAD" {
                    assert_refused(response, status, &what);
                }
            }
        }
    }
    registry.end();
}

#[test]
fn references_that_are_paths_lead_nowhere() {
    let registry = Registry::start("head-bytes: 4096");
    let hex = "0".repeat(64);
    let mut connection = registry.connect();
    for reference in [
        "..",
        ".",
        "../gold",
        "x/../gold",
        "gold/",
        "gold/..",
        "%2e%2e",
        "..%2fgold",
        "%2Fetc%2Fpasswd",
        "gold%00",
        "gold%0d%0aX:y",
        "sha256:../../tags",
        "sha256:..%2F..%2Ftags",
        &format!("sha256:{hex}/.."),
        &format!("sha256:{hex}0"),
        &format!("../sha256:{hex}"),
        "",
    ] {
        for kind in ["manifests", "blobs", "referrers"] {
            let target = format!("/v2/harbour/chest/{kind}/{reference}");
            for method in ["GET", "HEAD", "DELETE", "PUT"] {
                let what = format!("{method} {target}");
                let response =
                    connection.request(method, &target, &[("Content-Type", INDEX)], b"").expect(&what);
                let status = response.status();
                assert!(matches!(status, 400 | 404 | 405), "{what}: {status} {}", response.text());
                if method != "HEAD" {
                    assert_refused(response, status, &what);
                }
            }
        }
    }
    registry.end();
}

#[test]
fn queries_that_name_paths_lead_nowhere() {
    let registry = Registry::start("head-bytes: 4096");
    let digest = sha256(TREASURE);
    let mut connection = registry.connect();
    // A mount that cannot be is an upload like any other: whatever is asked for, nothing is given away.
    for from in
        ["../harbour/chest", "harbour%2F..%2Fharbour%2Fchest", "%2e%2e%2fharbour/chest", "", "HARBOUR/chest"]
    {
        let target = format!("/v2/mine/blobs/uploads/?mount={digest}&from={from}");
        let answer = connection.request("POST", &target, &[], b"").and_then(|answer| answer.expect(202));
        let upload = location(&answer.expect(from)).expect("an upload has a Location");
        assert!(upload.starts_with("/v2/mine/blobs/uploads/"), "{upload}");
        let head = connection.request("HEAD", &format!("/v2/mine/blobs/{digest}"), &[], b"").expect(from);
        assert_eq!(head.status(), 404, "{from}");
        for digest in ["../../x", "sha256:..%2F..%2Fx", "sha256:", "%2e%2e"] {
            let response = connection.request("PUT", &finishing(&upload, digest), &[], b"").expect(digest);
            assert_refused(response, 400, digest);
        }
        // The upload is that of one repository, whatever the path says.
        let elsewhere = upload.replacen("/v2/mine/", "/v2/harbour/chest/", 1);
        let response = connection.request("PATCH", &elsewhere, &[], b"x").expect("an answer");
        assert_refused(response, 404, &elsewhere);
    }
    registry.end();
}
