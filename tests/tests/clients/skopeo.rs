//! skopeo: images of every kind, tags, mounts and whole repositories.

use std::fs;

use wharfinger_tests::contents::Contents;
use wharfinger_tests::image::{INDEX, Image, Layout, Packing};

use super::quay::{AS_IT_IS, COPY, PLAIN_HTTP, Quay, json, local};

pub fn skopeo_pulls_every_kind_of_image_as_it_pushed_it(quay: &Quay) {
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

pub fn skopeo_pulls_by_digest_what_was_pushed_by_tag(quay: &Quay) {
    let (path, digest) = quay.layout("image", &Image::new(10, &[5_000]));
    quay.copy(&[AS_IT_IS], &local(&path), &quay.remote("app:t"));
    assert_eq!(quay.pull(&[], &quay.remote(&format!("app@{digest}"))), Contents::of_layout(&path));
}

pub fn skopeo_lists_tags_and_deletes(quay: &Quay) {
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

pub fn skopeo_copies_an_index_with_all_its_images(quay: &Quay) {
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

pub fn skopeo_pushes_the_docker_format(quay: &Quay) {
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

pub fn skopeo_mounts_layers_between_repositories(quay: &Quay) {
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

pub fn skopeo_syncs_a_repository_to_a_folder_and_back(quay: &Quay) {
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
