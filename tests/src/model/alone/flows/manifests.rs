use http::{Method, header};
use wharfinger_core::exchange::BodyLength;
use wharfinger_core::oci::{Algorithm, Digest};

use super::super::label::Role;
use super::super::scene::{BLOB, Scene};
use super::*;

pub(super) fn all() -> Vec<Flow> {
    vec![get(), put(), delete(), tag_delete()]
}

fn get() -> Flow {
    let known = format!("\"{}\"", image().1);
    Flow {
        name: "manifest-get",
        title: "`GET` and `HEAD` of a manifest, by tag or digest, in one read",
        asks: "read manifest, read tag",
        order: &[],
        replies: &["200", "304", "404", "404 MANIFEST_UNKNOWN", "503", "503 UNAVAILABLE"],
        scenes: vec![
            about("GET by tag", Method::GET, Some("v1"), "")
                .other(Role::Tag, "found cut", record(&image().0).split_at(200).0.to_owned())
                .promising(200, "read tag")
                .drawn(),
            about("GET by digest", Method::GET, None, "")
                .other(Role::Manifest, "found another", record(&referrer()))
                .other(Role::Manifest, "found cut", record(&image().0).split_at(200).0.to_owned())
                .promising(200, "read manifest")
                .drawn(),
            about("HEAD by tag", Method::HEAD, Some("v1"), "").promising(200, "read tag"),
            about("GET of what is known", Method::GET, Some("v1"), "")
                .field(header::IF_NONE_MATCH, &known)
                .promising(304, "read tag"),
            untagged("GET from a store without tags", Method::GET, "v1").promising(200, "read tag"),
        ],
        mutants: &[
            (Mutant::Misheard { of: "read tag", said: "missing", heard: "found" }, ACKNOWLEDGED),
            (Mutant::Misheard { of: "read manifest", said: "breaks off", heard: "missing" }, REASON),
            (Mutant::ShortIsWhole, LENGTH),
            (Mutant::OtherBytes, BYTES),
            (Mutant::Elsewhere("read tag"), OWN),
        ],
        troubles: 3,
        drawn_troubles: 0,
    }
}

fn put() -> Flow {
    Flow {
        name: "manifest-put",
        title: "`PUT` of a manifest: all that it needs is looked for, then it is written, then its tags",
        asks: "read link, touch blob, touch link, read child, touch child, write manifest, write referrer, write tag, \
               write extra tag, stat manifest, stat referrer, stat tag, stat extra tag, read tag, read manifest",
        order: &[
            ("write tag", "write manifest"),
            ("write extra tag", "write manifest"),
            ("write referrer", "write manifest"),
            ("write manifest", "read link"),
            ("write manifest", "read child"),
        ],
        replies: &[
            "201",
            "400 DIGEST_INVALID",
            "400 MANIFEST_BLOB_UNKNOWN",
            "400 MANIFEST_INVALID",
            "400 SIZE_INVALID",
            "408 SIZE_INVALID",
            "412 UNSUPPORTED",
            "413 SIZE_INVALID",
            "503 UNAVAILABLE",
            "507 UNAVAILABLE",
        ],
        scenes: pushes(),
        mutants: &[
            (Mutant::Later("write manifest"), ORDERED),
            (Mutant::Misheard { of: "read link", said: "missing", heard: "found" }, ORDERED),
            (Mutant::Misheard { of: "stat manifest", said: "missing", heard: "found" }, ACKNOWLEDGED),
            (Mutant::Undone("write referrer"), ACKNOWLEDGED),
            (Mutant::Misheard { of: "write tag", said: "breaks off", heard: "written" }, ACKNOWLEDGED),
            (Mutant::Misheard { of: "touch link", said: "missing", heard: "done" }, YOUNG),
            (Mutant::DenialUnheard, PERMITTED),
            (Mutant::Elsewhere("write tag"), OWN),
        ],
        troubles: 2,
        drawn_troubles: 0,
    }
}

