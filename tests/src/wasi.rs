//! The component in wasmtime, for a test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::conversation::Kind;
use crate::http::Connection;
use crate::process::{self, Ending};
use crate::server::Folder;
use crate::swift::registry::Berth;

/// How long a start may take: that of a runtime that has to translate the component first.
const START_SECONDS_MAX: u64 = 120;
/// How long running requests get to finish.
const STOP_SECONDS_MIN: u64 = 1;
/// How long a stop may take.
const STOP_SECONDS_MAX: u64 = 30;
/// What comes before the address in the line that wasmtime begins with.
const SERVING: &str = "Serving HTTP on http://";
/// What wasmtime says when it is asked to end and something runs still.
const ENDING: &str = "Waiting for child tasks";
/// Lets everybody in: without users the component has to be told so.
const OPEN: &str = "WHARFINGER_OPEN_TO_ALL";
/// Seals the uploads, as that of [`Berth`] does.
pub const SECRET: &str = "not-a-secret-of-anybody";

/// How to start the component.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory that it stores in, as `/data`; by default one of its own, removed at the end.
    pub data: Option<PathBuf>,
    /// Its environment.
    pub env: Vec<(String, String)>,
    /// How many requests an instance may serve, one after the other.
    pub reuse: u32,
    /// Nobody reads its standard error once it serves.
    pub unheard: bool,
    /// A program and its arguments that run wasmtime, such as a tracer.
    pub under: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        let env = [("WHARFINGER_SECRET", SECRET), (OPEN, "true")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { data: None, env, reuse: 1000, unheard: false, under: Vec::new() }
    }
}

impl Options {
    /// The same with a variable more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same that is open to nobody but those of whom further variables tell.
    #[must_use]
    pub fn locked(mut self) -> Self {
        self.env.retain(|(known, _)| known != OPEN);
        self
    }

    /// The same with the settings of a kind of registry.
    #[must_use]
    pub fn of_kind(self, kind: Kind) -> Self {
        let options = if kind.is_locked() { self.locked() } else { self };
        kind.variables().into_iter().fold(options, |options, (name, value)| options.with(&name, &value))
    }

    /// The same that stores in Swift, where `berth` does; its lines are left out.
    #[must_use]
    pub fn on_swift(self, berth: &Berth) -> Self {
        let options = self
            .with("WHARFINGER_STORAGE_DRIVER", "swift")
            .with("WHARFINGER_STORAGE_CONTAINER", &berth.container)
            .with("WHARFINGER_STORAGE_SEGMENTS_CONTAINER", &format!("{}-segments", berth.container));
        let keys = [&berth.cloud, &berth.cloud["auth"]].into_iter().filter_map(|keys| keys.as_object());
        keys.flatten().fold(options, |options, (key, value)| match value.as_str() {
            Some(value) => options.with(&format!("OS_{}", key.to_ascii_uppercase()), value),
            None => options,
        })
    }
}

/// A running wasmtime with the component in it. Dropping it kills the process.
#[derive(Debug)]
pub struct Component {
    child: Child,
    address: SocketAddr,
    first_status: u16,
    data: PathBuf,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    // Dropped after the process has been reaped.
    _folder: Folder,
}

