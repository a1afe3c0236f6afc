//! The design page says what the code does.

use wharfinger_core::oci::{Algorithm, Digest, Repository, Tag};
use wharfinger_core::store::Key;
use wharfinger_core::upload::{Nonce, UploadId};

use crate::support::{Body, Registry, Reply, image, sha256};

const PAGE: &str = include_str!("../../../docs/design.md");
const CRATE: &str = include_str!("../../src/lib.rs");
const OUTPUT: &str = include_str!("../../src/exchange/output.rs");
const INPUT: &str = include_str!("../../src/exchange/input.rs");

/// The first two columns of the table of keys.
fn rows() -> Vec<(String, String)> {
    let (_, rest) = PAGE.split_once("<!-- keys: begin -->").unwrap();
    let (table, _) = rest.split_once("<!-- keys: end -->").unwrap();
    let rows = table.lines().filter(|line| line.contains('`'));
    let cells = rows.map(|row| row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()));
    cells
        .map(|mut cells| {
            cells.next();
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect()
}

#[test]
fn keys_stand_as_the_page_says() {
    let digest = Digest::of(Algorithm::Sha512, b"content");
    let repository = Repository::parse("some/where").unwrap();
    let (upload, nonce) = (UploadId::new([0x1f; 16]), Nonce::new([0x2e; 8]));
    let tag = Tag::parse("v1").unwrap();
    let keys = [
        ("Blob", Key::Blob(digest)),
        ("Segment", Key::Segment { upload, number: 34, nonce }),
        ("SegmentList", Key::SegmentList { upload, number: 34, nonce }),
        ("Link", Key::Link(repository.clone(), digest)),
        ("Manifest", Key::Manifest(repository.clone(), digest)),
        ("Tag", Key::Tag(repository.clone(), tag)),
        ("Referrer", Key::Referrer { repository, subject: digest, referrer: digest }),
    ];
    let named: Vec<_> = keys
        .iter()
        .map(|(name, key)| {
            let hex = digest.hex();
            let shape = key
                .to_string()
                .replace(&hex, "<hex>")
                .replace(&format!("/{}/", &hex[..2]), "/<hh>/")
                .replace("sha512", "<alg>")
                .replace("some/where", "<repository>")
                .replace(&upload.to_string(), "<upload>")
                .replace(&"2e".repeat(8), "<nonce>")
                .replace("34", "<number>")
                .replace("!/v1", "!/<tag>");
            ((*name).to_owned(), shape)
        })
        .collect();
    assert_eq!(rows(), named);
}

/// The variants of an enum, as its source has them.
fn variants(source: &str, name: &str) -> Vec<String> {
    let (_, rest) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = rest.split_once("\n}\n").unwrap();
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let lines = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    lines.map(|line| line.split([' ', ',', '(']).next().unwrap().to_owned()).collect()
}

#[test]
fn every_output_and_input_is_named() {
    let outputs = variants(OUTPUT, "Output");
    let inputs = variants(INPUT, "Input");
    assert_eq!((outputs.len(), inputs.len()), (10, 9));
    for name in outputs.iter().chain(&inputs) {
        assert!(PAGE.contains(&format!("| `{name}` |")), "{name} stands in docs/design.md");
        let is_there = CRATE.lines().any(|line| line.starts_with(&format!("//! | `{name}")));
        assert!(is_there, "{name} stands in the documentation of the crate");
    }
}

/// What stands on the page between a line that begins so and the end of its block.
fn block(begin: &str) -> impl Iterator<Item = &'static str> {
    let (_, rest) = PAGE.split_once(begin).unwrap();
    rest.split_once("```").unwrap().0.lines()
}

/// The ops of a reply by their first words: what they do, and to what.
fn steps(reply: &Reply) -> Vec<String> {
    let steps = reply.ops.iter().map(|op| {
        let (step, what) = op.split_once(' ').unwrap();
        let what = what.split(' ').next().unwrap();
        if ["Join", "Release"].contains(&step) { step.to_owned() } else { format!("{step} {what}") }
    });
    steps.collect()
}

#[test]
fn the_diagram_of_an_upload_can_be_lived() {
    let mut registry = Registry::new();
    let post = registry.send("POST", "/v2/a/blobs/uploads/", &[], ());
    let patch = registry.send("PATCH", &post.location(), &[], Body::chunked(b"bytes"));
    let put = registry.put(&patch.location(), &sha256(b"bytes"), ());
    let mut lived = Vec::new();
    for (method, reply) in [("POST", post), ("PATCH", patch), ("PUT", put)] {
        lived.push(("C->>R", vec![method.to_owned()]));
        if !reply.ops.is_empty() {
            lived.push(("R->>S", steps(&reply)));
        }
        lived.push(("R-->>C", vec![reply.status.to_string()]));
    }
    let arrows = block("sequenceDiagram\n").filter_map(|line| line.trim().split_once(": "));
    let drawn: Vec<_> = arrows
        .map(|(arrow, text)| {
            let first = |text: &str| text.split([' ', ',']).next().unwrap().to_owned();
            // Only the store is told several things at once, and what they are done to.
            let steps = text.split(", ").map(|step| {
                let (step, what) = step.split_once(' ').unwrap_or((step, ""));
                let what = what.split('/').next().unwrap_or("").trim_end_matches('s');
                if ["Join", "Release"].contains(&step) { step.to_owned() } else { format!("{step} {what}") }
            });
            (arrow, if arrow == "R->>S" { steps.collect() } else { vec![first(text)] })
        })
        .collect();
    assert_eq!(drawn, lived);
}

#[test]
fn the_orders_of_writes_can_be_lived() {
    let mut registry = Registry::new();
    let small = registry.send("POST", &format!("/v2/a/blobs/uploads/?digest={}", sha256(b"x")), &[], b"x");
    registry.config.limits.segment_bytes_max = 4;
    let location = registry.begin("a");
    let streamed = registry.put(&location, &sha256(b"01234567"), Body::chunked(b"01234567"));
    registry.push("a", b"{}");
    let manifest = image(b"{}", &[b"x"], Some(&sha256(b"subject")));
    let pushed = registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest);

    for (begin, names, reply) in
        [("at hand, small", 1, small), ("streamed  ", 1, streamed), ("Write manifest", 0, pushed)]
    {
        let line = PAGE.lines().find(|line| line.trim_start().starts_with(begin)).unwrap();
        let columns = line.split("  ").flat_map(|column| column.split(" … ")).map(str::trim);
        let columns = columns.filter(|column| !column.is_empty()).skip(names);
        let drawn: Vec<_> = columns.map(|column| column.replace("tags", "tag")).collect();
        let mut lived = steps(&reply);
        lived.push(reply.status.to_string());
        // What a manifest refers to is looked for before its order begins.
        let lived = &lived[lived.len().saturating_sub(drawn.len())..];
        assert_eq!(drawn, lived);
    }
}
