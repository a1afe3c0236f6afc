//! podman and buildah, which keep images of their own and push from there.

use std::fs;

use wharfinger_tests::contents::Contents;
use wharfinger_tests::image::Image;
use wharfinger_tests::tools::Tools;

use super::quay::{PLAIN_HTTP, Quay, local};

pub fn podman_pulls_what_podman_pushed(quay: &Quay) {
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

pub fn buildah_pulls_what_buildah_built_and_pushed(quay: &Quay) {
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
