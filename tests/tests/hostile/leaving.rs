use super::Registry;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::{Repository, finishing};

const ROUNDS: u64 = 20;
/// One length that fits the registry's buffer for a blob, and one that does not.
const LENGTHS: [usize; 2] = [300_000, 3_000_000];
const DOWNLOAD_BYTES: usize = 30_000_000;
/// How long the registry may take to notice that everybody has left.
const SETTLE_MAX: Duration = Duration::from_secs(20);
/// The most that the registry may ever have resident, in KiB.
const RESIDENT_KIB_MAX: u64 = 32 * 1024;

/// Where in an upload a client leaves.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Behind the POST, without its answer.
    Begun,
    /// Behind the head of the request with the body.
    Head,
    /// Half way through the body.
    Body,
    /// Behind the last byte, without the answer.
    Sent,
}

/// How it leaves.
#[derive(Clone, Copy, Debug)]
enum Leave {
    /// With a FIN, as a process that ends in good order.
    Close,
    /// With a FIN in its direction alone, reading on.
    Half,
    /// With an RST.
    Reset,
}

/// What may be stored of an upload in the end.
enum Expected {
    Nothing,
    WholeOrNothing,
    Whole,
}

impl Leave {
    fn from(self, mut stream: TcpStream) -> io::Result<()> {
        match self {
            Self::Close => {}
            Self::Half => {
                stream.shutdown(Shutdown::Write)?;
                stream.set_read_timeout(Some(SETTLE_MAX))?;
                // A reset says as well that the registry is done with it.
                let _ = io::copy(&mut stream, &mut io::sink());
            }
            Self::Reset => rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?,
        }
        Ok(())
    }
}

/// Uploads a blob with PATCH (chunked) or with PUT (by length) as far as `stage`, and leaves.
fn abandon(registry: &Registry, body: &[u8], stage: Stage, leave: Leave, chunked: bool) -> io::Result<()> {
    let target = mine(registry).begin(&mut registry.connect())?;
    let mut stream = TcpStream::connect(registry.server.address())?;
    stream.set_write_timeout(Some(SETTLE_MAX))?;
    if let Stage::Begun = stage {
        write!(stream, "POST /v2/mine/blobs/uploads/ HTTP/1.1\r\nHost: h\r\n\r\n")?;
        return leave.from(stream);
    }
    let digest = sha256(body);
    if chunked {
        write!(stream, "PATCH {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    } else {
        let target = finishing(&target, &digest);
        write!(stream, "PUT {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len())?;
    }
    let sent = match stage {
        Stage::Begun | Stage::Head => return leave.from(stream),
        Stage::Body => &body[..body.len() / 2],
        Stage::Sent => body,
    };
    for piece in sent.chunks(100_000) {
        if chunked {
            write!(stream, "{:x}\r\n", piece.len())?;
        }
        stream.write_all(piece)?;
        if chunked {
            stream.write_all(b"\r\n")?;
        }
    }
    if let (Stage::Sent, true) = (stage, chunked) {
        stream.write_all(b"0\r\n\r\n")?;
    }
    leave.from(stream)
}

fn mine(registry: &Registry) -> Repository {
    Repository::new(registry.server.address(), "mine")
}

/// Asks for a blob, reads a part of it, and leaves.
fn abandon_download(registry: &Registry, digest: &str, leave: Leave) -> io::Result<()> {
    let mut stream = TcpStream::connect(registry.server.address())?;
    stream.set_read_timeout(Some(SETTLE_MAX))?;
    write!(stream, "GET /v2/mine/blobs/{digest} HTTP/1.1\r\nHost: h\r\n\r\n")?;
    stream.read_exact(&mut vec![0; 1_000_000])?;
    leave.from(stream)
}

fn open_files(registry: &Registry) -> usize {
    let path = format!("/proc/{}/fd", registry.server.pid());
    fs::read_dir(path).expect("the registry runs").count()
}

fn resident_kib_max(registry: &Registry) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", registry.server.pid()));
    let status = status.expect("the registry runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("VmHWM is a number")
}

fn files_under(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there").flatten();
    entries.map(|entry| entry.path().display().to_string()).collect()
}

/// Waits until the registry holds no more files than `before`, and fails if it left something behind.
#[track_caller]
fn assert_settled(registry: &Registry, before: usize) {
    let began = Instant::now();
    // What a process holds can only be polled.
    while open_files(registry) > before {
        let open = open_files(registry);
        assert!(began.elapsed() < SETTLE_MAX, "{open} open files, {before} before");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(files_under(&registry.server.data().join("tmp")), Vec::<String>::new());
    let resident = resident_kib_max(registry);
    assert!(resident < RESIDENT_KIB_MAX, "{resident} KiB resident");
}

#[test]
fn uploads_that_are_left_leave_nothing_by_halves() {
    let registry = Registry::start("drain-bytes: 4096");
    let before = open_files(&registry);
    let mut random = Random::new(7);
    let mut digests = Vec::new();
    for round in 0..ROUNDS {
        for stage in [Stage::Begun, Stage::Head, Stage::Body, Stage::Sent] {
            for leave in [Leave::Close, Leave::Half, Leave::Reset] {
                let body = random.bytes(LENGTHS[usize::from(round % 2 == 0)]);
                let chunked = round % 4 < 2;
                // A reset may come back while the rest is still being sent.
                let _ = abandon(&registry, &body, stage, leave, chunked);
                let expected = match (stage, leave, chunked) {
                    (Stage::Sent, Leave::Half, false) => Expected::Whole,
                    (Stage::Sent, Leave::Close | Leave::Reset, false) => Expected::WholeOrNothing,
                    (Stage::Begun | Stage::Head | Stage::Body | Stage::Sent, _, _) => Expected::Nothing,
                };
                digests.push((sha256(&body), format!("{stage:?}, {leave:?}, chunked: {chunked}"), expected));
            }
        }
        registry.check();
    }
    assert_settled(&registry, before);
    for (digest, what, expected) in digests {
        // Reading fails if the content is not that of its digest.
        let is_whole = mine(&registry).read(&digest).expect(&what).is_some();
        match expected {
            Expected::Nothing => assert!(!is_whole, "{what}"),
            Expected::Whole => assert!(is_whole, "{what}"),
            Expected::WholeOrNothing => {}
        }
    }
    registry.end_with_more();
}

#[test]
fn downloads_that_are_left_cost_nothing() {
    let registry = Registry::start("drain-bytes: 4096");
    let body = Random::new(11).bytes(DOWNLOAD_BYTES);
    let digest = sha256(&body);
    mine(&registry).push_whole(&body).and_then(|answer| answer.expect(201)).expect("the blob is stored");
    let before = open_files(&registry);
    for _ in 0..ROUNDS {
        for leave in [Leave::Close, Leave::Half, Leave::Reset] {
            abandon_download(&registry, &digest, leave).expect("a part of the blob");
        }
        registry.check();
    }
    assert_settled(&registry, before);
    assert_eq!(mine(&registry).read(&digest).expect("the blob"), Some(body));
    registry.end_with_more();
}
