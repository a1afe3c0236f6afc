//! The memory of the server does not grow with the number of pushes to Swift, nor with their size.

use std::io;

use sha2::{Digest, Sha256};
use wharfinger_tests::digest::named;
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::{OCTETS, Repository, finishing, location};
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{Options, Swift};

const MIB: usize = 1024 * 1024;
/// So many clients push at once.
const CLIENTS: u64 = 16;
/// The most that the server may ever have resident.
const RESIDENT_MAX: usize = 32 * MIB;

/// The highest resident size that a process has ever had, bytes.
fn resident_max(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells VmHWM");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("VmHWM is a number") * 1024
}

/// Pushes so many MiB that nobody else pushes, as docker does; answers the digest.
fn push(repository: &Repository, client: u64, mib: usize) -> io::Result<String> {
    let mut piece = Random::new(client).bytes(MIB);
    let mut sum = Sha256::new();
    let mut connection = repository.connect()?;
    let begun = repository.begin(&mut connection)?;
    connection.send_head("PATCH", &begun, &[OCTETS, ("Transfer-Encoding", "chunked")])?;
    for number in 0..mib as u64 {
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
fn sixteen_clients_push_at_once_through_little_memory() {
    let mib = if std::env::var_os("WHARFINGER_LONG").is_some() { 256 } else { 32 };
    let swift = Swift::start(&Options::default()).expect("Swift starts");
    let berth = Berth::v1(&swift.auth_url(), swift.user(), swift.key(), "memory");
    let registry = berth.with("  limits: {segment-bytes: 67108864}\n").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "memory/app");
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let repository = &repository;
            scope.spawn(move || {
                let digest = push(repository, client, mib).expect("is stored");
                let size = (mib * MIB) as u64;
                assert_eq!(repository.stat(&digest).expect("HEAD"), Some(size));
            });
        }
    });
    let resident = resident_max(registry.pid());
    eprintln!("{CLIENTS} x {mib} MiB pushed: {} KiB resident", resident / 1024);
    assert!(resident < RESIDENT_MAX, "{} KiB resident", resident / 1024);
}
