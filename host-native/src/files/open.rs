use std::fmt::{self, Display};
use std::fs::{DirBuilder, File};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{self, CWD, Mode, OFlags};
use rustix::io::Errno;
use wharfinger_core::store::Kind;

use super::Settings;
use super::directory::{Directory, TEMPORARY};
use super::temporary::Temporary;

/// A temporary file that nobody wrote to for so long was left by a crash.
const TEMPORARY_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Why a directory cannot be used as a store.
#[derive(Debug)]
pub enum OpenError {
    /// It is missing and cannot be created.
    NotCreated {
        /// The directory.
        root: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is missing, and was to be looked at only.
    Missing {
        /// The directory.
        root: PathBuf,
    },
    /// Something else stands at its path.
    NotDirectory {
        /// The path.
        root: PathBuf,
    },
    /// Files cannot be written in it.
    NotUsable {
        /// The directory.
        root: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file in it cannot have two names.
    NoHardLinks {
        /// The directory.
        root: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCreated { root, error } => write!(
                f,
                "the storage directory {} cannot be created: {error}; create it, owned by the user of this process, or \
                 name another one",
                root.display()
            ),
            Self::Missing { root } => {
                write!(f, "there is no storage directory {}; name the one of the registry", root.display())
            }
            Self::NotDirectory { root } => {
                write!(f, "the storage path {} is not a directory; name another one", root.display())
            }
            Self::NotUsable { root, error } => write!(
                f,
                "the storage directory {} cannot be used: {error}; give the user of this process the right to read, \
                 write and search it, or name another one",
                root.display()
            ),
            Self::NoHardLinks { root, error } => write!(
                f,
                "the file system of the storage directory {} cannot give a file a second name: {error}; use one with \
                 hard links, such as ext4 or XFS",
                root.display()
            ),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotCreated { error, .. }
            | Self::NotUsable { error, .. }
            | Self::NoHardLinks { error, .. } => Some(error),
            Self::Missing { .. } | Self::NotDirectory { .. } => None,
        }
    }
}

pub(super) fn open(settings: &Settings) -> Result<Arc<Directory>, OpenError> {
    let path = &settings.root;
    create(path, settings.sync)?;
    let directory = open_to_read(settings)?;
    probe(&directory, path)?;
    let not_usable = |error: io::Error| OpenError::NotUsable { root: path.clone(), error };
    sweep(&directory).map_err(|errno| not_usable(errno.into()))?;
    Ok(directory)
}

pub(super) fn open_to_read(settings: &Settings) -> Result<Arc<Directory>, OpenError> {
    let path = &settings.root;
    let not_usable = |error: io::Error| OpenError::NotUsable { root: path.clone(), error };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = fs::openat(CWD, path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => OpenError::Missing { root: path.clone() },
        Errno::NOTDIR => OpenError::NotDirectory { root: path.clone() },
        errno => not_usable(errno.into()),
    })?;
    let random = getrandom::u64().map_err(|error| not_usable(io::Error::other(error.to_string())))?;
    Ok(Arc::new(Directory {
        root,
        sync: settings.sync,
        owner: format!("{}-{random:016x}", std::process::id()),
        temporaries: AtomicU64::new(0),
        settled: std::sync::Mutex::default(),
    }))
}

/// Creates the directory and those above it where they are missing; with `sync` they outlive a power cut.
fn create(root: &Path, sync: bool) -> Result<(), OpenError> {
    let missing: Vec<&Path> = root.ancestors().take_while(|path| !is_there(path)).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(|error| {
        if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory) {
            OpenError::NotDirectory { root: root.to_owned() }
        } else {
            OpenError::NotCreated { root: root.to_owned(), error }
        }
    })?;
    for path in missing.iter().filter(|_| sync) {
        let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // A folder that may be written but not read cannot be opened, and so not be synced.
        if let Ok(above) = File::open(above) {
            above.sync_all().map_err(|error| OpenError::NotCreated { root: root.to_owned(), error })?;
        }
    }
    Ok(())
}

/// `""` ends the ancestors of a relative path, and stands for the working directory.
fn is_there(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.exists()
}

/// Tries what every write needs. A full disk is let pass: a registry that starts can still be read, and rid of objects.
fn probe(directory: &Arc<Directory>, root: &Path) -> Result<(), OpenError> {
    let (temporary, file) = match Temporary::create(directory) {
        Ok(created) => created,
        Err(Errno::NOSPC | Errno::DQUOT) => return Ok(()),
        Err(errno) => return Err(OpenError::NotUsable { root: root.to_owned(), error: errno.into() }),
    };
    drop(file);
    match temporary.link_again() {
        Ok(_) | Err(Errno::NOSPC | Errno::DQUOT) => Ok(()),
        Err(errno) => Err(OpenError::NoHardLinks { root: root.to_owned(), error: errno.into() }),
    }
}

/// Removes old temporary files. What cannot be removed stays: it is in nobody's way.
fn sweep(directory: &Directory) -> rustix::io::Result<()> {
    let now = SystemTime::now();
    let outcome = directory.visit(TEMPORARY, |name, kind| {
        let name = format!("{TEMPORARY}/{name}");
        if kind == Kind::Object && directory.stat_object(&name).is_ok_and(|stat| is_old(stat.st_mtime, now)) {
            let _ = directory.unlink(&name);
        }
        ControlFlow::Continue(())
    });
    if outcome == Err(Errno::NOENT) { Ok(()) } else { outcome }
}

fn is_old(written: i64, now: SystemTime) -> bool {
    let written = UNIX_EPOCH + Duration::from_secs(u64::try_from(written).unwrap_or(0));
    now.duration_since(written).is_ok_and(|age| age > TEMPORARY_AGE_MAX)
}
