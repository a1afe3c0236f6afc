use std::sync::Arc;

use rustix::io::Errno;
use wharfinger_core::store::{Key, Reply};

use super::answer::Answer;
use super::directory::Directory;
use super::folders::parent;
use super::object::make_young;
use super::temporary::Temporary;

/// Gives an object a second name. No byte is copied: files are never changed in place, so two names can share one.
pub(super) fn copy(directory: &Arc<Directory>, from: &Key, to: &Key) -> Answer {
    link(directory, &from.to_string(), &to.to_string()).unwrap_or_else(|answer| answer)
}

/// Puts a second name of a file over what stands under the name `to`. It is as young as one that was just written.
pub(super) fn link(directory: &Arc<Directory>, from: &str, to: &str) -> Result<Answer, Answer> {
    let of_change = |errno| Answer::of_change(to, errno);
    let (file, _) = directory.open_object(from).map_err(|errno| Answer::of_lookup(from, errno))?;
    // Before the link: a name in tmp/ that looks a day old may be swept away by a process that starts just then. It is
    // not synced: losing it in a power cut leaves a whole object that looks as old as what it was made of.
    make_young(&file).map_err(of_change)?;
    let temporary = Temporary::link(directory, from).map_err(|errno| match errno {
        Errno::NOENT => Reply::Missing.into(),
        errno => of_change(errno),
    })?;
    temporary.rename(to).map_err(of_change)?;
    directory.settle(parent(to)).map_err(of_change)?;
    Ok(Reply::Written { md5: None }.into())
}
