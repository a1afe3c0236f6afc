use http::{Method, header};
use wharfinger_core::exchange::BodyLength;
use wharfinger_core::oci::{Algorithm, Digest};

use super::super::scene::{BLOB, Scene};
use super::*;

pub(super) fn all() -> Vec<Flow> {
    vec![start(), status(), cancel(), patch(), post()]
}

fn start() -> Flow {
    Flow {
        name: "upload-start",
        title: "`POST` of an upload: where it goes on; nothing is stored",
        asks: "",
        order: &[],
        replies: &["202", "400 DIGEST_INVALID"],
        scenes: vec![
            Scene::new("POST", Method::POST, "/v2/a/blobs/uploads/").promising(202, "").drawn(),
            Scene::new("POST with a wrong digest", Method::POST, "/v2/a/blobs/uploads/?digest=x")
                .deserving(&[400])
                .drawn(),
            Scene::new(
                "POST with a wrong algorithm",
                Method::POST,
                "/v2/a/blobs/uploads/?digest-algorithm=x",
            )
            .deserving(&[400]),
        ],
        mutants: &[
            (Mutant::Status(202, 201), ACKNOWLEDGED),
            (Mutant::Status(400, 404), REASON),
            (Mutant::Sneaked("write segment"), OWN),
            (Mutant::LengthWrong, LENGTH),
        ],
        troubles: 1,
        drawn_troubles: 0,
    }
}

fn status() -> Flow {
    Flow {
        name: "upload-status",
        title: "`GET` of an upload: how far it is, out of its token",
        asks: "",
        order: &[],
        replies: &["204", "404 BLOB_UPLOAD_UNKNOWN"],
        scenes: vec![
            upload("GET", Method::GET, "").uploaded(&[b"bl"]).promising(204, "").drawn(),
            upload("GET with a wrong token", Method::GET, "?state=x").deserving(&[404]).drawn(),
            upload("GET without a token", Method::GET, "").deserving(&[404]),
        ],
        mutants: &[
            (Mutant::Miscounted, COUNTED),
            (Mutant::Status(404, 204), ACKNOWLEDGED),
            (Mutant::Sneaked("read segment"), OWN),
            (Mutant::TwoReplies, ONCE),
        ],
        troubles: 1,
        drawn_troubles: 0,
    }
}

fn cancel() -> Flow {
    Flow {
        name: "upload-cancel",
        title: "`DELETE` of an upload: nothing is removed, for another token of it may have been published",
        asks: "",
        order: &[],
        replies: &["204", "404 BLOB_UPLOAD_UNKNOWN"],
        scenes: vec![
            upload("DELETE", Method::DELETE, "").uploaded(&[b"bl"]).promising(204, "").drawn(),
            upload("DELETE with a wrong token", Method::DELETE, "?state=x").deserving(&[404]).drawn(),
        ],
        mutants: &[
            (Mutant::Sneaked("remove segment"), OWN),
            (Mutant::Status(204, 202), ACKNOWLEDGED),
            (Mutant::Status(404, 204), ACKNOWLEDGED),
            (Mutant::CutIsWhole, LENGTH),
        ],
        troubles: 1,
        drawn_troubles: 0,
    }
}

