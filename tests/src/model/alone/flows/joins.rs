use http::Method;
use wharfinger_core::exchange::BodyLength;
use wharfinger_core::oci::{Algorithm, Digest};

use super::super::label::Role;
use super::super::scene::{BLOB, Scene};
use super::uploads::{digest, upload};
use super::*;

pub(super) fn all() -> Vec<Flow> {
    vec![put(), fit()]
}

fn put() -> Flow {
    let sha512 = Digest::of(Algorithm::Sha512, BLOB);
    let mut other = published("PUT by another algorithm", sha512).uploaded(&[b"bl", b"ob"]);
    other.digest = sha512;
    Flow {
        name: "upload-put",
        title: "`PUT` of an upload: its end, and then the blob",
        asks: "write segment, write blob, join blob, write link, release segment, remove segment, \
               read segment, read segment list, stat blob, touch blob",
        order: &[
            ("write link", "write blob"),
            ("write link", "join blob"),
            ("write link", "stat blob"),
            ("release segment", "write link, join blob"),
            ("release segment", "write link, stat blob"),
        ],
        replies: &[
            "201",
            "400 DIGEST_INVALID",
            "400 SIZE_INVALID",
            "404 BLOB_UPLOAD_UNKNOWN",
            "408 SIZE_INVALID",
            "503 UNAVAILABLE",
            "507 UNAVAILABLE",
        ],
        scenes: vec![
            published("PUT of what is stored", digest()).uploaded(&[b"bl", b"ob"]).drawn(),
            published("PUT with the rest", digest())
                .uploaded(&[b"bl"])
                .body("ob")
                .length(BodyLength::Unknown)
                .drawn(),
            published("PUT with the wrong rest", digest()).uploaded(&[b"bl"]).body("ot").deserving(&[400]),
            published("PUT of all", digest())
                .uploaded(&[])
                .body(BLOB)
                .promising(201, "write blob, write link"),
            other,
            published("PUT of a spilled list", digest()).spilled(&[b"bl", b"ob"]),
            published("PUT that ends early", digest())
                .uploaded(&[b"bl"])
                .body("o")
                .length(BodyLength::Exactly(2))
                .deserving(&[400]),
            upload("PUT without a digest", Method::PUT, "").uploaded(&[b"bl"]).deserving(&[400]),
        ],
        mutants: &[
            (Mutant::Later("join blob"), ORDERED),
            (Mutant::Misheard { of: "join blob", said: "unavailable", heard: "written" }, ORDERED),
            (Mutant::Undone("write link"), ORDERED),
            (Mutant::Misheard { of: "stat blob", said: "missing", heard: "found" }, ORDERED),
            (Mutant::Misheard { of: "touch blob", said: "missing", heard: "done" }, YOUNG),
            (Mutant::ShortIsWhole, BROKEN),
            (Mutant::Misheard { of: "write segment", said: "breaks off", heard: "written" }, CONTENT),
            (Mutant::Elsewhere("join blob"), OWN),
        ],
        troubles: 2,
        drawn_troubles: 0,
    }
}

fn fit() -> Flow {
    let swift = |name| {
        let target = format!("?digest={}", digest());
        upload(name, Method::PUT, &target).promising(201, "join blob, write link").configured(|config| {
            config.limits.joins.copies = false;
            config.limits.segment_bytes_max = 4;
        })
    };
    Flow {
        name: "upload-fit",
        title: "`PUT` of an upload whose segments the store does not join as they are: small ones are merged, many are \
                joined in groups",
        asks: "read segment, write segment, join segment, join blob, write link, release segment",
        order: &[("write link", "join blob"), ("release segment", "write link, join blob")],
        replies: &["201", "404 BLOB_UPLOAD_UNKNOWN", "503 UNAVAILABLE", "507 UNAVAILABLE"],
        scenes: vec![
            swift("PUT of small segments")
                .configured(|config| {
                    config.limits.small_segment_bytes = 2;
                    config.limits.small_segments_max = 0;
                })
                .uploaded(&[b"b", b"lob"])
                .drawn(),
            swift("PUT of many segments")
                .configured(|config| config.limits.joins.parts_max = 2)
                .uploaded(&[b"b", b"l", b"ob"])
                .drawn(),
        ],
        mutants: &[
            (Mutant::Misheard { of: "write segment", said: "full", heard: "written" }, CONTENT),
            (Mutant::Misheard { of: "join segment", said: "unavailable", heard: "written" }, CONTENT),
            (Mutant::Later("join blob"), ORDERED),
            (Mutant::Elsewhere("read segment"), OWN),
            (Mutant::AbortLost, OPEN),
            (Mutant::DenialUnheard, PERMITTED),
        ],
        troubles: 2,
        drawn_troubles: 0,
    }
}

/// A PUT that publishes the blob.
fn published(name: &'static str, digest: Digest) -> Scene {
    upload(name, Method::PUT, &format!("?digest={digest}"))
        .object(Role::Blob, BLOB)
        .other(Role::Blob, "found shorter", &BLOB[..3])
        .promising(201, "join blob, write link")
        .promising(201, "stat blob, write link")
        .relying()
}
