//! What holds in every exchange: tries, timers, late news, a client that leaves.

mod budget;
mod corrupted;
mod news;
mod resume;
mod tries;

use crate::support::{Body, Registry, Run, image, sha256, sha512};

/// The GET of a registry that redirects.
const REDIRECTED: &str = "GET elsewhere";

/// One exchange of each kind, at its start, and its registry.
fn scenarios() -> Vec<(Registry, Run)> {
    let mut registry = Registry::new();
    registry.config.limits.segment_bytes_max = 4;
    // Sixteen segments of a byte become eight runs, which are joined in two groups.
    registry.config.limits.small_segments_max = 10;
    registry.config.limits.small_segment_bytes = 2;
    registry.config.limits.joins.parts_max = 5;
    let (manifest, digest) = registry.push_image("a", "v1", "image");
    let referrer = image(b"config of image", &[b"layer of image"], Some(&digest));
    let referrer_digest = registry.push_manifest("a", "v2", &referrer);
    let blob = format!("/v2/a/blobs/{}", sha256(b"layer of image"));
    let begun = registry.begin("a");
    let chunked = registry.patch(&begun, b"0123456789");
    let long = (0..16).fold(begun.clone(), |location, _| registry.patch(&location, b"x"));
    registry.store.age(13 * 3600);
    let ten = b"0123456789";
    let none = || Body::from(());
    let requests = [
        ("GET", blob.clone(), "", none()),
        ("HEAD", blob.clone(), "", none()),
        ("GET", blob.clone(), "bytes=1-2", none()),
        ("GET", blob.clone(), "bytes=1-2,4-5", none()),
        (REDIRECTED, blob.clone(), "", none()),
        ("DELETE", blob, "", none()),
        ("POST", format!("/v2/b/blobs/uploads/?mount={}&from=a", sha256(b"layer of image")), "", none()),
        ("POST", format!("/v2/b/blobs/uploads/?digest={}", sha256(ten)), "", ten.into()),
        ("PATCH", begun.clone(), "", Body::chunked(ten)),
        ("PATCH", long.clone(), "", b"x".into()),
        ("PUT", format!("{long}&digest={}", sha256(&[b'x'; 16])), "", none()),
        ("PUT", format!("{begun}&digest={}", sha256(ten)), "", Body::chunked(ten)),
        ("PUT", format!("{begun}&digest={}", sha256(b"")), "", Body::chunked(ten)),
        ("PUT", format!("{chunked}&digest={}", sha512(ten)), "", none()),
        ("GET", "/v2/a/manifests/v1".to_owned(), "", none()),
        ("PUT", "/v2/a/manifests/v3".to_owned(), "", (&manifest).into()),
        ("PUT", "/v2/a/manifests/v2".to_owned(), "", (&referrer).into()),
        ("DELETE", "/v2/a/manifests/v1".to_owned(), "", none()),
        ("DELETE", format!("/v2/a/manifests/{referrer_digest}"), "", none()),
        ("GET", "/v2/a/tags/list".to_owned(), "", none()),
        ("GET", "/v2/b/tags/list".to_owned(), "", none()),
        ("GET", "/v2/_catalog".to_owned(), "", none()),
        ("GET", format!("/v2/a/referrers/{digest}"), "", none()),
    ];
    requests
        .into_iter()
        .map(|(method, target, range, body)| {
            let mut fields = vec![("if-match", "*")];
            fields.extend((!range.is_empty()).then_some(("range", range)));
            let fields = if method == "PUT" && target.ends_with("v2") { &fields[..] } else { &fields[1..] };
            let mut registry = registry.clone();
            registry.config.redirects = method == REDIRECTED;
            let method = if method == REDIRECTED { "GET" } else { method };
            let run = registry.start(method, &target, fields, body);
            (registry, run)
        })
        .collect()
}
