//! No client keeps a thread from the others, whatever it sends.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const REQUEST: &[u8] = b"GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n";
/// Far more than a turn takes; a client that is starved would wait for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// The real server, with one thread for all.
struct Server {
    child: Child,
    address: String,
    folder: PathBuf,
}

impl Server {
    fn start(name: &str, limits: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("creates");
        let config = folder.join("config.yaml");
        let text = format!(
            "registry:\n  port: 0\n  threads: 1\n  log:\n    level: error\n  limits: {limits}\n  \
             storage:\n    root: {}\n",
            folder.join("data").display()
        );
        fs::write(&config, text).expect("writes");
        let mut child = Command::new(env!("CARGO_BIN_EXE_wharfinger"))
            .arg("--config")
            .arg(&config)
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let stderr = child.stderr.take().expect("is piped");
        BufReader::new(stderr).read_line(&mut line).expect("says where it listens");
        let address = line.split_once("http://").and_then(|(_, rest)| rest.split_once(','));
        let address = address.unwrap_or_else(|| panic!("{line}")).0.to_owned();
        Self { child, address, folder }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("is set");
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Sends requests without a pause, and reads all replies, until told to stop.
fn flood(stream: &TcpStream, over: &Arc<AtomicBool>, answered: &Arc<AtomicU64>) {
    let (mut reading, mut writing) =
        (stream.try_clone().expect("clones"), stream.try_clone().expect("clones"));
    let (stop, counter) = (over.clone(), answered.clone());
    thread::spawn(move || {
        let mut replies = vec![0; 1 << 20];
        while !stop.load(Ordering::Relaxed) {
            match reading.read(&mut replies) {
                Ok(0) | Err(_) => return,
                Ok(count) => counter.fetch_add(count as u64, Ordering::Relaxed),
            };
        }
    });
    let stop = over.clone();
    thread::spawn(move || {
        let requests = REQUEST.repeat(2000);
        while !stop.load(Ordering::Relaxed) && writing.write_all(&requests).is_ok() {}
    });
}

#[test]
fn a_client_that_never_pauses_leaves_others_their_turn() {
    let server = Server::start("flood", "{}");
    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    for _ in 0..2 {
        flood(&server.connect(), &over, &answered);
    }
    let began = Instant::now();
    while answered.load(Ordering::Relaxed) < 1 << 20 {
        assert!(began.elapsed() < PATIENCE, "the flood is not answered");
        thread::yield_now();
    }
    let mut other = server.connect();
    other.write_all(REQUEST).expect("is sent");
    let mut status = [0; 12];
    other.read_exact(&mut status).expect("is answered in the middle of the flood");
    assert_eq!(&status, b"HTTP/1.1 200");
    over.store(true, Ordering::Relaxed);
}

#[test]
fn a_client_that_sends_a_body_byte_by_byte_gives_its_memory_back() {
    let server = Server::start("drip", "{body-idle-seconds: 0.5}");
    let mut slow = server.connect();
    slow.write_all(b"PUT /v2/a/manifests/b HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
        .expect("is sent");
    let over = Arc::new(AtomicBool::new(false));
    let (mut dripping, stop) = (slow.try_clone().expect("clones"), over.clone());
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) && dripping.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let mut status = [0; 12];
    slow.read_exact(&mut status).expect("is told that it is too slow");
    assert_eq!(&status, b"HTTP/1.1 408");
    over.store(true, Ordering::Relaxed);
}
