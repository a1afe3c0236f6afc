use http::Method;
use wharfinger_core::oci::{Algorithm, Digest};

use super::super::label::Role;
use super::super::scene::Scene;
use super::*;

pub(super) fn all() -> Vec<Flow> {
    vec![catalog(), tags(), referrers()]
}

fn catalog() -> Flow {
    let catalog = |name, query| {
        Scene::new(name, Method::GET, format!("/v2/_catalog{query}"))
            .page(Role::Repositories, "all rows", &[("a", 0), ("b", 0)], false)
            .page(Role::Repositories, "first rows", &[("a", 0)], true)
    };
    Flow {
        name: "catalog",
        title: "`GET /v2/_catalog`: the repositories",
        asks: "list repositories",
        order: &[],
        replies: &["200", "400 UNSUPPORTED", "503 UNAVAILABLE"],
        scenes: vec![
            catalog("GET", "").promising(200, "list repositories").drawn(),
            catalog("GET of no rows", "?n=0").promising(200, ""),
            catalog("GET of a wrong number", "?n=x").deserving(&[400]),
        ],
        mutants: &[
            (
                Mutant::Misheard { of: "list repositories", said: "unavailable", heard: "no rows" },
                ACKNOWLEDGED,
            ),
            (Mutant::Elsewhere("list repositories"), OWN),
            (Mutant::LengthWrong, LENGTH),
            (Mutant::RestLost, WAITS),
        ],
        troubles: 4,
        drawn_troubles: 0,
    }
}

fn tags() -> Flow {
    let tags = |name, query| {
        Scene::new(name, Method::GET, format!("/v2/a/tags/list{query}"))
            .page(Role::Tags, "all rows", &[("v1", 9), ("v2", 9)], false)
            .page(Role::Tags, "first rows", &[("v1", 9)], true)
            .page(Role::Manifests, "a row", &[("sha256/x", 9)], true)
            .page(Role::Links, "a row", &[("sha256/x", 9)], true)
            .promising(200, "list tags")
    };
    Flow {
        name: "tags",
        title: "`GET` of the tags of a repository; one without any is told from none by its manifests and blobs",
        asks: "list tags, list manifests, list links",
        order: &[("list links", "list manifests")],
        replies: &["200", "400 UNSUPPORTED", "404 NAME_UNKNOWN", "503 UNAVAILABLE"],
        scenes: vec![
            tags("GET", "").drawn(),
            tags("GET of no rows", "?n=0").promising(200, "list manifests"),
            tags("GET of a wrong number", "?n=x").deserving(&[400]),
        ],
        mutants: &[
            (Mutant::Misheard { of: "list tags", said: "refused", heard: "all rows" }, ACKNOWLEDGED),
            (Mutant::Undone("list manifests"), ORDERED),
            (Mutant::Elsewhere("list links"), OWN),
            (Mutant::Status(503, 404), REASON),
        ],
        troubles: 2,
        drawn_troubles: 0,
    }
}

fn referrers() -> Flow {
    let subject = Digest::of(Algorithm::Sha256, b"subject");
    let rows = ["one", "two"].map(|name| {
        format!("sha256/{}", Digest::of(Algorithm::Sha256, name.as_bytes()).to_string().split_at(7).1)
    });
    let row = |at: usize| (&*rows[at], DESCRIPTOR.len() as u64);
    let referrers = |name, query| {
        let mut scene = Scene::new(name, Method::GET, format!("/v2/a/referrers/{subject}{query}"))
            .page(Role::Referrers, "one row", &[row(0)], false)
            .page(Role::Referrers, "two rows, more follow", &[row(0), row(1)], true)
            .object(Role::Referrer, DESCRIPTOR)
            .promising(200, "list referrers");
        scene.child = subject;
        scene
    };
    Flow {
        name: "referrers",
        title: "`GET` of the referrers of a manifest: their descriptors, read side by side",
        asks: "list referrers, read referrer",
        order: &[("read referrer", "list referrers")],
        replies: &["200", "400 UNSUPPORTED", "503 UNAVAILABLE"],
        scenes: vec![
            referrers("GET", "").drawn(),
            referrers("GET of one type", "?artifactType=a/b"),
            referrers("GET from what is none", "?last=x").deserving(&[400]),
        ],
        mutants: &[
            (Mutant::Misheard { of: "list referrers", said: "unavailable", heard: "no rows" }, ACKNOWLEDGED),
            (Mutant::Undone("list referrers"), ORDERED),
            (Mutant::DenialUnheard, PERMITTED),
            (Mutant::Elsewhere("read referrer"), OWN),
            (Mutant::GoneUnheard, GONE),
        ],
        troubles: 2,
        drawn_troubles: 0,
    }
}

const DESCRIPTOR: &str = "{\"mediaType\":\"a/b\",\"size\":1}";
