use super::*;
use crate::oci::Algorithm;

/// `DIGEST` in a target stands for a digest.
fn parse(method: &str, target: &str) -> Result<Routed, Refusal> {
    Route::parse(
        &Method::from_bytes(method.as_bytes()).unwrap(),
        &target.replace("DIGEST", &digest().to_string()),
    )
}

fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, b"content")
}

fn name(text: &str) -> Repository {
    Repository::parse(text).unwrap()
}

fn tagged(repository: &str, tag: &str) -> Route {
    let reference = Reference::Tag(Tag::parse(tag).unwrap());
    Route::Manifest { repository: name(repository), reference }
}

fn manifest(repository: &str) -> Route {
    Route::Manifest { repository: name(repository), reference: Reference::Digest(digest()) }
}

fn blob(repository: &str) -> Route {
    Route::Blob { repository: name(repository), digest: digest() }
}

fn tags(repository: &str) -> Route {
    Route::Tags { repository: name(repository), page: Page { n: None, last: None } }
}

fn uploads(repository: &str) -> Route {
    Route::Uploads { repository: name(repository) }
}

fn upload(repository: &str, id: &str) -> Route {
    Route::Upload { repository: name(repository), id: id.to_owned() }
}

fn referrers(repository: &str) -> Route {
    Route::Referrers { repository: name(repository), subject: digest() }
}

#[test]
fn each_endpoint_is_found() {
    let catalog = || Route::Catalog { page: Page { n: None, last: None } };
    for (method, target, expected) in [
        ("GET", "/v2/", Route::Base),
        ("HEAD", "/v2", Route::Base),
        ("GET", "/v2/?ns=docker.io", Route::Base),
        ("GET", "/v2/_catalog", catalog()),
        ("GET", "/v2/a/tags/list", tags("a")),
        ("GET", "/v2/a/b/c/tags/list?x=y", tags("a/b/c")),
        ("GET", "/v2/a/blobs/DIGEST", blob("a")),
        ("HEAD", "/v2/a/b/blobs/DIGEST?ns=x", blob("a/b")),
        ("DELETE", "/v2/a/blobs/DIGEST", blob("a")),
        ("GET", "/v2/a/manifests/latest", tagged("a", "latest")),
        ("HEAD", "/v2/a/b/manifests/DIGEST", manifest("a/b")),
        ("PUT", "/v2/a/manifests/1.0_build.1", tagged("a", "1.0_build.1")),
        ("PUT", "/v2/a/manifests/sha256-00", tagged("a", "sha256-00")),
        ("DELETE", "/v2/a/manifests/DIGEST", manifest("a")),
        ("POST", "/v2/a/blobs/uploads/", uploads("a")),
        ("POST", "/v2/a/b/blobs/uploads", uploads("a/b")),
        ("POST", "/v2/a/blobs/uploads/?mount=D&from=b", uploads("a")),
        ("PATCH", "/v2/a/blobs/uploads/x-Y_9.~", upload("a", "x-Y_9.~")),
        ("PUT", "/v2/a/b/blobs/uploads/x?token=y&digest=DIGEST", upload("a/b", "x")),
        ("GET", "/v2/a/blobs/uploads/x", upload("a", "x")),
        ("DELETE", "/v2/a/blobs/uploads/x", upload("a", "x")),
        ("GET", "/v2/a/referrers/DIGEST?artifactType=x", referrers("a")),
        ("GET", "http://example.org:5000/v2/a/tags/list", tags("a")),
        ("GET", "HTTPS://example.org/v2/", Route::Base),
    ] {
        let routed = parse(method, target).unwrap_or_else(|refusal| panic!("{target}: {refusal:?}"));
        assert_eq!((routed.route, routed.method.name()), (expected, method), "{target}");
    }
}

