//! The clients that people use, against a real registry process: what is pulled is what was pushed, byte for byte.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use wharfinger_tests::contents::Contents;
use wharfinger_tests::image::{INDEX, Image, Layout, Packing};
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::{Folder, Options, Server};
use wharfinger_tests::tools::Tools;

/// A registry, the clients, and room for layouts.
struct Quay {
    registry: Server,
    tools: Tools,
    room: Folder,
}

impl Quay {
    fn open(purpose: &str) -> Self {
        let room = Folder::new(purpose).expect("the temporary directory is writable");
        let registry = Server::start(Options::default()).expect("the registry starts");
        let tools = Tools::new(&room.path().join("home"));
        Self { registry, tools, room }
    }

    /// A new layout with one image under the tag `t`: where it is and the digest of the manifest.
    fn layout(&self, name: &str, image: &Image) -> (PathBuf, String) {
        let path = self.path(name);
        let digest = Layout::create(&path).add("t", image);
        (path, digest)
    }

    /// A path in the room.
    fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// A new directory in the room.
    fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        path
    }

    fn remote(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.registry.address())
    }

    fn repository(&self, name: &str) -> Repository {
        Repository::new(self.registry.address(), name)
    }

    fn copy(&self, options: &[&str], from: &str, to: &str) {
        self.tools.skopeo(&[&COPY[..], &["--quiet"], options, &[from, to]].concat());
    }

    /// Pulls `remote` into a new layout and answers its contents.
    fn pull(&self, options: &[&str], remote: &str) -> Contents {
        let path = self.path(&format!("pulled-{}", remote.replace(['/', ':', '@'], "_")));
        self.copy(&[&[AS_IT_IS], options].concat(), remote, &local(&path));
        Contents::of_layout(&path)
    }

    /// The digest of the manifest that the registry names for `remote`.
    fn digest(&self, remote: &str) -> String {
        self.tools.skopeo(&["inspect", PLAIN_HTTP, "--format", "{{.Digest}}", remote])
    }
}

const PLAIN_HTTP: &str = "--tls-verify=false";
const COPY: [&str; 3] = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
const AS_IT_IS: &str = "--preserve-digests";

fn local(path: &Path) -> String {
    format!("oci:{}:t", path.display())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("the client printed JSON")
}

#[test]
fn skopeo_pulls_every_kind_of_image_as_it_pushed_it() {
    let quay = Quay::open("kinds");
    let plain = Image { packing: Packing::Plain, ..Image::new(2, &[100_000, 1]) };
    let images = [
        ("gzip", Image::new(1, &[100_000, 2_000])),
        ("plain", plain),
        ("empty-files", Image::new(3, &[0, 0, 10])),
        ("no-layers", Image::new(4, &[])),
        ("big-layer", Image::new(5, &[30 * 1024 * 1024])),
        ("many/layers/deep/inside", Image::new(6, &[4_000; 24])),
    ];
    for (name, image) in images {
        let (path, digest) = quay.layout(&name.replace('/', "-"), &image);
        let remote = quay.remote(&format!("kinds/{name}:t"));
        quay.copy(&[AS_IT_IS], &local(&path), &remote);
        assert_eq!(quay.pull(&[], &remote), Contents::of_layout(&path), "{name}");
        assert_eq!(quay.digest(&remote), digest, "{name}");
    }
}

#[test]
fn skopeo_pulls_by_digest_what_was_pushed_by_tag() {
    let quay = Quay::open("by-digest");
    let (path, digest) = quay.layout("image", &Image::new(10, &[5_000]));
    quay.copy(&[AS_IT_IS], &local(&path), &quay.remote("app:t"));
    assert_eq!(quay.pull(&[], &quay.remote(&format!("app@{digest}"))), Contents::of_layout(&path));
}

#[test]
fn skopeo_lists_tags_and_deletes() {
    let quay = Quay::open("tags");
    for (seed, tag) in [(20, "one"), (21, "two"), (22, "three")] {
        let (path, _) = quay.layout(tag, &Image::new(seed, &[1_000]));
        quay.copy(&[], &local(&path), &quay.remote(&format!("app:{tag}")));
    }
    let tags = || json(&quay.tools.skopeo(&["list-tags", PLAIN_HTTP, &quay.remote("app")]))["Tags"].clone();
    assert_eq!(tags(), serde_json::json!(["one", "three", "two"]));
    let digest = quay.digest(&quay.remote("app:two"));

    quay.tools.skopeo(&["delete", PLAIN_HTTP, &quay.remote("app:two")]);
    assert_eq!(tags(), serde_json::json!(["one", "three"]));
    for gone in [quay.remote("app:two"), quay.remote(&format!("app@{digest}"))] {
        let out = quay.tools.try_skopeo(&["inspect", PLAIN_HTTP, &gone]);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success() && said.contains("manifest unknown"), "{gone}: {said}");
    }
    quay.digest(&quay.remote("app:one"));

    let (path, _) = quay.layout("again", &Image::new(21, &[1_000]));
    quay.copy(&[], &local(&path), &quay.remote("app:two"));
    assert_eq!(quay.digest(&quay.remote("app:two")), digest, "a deleted image can be pushed again");
}

