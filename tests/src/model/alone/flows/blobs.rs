use http::{Method, header};
use wharfinger_core::oci::{Algorithm, Digest, Repository};

use super::super::label::Role;
use super::super::scene::{BLOB, Scene};
use super::*;

pub(super) fn all() -> Vec<Flow> {
    vec![base(), get(), redirect(), delete(), mount()]
}

fn base() -> Flow {
    Flow {
        name: "base",
        title: "`GET /v2/`: this is a registry",
        asks: "",
        order: &[],
        replies: &["200"],
        scenes: vec![
            Scene::new("GET", Method::GET, "/v2/").promising(200, "").drawn(),
            Scene::new("HEAD", Method::HEAD, "/v2/").promising(200, ""),
        ],
        mutants: &[
            (Mutant::Status(200, 401), TABLE),
            (Mutant::LengthWrong, LENGTH),
            (Mutant::CutIsWhole, LENGTH),
            (Mutant::TwoReplies, ONCE),
        ],
        troubles: 1,
        drawn_troubles: 0,
    }
}

fn get() -> Flow {
    Flow {
        name: "blob-get",
        title: "`GET` and `HEAD` of a blob, whole or in ranges",
        asks: "read link, read blob, touch blob, touch link, remove link, stat blob, write link",
        order: &[("write link", "remove link, stat blob")],
        replies: &[
            "200",
            "206",
            "304",
            "404",
            "404 BLOB_UNKNOWN",
            "416 SIZE_INVALID",
            "503",
            "503 UNAVAILABLE",
        ],
        scenes: vec![
            alone("GET", Method::GET).promising(200, "read link, read blob").drawn(),
            linked("GET where the link may be wrong", Method::GET).promising(200, "read link, read blob"),
            alone("HEAD", Method::HEAD).promising(200, "read link").relying().drawn(),
            linked("GET of a range", Method::GET)
                .field(header::RANGE, "bytes=1-2")
                .promising(206, "read link, read blob"),
            alone("GET of no range", Method::GET).field(header::RANGE, "bytes=9-").deserving(&[416]),
            linked("GET of two ranges", Method::GET)
                .field(header::RANGE, "bytes=0-0,2-3")
                .promising(206, "read link, read blob"),
            alone("GET of what is known", Method::GET)
                .field(header::IF_NONE_MATCH, &format!("\"{}\"", digest()))
                .promising(304, "read link"),
            linked("GET if it is another one", Method::GET)
                .field(header::RANGE, "bytes=1-2")
                .field(header::IF_RANGE, "\"other\"")
                .promising(200, "read link, read blob"),
        ],
        mutants: &[
            (Mutant::Misheard { of: "read link", said: "missing", heard: "found" }, ACKNOWLEDGED),
            (Mutant::Misheard { of: "read blob", said: "found shorter", heard: "found" }, BYTES),
            (Mutant::Misheard { of: "touch blob", said: "missing", heard: "done" }, YOUNG),
            (Mutant::Misheard { of: "remove link", said: "breaks off", heard: "done" }, ORDERED),
            (Mutant::ShortIsWhole, LENGTH),
            (Mutant::CutIsWhole, LENGTH),
            (Mutant::AbortLost, OPEN),
            (Mutant::Elsewhere("read link"), OWN),
        ],
        troubles: 2,
        drawn_troubles: 0,
    }
}

