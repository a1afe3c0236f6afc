use serde_json::{Value, json};

use super::super::super::digest::{Algorithm, DigestError};
use super::*;

fn content(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

fn descriptor(media_type: &str, name: &str) -> Value {
    json!({ "mediaType": media_type, "digest": content(name).to_string(), "size": name.len() })
}

fn layer(name: &str) -> Value {
    descriptor("application/vnd.oci.image.layer.v1.tar+gzip", name)
}

fn config() -> Value {
    descriptor("application/vnd.oci.image.config.v1+json", "config")
}

fn image() -> Value {
    json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST.as_str(), "config": config(),
            "layers": [layer("a"), layer("bb")] })
}

fn index() -> Value {
    json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(),
            "manifests": [descriptor(MediaType::OCI_MANIFEST.as_str(), "child")] })
}

fn with(mut value: Value, key: &str, field: Value) -> Value {
    value[key] = field;
    value
}

fn without(mut value: Value, key: &str) -> Value {
    value.as_object_mut().unwrap().remove(key).unwrap();
    value
}

fn parse(value: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(value.to_string().as_bytes(), None, ManifestLimits::default())
}

fn parse_as(value: &Value, content_type: &str) -> Result<Manifest, ManifestError> {
    let content_type = MediaType::parse(content_type).unwrap();
    Manifest::parse(value.to_string().as_bytes(), Some(&content_type), ManifestLimits::default())
}

fn reference(kind: ReferenceKind, name: &str) -> ManifestReference {
    ManifestReference { kind, digest: content(name), size: name.len() as u64, exempt: false }
}

#[test]
fn an_image_needs_its_config_and_layers() {
    let manifest = parse(&image()).unwrap();
    assert_eq!((manifest.kind(), manifest.media_type()), (ManifestKind::Image, &MediaType::OCI_MANIFEST));
    let expected = ["config", "a", "bb"].map(|name| reference(ReferenceKind::Blob, name));
    assert_eq!(manifest.references(), expected);
    assert_eq!(manifest.subject(), None);
    assert_eq!(manifest.artifact_type(), Some("application/vnd.oci.image.config.v1+json"));
    assert_eq!(manifest.annotations(), None);
}

#[test]
fn an_index_needs_its_children() {
    let manifest = parse(&index()).unwrap();
    assert_eq!((manifest.kind(), manifest.media_type()), (ManifestKind::Index, &MediaType::OCI_INDEX));
    assert_eq!(manifest.references(), [reference(ReferenceKind::Child, "child")]);
    assert_eq!(manifest.artifact_type(), None);
    for empty in [json!([]), Value::Null] {
        assert_eq!(parse(&with(index(), "manifests", empty)).unwrap().references(), []);
    }
}

#[test]
fn a_build_cache_lists_blobs_in_an_index() {
    let cache = json!([layer("a"), descriptor("application/vnd.buildkit.cacheconfig.v0", "config")]);
    let manifest = parse(&with(index(), "manifests", cache)).unwrap();
    assert_eq!(manifest.references(), ["a", "config"].map(|name| reference(ReferenceKind::Blob, name)));
}

#[test]
fn foreign_layers_are_exempt_and_equal_references_kept_once() {
    for foreign in [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ] {
        let layers = json!([layer("a"), descriptor(foreign, "a"), layer("a"), layer("b"), config()]);
        let manifest = parse(&with(image(), "layers", layers)).unwrap();
        let exempt = ManifestReference { exempt: true, ..reference(ReferenceKind::Blob, "a") };
        let [config, a, b] = ["config", "a", "b"].map(|name| reference(ReferenceKind::Blob, name));
        assert_eq!(manifest.references(), [config, a, exempt, b]);
    }
    let other_size = with(layer("a"), "size", json!(5));
    let with_urls = with(layer("b"), "urls", json!(["https://example.org/b"]));
    let manifest = parse(&with(image(), "layers", json!([layer("a"), other_size, with_urls]))).unwrap();
    let a = reference(ReferenceKind::Blob, "a");
    let b = reference(ReferenceKind::Blob, "b");
    assert_eq!(manifest.references()[1..], [a, ManifestReference { size: 5, ..a }, b]);
}

