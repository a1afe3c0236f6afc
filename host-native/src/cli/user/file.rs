use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use wharfinger_core::access::{parse_htpasswd, put_htpasswd, remove_htpasswd};

/// What becomes of a user.
pub(super) enum Edit {
    /// This hash is the user's.
    Put(String),
    Remove,
}

/// Changes one user in a file, all of it or nothing; whether there was one of that name. Others who do so at the same time
/// wait for each other. A file that is not there is made for a new user, for the owner alone.
pub(super) fn edit(path: &Path, name: &str, edit: &Edit) -> Result<bool, String> {
    let in_words = |error: io::Error| format!("{}: {error}", path.display());
    let (file, place) = lock(path, matches!(edit, Edit::Put(_))).map_err(in_words)?;
    let text = read(&file, path)?;
    let changed = match edit {
        Edit::Put(hash) => put_htpasswd(&text, name, hash).map(Some),
        Edit::Remove => remove_htpasswd(&text, name),
    };
    let changed = changed.map_err(|error| format!("{}: {error}", path.display()))?;
    let existed = parse_htpasswd(&text).is_ok_and(|users| users.iter().any(|(other, _)| **other == *name));
    if let Some(changed) = changed {
        replace(&place, &file, &changed).map_err(in_words)?;
    }
    Ok(existed)
}

/// The names in a file, in its order.
pub(super) fn names(path: &Path) -> Result<Vec<Box<str>>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let users =
        parse_htpasswd(&read(&file, path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(users.into_iter().map(|(name, _)| name).collect())
}

/// Opens the file for this process alone, and tells where it is, links followed.
fn lock(path: &Path, create: bool) -> io::Result<(File, PathBuf)> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        file.lock()?;
        let place = path.canonicalize()?;
        let [locked, there] = [file.metadata()?, fs::metadata(&place)?];
        if !locked.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file; name another"));
        }
        // Who had it locked before may have put another in its place.
        if (locked.dev(), locked.ino()) == (there.dev(), there.ino()) {
            return Ok((file, place));
        }
    }
}

fn read(file: &File, path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("{}: longer than {FILE_BYTES_MAX} bytes; name another", path.display()));
    }
    Ok(text)
}

/// Puts a file with that text in the place of another, with its owner and mode.
fn replace(place: &Path, old: &File, text: &str) -> io::Result<()> {
    let (folder, name) = (place.parent().unwrap_or(Path::new("/")), place.file_name().unwrap_or_default());
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    let temporary =
        folder.join(format!(".{}.new-{:016x}", name.to_string_lossy(), u64::from_be_bytes(random)));
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let (is, was) = (new.metadata()?, old.metadata()?);
    let owner = || match (is.uid(), is.gid()) == (was.uid(), was.gid()) {
        true => Ok(()),
        false => fchown(&new, Some(was.uid()), Some(was.gid())),
    };
    let done = owner()
        .and_then(|()| new.set_permissions(fs::Permissions::from_mode(was.mode() & 0o7777)))
        .and_then(|()| new.write_all(text.as_bytes()))
        .and_then(|()| new.sync_all())
        .and_then(|()| fs::rename(&temporary, place));
    if done.is_err() {
        // What cannot be removed harms nobody: only the owner may read it.
        let _ = fs::remove_file(&temporary);
    }
    done?;
    File::open(folder)?.sync_all()
}

const FILE_BYTES_MAX: u64 = 4 << 20;
