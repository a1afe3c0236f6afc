//! A directory, and registries on it, traced or not.

use std::fmt::{self, Display};
use std::fs::{self, FileTimes, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use wharfinger_tests::server::{Folder, Options, Server};
use wharfinger_tests::trace::{Entry, Fault, Unpromised, faults};
use wharfinger_tests::traced::Traced;

use wharfinger_tests::forms::{Action, Form, SEGMENT_BYTES};

const TRACER: &str = env!("CARGO_BIN_EXE_tracer");

/// Longer ago than content may be relied on without being touched.
const OLD: Duration = Duration::from_secs(20 * 3600);

/// A folder with the directory of a registry in it.
pub struct Stage {
    room: Folder,
}

impl Stage {
    pub fn new() -> Self {
        let room = Folder::new("calls").expect("the temporary directory is writable");
        fs::create_dir(room.path().join("root")).expect("the temporary directory is writable");
        Self { room }
    }

    /// One that begins with all that another one holds.
    pub fn like(other: &Self) -> Self {
        let stage = Self::new();
        let copied = Command::new("cp").arg("-a").arg(other.data()).arg(stage.data()).status();
        assert!(copied.is_ok_and(|status| status.success()), "`cp` must be installed");
        stage
    }

    /// One on which a form is prepared, long ago.
    pub fn prepared(form: Form) -> io::Result<Self> {
        let stage = Self::new();
        let registry = stage.start("full");
        Action::new(form, registry.address(), 1).prepare()?;
        drop(registry);
        stage.age(&stage.data())?;
        Ok(stage)
    }

    pub fn root(&self) -> PathBuf {
        self.room.path().join("root")
    }

    pub fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    pub fn start(&self, sync: &str) -> Server {
        Server::start(self.options(sync)).expect("the registry starts")
    }

    pub fn tracer(&self) -> Traced {
        Traced::new(TRACER, self.room.path(), &self.root())
    }

    pub fn start_traced(&self, traced: &Traced, sync: &str) -> Result<Server, String> {
        Server::start(Options { under: traced.under(), ..self.options(sync) })
    }

    /// What a registry on this stage promised too early.
    pub fn faults(&self, entries: &[Entry]) -> Vec<Fault> {
        let (temporary, segments) = (self.data().join("tmp"), self.data().join("segments"));
        // A segment that comes back is one that nobody refers to.
        faults(entries, Unpromised { names: &[&temporary], removals: &[&temporary, &segments] })
    }

    fn options(&self, sync: &str) -> Options {
        // So short a time for repeats that what fails for good is told soon.
        let config = format!(
            "registry:\n  storage:\n    root: ${{data}}\n    sync: {sync}\n  limits:\n    segment-bytes: {SEGMENT_BYTES}\n    \
             retry-seconds: 0.5\n    retries-per-second: 1000000\n"
        );
        Options { data: Some(self.data()), config: Some(config), ..Options::default() }
    }

    fn age(&self, path: &Path) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.age(&entry.path())?;
            } else {
                let file = OpenOptions::new().write(true).open(entry.path())?;
                file.set_times(FileTimes::new().set_modified(SystemTime::now() - OLD))?;
            }
        }
        Ok(())
    }
}

/// What is going on, said when a check fails.
pub struct Said(pub String);

impl Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("at {}", self.0);
        }
    }
}
