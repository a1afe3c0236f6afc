use super::Harbour;
use std::fmt;
use std::fs;
use std::io;
use std::time::{Duration, Instant};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::Repository;

/// What a process holds.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Resident bytes.
    pub resident: u64,
    /// The most resident bytes that it ever had.
    pub resident_max: u64,
    /// Open files.
    pub files: usize,
}

impl Usage {
    /// That of the process `pid`.
    pub fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the registry runs");
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            line.trim().trim_end_matches(" kB").parse::<u64>().expect(name) * 1024
        };
        let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("the registry runs").count();
        Self { resident: bytes("VmRSS:"), resident_max: bytes("VmHWM:"), files }
    }
}

/// How long requests took.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Notes one.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The time that so many in a hundred stayed within.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted
            .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |percent| self.percentile(percent).as_secs_f64() * 1000.0;
        write!(f, "p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms of {}", ms(50), ms(99), ms(100), self.0.len())
    }
}

/// What a client saw that asks, pushes and pulls as it should.
#[derive(Clone, Debug)]
pub struct Seen {
    /// GET of a manifest by tag, and HEAD of a blob, in turn, over one connection.
    pub requests: Times,
    /// Pushes of an image of two layers: whole ones, each over new connections.
    pub pushes: Times,
    /// Pulls of the same.
    pub pulls: Times,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "requests: {}; pushes: {}; pulls: {}", self.requests, self.pushes, self.pulls)
    }
}

impl Seen {
    /// Fails unless all was served in bounded time.
    #[track_caller]
    pub fn check(&self) {
        assert!(self.requests.percentile(99) < REQUEST_TIME_MAX, "{self}");
        assert!(self.pushes.percentile(100) < IMAGE_TIME_MAX, "{self}");
        assert!(self.pulls.percentile(100) < IMAGE_TIME_MAX, "{self}");
    }
}

/// Waits until the registry has no more than so many files open, and tells what it holds then.
#[track_caller]
pub fn settled(harbour: &Harbour, files_max: usize) -> Usage {
    let began = Instant::now();
    // What a process holds can only be polled.
    while harbour.usage().files > files_max {
        assert!(began.elapsed() < SETTLE_MAX, "{:?}, but {files_max} files before", harbour.usage());
        std::thread::sleep(Duration::from_millis(10));
    }
    harbour.usage()
}

/// The slowest of a hundred requests beside all that is hostile, far above what is measured.
const REQUEST_TIME_MAX: Duration = Duration::from_millis(500);
/// The slowest push or pull of an image.
const IMAGE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the registry may take to notice that everybody has left.
const SETTLE_MAX: Duration = Duration::from_secs(20);

/// Behaves well: asks `requests` times, and pushes and pulls `images` images.
pub fn behave(harbour: &Harbour, seed: u64, requests: usize, images: u64) -> io::Result<Seen> {
    let mut seen = Seen { requests: Times::default(), pushes: Times::default(), pulls: Times::default() };
    let ship = Repository::new(harbour.server.address(), "well/behaved");
    for image in 0..images {
        let mut random = Random::new(seed + image);
        let layers = [random.bytes(100_000), random.bytes(2_000_000)];
        let began = Instant::now();
        ship.push_whole(&layers[0])?.expect(201)?;
        ship.push_pieces(&layers[1], 1_500_000)?.expect(201)?;
        ship.push_whole(b"{}")?.expect(201)?;
        let manifest = super::image(b"{}", &[&layers[0], &layers[1]]);
        ship.push_manifest("v1", super::MANIFEST, manifest.as_bytes())?.expect(201)?;
        seen.pushes.add(began.elapsed());
        let began = Instant::now();
        assert_eq!(ship.read_manifest("v1")?.as_deref(), Some(manifest.as_bytes()));
        for layer in &layers {
            assert_eq!(ship.read(&sha256(layer))?.as_ref(), Some(layer));
        }
        seen.pulls.add(began.elapsed());
    }
    let mut connection = ship.connect()?;
    let blob = format!("/v2/well/behaved/blobs/{}", sha256(b"{}"));
    for at in 0..requests {
        let began = Instant::now();
        if at % 2 == 0 {
            let accept = [("Accept", super::MANIFEST)];
            connection.request("GET", "/v2/well/behaved/manifests/v1", &accept, b"")?.expect(200)?;
        } else {
            connection.request("HEAD", &blob, &[], b"")?.expect(200)?;
        }
        seen.requests.add(began.elapsed());
    }
    Ok(seen)
}
