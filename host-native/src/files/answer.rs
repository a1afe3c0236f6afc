use std::fs::File;
use std::io;

use rustix::io::Errno;
use wharfinger_core::store::Reply;

/// What the directory answers to an op.
#[derive(Debug)]
pub struct Answer {
    /// For the core.
    pub reply: Reply,
    /// What follows the reply; only after a Read that was Found.
    pub body: Option<Body>,
    /// For the log: the failure behind the reply, with the name that it met. A name that is simply missing or taken is
    /// no failure.
    pub error: Option<io::Error>,
}

/// The bytes that a Read found. They stay readable whatever becomes of the name.
#[derive(Debug)]
pub struct Body {
    /// The open object; its file position means nothing.
    pub file: File,
    /// Where the bytes asked for begin.
    pub offset: u64,
    /// How many they are: those of the range that the object really has.
    pub length: u64,
}

impl Answer {
    /// What failing to find or open `name` is to the core.
    pub(super) fn of_lookup(name: &str, errno: Errno) -> Self {
        match errno {
            Errno::NOENT => Reply::Missing.into(),
            // A folder, a link, a socket: something stands there, and it is no object.
            Errno::ISDIR | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | NOT_REGULAR => {
                Self { reply: Reply::Damaged, body: None, error: Some(odd_file(name)) }
            }
            _ => Self::of_change(name, errno),
        }
    }

    /// What is said of everything once the directory itself is gone.
    pub(super) fn of_removed_directory() -> Self {
        let advice = "the storage directory was removed; put it back from a copy, and restart the registry";
        let error = io::Error::new(io::ErrorKind::NotFound, advice);
        Self { reply: Reply::Refused, body: None, error: Some(error) }
    }

    /// What failing to write, name, touch or list `name` is to the core. No file may be missing on this side: one that
    /// is was removed under our hands, and the next try may go well.
    pub(super) fn of_change(name: &str, errno: Errno) -> Self {
        let reply = match errno {
            Errno::NOSPC | Errno::DQUOT | Errno::MLINK => Reply::Full,
            Errno::ROFS
            | Errno::ACCESS
            | Errno::PERM
            | Errno::FBIG
            | Errno::ISDIR
            | Errno::NOTDIR
            | Errno::NOTEMPTY
            | Errno::EXIST
            | Errno::LOOP
            | Errno::XDEV
            | Errno::NAMETOOLONG
            | Errno::NOSYS
            | Errno::OPNOTSUPP
            | Errno::INVAL => Reply::Refused,
            _ => Reply::Unavailable { retry_after: None },
        };
        let cause = io::Error::from(errno);
        Self { reply, body: None, error: Some(io::Error::new(cause.kind(), format!("{name}: {cause}"))) }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self { reply, body: None, error: None }
    }
}

/// Stands for "this is no regular file"; no system call on files gives it.
pub(super) const NOT_REGULAR: Errno = Errno::NOTBLK;

fn odd_file(name: &str) -> io::Error {
    let advice = "something else than a regular file stands where an object should be; remove it";
    io::Error::new(io::ErrorKind::InvalidData, format!("{name}: {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Reply = Reply::Unavailable { retry_after: None };

    #[test]
    fn failures_are_told_apart() {
        for (errno, lookup, change) in [
            (Errno::NOENT, Reply::Missing, BUSY),
            (Errno::LOOP, Reply::Damaged, Reply::Refused),
            (Errno::ISDIR, Reply::Damaged, Reply::Refused),
            (Errno::NOTDIR, Reply::Damaged, Reply::Refused),
            (Errno::NXIO, Reply::Damaged, BUSY),
            (NOT_REGULAR, Reply::Damaged, BUSY),
            (Errno::NOSPC, Reply::Full, Reply::Full),
            (Errno::DQUOT, Reply::Full, Reply::Full),
            (Errno::ROFS, Reply::Refused, Reply::Refused),
            (Errno::ACCESS, Reply::Refused, Reply::Refused),
            (Errno::PERM, Reply::Refused, Reply::Refused),
            (Errno::XDEV, Reply::Refused, Reply::Refused),
            (Errno::IO, BUSY, BUSY),
            (Errno::STALE, BUSY, BUSY),
            (Errno::MFILE, BUSY, BUSY),
        ] {
            assert_eq!(Answer::of_lookup("a", errno).reply, lookup, "{errno:?}");
            assert_eq!(Answer::of_change("a", errno).reply, change, "{errno:?}");
        }
    }

    #[test]
    fn the_log_learns_the_name_and_the_cause() {
        let error = Answer::of_change("tags/a!/v1", Errno::NOSPC).error.unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.to_string(), "tags/a!/v1: No space left on device (os error 28)");
        let error = Answer::of_lookup("tags/a!/v1", NOT_REGULAR).error.unwrap();
        assert!(error.to_string().starts_with("tags/a!/v1: something else"), "{error}");
        assert!(Answer::of_lookup("tags/a!/v1", Errno::NOENT).error.is_none());
    }
}
