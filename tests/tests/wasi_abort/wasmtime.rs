//! The component in wasmtime.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use wharfinger_tests::server::Folder;
use wharfinger_tests::swift::registry::Berth;

/// How long a start may take: that of a runtime that has to translate the component first.
const START_MAX: Duration = Duration::from_secs(120);
/// What comes before the address in the line that wasmtime begins with.
const SERVING: &str = "Serving HTTP on http://";

/// A running wasmtime with the component in it. Dropping it kills the process.
#[derive(Debug)]
pub struct Component {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    folder: Folder,
}

impl Component {
    /// Starts wasmtime on a free loopback port, with a directory of its own as `/data` and these settings.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(settings: &[(&str, &str)]) -> Result<Self, String> {
        let folder = Folder::new("component")?;
        let mut command = Command::new(built("tools/wasmtime")?);
        command.args(["serve", "-Scli", "--addr", "127.0.0.1:0"]);
        command.args(["--max-instance-reuse-count", "1000", "--idle-instance-timeout", "60s"]);
        command.arg("--dir").arg(format!("{}::/data", folder.path().display()));
        for (name, value) in settings.iter().chain([&("WHARFINGER_SECRET", "not-a-secret-of-anybody")]) {
            command.args(["--env", name]).env(name, value);
        }
        command.arg(built("wasm32-wasip2/release/wharfinger_wasi.wasm")?).env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("starting {command:?}: {error}"))?;
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::channel();
        let stderr = child.stderr.take().ok_or("the process has no stderr")?;
        std::thread::spawn({
            let log = Arc::clone(&log);
            move || collect(BufReader::new(stderr), &log, &found)
        });
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut component = Self { child, address: nowhere, log, folder };
        let told = address.recv_timeout(START_MAX);
        component.address = told.map_err(|error| format!("{error}: {}", component.log()))?;
        Ok(component)
    }

    /// The same that stores in Swift, where `berth` does.
    ///
    /// # Errors
    /// When it does not start.
    pub fn on_swift(berth: &Berth, settings: &[(&str, &str)]) -> Result<Self, String> {
        let text = |key: &str| berth.cloud["auth"][key].as_str().unwrap_or_default();
        let segments = format!("{}-segments", berth.container);
        let mut all = vec![
            ("WHARFINGER_STORAGE_DRIVER", "swift"),
            ("WHARFINGER_STORAGE_CONTAINER", &berth.container),
            ("WHARFINGER_STORAGE_SEGMENTS_CONTAINER", &segments),
            ("OS_AUTH_TYPE", "v1password"),
            ("OS_AUTH_URL", text("auth_url")),
            ("OS_USERNAME", text("username")),
            ("OS_PASSWORD", text("password")),
        ];
        all.extend_from_slice(settings);
        Self::start(&all)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The directory that it stores in.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that wasmtime and the component wrote to stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().map_or_else(|poisoned| poisoned.into_inner().clone(), |log| log.clone())
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        // It may have ended before: then there is nothing to kill, only to reap.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file under `target/wasi`.
fn built(name: &str) -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|error| format!("the running test's own path: {error}"))?;
    // target/PROFILE/deps/TEST
    let target = test.ancestors().nth(3).ok_or("the running test lies in no target folder")?;
    let path = target.join("wasi").join(name);
    if path.is_file() { Ok(path) } else { Err(format!("{} is missing: build the component", path.display())) }
}

/// Keeps every line, and sends the address of the first one that tells it.
fn collect(stderr: impl BufRead, log: &Mutex<String>, found: &mpsc::Sender<SocketAddr>) {
    for line in stderr.split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8_lossy(&line);
        let address = text.split_once(SERVING).map(|(_, rest)| rest.trim().trim_end_matches('/'));
        if let Some(address) = address.and_then(|address| address.parse().ok()) {
            // Nobody listens any more after the first.
            let _ = found.send(address);
        }
        if let Ok(mut log) = log.lock() {
            log.push_str(&text);
            log.push('\n');
        }
    }
}
