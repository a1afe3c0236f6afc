//! What passes through the component does not stay in memory.

use std::io;

use sha2::{Digest, Sha256};
use wharfinger_tests::digest::named;
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::{OCTETS, Repository, finishing, location};

use super::{Stage, bytes};

const MIB: usize = 1 << 20;
/// So much is pushed and pulled.
const MIBS: u64 = 200;
/// The most that the resident memory may grow by.
const GROWTH_MAX: usize = 64 * MIB;

/// The highest resident size that a process has had since the last look, bytes.
fn resident_max(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("wasmtime runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells VmHWM");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("VmHWM is a number") * 1024
}

/// Pushes a blob in chunks; answers its digest.
fn push(repository: &Repository) -> io::Result<String> {
    let mut piece = Random::new(1).bytes(MIB);
    let mut sum = Sha256::new();
    let mut connection = repository.connect()?;
    let begun = repository.begin(&mut connection)?;
    connection.send_head("PATCH", &begun, &[OCTETS, ("Transfer-Encoding", "chunked")])?;
    for number in 0..MIBS {
        piece[..8].copy_from_slice(&number.to_le_bytes());
        sum.update(&piece);
        connection.send(format!("{:x}\r\n", piece.len()).as_bytes())?;
        connection.send(&piece)?;
        connection.send(b"\r\n")?;
    }
    connection.send(b"0\r\n\r\n")?;
    let target = location(&connection.read_response("PATCH")?.expect(202)?)?;
    let digest = named(sum.finalize().as_slice());
    connection.request("PUT", &finishing(&target, &digest), &[], b"")?.expect(201)?;
    Ok(digest)
}

#[test]
fn blobs_of_200_mib_pass_through_little_memory() {
    let stage = Stage::new("wasi-memory", &[("WHARFINGER_LIMITS_SEGMENT_BYTES", "67108864")]);
    let small = bytes(1, 3 * MIB);
    stage.repository.push_whole(&small).and_then(|answer| answer.expect(201)).expect("it is stored");
    let begun = resident_max(stage.component.pid());
    let digest = push(&stage.repository).expect("it is stored");
    let pushed = resident_max(stage.component.pid());
    let mut connection = stage.repository.connect().expect("connects");
    let target = format!("/v2/wasi-memory/app/blobs/{digest}");
    connection.send_head("GET", &target, &[]).expect("is sent");
    let head = connection.read_head().expect("is answered");
    let mut sum = Sha256::new();
    let length = connection.read_body(&head, &mut |piece| sum.update(piece)).expect("a whole body");
    assert_eq!((length, named(sum.finalize().as_slice())), (MIBS << 20, digest));
    let pulled = resident_max(stage.component.pid());
    eprintln!("KiB resident: {} before, {} pushed, {} pulled", begun >> 10, pushed >> 10, pulled >> 10);
    assert!(pulled - begun < GROWTH_MAX, "grew by {} KiB", (pulled - begun) >> 10);
}
