//! What passes through the component does not stay in memory.

use sha2::{Digest, Sha256};
use wharfinger_tests::digest::named;
use wharfinger_tests::process::resident_bytes_max;

use super::{Stage, bytes};

const MIB: usize = 1 << 20;
/// So much is pushed and pulled.
const MIBS: u64 = 200;
/// The most that the resident memory may grow by.
const GROWTH_MAX: usize = 64 * MIB;

#[test]
fn blobs_of_200_mib_pass_through_little_memory() {
    let stage = Stage::new("wasi-memory", &[("WHARFINGER_LIMITS_SEGMENT_BYTES", "67108864")]);
    let small = bytes(1, 3 * MIB);
    stage.repository.push_whole(&small).and_then(|answer| answer.expect(201)).expect("it is stored");
    let begun = resident_bytes_max(stage.component.pid()).expect("it runs");
    let digest = stage.repository.push_mib(1, MIBS).expect("it is stored");
    let pushed = resident_bytes_max(stage.component.pid()).expect("it runs");
    let mut connection = stage.repository.connect().expect("connects");
    let target = format!("/v2/wasi-memory/app/blobs/{digest}");
    connection.send_head("GET", &target, &[]).expect("is sent");
    let head = connection.read_head().expect("is answered");
    let mut sum = Sha256::new();
    let length = connection.read_body(&head, &mut |piece| sum.update(piece)).expect("a whole body");
    assert_eq!((length, named(sum.finalize().as_slice())), (MIBS << 20, digest));
    let pulled = resident_bytes_max(stage.component.pid()).expect("it runs");
    eprintln!("KiB resident: {} before, {} pushed, {} pulled", begun >> 10, pushed >> 10, pulled >> 10);
    assert!(pulled - begun < GROWTH_MAX, "grew by {} KiB", (pulled - begun) >> 10);
}
