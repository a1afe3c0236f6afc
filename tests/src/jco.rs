//! The component in jco, which runs it in Node.js, for a test.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::http::Connection;
use crate::process;
use crate::server::Folder;
use crate::wasi::{Options, built};

/// How long a start may take: jco translates the component to JavaScript first.
const START_MAX: Duration = Duration::from_secs(120);
/// How long its processes may take to end.
const STOP_MAX: Duration = Duration::from_secs(30);
/// The page that has the module.
const PAGE: &str = include_str!("../../docs/wasi.md");

/// What serves requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests {
    /// One instance serves all, one after the other, which is jco's default.
    Shared,
    /// Each has a worker of its own, with its own instance.
    Isolated,
}

/// A running `jco serve` with the component in it, and the module of docs/wasi.md imported before it. Dropping it kills all
/// of its processes.
#[derive(Debug)]
pub struct Jco {
    child: Child,
    address: SocketAddr,
    data: PathBuf,
    // Dropped after the processes have ended.
    folder: Folder,
}

impl Jco {
    /// Starts jco on a free loopback port, and waits until the component answers `GET /v2/`. How many requests
    /// an instance serves is told by `requests` alone.
    ///
    /// jco is the one that `tests/wasi/jco` installs, the component the one that `tests/wasi-build` builds.
    ///
    /// # Errors
    /// When it does not start, with what it said.
    pub fn start(options: Options, requests: Requests) -> Result<Self, String> {
        let program = built("jco/node_modules/@bytecodealliance/jco/dist/jco.js")?;
        let component = built("wasm32-wasip2/release/wharfinger_wasi.wasm")?;
        let folder = Folder::new("jco")?;
        let data = options.data.unwrap_or_else(|| folder.path().join("data"));
        std::fs::create_dir_all(&data).map_err(|error| format!("making {}: {error}", data.display()))?;
        let path = |name: &str| folder.path().join(name);
        let translated = path("translated");
        std::fs::create_dir_all(&translated).map_err(|error| format!("{}: {error}", translated.display()))?;
        let module = translated.join("world.mjs");
        std::fs::write(&module, module_of_page()?)
            .map_err(|error| format!("{}: {error}", module.display()))?;
        let log = File::create(path("log")).map_err(|error| format!("making a log: {error}"))?;
        let address = free_address().map_err(|error| format!("finding a free port: {error}"))?;

        let mut command = Command::new("node");
        command.arg(program).arg("serve").arg(component);
        command.args(["--host", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command.arg("--jco-dir").arg(&translated).arg("--jco-import").arg(&module);
        if requests == Requests::Isolated {
            command.args(["--isolate-requests", "worker", "--isolate-worker-pool-size", "2"]);
        }
        // It hands its whole environment to the component, which refuses settings that it does not know.
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("DATA", &data).envs(options.env);
        let errors = log.try_clone().map_err(|error| format!("the log: {error}"))?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        // jco starts a second process, which outlives it unless both are ended together.
        command.process_group(0);
        let child = command.spawn().map_err(|error| format!("starting {command:?}: {error}"))?;
        let mut jco = Self { child, address, data, folder };
        jco.await_answer()?;
        Ok(jco)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The directory that it stores in.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// All that jco and the component wrote so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_else(|error| error.to_string())
    }

    /// Ends it (SIGTERM to all of its processes); answers what it wrote.
    ///
    /// # Errors
    /// When it has ended before, or does not end, with what it wrote.
    pub fn stop(self) -> Result<String, String> {
        let pid = self.child.id();
        let before = process::ending(pid, Duration::ZERO).map_err(|error| error.to_string())?;
        if before.is_some() || Connection::open(self.address).is_err() {
            return Err(format!("it has ended before ({before:?}): {}", self.log()));
        }
        kill_process_group(Pid::from_child(&self.child), Signal::TERM)
            .map_err(|error| format!("SIGTERM: {error}"))?;
        match process::ending(pid, STOP_MAX) {
            Ok(Some(_)) => Ok(self.log()),
            other => Err(format!("{other:?} after SIGTERM: {}", self.log())),
        }
    }

    fn await_answer(&mut self) -> Result<(), String> {
        let end = Instant::now() + START_MAX;
        loop {
            let asked = Connection::open(self.address)
                .and_then(|mut connection| connection.request("GET", "/v2/", &[], b""));
            match asked {
                Ok(answer) if matches!(answer.status(), 200 | 401) => return Ok(()),
                Ok(answer) => {
                    return Err(format!("{}: {}: {}", answer.status(), answer.text(), self.log()));
                }
                Err(error) => {
                    let ended = process::ending(self.child.id(), Duration::from_millis(20));
                    if !matches!(ended, Ok(None)) || Instant::now() >= end {
                        return Err(format!("it does not answer: {error} ({ended:?}): {}", self.log()));
                    }
                }
            }
        }
    }
}

impl Drop for Jco {
    fn drop(&mut self) {
        // Those that have ended already need no signal, only to be reaped.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The module that docs/wasi.md has jco import.
fn module_of_page() -> Result<&'static str, String> {
    let block =
        PAGE.split_once("<!-- jco: begin -->").and_then(|(_, rest)| rest.split_once("<!-- jco: end -->"));
    let block = block.and_then(|(block, _)| block.trim().strip_prefix("```js\n"));
    block.and_then(|block| block.strip_suffix("```")).ok_or_else(|| "docs/wasi.md has no module".to_owned())
}

/// An address of which nobody listens.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