#[test]
fn names_may_hold_the_words_of_the_api() {
    for (method, target, expected) in [
        ("GET", "/v2/tags/list/tags/list", tags("tags/list")),
        ("GET", "/v2/manifests/manifests/manifests", tagged("manifests", "manifests")),
        ("GET", "/v2/blobs/uploads/manifests/list", tagged("blobs/uploads", "list")),
        ("GET", "/v2/a/blobs/uploads/manifests/uploads", tagged("a/blobs/uploads", "uploads")),
        ("GET", "/v2/a/manifests/tags/tags/list", tags("a/manifests/tags")),
        ("GET", "/v2/a/blobs/uploads/tags/list", tags("a/blobs/uploads")),
        ("GET", "/v2/a/blobs/uploads/blobs/DIGEST", blob("a/blobs/uploads")),
        ("POST", "/v2/a/manifests/blobs/uploads/", uploads("a/manifests")),
        ("POST", "/v2/blobs/blobs/uploads", uploads("blobs")),
        ("PATCH", "/v2/a/blobs/uploads/blobs/uploads/x", upload("a/blobs/uploads", "x")),
        ("PATCH", "/v2/a/blobs/uploads/uploads", upload("a", "uploads")),
        ("PATCH", "/v2/a/blobs/uploads/list", upload("a", "list")),
        ("PATCH", "/v2/a/blobs/uploads/manifests", upload("a", "manifests")),
        ("GET", "/v2/v2/v2/referrers/DIGEST", referrers("v2/v2")),
    ] {
        assert_eq!(parse(method, target).map(|routed| routed.route), Ok(expected), "{target}");
    }
}

#[test]
fn some_escapes_mean_what_they_stand_for() {
    let escaped = digest().to_string().replace(':', "%3A");
    for (target, expected) in [
        (format!("/v2/a/blobs/{escaped}"), blob("a")),
        (format!("/v2/a/blobs/{}", escaped.to_lowercase()), blob("a")),
        ("/v2/%61/%62%2Dc/%74ags/list".to_owned(), tags("a/b-c")),
        ("/%762/a/manifests/v1%2E0%5F".to_owned(), tagged("a", "v1.0_")),
    ] {
        assert_eq!(parse("GET", &target).map(|routed| routed.route), Ok(expected), "{target}");
    }
    for (target, expected) in [
        ("/v2/a%2Fb/tags/list", Refusal::NameInvalid),
        ("/v2/a%2fb/manifests/x", Refusal::NameInvalid),
        ("/v2/a%5Cb/tags/list", Refusal::NameInvalid),
        ("/v2/a%00/tags/list", Refusal::NameInvalid),
        ("/v2/a%252Fb/tags/list", Refusal::NameInvalid),
        ("/v2/a%/tags/list", Refusal::NameInvalid),
        ("/v2/a%4/tags/list", Refusal::NameInvalid),
        ("/v2/a%zz/tags/list", Refusal::NameInvalid),
        ("/v2/a%é/tags/list", Refusal::NameInvalid),
        ("/v2/a%C3%A9/tags/list", Refusal::NameInvalid),
        ("/v2/a/manifests%2Flatest", Refusal::RouteUnknown),
        ("/v2%2Fa/tags/list", Refusal::RouteUnknown),
        ("/v2/a/manifests/x%2Fy", Refusal::ManifestUnknown),
        ("/v2/a/blobs/uploads/%2e%2E", Refusal::RouteUnknown),
        ("/v2/a/%2e%2e/tags/list", Refusal::RouteUnknown),
        ("/v2/a/blobs/uploads/%3F", Refusal::BlobUploadUnknown),
    ] {
        assert_eq!(parse("GET", target), Err(expected), "{target}");
    }
}

