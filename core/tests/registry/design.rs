//! The design page says what the code does.

use wharfinger_core::oci::{Algorithm, Digest, Repository, Tag};
use wharfinger_core::store::Key;
use wharfinger_core::upload::{Nonce, UploadId};

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
    assert_eq!((outputs.len(), inputs.len()), (10, 8));
    for name in outputs.iter().chain(&inputs) {
        assert!(PAGE.contains(&format!("| `{name}` |")), "{name} stands in docs/design.md");
        let is_there = CRATE.lines().any(|line| line.starts_with(&format!("//! | `{name}")));
        assert!(is_there, "{name} stands in the documentation of the crate");
    }
}
