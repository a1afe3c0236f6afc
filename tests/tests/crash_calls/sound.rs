//! What a directory may hold at any moment.

use std::fs;
use std::path::Path;

use serde_json::Value;
use wharfinger_tests::digest::sha256;

/// All that is visible in the directory of a registry and not whole, or that lacks what it stands on.
pub fn unsound(data: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    for path in files(data) {
        let name = path.strip_prefix(data).unwrap_or(&path).display().to_string();
        let found =
            fs::read(&path).map_err(|error| error.to_string()).and_then(|bytes| look(data, &name, &bytes));
        if let Err(fault) = found {
            faults.push(format!("{name}: {fault}"));
        }
    }
    faults
}

fn look(data: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    let (kind, rest) = name.split_once('/').unwrap_or((name, ""));
    match kind {
        // Nobody sees these.
        "tmp" | "segments" => Ok(()),
        "secret" if bytes.len() == 32 => Ok(()),
        "secret" => Err(format!("a secret of {} bytes", bytes.len())),
        name if name.starts_with("secret.new-") => Ok(()),
        "blobs" => {
            let named = rest.rsplit('/').next().unwrap_or("");
            if sha256(bytes) == format!("sha256:{named}") {
                Ok(())
            } else {
                Err("other bytes than its name says".into())
            }
        }
        "links" => {
            let size = json(bytes)?["size"].as_u64().ok_or("no size")?;
            let (_, digest) = rest.split_once("!/").ok_or("no repository")?;
            let hex = digest.strip_prefix("sha256/").ok_or("another algorithm")?;
            let blob = data.join(format!("blobs/sha256/{}/{hex}", &hex[..2]));
            let found = fs::metadata(blob).map_err(|error| format!("its content: {error}"))?.len();
            if found == size { Ok(()) } else { Err(format!("it says {size} bytes, its content has {found}")) }
        }
        "manifests" => {
            let (repository, digest) = rest.split_once("!/").ok_or("no repository")?;
            record(data, repository, bytes, Some(&digest.replace('/', ":")))
        }
        "tags" => {
            let (repository, _) = rest.split_once("!/").ok_or("no repository")?;
            let digest = record(data, repository, bytes, None);
            digest.and_then(|()| is_there(data, repository, &record_digest(bytes)?))
        }
        "referrers" => {
            let (repository, digests) = rest.split_once("!/").ok_or("no repository")?;
            let referrer: Vec<&str> = digests.split('/').skip(2).collect();
            let digest = json(bytes)?["digest"].as_str().unwrap_or("").to_owned();
            if digest != referrer.join(":") {
                return Err(format!("it describes {digest}"));
            }
            is_there(data, repository, &digest)
        }
        _ => Err("nobody knows what this is".into()),
    }
}

/// A manifest behind one line about it, whose content is linked.
fn record(data: &Path, repository: &str, bytes: &[u8], digest: Option<&str>) -> Result<(), String> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("no first line")?;
    let (about, body) = (json(&bytes[..end])?, &bytes[end + 1..]);
    let stated = record_digest(bytes)?;
    if about["size"] != body.len() || sha256(body) != stated || digest.is_some_and(|digest| digest != stated)
    {
        return Err(format!("{about} before {} bytes of {}", body.len(), sha256(body)));
    }
    let manifest = json(body)?;
    let layers = manifest["layers"].as_array().into_iter().flatten();
    for part in layers.chain(manifest.get("config")) {
        let digest = part["digest"].as_str().unwrap_or("").replace(':', "/");
        fs::metadata(data.join(format!("links/{repository}!/{digest}")))
            .map_err(|error| format!("{digest}: {error}"))?;
    }
    Ok(())
}

fn record_digest(bytes: &[u8]) -> Result<String, String> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    Ok(json(line)?["digest"].as_str().unwrap_or("").to_owned())
}

fn is_there(data: &Path, repository: &str, digest: &str) -> Result<(), String> {
    let path = data.join(format!("manifests/{repository}!/{}", digest.replace(':', "/")));
    fs::metadata(path).map(drop).map_err(|error| format!("its manifest {digest}: {error}"))
}

fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("{error} in {:?}", String::from_utf8_lossy(bytes)))
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(self::files(&entry.path())),
            Ok(_) | Err(_) => files.push(entry.path()),
        }
    }
    files
}
