//! Starts the real registry binary for a test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long the start-up line may take.
const START_SECONDS_MAX: u64 = 30;
/// How long a stop may take.
const STOP_SECONDS_MAX: u64 = 30;
/// What comes before the address in the start-up line.
const LISTENING: &str = "listening on ";

/// How to start a registry.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The data folder, unless it stores in Swift; by default one of its own, removed at the end.
    pub data: Option<PathBuf>,
    /// Text of a configuration file; `${data}` in it stands for the data folder.
    pub config: Option<String>,
    /// Whether nothing but the configuration file says where it listens and stores.
    pub as_it_is: bool,
    /// Further arguments after `serve`.
    pub args: Vec<String>,
    /// Environment variables on top of the test's own.
    pub env: Vec<(String, String)>,
    /// A program and its arguments that run the binary, such as a tracer.
    pub under: Vec<String>,
}

/// A running registry. Dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    data: PathBuf,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    // Dropped after the process has been reaped.
    _folder: Folder,
}

impl Server {
    /// Starts the binary on a free loopback port and waits until it answers `GET /v2/`; with TLS, until it listens.
    ///
    /// The binary is `$WHARFINGER_BIN`, else `wharfinger` in the target folder of the running test.
    pub fn start(options: Options) -> Result<Self, String> {
        let folder = Folder::new("server")?;
        let data = options.data.unwrap_or_else(|| folder.path().join("data"));
        let mut command = match options.under.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary()?);
                command
            }
            None => Command::new(binary()?),
        };
        command.arg("serve");
        if !options.as_it_is {
            command.args(["--listen", "127.0.0.1:0"]);
            if !options.config.as_deref().is_some_and(stores_in_swift) {
                command.arg("--data").arg(&data);
            }
        }
        if let Some(config) = options.config {
            let path = folder.path().join("config.yaml");
            let text = config.replace("${data}", &data.to_string_lossy());
            std::fs::write(&path, text).map_err(|error| format!("writing {}: {error}", path.display()))?;
            command.arg("--config").arg(path);
        }
        command.args(options.args).envs(options.env);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("starting {command:?}: {error}"))?;
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::channel();
        let stderr = child.stderr.take().ok_or("the process has no stderr")?;
        let reader = std::thread::spawn({
            let log = Arc::clone(&log);
            move || collect(BufReader::new(stderr), &log, &found)
        });
        let mut server = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            data,
            log,
            reader: Some(reader),
            _folder: folder,
        };
        match address.recv_timeout(Duration::from_secs(START_SECONDS_MAX)) {
            Ok((address, tls)) => {
                server.address = address;
                if tls {
                    return Ok(server);
                }
            }
            Err(error) => {
                server.kill();
                return Err(format!(
                    "no line with `{LISTENING}http://ADDRESS` ({error}); stderr:\n{}",
                    server.log()
                ));
            }
        }
        match answers(server.address) {
            Ok(()) => Ok(server),
            Err(error) => Err(format!("GET /v2/ is not answered: {error}; stderr:\n{}", server.log())),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All of its stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().map_or_else(|poisoned| poisoned.into_inner().clone(), |log| log.clone())
    }

    /// Asks it to end (SIGTERM); an error unless it ends in time with status 0.
    pub fn stop(mut self) -> Result<(), String> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .map_err(|error| format!("SIGTERM: {error}"))?;
        let end = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
        let status = self.wait_until(end)?;
        self.join_reader();
        if status.success() {
            return Ok(());
        }
        Err(format!("ended with {status} after SIGTERM; stderr:\n{}", self.log()))
    }

    /// Kills it at once (SIGKILL), as a crash would.
    pub fn kill(&mut self) {
        // It may have ended before: then there is nothing to kill, only to reap.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.join_reader();
    }

    /// The process can only be polled together with a time limit.
    fn wait_until(&mut self, end: Instant) -> Result<ExitStatus, String> {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
                Ok(None) => {
                    self.kill();
                    return Err(format!(
                        "still running {STOP_SECONDS_MAX} s after SIGTERM; stderr:\n{}",
                        self.log()
                    ));
                }
                Err(error) => return Err(format!("waiting for the process: {error}")),
            }
        }
    }

    fn join_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Whether a configuration, in YAML or JSON, stores in Swift, which has no data folder.
fn stores_in_swift(config: &str) -> bool {
    config.replace(['"', ' '], "").contains("driver:swift")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A folder of its own under the system's temporary folder, removed when dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a fresh folder with this word in its name.
    pub fn new(word: &str) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wharfinger-{word}-{}-{count}", std::process::id()));
        // A folder of a process that had the same id, and was killed.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).map_err(|error| format!("making {}: {error}", path.display()))?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// The binary under test: `$WHARFINGER_BIN`, else `wharfinger` in the target folder of the running test.
///
/// # Errors
/// When it is missing.
pub fn binary() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("WHARFINGER_BIN") {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(format!("WHARFINGER_BIN is {}: no such file", path.display()))
        };
    }
    let test = std::env::current_exe().map_err(|error| format!("the running test's own path: {error}"))?;
    let folder = test.parent().and_then(Path::parent).ok_or("the running test lies in no target folder")?;
    let path = folder.join("wharfinger");
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("{} is missing: run tests/run or cargo build -p wharfinger first", path.display()))
}

/// Keeps every line, and sends the address of the first start-up line.
fn collect(mut stderr: impl BufRead, log: &Mutex<String>, found: &mpsc::Sender<(SocketAddr, bool)>) {
    let mut line = Vec::new();
    while stderr.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        let text = String::from_utf8_lossy(&line);
        if let Some(address) = start_up_address(&text) {
            // Nobody listens any more after the first.
            let _ = found.send(address);
        }
        if let Ok(mut log) = log.lock() {
            log.push_str(&text);
        }
        line.clear();
    }
}

/// The address, and whether TLS is spoken there.
fn start_up_address(line: &str) -> Option<(SocketAddr, bool)> {
    let (_, rest) = line.split_once(LISTENING)?;
    let (scheme, rest) = rest.split_once("://")?;
    let end = rest.find(|character: char| !character.is_ascii_hexdigit() && !".:[]".contains(character));
    Some((rest[..end.unwrap_or(rest.len())].parse().ok()?, scheme == "https"))
}

fn answers(address: SocketAddr) -> Result<(), String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(START_SECONDS_MAX)))?;
        write!(stream, "GET /v2/ HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    };
    match ask() {
        // Who is locked out is answered, too.
        Ok(reply) if ["HTTP/1.1 200 ", "HTTP/1.1 401 "].iter().any(|start| reply.starts_with(start)) => {
            Ok(())
        }
        Ok(reply) => Err(reply),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_the_start_up_line() {
        let address = "127.0.0.1:4321".parse().ok().map(|address| (address, false));
        assert_eq!(start_up_address("INFO listening on http://127.0.0.1:4321\n"), address);
        assert_eq!(start_up_address("listening on http://127.0.0.1:4321, storing in /x"), address);
        assert_eq!(start_up_address("{\"message\":\"listening on http://127.0.0.1:4321\"}"), address);
        let address = "[::1]:80".parse().ok().map(|address| (address, true));
        assert_eq!(start_up_address("listening on https://[::1]:80/\n"), address);
        assert_eq!(start_up_address("listening on nothing"), None);
    }

    #[test]
    fn a_folder_goes_with_its_owner() {
        let folder = Folder::new("folder-test").expect("a folder");
        let path = folder.path().to_owned();
        std::fs::write(path.join("file"), "x").expect("a file");
        drop(folder);
        assert!(!path.exists());
    }
}