#[test]
fn the_two_types_must_agree() {
    let (untyped_image, untyped_index) = (without(image(), "mediaType"), without(index(), "mediaType"));
    let oci = MediaType::OCI_MANIFEST;
    let docker = MediaType::DOCKER_MANIFEST;
    let docker_image = with(image(), "mediaType", json!(docker.as_str()));
    for (body, content_type, expected) in [
        (&image(), Some(oci.as_str()), Ok(oci.clone())),
        (&image(), None, Ok(oci.clone())),
        (&untyped_image, Some(oci.as_str()), Ok(oci.clone())),
        (&untyped_image, Some(docker.as_str()), Ok(docker.clone())),
        (&untyped_image, None, Ok(oci.clone())),
        (&with(image(), "mediaType", json!("")), None, Ok(oci.clone())),
        (&with(image(), "mediaType", Value::Null), None, Ok(oci.clone())),
        (
            &docker_image,
            Some("APPLICATION/vnd.docker.distribution.manifest.v2+JSON; q=1"),
            Ok(docker.clone()),
        ),
        (&untyped_index, None, Ok(MediaType::OCI_INDEX)),
        (&untyped_index, Some(MediaType::DOCKER_LIST.as_str()), Ok(MediaType::DOCKER_LIST)),
        (&image(), Some(docker.as_str()), Err(ManifestError::MediaTypeMismatch)),
        (&image(), Some(MediaType::OCI_INDEX.as_str()), Err(ManifestError::MediaTypeMismatch)),
        (&image(), Some("application/json"), Err(ManifestError::MediaTypeMismatch)),
        (&untyped_image, Some("application/json"), Err(ManifestError::MediaTypeUnsupported)),
        (&untyped_image, Some("application/octet-stream"), Err(ManifestError::MediaTypeUnsupported)),
        (&with(image(), "mediaType", json!("x")), None, Err(ManifestError::MediaTypeMalformed)),
        (&with(image(), "mediaType", json!("a/b+json;c=d")), None, Err(ManifestError::MediaTypeMalformed)),
        (&without(untyped_image.clone(), "layers"), None, Err(ManifestError::MediaTypeUnknown)),
        (&without(untyped_image.clone(), "config"), None, Err(ManifestError::MediaTypeUnknown)),
        (&json!({}), None, Err(ManifestError::MediaTypeUnknown)),
    ] {
        let parsed = match content_type {
            Some(content_type) => parse_as(body, content_type),
            None => parse(body),
        };
        assert_eq!(parsed.map(|manifest| manifest.media_type().clone()), expected, "{content_type:?} {body}");
    }
}

#[test]
fn schema_1_and_other_versions_are_refused() {
    let old =
        json!({ "schemaVersion": 1, "name": "a", "fsLayers": [{ "blobSum": content("a").to_string() }] });
    assert_eq!(parse(&old), Err(ManifestError::MediaTypeUnsupported));
    for media_type in ["json", "prettyjws"] {
        let media_type = format!("application/vnd.docker.distribution.manifest.v1+{media_type}");
        assert_eq!(parse_as(&old, &media_type), Err(ManifestError::MediaTypeUnsupported));
    }
    assert_eq!(parse(&with(image(), "fsLayers", json!([]))), Err(ManifestError::MediaTypeUnsupported));
    for version in [0, 1, 3] {
        for manifest in [image(), index()] {
            let manifest = with(manifest, "schemaVersion", json!(version));
            assert_eq!(parse(&manifest), Err(ManifestError::SchemaVersion));
        }
    }
    assert!(parse(&without(image(), "schemaVersion")).is_ok());
    assert!(parse(&without(index(), "schemaVersion")).is_ok());
}

#[test]
fn no_manifest_is_both_kinds() {
    for (manifest, expected) in [
        (with(image(), "manifests", json!([])), ManifestError::FieldUnexpected("manifests")),
        (with(index(), "config", config()), ManifestError::FieldUnexpected("config")),
        (with(index(), "layers", json!([])), ManifestError::FieldUnexpected("layers")),
        (with(index(), "blobs", json!([])), ManifestError::FieldUnexpected("blobs")),
        (without(image(), "config"), ManifestError::FieldMissing("config")),
        (with(image(), "config", Value::Null), ManifestError::FieldMissing("config")),
        (with(without(image(), "config"), "blobs", json!([])), ManifestError::FieldMissing("config")),
        (
            with(without(image(), "mediaType"), "manifests", json!([])),
            ManifestError::FieldUnexpected("config"),
        ),
        (json!({ "mediaType": "a/b+json" }), ManifestError::FieldMissing("config")),
    ] {
        assert_eq!(parse(&manifest), Err(expected), "{manifest}");
    }
    for layers in [json!([]), Value::Null] {
        assert_eq!(parse(&with(image(), "layers", layers)).unwrap().references().len(), 1);
    }
}