impl Component {
    /// Starts wasmtime on a free loopback port, and waits until the component answers `GET /v2/`, whatever it answers.
    ///
    /// The component is the one that `tests/wasi-build` builds.
    ///
    /// # Errors
    /// When it does not start, with what it said.
    pub fn start(options: Options) -> Result<Self, String> {
        let folder = Folder::new("component")?;
        let data = options.data.unwrap_or_else(|| folder.path().join("data"));
        std::fs::create_dir_all(&data).map_err(|error| format!("making {}: {error}", data.display()))?;
        let wasmtime = tools()?.join("wasmtime");
        let mut command = match options.under.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(wasmtime);
                command
            }
            None => Command::new(wasmtime),
        };
        command.args(["serve", "-Scli", "--addr", "127.0.0.1:0", "--idle-instance-timeout", "60s"]);
        command.args(["-W", "max-memory-size=268435456"]);
        command.arg(format!("--max-instance-reuse-count={}", options.reuse));
        command.arg("--dir").arg(format!("{}::/data", data.display()));
        for (name, value) in &options.env {
            command.args(["--env", name]).env(name, value);
        }
        command.arg(component()?).env("RUST_BACKTRACE", "0");
        Self::spawn(command, folder, data, options.unheard)
    }

    /// The same by a command of one's own, which has wasmtime store under `data`, if it stores in a directory.
    ///
    /// # Errors
    /// Those of [`Component::start`].
    pub fn start_by(command: Command, folder: Folder, data: PathBuf) -> Result<Self, String> {
        Self::spawn(command, folder, data, false)
    }

    fn spawn(mut command: Command, folder: Folder, data: PathBuf, unheard: bool) -> Result<Self, String> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("starting {command:?}: {error}"))?;
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::channel();
        let stderr = child.stderr.take().ok_or("the process has no stderr")?;
        let reader = std::thread::spawn({
            let log = Arc::clone(&log);
            move || collect(BufReader::new(stderr), &log, &found, unheard)
        });
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let reader = Some(reader);
        let mut component =
            Self { child, address: nowhere, first_status: 0, data, log, reader, _folder: folder };
        match address.recv_timeout(Duration::from_secs(START_SECONDS_MAX)) {
            Ok(address) => component.address = address,
            Err(error) => {
                component.kill();
                return Err(format!("no line with `{SERVING}ADDRESS` ({error}): {}", component.log()));
            }
        }
        let asked = Connection::open(component.address)
            .and_then(|mut connection| connection.request("GET", "/v2/", &[], b""));
        let answer =
            asked.map_err(|error| format!("GET /v2/ is not answered: {error}: {}", component.log()))?;
        component.first_status = answer.status();
        Ok(component)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The status of its first answer, to `GET /v2/`.
    pub fn first_status(&self) -> u16 {
        self.first_status
    }

    /// The directory that it stores in.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that wasmtime and the component wrote to stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().map_or_else(|poisoned| poisoned.into_inner().clone(), |log| log.clone())
    }

    /// Asks wasmtime to end (SIGINT: SIGTERM kills it at once), twice: after the first it waits for its idle instances too.
    /// Answers all that it logged before: of an idle instance that it does not wait for, wasmtime says that it panicked.
    ///
    /// # Errors
    /// When it does not end well, with what it said.
    pub fn stop(mut self) -> Result<String, String> {
        let mut ended = Ok(None);
        for limit in [STOP_SECONDS_MIN, STOP_SECONDS_MAX] {
            kill_process(Pid::from_child(&self.child), Signal::INT)
                .map_err(|error| format!("SIGINT: {error}"))?;
            ended = process::ending(self.child.id(), Duration::from_secs(limit));
            if matches!(ended, Ok(Some(Ending::Exited(0)))) {
                self.kill();
                return Ok(self.log().split(ENDING).next().unwrap_or_default().to_owned());
            }
        }
        self.kill();
        Err(format!("{ended:?} after SIGINT; stderr:\n{}", self.log()))
    }

    fn kill(&mut self) {
        // It may have ended before: then there is nothing to kill, only to reap.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The component that `tests/wasi-build` builds.
///
/// # Errors
/// When it is missing.
pub fn component() -> Result<PathBuf, String> {
    built("wasm32-wasip2/release/wharfinger_wasi.wasm")
}

/// The folder that wasmtime is in.
///
/// # Errors
/// When it is missing.
pub fn tools() -> Result<PathBuf, String> {
    let mut folder = built("tools/wasmtime")?;
    folder.pop();
    Ok(folder)
}

/// A file under `target/wasi`, made by `tests/wasi-build` or `tests/wasi/jco`.
pub(crate) fn built(name: &str) -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|error| format!("the running test's own path: {error}"))?;
    // target/PROFILE/deps/TEST
    let target = test.ancestors().nth(3).ok_or("the running test lies in no target folder")?;
    let path = target.join("wasi").join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is missing: run tests/wasi-build and tests/wasi/jco", path.display()))
    }
}

/// Keeps every line, and sends the address of the first one that tells it; `once` ends it there.
fn collect(stderr: impl BufRead, log: &Mutex<String>, found: &mpsc::Sender<SocketAddr>, once: bool) {
    let mut lines = stderr.split(b'\n').map_while(Result::ok);
    while let Some(line) = lines.next() {
        let text = String::from_utf8_lossy(&line);
        if let Ok(mut log) = log.lock() {
            log.push_str(&text);
            log.push('\n');
        }
        let address = text.split_once(SERVING).map(|(_, rest)| rest.trim().trim_end_matches('/'));
        let Some(address) = address.and_then(|address| address.parse().ok()) else { continue };
        if once {
            drop(lines);
            let _ = found.send(address);
            return;
        }
        // Nobody listens any more after the first.
        let _ = found.send(address);
    }
}
