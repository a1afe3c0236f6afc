//! Signals to a child process, and how it ended, without taking it from the one who waits for it.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::io;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How a process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this status.
    Exited(i32),
    /// A signal ended it.
    Signalled,
}

/// The highest resident size that the process `pid` has ever had, bytes.
///
/// # Errors
/// When there is no such process, or the system does not tell.
pub fn resident_bytes_max(pid: u32) -> io::Result<usize> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("the system does not tell VmHWM"))
}

/// Asks the child process `pid` to end (SIGTERM).
///
/// # Errors
/// When there is no such process.
pub fn terminate(pid: u32) -> io::Result<()> {
    Ok(kill_process(known(pid)?, Signal::TERM)?)
}

/// Waits for the end of the child process `pid` for at most `limit`; `None` if it still runs then.
///
/// # Errors
/// When it is not a child of this process.
pub fn ending(pid: u32, limit: Duration) -> io::Result<Option<Ending>> {
    let start = Instant::now();
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    loop {
        if let Some(status) = waitid(WaitId::Pid(known(pid)?), look)? {
            return Ok(Some(status.exit_status().map_or(Ending::Signalled, Ending::Exited)));
        }
        if start.elapsed() >= limit {
            return Ok(None);
        }
        // A process can only be polled together with a time limit.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a program says that ends by itself, within `limit`.
///
/// # Panics
/// It cannot be started, or does not end; then it is killed.
pub fn to_its_end(mut command: Command, limit: Duration) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    if ending(child.id(), limit).expect("it is a child").is_none() {
        child.kill().expect("it is killed");
        panic!("it runs on");
    }
    child.wait_with_output().expect("its words")
}

fn known(pid: u32) -> io::Result<Pid> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the id of a process"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn ending_is_seen_and_left_for_the_owner() -> io::Result<()> {
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn()?;
        assert_eq!(ending(child.id(), Duration::ZERO)?, None);
        drop(child.stdin.take());
        assert_eq!(ending(child.id(), Duration::from_secs(10))?, Some(Ending::Exited(0)));
        assert!(child.wait()?.success());
        Ok(())
    }

    #[test]
    fn terminated_process_was_signalled() -> io::Result<()> {
        let mut child = Command::new("sleep").arg("100").spawn()?;
        terminate(child.id())?;
        assert_eq!(ending(child.id(), Duration::from_secs(10))?, Some(Ending::Signalled));
        child.wait().map(|_| ())
    }
}