fn patch() -> Flow {
    let patch = |name| upload(name, Method::PATCH, "").promising(202, "write segment");
    let new = |name| patch(name).uploaded(&[]);
    const SIXTEEN: [&[u8]; 16] = [b"s"; 16];
    Flow {
        name: "upload-patch",
        title: "`PATCH` of an upload: a piece more, stored as segments",
        asks: "write segment, write segment list",
        order: &[("write segment list", "write segment")],
        replies: &[
            "202",
            "400 BLOB_UPLOAD_INVALID",
            "400 SIZE_INVALID",
            "404 BLOB_UPLOAD_UNKNOWN",
            "408 SIZE_INVALID",
            "416 BLOB_UPLOAD_INVALID",
            "503 UNAVAILABLE",
            "507 UNAVAILABLE",
        ],
        scenes: vec![
            new("PATCH").body(BLOB).drawn(),
            patch("PATCH in segments of two bytes")
                .uploaded(&[b"bl"])
                .body("ob-12")
                .length(BodyLength::Unknown)
                .configured(|config| config.limits.segment_bytes_max = 2),
            new("PATCH with its range").body(BLOB).field(header::CONTENT_RANGE, "0-3"),
            new("PATCH with its range, of any length")
                .body(&BLOB[..3])
                .length(BodyLength::Unknown)
                .field(header::CONTENT_RANGE, "0-3")
                .deserving(&[400]),
            new("PATCH of another range").body(BLOB).field(header::CONTENT_RANGE, "4-7").deserving(&[416]),
            new("PATCH of a wrong range").body(BLOB).field(header::CONTENT_RANGE, "x").deserving(&[400]),
            new("PATCH that ends early").body(&BLOB[..3]).length(BodyLength::Exactly(4)).deserving(&[400]),
            upload("PATCH of nothing", Method::PATCH, "")
                .uploaded(&[b"bl"])
                .length(BodyLength::Unknown)
                .promising(202, ""),
            upload("PATCH whose list grows long", Method::PATCH, "")
                .uploaded(&SIXTEEN)
                .body("s")
                .promising(202, "write segment, write segment list")
                .drawn(),
            new("PATCH of too many segments")
                .body(BLOB)
                .length(BodyLength::Unknown)
                .configured(|config| {
                    config.limits.segment_bytes_max = 2;
                    config.limits.joins.parts_max = 1;
                })
                .deserving(&[400]),
            upload("PATCH with a wrong token", Method::PATCH, "?state=x").body(BLOB).deserving(&[404]),
        ],
        mutants: &[
            (Mutant::Misheard { of: "write segment", said: "unavailable", heard: "written" }, ACKNOWLEDGED),
            (Mutant::Misheard { of: "write segment list", said: "full", heard: "written" }, ACKNOWLEDGED),
            (Mutant::ShortIsWhole, BROKEN),
            (Mutant::Miscounted, COUNTED),
            (Mutant::AbortLost, OPEN),
            (Mutant::Elsewhere("write segment"), OWN),
        ],
        troubles: 3,
        drawn_troubles: 0,
    }
}

fn post() -> Flow {
    let digest = digest();
    let target = format!("/v2/a/blobs/uploads/?digest={digest}");
    let post = |name| Scene::new(name, Method::POST, target.clone());
    let mut empty = Scene::new(
        "POST of the empty blob",
        Method::POST,
        format!("/v2/a/blobs/uploads/?digest={}", Digest::of(Algorithm::Sha256, b"")),
    );
    empty.digest = Digest::of(Algorithm::Sha256, b"");
    empty.content = bytes::Bytes::new();
    Flow {
        name: "upload-post",
        title: "`POST` with a digest: a small blob at once",
        asks: "write blob, write link, write segment, join blob, stat blob, touch blob, release segment, remove segment",
        order: &[
            ("write link", "write blob"),
            ("write link", "join blob"),
            ("write link", "stat blob"),
            ("join blob", "write segment"),
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
            post("POST").body(BLOB).promising(201, "write blob, write link").drawn(),
            post("POST of other content").body("blot").deserving(&[400]).drawn(),
            post("POST of any length")
                .body(BLOB)
                .length(BodyLength::Unknown)
                .object(super::super::label::Role::Blob, BLOB)
                .promising(201, "join blob, write link")
                .promising(201, "stat blob, write link")
                .relying(),
            empty.promising(201, "write blob, write link"),
        ],
        mutants: &[
            (Mutant::Misheard { of: "write blob", said: "unavailable", heard: "written" }, ORDERED),
            (Mutant::Later("write blob"), ORDERED),
            (Mutant::Undone("write link"), ACKNOWLEDGED),
            (Mutant::ShortIsWhole, BROKEN),
            (Mutant::DenialUnheard, PERMITTED),
            (Mutant::GoneUnheard, GONE),
        ],
        troubles: 2,
        drawn_troubles: 0,
    }
}

/// A request about the upload.
pub(super) fn upload(name: &'static str, method: Method, query: &str) -> Scene {
    let target = format!("/v2/a/blobs/uploads/03030303-0303-0303-0303-030303030303{query}");
    Scene::new(name, method, target)
}

pub(super) fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, BLOB)
}