fn pushes() -> Vec<Scene> {
    let index = index();
    let child = image().1;
    let mut of_index = about("PUT of an index", Method::PUT, Some("v1"), "").pushing(&index);
    of_index.child = child;
    let of_index = of_index
        .object(Role::Child, record(&image().0))
        .other(Role::Child, "found damaged", "x\n")
        .promising(201, "read child, write manifest, write tag, stat manifest");
    let tagged = |name| {
        about(name, Method::PUT, Some("v1"), "")
            .pushing(&image().0)
            .promising(201, "read link, write manifest, write tag, stat manifest")
    };
    let referrer = referrer();
    let mut referring = about("PUT by digest, with a subject and a tag more", Method::PUT, None, "?tag=v2");
    referring.child = Digest::of(Algorithm::Sha256, b"subject");
    vec![
        tagged("PUT by tag").drawn(),
        referring
            .pushing(&referrer)
            .promising(201, "read link, write manifest, write referrer, write extra tag, stat manifest"),
        of_index,
        tagged("PUT that deletes take away").taken_away(),
        tagged("PUT by a new tag")
            .promising(201, "read link, write manifest, read tag, stat manifest")
            .field(header::IF_NONE_MATCH, "*")
            .deserving(&[412]),
        tagged("PUT over what is known").field(header::IF_MATCH, &format!("\"{child}\"")).deserving(&[412]),
        about("PUT by another digest", Method::PUT, None, "").body(index.clone()).deserving(&[400]),
        tagged("PUT of any length")
            .length(BodyLength::Unknown)
            .configured(|config| {
                config.limits.manifest_bytes_max = 9;
            })
            .deserving(&[413]),
        tagged("PUT of what is too long")
            .configured(|config| {
                config.limits.manifest_bytes_max = 9;
            })
            .deserving(&[413]),
        about("PUT of no manifest", Method::PUT, Some("v1"), "").body("{}").deserving(&[400]),
        tagged("PUT that ends early").length(BodyLength::Exactly(999)).deserving(&[400]),
    ]
}

fn delete() -> Flow {
    let size = record(&image().0).len() as u64;
    let deleted = |scene: Scene, size| {
        scene.page(Role::Tags, "with a tag of its size", &[("v1", size)], false).page(
            Role::Tags,
            "with another tag",
            &[("v1", 1)],
            false,
        )
    };
    let image = |name| {
        let scene = deleted(image_alone(name), size);
        scene.promising(202, "list tags, remove manifest")
    };
    let referrer = referrer();
    let mut referring = Scene::new(
        "DELETE of a referrer",
        Method::DELETE,
        format!("/v2/a/manifests/{}", Digest::of(Algorithm::Sha256, referrer.as_bytes())),
    );
    referring.manifest = Digest::of(Algorithm::Sha256, referrer.as_bytes());
    referring.child = Digest::of(Algorithm::Sha256, b"subject");
    let referring = referring
        .object(Role::Manifest, record(&referrer))
        .object(Role::Tag, record(&referrer))
        .promising(202, "list tags, remove referrer, remove manifest");
    Flow {
        name: "manifest-delete",
        title: "`DELETE` of a manifest by digest: its tags go first, and those that came meanwhile last",
        asks: "stat manifest, read manifest, list tags, read tag, remove tag, remove referrer, remove manifest",
        order: &[
            ("list tags", "read manifest"),
            ("list tags", "remove manifest"),
            ("remove manifest", "list tags, read manifest"),
            ("remove tag", "read tag, read manifest"),
            ("remove tag", "read tag, remove manifest, !stat manifest"),
            ("remove referrer", "list tags"),
        ],
        replies: &["202", "404 MANIFEST_UNKNOWN", "503 UNAVAILABLE"],
        scenes: vec![
            image("DELETE").drawn(),
            image("DELETE with many tags")
                .page(Role::Tags, "with a tag of its size, and more to come", &[("v1", size)], true)
                .troubling("list tags"),
            image("DELETE of what is damaged").like(Role::Manifest, "found damaged", "x\n"),
            deleted(referring, record(&referrer).len() as u64),
        ],
        mutants: &[
            (Mutant::Undone("list tags"), ORDERED),
            (Mutant::Misheard { of: "remove manifest", said: "breaks off", heard: "done" }, ORDERED),
            (Mutant::Undone("remove referrer"), ACKNOWLEDGED),
            (Mutant::Misheard { of: "stat manifest", said: "found damaged", heard: "missing" }, ORDERED),
            (Mutant::Elsewhere("remove tag"), OWN),
            (Mutant::DenialUnheard, PERMITTED),
        ],
        troubles: 2,
        drawn_troubles: 0,
    }
}