#[test]
fn skopeo_copies_an_index_with_all_its_images() {
    let quay = Quay::open("index");
    let image = |seed, architecture| Image { architecture, ..Image::new(seed, &[3_000, 40_000]) };
    let path = quay.path("index");
    let images = [image(30, "amd64"), image(31, "arm64"), image(32, "s390x")];
    let digest = Layout::create(&path).add_index("t", &images);
    let remote = quay.remote("multi:t");
    quay.copy(&["--all", AS_IT_IS], &local(&path), &remote);

    let raw = quay.tools.skopeo(&["inspect", PLAIN_HTTP, "--raw", &remote]);
    assert_eq!(json(&raw)["mediaType"], INDEX);
    let pulled = quay.pull(&["--all"], &remote);
    assert_eq!(pulled, Contents::of_layout(&path));
    assert_eq!(pulled.roots, [digest]);

    let one = quay.path("one");
    let arm = ["--override-arch", "arm64", &remote, &local(&one)];
    quay.tools.skopeo(&[&COPY[..], &arm].concat());
    assert_eq!(
        Contents::of_layout(&one).blobs.len(),
        4,
        "one platform is a manifest, a config and two layers"
    );
}

#[test]
fn skopeo_pushes_the_docker_format() {
    let quay = Quay::open("v2s2");
    let (path, _) = quay.layout("image", &Image::new(40, &[10_000, 0, 70_000]));
    let remote = quay.remote("docker/format:t");
    let file = quay.path("digest");
    let digest_file = format!("--digestfile={}", file.display());
    quay.copy(&["--format", "v2s2", &digest_file], &local(&path), &remote);
    let raw = json(&quay.tools.skopeo(&["inspect", PLAIN_HTTP, "--raw", &remote]));
    assert_eq!(raw["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");

    let pulled = quay.folder("pulled");
    quay.copy(&[], &remote, &format!("dir:{}", pulled.display()));
    let pulled = Contents::of_folder(&pulled);
    assert_eq!(pulled.roots, [fs::read_to_string(file).expect("skopeo writes the digest").trim()]);
    let source = Contents::of_layout(&path);
    let layers = raw["layers"].as_array().expect("a manifest has layers");
    assert_eq!(layers.len(), 3);
    for digest in layers.iter().map(|layer| layer["digest"].as_str().expect("a layer has a digest")) {
        assert!(source.blobs.contains_key(digest), "{digest} was never a layer");
        assert_eq!(pulled.blobs.get(digest), source.blobs.get(digest), "{digest}");
    }
}

#[test]
fn skopeo_mounts_layers_between_repositories() {
    let quay = Quay::open("mount");
    let (path, digest) = quay.layout("image", &Image::new(50, &[200_000, 300_000]));
    let (from, to) = (quay.remote("here:t"), quay.remote("there/and/there:t"));
    quay.copy(&[AS_IT_IS], &local(&path), &from);
    let out = quay.tools.try_skopeo(&[&COPY[..], &["--debug", AS_IT_IS, &from, &to]].concat());
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    assert!(said.matches("... mount OK").count() >= 2, "both layers are to be mounted: {said}");
    let pulled = quay.pull(&[], &to);
    assert_eq!(pulled, Contents::of_layout(&path));
    assert_eq!(pulled.roots, [digest]);
}

#[test]
fn skopeo_syncs_a_repository_to_a_folder_and_back() {
    let quay = Quay::open("sync");
    let mut expected = Vec::new();
    for (seed, tag) in [(60, "1.0"), (61, "1.1")] {
        let (path, digest) = quay.layout(tag, &Image::new(seed, &[9_000]));
        quay.copy(&[AS_IT_IS], &local(&path), &quay.remote(&format!("fleet:{tag}")));
        expected.push((tag, digest));
    }
    let folder = quay.folder("synced").display().to_string();
    let host = quay.registry.address().to_string();
    let sync = ["sync", "--src-tls-verify=false", "--dest-tls-verify=false", AS_IT_IS];
    let fleet = format!("{host}/fleet");
    quay.tools.skopeo(&[&sync[..], &["--src", "docker", "--dest", "dir", &fleet, &folder]].concat());
    let copies = format!("{host}/copies");
    quay.tools.skopeo(&[&sync[..], &["--src", "dir", "--dest", "docker", &folder, &copies]].concat());
    for (tag, digest) in expected {
        assert_eq!(quay.digest(&quay.remote(&format!("copies/fleet:{tag}"))), digest);
    }
}

#[test]
fn podman_pulls_what_podman_pushed() {
    let quay = Quay::open("podman");
    let (path, _) = quay.layout("image", &Image::new(70, &[50_000, 0, 2_000_000]));
    let name = format!("{}/team/app:t", quay.registry.address());
    let file = quay.path("digest");
    let digest_file = format!("--digestfile={}", file.display());
    let id = quay.tools.podman(&["pull", "--quiet", &local(&path)]);
    for format in ["oci", "v2s2"] {
        quay.tools.podman(&["push", "--quiet", PLAIN_HTTP, "--format", format, &digest_file, &id, &name]);
        let pushed = fs::read_to_string(&file).expect("podman writes the digest");
        assert_eq!(quay.digest(&quay.remote("team/app:t")), pushed.trim());

        let other = Tools::new(&quay.folder(&format!("other-home-{format}")));
        other.podman(&["pull", "--quiet", PLAIN_HTTP, &name]);
        let shown = "{{.Digest}} {{len .RootFS.Layers}}";
        let pulled = other.podman(&["image", "inspect", "--format", shown, &name]);
        assert_eq!(pulled, format!("{} 3", pushed.trim()));
        let folder = quay.folder(&format!("pulled-{format}"));
        quay.copy(&[], &quay.remote("team/app:t"), &format!("dir:{}", folder.display()));
        let contents = Contents::of_folder(&folder);
        assert_eq!(contents.roots, [pushed.trim()]);
        assert_eq!(contents.blobs.len(), 2 + 3, "a manifest, a config and three layers");
    }
}

#[test]
fn buildah_pulls_what_buildah_built_and_pushed() {
    let quay = Quay::open("buildah");
    let content = quay.path("content");
    fs::write(&content, "goods").expect("the temporary directory is writable");
    let container = quay.tools.buildah(&["from", "scratch"]);
    quay.tools.buildah(&["add", &container, &content.display().to_string(), "/content"]);
    quay.tools.buildah(&["config", "--label", "dock=east", &container]);
    let id = quay.tools.buildah(&["commit", "--quiet", &container, "built:t"]);
    let name = format!("{}/built:t", quay.registry.address());
    let file = quay.path("digest");
    let digest_file = format!("--digestfile={}", file.display());
    quay.tools.buildah(&[
        "push",
        "--quiet",
        PLAIN_HTTP,
        &digest_file,
        "built:t",
        &format!("docker://{name}"),
    ]);
    let pushed = fs::read_to_string(&file).expect("buildah writes the digest");
    assert_eq!(quay.digest(&quay.remote("built:t")), pushed.trim());

    let other = Tools::new(&quay.folder("other-home"));
    assert_eq!(other.buildah(&["pull", "--quiet", PLAIN_HTTP, &name]), id);
    let container = other.buildah(&["from", PLAIN_HTTP, "--pull-never", &name]);
    let root = other.buildah(&["mount", &container]);
    assert_eq!(fs::read_to_string(format!("{root}/content")).ok().as_deref(), Some("goods"));
    other.buildah(&["umount", &container]);
    assert_eq!(quay.pull(&[], &quay.remote("built:t")).roots, [pushed.trim()]);
}

#[test]
fn four_clients_push_the_same_image_at_once() {
    let quay = Quay::open("four");
    for round in 0..5 {
        let image = Image::new(80 + round, &[900_000, 0, 3_000_000]);
        let (path, digest) = quay.layout(&format!("round-{round}"), &image);
        let expected = Contents::of_layout(&path);
        let name = format!("four/round-{round}");
        thread::scope(|scope| {
            for pusher in 0..4 {
                let (quay, path, name, digest, expected) = (&quay, &path, &name, &digest, &expected);
                scope.spawn(move || {
                    let remote = quay.remote(&format!("{name}:by-{pusher}"));
                    quay.copy(&[AS_IT_IS], &local(path), &remote);
                    assert_whole(&quay.repository(name), digest, expected);
                });
            }
        });
        for pusher in 0..4 {
            assert_eq!(quay.pull(&[], &quay.remote(&format!("{name}:by-{pusher}"))), expected);
        }
    }
}

/// Every blob of `expected` is there, with its full size, and so is the manifest.
fn assert_whole(repository: &Repository, manifest: &str, expected: &Contents) {
    for (digest, size) in &expected.blobs {
        if digest != manifest {
            assert_eq!(repository.stat(digest).expect("a HEAD is answered"), Some(*size), "{digest}");
        }
    }
    let found = repository.read_manifest(manifest).expect("a GET is answered");
    assert_eq!(found.map(|bytes| bytes.len() as u64), expected.blobs.get(manifest).copied());
}