#[test]
fn artifacts_name_their_type() {
    let empty = descriptor("application/vnd.oci.empty.v1+json", "{}");
    for (artifact_type, config, expected) in [
        (json!("a/b"), empty.clone(), Some("a/b")),
        (json!(""), empty.clone(), Some("application/vnd.oci.empty.v1+json")),
        (Value::Null, empty.clone(), Some("application/vnd.oci.empty.v1+json")),
        (Value::Null, without(empty, "mediaType"), None),
    ] {
        let manifest = with(with(image(), "config", config), "artifactType", artifact_type);
        assert_eq!(parse(&manifest).unwrap().artifact_type(), expected, "{manifest}");
    }
    let manifest = parse(&with(index(), "artifactType", json!("a/b"))).unwrap();
    assert_eq!(manifest.artifact_type(), Some("a/b"));
    let long = json!("a".repeat(ARTIFACT_TYPE_BYTES_MAX + 1));
    assert_eq!(parse(&with(image(), "artifactType", long)), Err(ManifestError::ArtifactTypeTooLong));
    for media_type in [MediaType::OCI_ARTIFACT.as_str(), "application/vnd.example.artifact.v1+json"] {
        let artifact = json!({ "mediaType": media_type, "artifactType": "a/b", "blobs": [layer("a")] });
        let manifest = parse(&artifact).unwrap();
        assert_eq!(manifest.kind(), ManifestKind::Image);
        assert_eq!(manifest.references(), [reference(ReferenceKind::Blob, "a")]);
        assert_eq!(manifest.artifact_type(), Some("a/b"));
    }
}

