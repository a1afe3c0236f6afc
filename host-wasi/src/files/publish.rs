use std::rc::Rc;

use bytes::Bytes;
use wasip2::filesystem::types::ErrorCode;
use wharfinger_core::store::{Key, Part, Reply};

use super::directory::{Directory, make_young, parent};
use super::error::{of_change, of_lookup};
use super::writer::Writer;

/// Publishes parts as one object: one whole part gets a second name, all else is copied.
pub(super) fn join(directory: &Rc<Directory>, key: &Key, parts: &[Part]) -> Reply {
    let outcome = match parts {
        [part] if part.skip == 0 => link_part(directory, key, part),
        parts => concatenate(directory, key, parts),
    };
    outcome.unwrap_or_else(|reply| reply)
}

/// Gives an object a second name. No byte is copied: files are never changed in place, so two names can share one.
pub(super) fn copy(directory: &Directory, from: &Key, to: &Key) -> Reply {
    link(directory, &from.to_string(), &to.to_string()).unwrap_or_else(|reply| reply)
}

fn link_part(directory: &Directory, key: &Key, part: &Part) -> Result<Reply, Reply> {
    let name = part.key.to_string();
    let stat = directory.stat_object(&name).map_err(|code| of_lookup(&name, code))?;
    if stat.size != part.size {
        return Err(Reply::Mismatch);
    }
    link(directory, &name, &key.to_string())
}

/// Puts a second name of a file over what stands under the name `to`. It is as young as one that was just written.
fn link(directory: &Directory, from: &str, to: &str) -> Result<Reply, Reply> {
    let changed = |code| of_change(to, code);
    let (file, _) = directory.open_object(from).map_err(|code| of_lookup(from, code))?;
    // Before the link: a name in tmp/ that looks a day old may be swept away by a process that starts just then.
    make_young(&file).map_err(changed)?;
    let temporary = directory.temporary();
    directory
        .link(from, &temporary)
        .map_err(|code| if code == ErrorCode::NoEntry { Reply::Missing } else { changed(code) })?;
    let renamed = directory.rename(&temporary, to);
    // Renaming one name of a file over another does nothing: then the temporary name is still there.
    let _ = directory.unlink(&temporary);
    renamed.and_then(|()| directory.settle(parent(to))).map_err(changed)?;
    Ok(Reply::Written { md5: None })
}

fn concatenate(directory: &Rc<Directory>, key: &Key, parts: &[Part]) -> Result<Reply, Reply> {
    // All are looked at first: what is bound to fail should not copy gigabytes before it does.
    for part in parts {
        let name = part.key.to_string();
        let stat = directory.stat_object(&name).map_err(|code| of_lookup(&name, code))?;
        if stat.size != part.size {
            return Err(Reply::Mismatch);
        }
    }
    let mut writer = Writer::create(directory)?;
    for part in parts {
        let name = part.key.to_string();
        let (file, _) = directory.open_object(&name).map_err(|code| of_lookup(&name, code))?;
        let mut at = part.skip;
        while at < part.size {
            let (piece, _) =
                file.read((part.size - at).min(PIECE_BYTES), at).map_err(|code| of_change(&name, code))?;
            if piece.is_empty() {
                return Err(Reply::Mismatch);
            }
            at += piece.len() as u64;
            if writer.write(&Bytes::from(piece)).is_err() {
                return Err(writer.failure());
            }
        }
    }
    Ok(writer.publish(key, false))
}

const PIECE_BYTES: u64 = 64 << 10;
