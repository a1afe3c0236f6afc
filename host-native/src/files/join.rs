use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use wharfinger_core::store::{Key, Part, Reply};

use super::answer::Answer;
use super::copy;
use super::directory::Directory;
use super::temporary::Temporary;
use super::writer::Writer;

/// Publishes parts as one object. One whole part gets a second name; all else is copied by the kernel, which shares the
/// blocks where the file system can.
pub(super) fn join(directory: &Arc<Directory>, key: &Key, parts: &[Part]) -> Answer {
    let outcome = match parts {
        [part] if part.skip == 0 => link(directory, key, part),
        parts => copy(directory, key, parts),
    };
    outcome.unwrap_or_else(|answer| answer)
}

fn link(directory: &Arc<Directory>, key: &Key, part: &Part) -> Result<Answer, Answer> {
    let (name, part_name) = (key.to_string(), part.key.to_string());
    let stat = directory.stat_object(&part_name).map_err(|errno| Answer::of_lookup(&part_name, errno))?;
    if u64::try_from(stat.st_size) != Ok(part.size) {
        return Err(Reply::Mismatch.into());
    }
    copy::link(directory, &part_name, &name)
}

fn copy(directory: &Arc<Directory>, key: &Key, parts: &[Part]) -> Result<Answer, Answer> {
    // All are looked at first: what is bound to fail should not copy gigabytes before it does.
    for part in parts {
        let name = part.key.to_string();
        let stat = directory.stat_object(&name).map_err(|errno| Answer::of_lookup(&name, errno))?;
        if u64::try_from(stat.st_size) != Ok(part.size) {
            return Err(Reply::Mismatch.into());
        }
    }
    let mut writer = Temporary::create(directory)
        .map(Writer::new)
        .map_err(|errno| Answer::of_change(&key.to_string(), errno))?;
    for part in parts {
        let name = part.key.to_string();
        let (mut file, stat) =
            directory.open_object(&name).map_err(|errno| Answer::of_lookup(&name, errno))?;
        file.seek(SeekFrom::Start(part.skip)).map_err(|error| writer.fail(&error))?;
        // std takes copy_file_range where it works, and reads and writes where it does not.
        let copied =
            io::copy(&mut file.take(part.length()), &mut writer.file).map_err(|error| writer.fail(&error))?;
        if copied != part.length() || u64::try_from(stat.st_size) != Ok(part.size) {
            return Err(Reply::Mismatch.into());
        }
    }
    Ok(writer.commit(key, false))
}
