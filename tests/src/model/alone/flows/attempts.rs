use http::{Method, header};

use super::super::label::Role;
use super::super::scene::{BLOB, Scene};
use super::manifests::about;
use super::uploads::{digest, upload};
use super::*;

/// One call at a time, in each of the ways in which flows use calls, with more failures than there are tries.
pub(super) fn all() -> Vec<Flow> {
    vec![Flow {
        name: "attempts",
        title: "A call, tried again until it is answered or nothing more is to be hoped for",
        asks: "remove tag, read tag, read link, read blob, write segment, remove link, stat blob, touch blob, write link",
        order: &[],
        replies: &[
            "200",
            "202",
            "206",
            "400 SIZE_INVALID",
            "404",
            "404 BLOB_UNKNOWN",
            "404 MANIFEST_UNKNOWN",
            "408 SIZE_INVALID",
            "503",
            "503 UNAVAILABLE",
            "507 UNAVAILABLE",
        ],
        scenes: vec![
            Scene::new("a call without a body", Method::DELETE, "/v2/a/manifests/v1")
                .promising(202, "remove tag")
                .drawn(),
            about("a small body is read", Method::HEAD, Some("v1"), "").promising(200, "read tag"),
            Scene::new("a body is relayed", Method::GET, format!("/v2/a/blobs/{}", digest()))
                .field(header::RANGE, "bytes=0-3")
                .untagged(Role::Link, "{\"size\":4}")
                .object(Role::Blob, BLOB)
                .other_object(Role::Blob, "found another", "BLOB")
                .promising(206, "read link, read blob")
                .troubling("read blob"),
            upload("a body is fed", Method::PATCH, "")
                .uploaded(&[])
                .body(BLOB)
                .promising(202, "write segment"),
        ],
        mutants: &[
            (Mutant::Misheard { of: "remove tag", said: "breaks off", heard: "done" }, ACKNOWLEDGED),
            (Mutant::RestLost, WAITS),
            (Mutant::DenialUnheard, PERMITTED),
            (Mutant::ShortIsWhole, LENGTH),
            (Mutant::OtherBytes, BYTES),
            (Mutant::Misheard { of: "read blob", said: "found another", heard: "found" }, BYTES),
            (Mutant::AbortLost, OPEN),
            (Mutant::SentTwice, BOUNDED),
            (Mutant::GenerationIgnored, LATE),
        ],
        troubles: 5,
        drawn_troubles: 5,
    }]
}
