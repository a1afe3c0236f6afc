//! The secret that upload tokens are sealed with.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The name of the secret's file in the storage root.
pub const FILE_NAME: &str = "secret";

/// Size of a secret that is made here.
pub const SECRET_BYTES: usize = 32;

/// What a secret that is made here consists of: characters, so that it can be handed over in the environment, of six random
/// bits each.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A secret. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    bytes: Box<[u8]>,
}

impl Secret {
    /// The secret that somebody wrote into a configuration.
    pub fn from_phrase(phrase: &str) -> Self {
        Self { bytes: phrase.as_bytes().into() }
    }

    /// The bytes, to be used as a key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same as a text that an environment variable can hold; `None` if there is none.
    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|text| !text.contains('\0'))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

/// The secret in the file `secret` of `dir`, made of 32 random characters if there is none.
///
/// Any number of threads and processes may do this at once: the first one wins and all get the same secret.
/// It is on the disk before it is returned. `dir` is made if it is missing.
///
/// # Errors
/// Those of the system, with the path; [`io::ErrorKind::InvalidData`] if the file is no secret, and
/// [`io::ErrorKind::PermissionDenied`] if others may read or write it.
pub fn load_or_create(dir: &Path) -> io::Result<Secret> {
    let path = dir.join(FILE_NAME);
    if let Some(secret) = load(&path)? {
        return Ok(secret);
    }
    fs::create_dir_all(dir).map_err(|error| in_words(dir, "cannot make the directory", &error))?;
    create(dir, &path)?;
    load(&path)?.ok_or_else(|| {
        let removed = io::Error::from(io::ErrorKind::NotFound);
        in_words(&path, "was removed while it was being made", &removed)
    })
}

/// The secret in `path`; `None` if there is no such file.
fn load(path: &Path) -> io::Result<Option<Secret>> {
    let unreadable = |error: io::Error| in_words(path, "cannot read the secret", &error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.permissions().mode() & 0o777;
    if !metadata.is_file() {
        let message = format!("{}: not a file, so this is no secret; move it away", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    if mode & 0o077 != 0 {
        let message = format!(
            "{}: others may use this secret (mode {mode:04o}); run `chmod 600` on it",
            path.display()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    let mut bytes = Vec::with_capacity(SECRET_BYTES + 1);
    file.take(SECRET_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() != SECRET_BYTES {
        let message = format!(
            "{}: not {SECRET_BYTES} bytes long, so this is no secret; restore it, or remove it to have a new one made (uploads under way then fail)",
            path.display()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(Some(Secret { bytes: bytes.into() }))
}

/// Makes the file `path` in `dir` unless there is one.
fn create(dir: &Path, path: &Path) -> io::Result<()> {
    let mut random = [0; SECRET_BYTES + 8];
    getrandom::fill(&mut random)
        .map_err(|error| in_words(path, "no random bytes", &io::Error::other(error.to_string())))?;
    let (random, name) = random.split_at(SECRET_BYTES);
    let secret: Vec<u8> = random.iter().map(|byte| ALPHABET[usize::from(byte & 63)]).collect();
    let name = name.iter().fold(format!("{FILE_NAME}.new-"), |name, byte| format!("{name}{byte:02x}"));
    let temporary = dir.join(name);
    let made = write_new(&temporary, &secret).and_then(|()| match fs::hard_link(&temporary, path) {
        // Another one was first: theirs counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // Gone already if it could not be made at all.
    let _ = fs::remove_file(&temporary);
    made.and_then(|()| sync_dir(dir)).map_err(|error| in_words(path, "cannot make the secret", &error))
}

/// Writes a file that nobody else may read.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Has the names in `dir`, and its own name, on the disk.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()?;
    match dir.canonicalize()?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn in_words(path: &Path, what: &str, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("{}: {what}: {error}; check storage.root and its permissions", path.display()),
    )
}

#[cfg(test)]
mod tests;
