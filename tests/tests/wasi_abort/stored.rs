//! What Swift holds, asked of Swift itself.

use std::collections::BTreeSet;

use serde_json::Value;
use wharfinger_core::transfer::md5_of;
use wharfinger_tests::digest::sha256;

use super::{SEGMENT, Stage, rig};

/// Asserts that Swift holds exactly these blobs, whole and linked, and no segment that is not a whole part of one of the
/// bodies that were begun: a full one, or the last one of a body that came whole.
pub fn assert_stored(stage: &Stage, blobs: &[Vec<u8>], begun: &[Vec<u8>]) {
    stage.settle();
    let client = rig().client().expect("logs in");
    let container = &stage.container;
    let hexes: BTreeSet<String> =
        blobs.iter().map(|blob| sha256(blob).trim_start_matches("sha256:").to_owned()).collect();
    for prefix in ["blobs", "links"] {
        let names = client.names(container, &format!("{prefix}/")).expect("a listing");
        let found: BTreeSet<String> =
            names.iter().map(|name| name.rsplit('/').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(found, hexes, "{prefix}");
        assert_eq!(names.len(), hexes.len(), "{prefix}");
    }
    for blob in blobs {
        let hex = sha256(blob).trim_start_matches("sha256:").to_owned();
        let path = format!("/{container}/blobs/sha256/{}/{hex}", &hex[..2]);
        let read = client.get(&path).and_then(|answer| answer.expect(200)).expect("GET");
        assert!(read.body == *blob, "{path} is {} bytes", read.body.len());
    }
    let known: BTreeSet<(u64, String)> =
        begun.iter().chain(blobs).flat_map(|body| body.chunks(SEGMENT).map(row)).collect();
    for segment in segments(container) {
        assert!(known.contains(&segment), "a segment that is no whole part of a body: {segment:?}");
    }
}

/// Length and MD5 of all segments.
pub fn segments(container: &str) -> Vec<(u64, String)> {
    let client = rig().client().expect("logs in");
    let listing = client.get(&format!("/{container}-segments?format=json&limit=10000"));
    let listing = listing.and_then(|answer| answer.expect(200)).expect("a listing");
    let rows: Vec<Value> = serde_json::from_slice(&listing.body).expect("JSON");
    let text = |row: &Value| row["hash"].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (row["bytes"].as_u64().unwrap_or_default(), text(row))).collect()
}

fn row(part: &[u8]) -> (u64, String) {
    let md5 = md5_of(part).iter().map(|byte| format!("{byte:02x}")).collect();
    (part.len() as u64, md5)
}