fn tag_delete() -> Flow {
    Flow {
        name: "tag-delete",
        title: "`DELETE` of a tag: the manifest stays",
        asks: "remove tag",
        order: &[],
        replies: &["202", "400 TAG_INVALID", "404 MANIFEST_UNKNOWN", "503 UNAVAILABLE"],
        scenes: vec![
            about("DELETE", Method::DELETE, Some("v1"), "").promising(202, "remove tag").drawn(),
            about("DELETE of what is no tag", Method::DELETE, Some("-"), "").deserving(&[400]),
        ],
        mutants: &[
            (Mutant::Undone("remove tag"), ACKNOWLEDGED),
            (Mutant::Misheard { of: "remove tag", said: "unavailable", heard: "missing" }, REASON),
            (Mutant::Sneaked("remove manifest"), OWN),
            (Mutant::RestLost, WAITS),
        ],
        troubles: 4,
        drawn_troubles: 0,
    }
}

/// A request about the image, and what may stand under its names.
pub(super) fn about(name: &'static str, method: Method, tag: Option<&str>, query: &str) -> Scene {
    let (manifest, digest) = image();
    let reference = tag.map_or_else(|| digest.to_string(), str::to_owned);
    let mut scene = Scene::new(name, method, format!("/v2/a/manifests/{reference}{query}"));
    scene.manifest = digest;
    let record = record(&manifest);
    scene = scene
        .object(Role::Manifest, record.clone())
        .object(Role::Tag, record)
        .object(Role::Link, "{\"size\":4}")
        .other(Role::Link, "found other size", "{\"size\":5}");
    scene
}

/// A DELETE of the image, and of what else may hold its tag.
fn image_alone(name: &'static str) -> Scene {
    let (manifest, digest) = image();
    let mut scene = Scene::new(name, Method::DELETE, format!("/v2/a/manifests/{digest}"));
    scene.manifest = digest;
    scene.object(Role::Manifest, record(&manifest)).object(Role::Tag, record(&manifest)).other(
        Role::Tag,
        "found another",
        record(&referrer()),
    )
}

fn untagged(name: &'static str, method: Method, tag: &str) -> Scene {
    let (manifest, digest) = image();
    let mut scene = Scene::new(name, method, format!("/v2/a/manifests/{tag}"));
    scene.manifest = digest;
    scene.untagged(Role::Tag, record(&manifest))
}

impl Scene {
    /// Pushes a manifest: what is written of it is known.
    fn pushing(mut self, manifest: &str) -> Self {
        self.manifest = Digest::of(Algorithm::Sha256, manifest.as_bytes());
        self.record = record(manifest).into();
        if self.target.contains("sha256") {
            let query = self.target.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
            self.target = format!("/v2/a/manifests/{}{query}", self.manifest);
        }
        let record = self.record.clone();
        self = self.object(Role::ExtraTag, record).object(Role::Referrer, "{}");
        self.body(manifest.to_owned()).relying()
    }
}

/// A manifest that needs the blob.
fn image() -> (String, Digest) {
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{IMAGE}\",\"config\":{},\"layers\":[]}}",
        descriptor("a/b", &Digest::of(Algorithm::Sha256, BLOB), 4)
    );
    let digest = Digest::of(Algorithm::Sha256, manifest.as_bytes());
    (manifest, digest)
}

/// One that needs the blob, too, and refers to something else.
fn referrer() -> String {
    format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{IMAGE}\",\"config\":{},\"layers\":[],\"subject\":{}}}",
        descriptor("a/b", &Digest::of(Algorithm::Sha256, BLOB), 4),
        descriptor(IMAGE, &Digest::of(Algorithm::Sha256, b"subject"), 7)
    )
}

/// One that needs the image.
fn index() -> String {
    let (image, digest) = image();
    format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{INDEX}\",\"manifests\":[{}]}}",
        descriptor(IMAGE, &digest, image.len())
    )
}

fn descriptor(media_type: &str, digest: &Digest, size: usize) -> String {
    format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"{digest}\",\"size\":{size}}}")
}

/// A manifest as it is kept.
fn record(manifest: &str) -> String {
    let media_type = if manifest.contains("manifests") { INDEX } else { IMAGE };
    let digest = Digest::of(Algorithm::Sha256, manifest.as_bytes());
    let size = manifest.len();
    format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"{digest}\",\"size\":{size}}}\n{manifest}")
}

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
