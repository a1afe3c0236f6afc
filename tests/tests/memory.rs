//! The memory of the server does not grow with blobs, and little with connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use wharfinger_tests::digest::named;
use wharfinger_tests::http::Connection;
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::{OCTETS, Repository, finishing, location};
use wharfinger_tests::server::{Options, Server};

const MIB: u64 = 1024 * 1024;
/// The most that the server may ever have resident while blobs pass through it.
const BLOB_RESIDENT_MAX: u64 = 32 * MIB;
/// The most that the server may ever have resident while holding `CONNECTIONS` idle connections.
const CONNECTIONS_RESIDENT_MAX: u64 = 64 * MIB;
/// How many idle connections a server must hold cheaply.
const CONNECTIONS: usize = 1000;
/// The open files that this many connections need, at each end.
const FILES: u64 = 4096;

/// The highest resident size that the process has ever had, bytes.
fn resident_max(registry: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", registry.pid())).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells VmHWM");
    let kib = line.trim().trim_end_matches(" kB").parse::<u64>().expect("VmHWM is a number");
    kib * 1024
}

/// `length` bytes in pieces of 1 MiB that all differ, made as they are asked for.
struct Goods {
    piece: Vec<u8>,
    number: u64,
    left: u64,
}

impl Goods {
    fn new(seed: u64, length: u64) -> Self {
        let piece = Random::new(seed).bytes(usize::try_from(MIB).unwrap_or_default());
        Self { piece, number: 0, left: length }
    }

    fn next(&mut self) -> Option<&[u8]> {
        if self.left == 0 {
            return None;
        }
        self.number += 1;
        for page in self.piece.chunks_mut(4096) {
            page[..8].copy_from_slice(&self.number.to_le_bytes());
        }
        let taken = self.left.min(MIB);
        self.left -= taken;
        Some(&self.piece[..usize::try_from(taken).unwrap_or_default()])
    }
}

/// Sends one PATCH, chunked, and answers where the upload continues.
fn patch(
    connection: &mut Connection,
    target: &str,
    goods: &mut Goods,
    sum: &mut Sha256,
) -> io::Result<String> {
    connection.send_head("PATCH", target, &[OCTETS, ("Transfer-Encoding", "chunked")])?;
    while let Some(piece) = goods.next() {
        sum.update(piece);
        connection.send(format!("{:x}\r\n", piece.len()).as_bytes())?;
        connection.send(piece)?;
        connection.send(b"\r\n")?;
    }
    connection.send(b"0\r\n\r\n")?;
    location(&connection.read_response("PATCH")?.expect(202)?)
}

/// Pulls a blob, and answers its digest and length.
fn pull(repository: &Repository, digest: &str) -> io::Result<(String, u64)> {
    let mut connection = repository.connect()?;
    connection.send_head("GET", &format!("/v2/memory/app/blobs/{digest}"), &[])?;
    let head = connection.read_head()?;
    assert_eq!(head.status, 200);
    let mut sum = Sha256::new();
    let length = connection.read_body(&head, &mut |piece| sum.update(piece))?;
    Ok((named(sum.finalize().as_slice()), length))
}

#[test]
fn a_blob_larger_than_memory_passes_through_little_of_it() -> io::Result<()> {
    let length = if std::env::var_os("WHARFINGER_LONG").is_some() { 4096 * MIB } else { 1127 * MIB + 7 };
    let registry = Server::start(Options::default()).expect("the registry starts");
    let repository = Repository::new(registry.address(), "memory/app");
    let mut connection = repository.connect()?;
    let mut sum = Sha256::new();
    // Two PATCHes: the second begins inside the blob, as that of a client that resumes.
    let mut target = repository.begin(&mut connection)?;
    for (seed, part) in [(1, length / 3), (2, length - length / 3)] {
        target = patch(&mut connection, &target, &mut Goods::new(seed, part), &mut sum)?;
    }
    let digest = named(sum.finalize().as_slice());
    connection.request("PUT", &finishing(&target, &digest), &[], b"")?.expect(201)?;
    let pushed = resident_max(&registry);
    assert!(pushed < BLOB_RESIDENT_MAX, "{} KiB resident after the push", pushed / 1024);

    assert_eq!(repository.stat(&digest)?, Some(length));
    assert_eq!(pull(&repository, &digest)?, (digest, length));
    let pulled = resident_max(&registry);
    assert!(pulled < BLOB_RESIDENT_MAX, "{} KiB resident after the pull", pulled / 1024);
    eprintln!("{} MiB pushed: {} KiB resident; pulled: {} KiB", length / MIB, pushed / 1024, pulled / 1024);
    Ok(())
}

#[test]
fn a_thousand_idle_connections_cost_little() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(FILES, |maximum| maximum.min(FILES));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?;
    let registry = Server::start(Options::default()).expect("the registry starts");
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(registry.address())?;
        connection.request("GET", "/v2/", &[], b"")?.expect(200)?;
        connections.push(connection);
    }
    let resident = resident_max(&registry);
    assert!(resident < CONNECTIONS_RESIDENT_MAX, "{} KiB resident", resident / 1024);
    eprintln!("{CONNECTIONS} connections: {} KiB resident", resident / 1024);
    for connection in &mut connections {
        connection.request("GET", "/v2/", &[], b"")?.expect(200)?;
    }
    Ok(())
}