fn redirect() -> Flow {
    let redirecting = |scene: Scene| {
        scene
            .configured(|config| config.redirects = true)
            .promising(307, "read link, stat blob")
            .promising(200, "read link, read blob")
    };
    Flow {
        name: "blob-redirect",
        title: "`GET` of a blob where clients are sent to the store itself",
        asks: "read link, read blob, stat blob, remove link, touch blob, write link",
        order: &[("write link", "remove link, stat blob")],
        replies: &["200", "307", "404 BLOB_UNKNOWN", "503 UNAVAILABLE"],
        scenes: vec![
            redirecting(alone("GET", Method::GET)).drawn(),
            redirecting(linked("GET where the link may be wrong", Method::GET)),
        ],
        mutants: &[
            (Mutant::Misheard { of: "stat blob", said: "missing", heard: "found" }, ACKNOWLEDGED),
            (Mutant::Misheard { of: "read link", said: "missing", heard: "found" }, ACKNOWLEDGED),
            (Mutant::Status(404, 307), ACKNOWLEDGED),
            (Mutant::Undone("remove link"), ORDERED),
            (Mutant::GoneUnheard, GONE),
        ],
        troubles: 1,
        drawn_troubles: 0,
    }
}

fn delete() -> Flow {
    Flow {
        name: "blob-delete",
        title: "`DELETE` of a blob: the repository lets go of it",
        asks: "remove link",
        order: &[],
        replies: &["202", "404 BLOB_UNKNOWN", "503 UNAVAILABLE"],
        scenes: vec![linked("DELETE", Method::DELETE).promising(202, "remove link").drawn()],
        mutants: &[
            (Mutant::Misheard { of: "remove link", said: "breaks off", heard: "done" }, ACKNOWLEDGED),
            (Mutant::Misheard { of: "remove link", said: "breaks off", heard: "missing" }, REASON),
            (Mutant::Elsewhere("remove link"), OWN),
            (Mutant::RestLost, WAITS),
        ],
        troubles: 4,
        drawn_troubles: 0,
    }
}

fn mount() -> Flow {
    let target = |from: &str| format!("/v2/a/blobs/uploads/?mount={}{from}", digest());
    let mut from = Scene::new("POST from another", Method::POST, target("&from=b"))
        .object(Role::SourceLink, LINK)
        .other(Role::SourceLink, "found damaged", "{")
        .promising(201, "read source link, write link")
        .promising(202, "")
        .relying()
        .drawn();
    from.source = Repository::parse("b").ok();
    Flow {
        name: "upload-mount",
        title: "`POST` of an upload with `mount`: a link to a blob of another repository, or else an upload",
        asks: "read source link, stat blob, touch blob, touch source link, write link",
        order: &[("write link", "read source link"), ("write link", "stat blob")],
        replies: &["201", "202"],
        scenes: vec![
            from,
            Scene::new("POST from anywhere", Method::POST, target(""))
                .object(Role::Blob, BLOB)
                .promising(201, "stat blob, write link")
                .promising(202, "")
                .relying()
                .drawn(),
            Scene::new("POST from no repository", Method::POST, target("&from=B")).promising(202, ""),
        ],
        mutants: &[
            (Mutant::Misheard { of: "read source link", said: "missing", heard: "found" }, ORDERED),
            (Mutant::Misheard { of: "touch blob", said: "missing", heard: "done" }, YOUNG),
            (Mutant::Undone("write link"), ACKNOWLEDGED),
            (Mutant::Elsewhere("write link"), OWN),
            (Mutant::Status(202, 404), REASON),
        ],
        troubles: 2,
        drawn_troubles: 0,
    }
}

/// A request about the blob, and what may stand under its names.
fn linked(name: &'static str, method: Method) -> Scene {
    alone(name, method).other(Role::Link, "found other size", "{\"size\":5}")
}

/// The same where the link alone decides: there is nothing to compare its size with.
fn alone(name: &'static str, method: Method) -> Scene {
    Scene::new(name, method, format!("/v2/a/blobs/{}", digest()))
        .object(Role::Link, LINK)
        .other(Role::Link, "found damaged", "{")
        .changed(Role::Link, "{\"size\":3}")
        .object(Role::Blob, BLOB)
        .other(Role::Blob, "found shorter", &BLOB[..3])
        .other_object(Role::Blob, "found another", "BLOB")
}

fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, BLOB)
}

const LINK: &str = "{\"size\":4}";