#[test]
fn other_paths_lead_nowhere() {
    for target in [
        "",
        "*",
        "/",
        "v2/",
        "//v2/",
        "/v1/",
        "/v2x/",
        "/V2/",
        "/v2//",
        "/v2/a",
        "/v2/a/",
        "/v2/_catalog/",
        "/v2/_catalog/x",
        "/v2/tags/list",
        "/v2//tags/list",
        "/v2/a//tags/list",
        "/v2/a/tags/list/",
        "/v2/a/tags",
        "/v2/a/tags/x",
        "/v2/a/manifests",
        "/v2/a/manifests/",
        "/v2/manifests/x",
        "/v2/blobs/uploads/",
        "/v2/blobs/DIGEST",
        "/v2/a/blobs/",
        "/v2/a/blobs/DIGEST/",
        "/v2/a/blobs/uploads//",
        "/v2/a/blobs/uploads/x/",
        "/v2/a/blobs/uploads/x/y",
        "/v2/referrers/DIGEST",
        "/v2/a/referrers/",
        "/v2/./a/tags/list",
        "/v2/../v2/a/tags/list",
        "/v2/a/..",
        "/v2/a/manifests/..",
        "/v2/.",
        "/token",
        "example.org:443",
        "http://example.org",
        "ftp://example.org/v2/",
        "://",
        "http://",
        "/v2/a\\tags\\list",
        "?",
        "/?/v2/",
        "/v2/a/manifests/x/y",
        "/v2/%",
    ] {
        for method in ["GET", "POST", "OPTIONS", "BREW"] {
            assert_eq!(parse(method, target), Err(Refusal::RouteUnknown), "{method} {target:?}");
        }
    }
}

#[test]
fn what_a_path_names_is_checked() {
    let long = format!("/v2/{}/tags/list", "a".repeat(255));
    let long_id = format!("/v2/a/blobs/uploads/{}", "a".repeat(UPLOAD_ID_BYTES_MAX + 1));
    for (method, target, expected) in [
        ("GET", "/v2/A/tags/list", Refusal::NameInvalid),
        ("GET", "/v2/_catalog/tags/list", Refusal::NameInvalid),
        ("GET", "/v2/a b/manifests/x", Refusal::NameInvalid),
        ("POST", "/v2/a!/blobs/uploads/", Refusal::NameInvalid),
        ("PATCH", "/v2/a:b/blobs/uploads/x", Refusal::NameInvalid),
        ("GET", "/v2/é/blobs/DIGEST", Refusal::NameInvalid),
        ("GET", "/v2/-/referrers/DIGEST", Refusal::NameInvalid),
        ("GET", "/v2/referrers/DIGEST/manifests/list", Refusal::NameInvalid),
        ("GET", &long, Refusal::NameInvalid),
        ("PATCH", &long_id, Refusal::BlobUploadUnknown),
        ("PATCH", "/v2/a/blobs/uploads/x+y", Refusal::BlobUploadUnknown),
        ("GET", "/v2/a/blobs/x", Refusal::DigestMalformed),
        ("GET", "/v2/a/blobs/DIGEST0", Refusal::DigestMalformed),
        ("HEAD", "/v2/a/blobs/md5:00", Refusal::AlgorithmUnsupported),
        ("GET", "/v2/a/referrers/latest", Refusal::DigestMalformed),
        ("GET", "/v2/a/manifests/DIGEST0", Refusal::DigestMalformed),
        ("HEAD", "/v2/a/manifests/md5:00", Refusal::AlgorithmUnsupported),
        ("GET", "/v2/a/manifests/-x", Refusal::ManifestUnknown),
        ("PUT", "/v2/a/manifests/-x", Refusal::TagInvalid),
        ("PUT", "/v2/a/manifests/DIGEST0", Refusal::DigestMalformed),
        ("PUT", "/v2/a/manifests/md5:00", Refusal::AlgorithmUnsupported),
        ("DELETE", "/v2/a/manifests/x@DIGEST", Refusal::DigestMalformed),
        ("DELETE", "/v2/a/manifests/x+y", Refusal::TagInvalid),
    ] {
        assert_eq!(parse(method, target), Err(expected), "{method} {target}");
    }
}

