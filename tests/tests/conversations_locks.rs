//! The registry locked by its configuration, files of zuul-registry's shape among them, started as they are.

#[expect(dead_code, reason = "other tests need the rest of it")]
#[path = "hostile_tls/client.rs"]
mod client;
#[path = "conversations_locks/files.rs"]
mod files;
#[path = "hostile_tls/pair.rs"]
mod pair;
#[path = "conversations_locks/running.rs"]
mod running;

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::process::to_its_end;
use wharfinger_tests::server::{Folder, binary};

/// How long anything may take that is to happen soon.
const PATIENCE: Duration = Duration::from_secs(30);

/// A registry that was started with nothing but its file.
struct Started {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Started {
    /// Starts it, and waits until it listens.
    #[track_caller]
    fn start(folder: &Folder, text: &str, variables: &[(&str, &str)]) -> Self {
        let file = folder.path().join("registry.yaml");
        std::fs::write(&file, text).expect("a file");
        let mut command = Command::new(binary().expect("the binary"));
        command.arg("-c").arg(file).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = BufReader::new(child.stderr.take().expect("standard error"));
        let kept = log.clone();
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                *kept.lock().unwrap_or_else(PoisonError::into_inner) += &format!("{line}\n");
            }
        });
        let started = Self { child, log, reader: Some(reader) };
        becomes("it does not listen", || started.log().contains("listening on "));
        started
    }

    fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it; all that it has said.
    fn end(mut self) -> String {
        self.finish();
        self.log()
    }

    fn finish(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The field that shows a user and a password.
fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// One request, with these credentials if there are any.
#[track_caller]
fn ask(at: SocketAddr, method: &str, target: &str, credentials: Option<&str>) -> Response {
    let mut fields = Vec::new();
    fields.extend(credentials.map(|credentials| ("Authorization", credentials)));
    let mut connection = Connection::open(at).expect("a connection");
    connection.request(method, target, &fields, b"").expect("an answer")
}

/// Waits until `found` comes true.
#[track_caller]
fn becomes(what: &str, found: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !found() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A start with this file and environment that must not succeed.
fn refused(folder: &Folder, text: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let file = folder.path().join("registry.yaml");
    std::fs::write(&file, text).expect("a file");
    let mut command = Command::new(binary().expect("the binary"));
    command.arg("-c").arg(file).args(arguments).envs(variables.iter().copied());
    to_its_end(command, PATIENCE)
}
