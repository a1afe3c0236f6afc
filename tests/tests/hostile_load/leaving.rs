//! Clients that leave in the midst of what they send.

use super::watch::{behave, settled};
use super::{Harbour, MANIFEST};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::{Repository, finishing};

const CLIENTS: usize = 1000;
const AT_ONCE: usize = 100;
const BODY_BYTES: usize = 400_000;
/// How much more the registry may have resident after all have left, in bytes.
const RESIDENT_MORE_MAX: u64 = 64 << 20;

/// What a client sends, and where and how it leaves.
struct Leaver {
    kind: usize,
    /// How many bytes of the body it sends.
    sent: usize,
    resets: bool,
    body: Vec<u8>,
}

impl Leaver {
    /// Every client differs; together they go through all kinds.
    fn new(number: usize) -> Self {
        let sent = [0, 1, 4096, BODY_BYTES / 2, BODY_BYTES - 1][number / 6 % 5];
        let body = Random::new(1_000 + number as u64).bytes(BODY_BYTES);
        Self { kind: number % 3, sent, resets: (number / 3).is_multiple_of(2), body }
    }

    fn leave(&self, address: SocketAddr, target: &str) -> io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_write_timeout(Some(Duration::from_secs(20)))?;
        let digest = sha256(&self.body);
        let line = match self.kind {
            0 => format!("PATCH {target}"),
            1 => format!("PUT {}", finishing(target, &digest)),
            _ => format!("PUT /v2/gone/manifests/{digest}"),
        };
        let framing = match self.kind {
            0 => "Transfer-Encoding: chunked".to_owned(),
            _ => format!("Content-Length: {BODY_BYTES}"),
        };
        write!(stream, "{line} HTTP/1.1\r\nHost: h\r\nContent-Type: {MANIFEST}\r\n{framing}\r\n\r\n")?;
        if self.kind == 0 {
            write!(stream, "{BODY_BYTES:x}\r\n")?;
        }
        stream.write_all(&self.body[..self.sent])?;
        if self.resets {
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
        }
        Ok(())
    }
}

/// All regular files in a folder and those below it.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().expect("the system tells what it is").is_dir() {
            true => files.extend(files_under(&entry.path())),
            false => files.push(entry.path()),
        }
    }
    files
}

#[test]
fn a_thousand_clients_leave_in_mid_body() {
    let harbour = Harbour::start("connections: 2000");
    behave(&harbour, 100, 10, 2).expect("all is well at first");
    let before = settled(&harbour, usize::MAX);
    let gone = Repository::new(harbour.server.address(), "gone");
    let target = gone.begin(&mut harbour.connect()).expect("an upload begins");
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let seen = std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= CLIENTS {
                        return;
                    }
                    // A refusal on the way breaks the rest of what is sent.
                    let _ = Leaver::new(number).leave(harbour.server.address(), &target);
                }
            });
        }
        behave(&harbour, 200, 200, 3)
    });
    let seen = seen.expect("others are served");
    let after = settled(&harbour, before.files);
    eprintln!(
        "| {CLIENTS} clients leave in mid-body, {AT_ONCE} at once | {:.1} s; resident {} KiB before, {} KiB after; {} and {} files; {seen} |",
        began.elapsed().as_secs_f64(),
        before.resident / 1024,
        after.resident / 1024,
        before.files,
        after.files,
    );
    assert!(after.resident < before.resident + RESIDENT_MORE_MAX, "{before:?}, {after:?}");
    seen.check();
    let left: Vec<_> =
        std::fs::read_dir(harbour.server.data().join("tmp")).expect("a folder").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    let segments = files_under(&harbour.server.data().join("segments"));
    assert!(segments.is_empty(), "{segments:?}");
    for number in 0..CLIENTS {
        let digest = sha256(&Leaver::new(number).body);
        let stored = harbour.server.data().join(format!("blobs/sha256/{}/{}", &digest[7..9], &digest[7..]));
        assert!(!stored.exists(), "{number}");
    }
    assert_eq!(gone.ask("GET", "tags/list").expect("an answer").status(), 404);
    harbour.end();
}