#[test]
fn a_subject_is_no_reference_and_keeps_the_annotations() {
    let subject = descriptor(MediaType::OCI_MANIFEST.as_str(), "subject");
    let referrer = with(image(), "annotations", json!({ "a": "b" }));
    assert_eq!(parse(&referrer).unwrap().annotations(), None);
    let referrer = with(referrer, "subject", subject);
    let manifest = parse(&referrer).unwrap();
    assert_eq!(manifest.subject(), Some(&content("subject")));
    assert_eq!(manifest.references().len(), 3);
    assert_eq!(manifest.annotations().unwrap().as_json(), r#"{"a":"b"}"#);
    let long = json!({ "a": "b".repeat(super::super::super::descriptor::ANNOTATIONS_BYTES_MAX) });
    let too_long = ManifestError::AnnotationsTooLong { max: 60 << 10 };
    assert_eq!(parse(&with(referrer.clone(), "annotations", long.clone())), Err(too_long));
    assert!(parse(&with(image(), "annotations", long)).is_ok());
    for bad in [json!({ "a": 1 }), json!([]), json!("a")] {
        assert_eq!(
            parse(&with(referrer.clone(), "annotations", bad.clone())),
            Err(ManifestError::Annotations)
        );
        assert_eq!(parse(&with(image(), "annotations", bad)), Err(ManifestError::Annotations));
    }
}

#[test]
fn digests_are_checked_everywhere() {
    for (text, error) in [
        ("sha256:0", DigestError::Malformed),
        ("", DigestError::Malformed),
        ("../../etc", DigestError::Malformed),
        ("md5:00", DigestError::UnknownAlgorithm),
    ] {
        let bad = with(layer("a"), "digest", json!(text));
        for manifest in [
            with(image(), "config", bad.clone()),
            with(image(), "layers", json!([layer("a"), bad.clone()])),
            with(image(), "subject", bad.clone()),
            with(index(), "manifests", json!([bad])),
        ] {
            assert_eq!(parse(&manifest), Err(ManifestError::Digest(error)), "{manifest}");
        }
    }
    let sha512 = Digest::of(Algorithm::Sha512, b"a");
    let manifest =
        parse(&with(image(), "config", with(config(), "digest", json!(sha512.to_string())))).unwrap();
    assert_eq!(manifest.references()[0].digest, sha512);
}

#[test]
fn references_are_counted() {
    let limits = ManifestLimits { references_max: 3 };
    let read = |value: Value| Manifest::parse(value.to_string().as_bytes(), None, limits).map(|_| ());
    let too_many = Err(ManifestError::TooManyReferences { max: 3 });
    assert_eq!(read(image()), Ok(()));
    assert_eq!(read(with(image(), "layers", json!([layer("a"), layer("a"), layer("a")]))), too_many);
    assert_eq!(read(with(image(), "blobs", json!([layer("c")]))), too_many);
    assert_eq!(read(with(image(), "layers", json!([layer("a"), layer("b"), {}, {}]))), too_many);
    assert_eq!(read(with(index(), "manifests", json!([layer("a"), layer("b"), layer("c")]))), Ok(()));
    assert!(read(with(index(), "manifests", json!([1, 2, 3, 4]))).is_err());
    let none = ManifestLimits { references_max: 0 };
    let read = Manifest::parse(image().to_string().as_bytes(), None, none);
    assert_eq!(read, Err(ManifestError::TooManyReferences { max: 0 }));
}

#[test]
fn hostile_json_is_refused() {
    let good = image().to_string();
    let bad_descriptor =
        |descriptor: Value| with(image(), "layers", json!([descriptor])).to_string().into_bytes();
    let deep = format!(r#"{{"config":{}1{}}}"#, r#"{"size":"#.repeat(100_000), "}".repeat(100_000));
    let deep_unknown = format!(r#"{{"x":{}{}}}"#, "[".repeat(500_000), "]".repeat(499_999));
    for bytes in [
        Vec::new(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"2".to_vec(),
        b"\"x\"".to_vec(),
        b"\xff\xfe".to_vec(),
        format!("\u{feff}{good}").into_bytes(),
        good.as_bytes()[..good.len() - 1].to_vec(),
        format!("{good}{good}").into_bytes(),
        format!("{good}x").into_bytes(),
        deep.into_bytes(),
        deep_unknown.into_bytes(),
        good.replacen('{', r#"{"layers":[],"#, 1).into_bytes(),
        good.replacen('{', r#"{"config":null,"#, 1).into_bytes(),
        good.replacen('{', r#"{"mediaType":"a/b","#, 1).into_bytes(),
        good.replacen(r#""size":"#, r#""size":1,"size":"#, 1).into_bytes(),
        [b"{\"mediaType\":\"".as_slice(), b"\xc3\x28", b"\"}"].concat(),
        with(image(), "schemaVersion", json!("2")).to_string().into_bytes(),
        with(image(), "layers", json!({})).to_string().into_bytes(),
        with(image(), "layers", json!("x")).to_string().into_bytes(),
        with(image(), "config", json!([])).to_string().into_bytes(),
        with(image(), "subject", json!("x".repeat(9_999))).to_string().into_bytes(),
        bad_descriptor(json!({})),
        bad_descriptor(json!(null)),
        bad_descriptor(json!(["application/x", content("a").to_string(), 1])),
        bad_descriptor(without(layer("a"), "digest")),
        bad_descriptor(without(layer("a"), "size")),
        bad_descriptor(with(layer("a"), "size", json!(-1))),
        bad_descriptor(with(layer("a"), "size", json!(1.5))),
        bad_descriptor(with(layer("a"), "size", json!(1e30))),
        bad_descriptor(with(layer("a"), "size", json!("1"))),
    ] {
        let read = Manifest::parse(&bytes, None, ManifestLimits::default());
        let Err(ManifestError::Json(words)) = read else { panic!("{read:?}: {}", bytes.escape_ascii()) };
        assert!(words.chars().count() <= 160 && !words.is_empty());
    }
}

#[test]
fn unknown_fields_are_skipped() {
    let odd = json!({ "x": [1, { "y": null }], "platform": { "os": "linux" }, "data": "aGk=" });
    let manifest = with(with(image(), "x", odd.clone()), "layers", json!([with(layer("a"), "x", odd)]));
    assert_eq!(parse(&manifest).unwrap().references().len(), 2);
    let balanced = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = image().to_string().replacen('{', &format!(r#"{{"x":{balanced},"#), 1);
    assert!(Manifest::parse(deep.as_bytes(), None, ManifestLimits::default()).is_ok());
}