#[test]
fn each_endpoint_says_which_methods_it_knows() {
    let methods =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "BREW"];
    for (target, allow) in [
        ("/v2/", "GET, HEAD"),
        ("/v2/_catalog", "GET, HEAD"),
        ("/v2/a/tags/list", "GET, HEAD"),
        ("/v2/a/referrers/DIGEST", "GET, HEAD"),
        ("/v2/a/blobs/DIGEST", "GET, HEAD, DELETE"),
        ("/v2/a/manifests/x", "GET, HEAD, PUT, DELETE"),
        ("/v2/a/blobs/uploads/", "POST"),
        ("/v2/a/blobs/uploads", "POST"),
        ("/v2/a/blobs/uploads/x", "GET, PATCH, PUT, DELETE"),
    ] {
        for method in methods {
            let known = allow.split(", ").any(|allowed| allowed == method);
            match parse(method, target) {
                Ok(routed) => assert!(known && routed.method.name() == method, "{method} {target}"),
                Err(refusal) => {
                    assert!(!known, "{method} {target}");
                    assert_eq!(refusal, Refusal::MethodNotAllowed { allow }, "{method} {target}");
                }
            }
        }
    }
    // The method is refused before what the path names is looked at.
    assert_eq!(parse("POST", "/v2/A/tags/list"), Err(Refusal::MethodNotAllowed { allow: "GET, HEAD" }));
}

#[test]
fn pages_are_read() {
    let page = |query: &str| {
        let route = parse("GET", &format!("/v2/a/tags/list?{query}"))?.route;
        let Route::Tags { page, .. } = route else { panic!("{route:?}") };
        Ok((page.n, page.last.map(|tag| tag.to_string())))
    };
    for (query, n, last) in [
        ("", None, None),
        ("n=5", Some(5), None),
        ("n=0&last=x", Some(0), Some("x")),
        ("last=v1.0&n=005", Some(5), Some("v1.0")),
        ("last=", None, None),
        ("n=99999999999999999999", Some(u32::MAX), None),
        ("n=1&n=x", Some(1), None),
        ("N=x", None, None),
    ] {
        assert_eq!(page(query), Ok((n, last.map(str::to_owned))), "{query}");
    }
    for query in ["n=", "n", "n=-1", "n=+1", "n=1.5", "n=x", "n=1%00", "last=a/b", "last=..", "last=%00"] {
        assert_eq!(page(query), Err(Refusal::PaginationInvalid), "{query}");
    }
    let expected = Page { n: Some(2), last: Some(name("a/b")) };
    let routed = parse("GET", "/v2/_catalog?n=2&last=a%2Fb").unwrap();
    assert_eq!(routed.route, Route::Catalog { page: expected });
    assert_eq!(parse("GET", "/v2/_catalog?last=A"), Err(Refusal::PaginationInvalid));
}

#[test]
fn the_query_stays_at_hand() {
    let routed = parse("PUT", "/v2/a/blobs/uploads/x?token=a%3Db&digest=DIGEST?").unwrap();
    assert_eq!(routed.query.first("token"), Some("a=b"));
    assert_eq!(routed.query.first("digest"), Some(format!("{}?", digest()).as_str()));
    assert_eq!(routed.route.repository(), Some(&name("a")));
    assert_eq!(Route::Base.repository(), None);
}

#[test]
fn mangled_targets_never_panic() {
    let seed = "/v2/aé/%2e%blobs/uploads/DIGEST?n=1&last=%zz://";
    for start in 0..seed.len() {
        for end in start..=seed.len() {
            let Some(piece) = seed.get(start..end) else { continue };
            for target in [piece.to_owned(), format!("/v2/{piece}"), format!("/v2/a/blobs/{piece}")] {
                if let Ok(routed) = parse("GET", &target) {
                    assert!(!matches!(routed.route, Route::Uploads { .. }), "{target}");
                }
            }
        }
    }
}
