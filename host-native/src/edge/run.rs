use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use async_signal::{Signal, Signals};
use futures_lite::{FutureExt as _, StreamExt as _};
use rustix::process::{Pid, kill_process};
use smol::Timer;
use smol::process::Child;

use super::{EdgeError, Plan, Value};

/// wasmtime on the PATH.
pub fn wasmtime() -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join("wasmtime")).find(runs)
}

impl Plan {
    /// Runs wasmtime until it ends, and returns its exit code; `tell` is told what happens on the way.
    ///
    /// # Errors
    /// What it needs cannot be had, or it cannot be started.
    pub fn run(&self, wasmtime: &Path, tell: &dyn Fn(&str)) -> Result<u8, EdgeError> {
        self.check_component()?;
        let mut command = Command::new(wasmtime);
        command.args(self.arguments()).env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        // Of a terminal's Ctrl-C it hears by the launcher alone, and so once.
        command.process_group(0);
        if let Some(folder) = &self.folder {
            let unmade = |error| EdgeError::Folder(folder.clone(), error);
            std::fs::create_dir_all(folder).map_err(unmade)?;
        }
        for variable in &self.variables {
            match &variable.value {
                Value::Plain(text) => command.env(&variable.name, text),
                Value::Secret { secret, .. } => {
                    command.env(&variable.name, secret.as_text().unwrap_or_default())
                }
                Value::Kept(folder) => command.env(&variable.name, super::plan::kept(folder)?),
            };
        }
        let status = smol::block_on(watch(command, self.drain_time, tell)).map_err(EdgeError::Run)?;
        Ok(code(status))
    }
}

/// What happens while wasmtime runs.
enum News {
    Ended(io::Result<ExitStatus>),
    Asked,
    Late,
}

/// Starts wasmtime and passes signals on as SIGINT, the only one after which it lets finish what runs.
async fn watch(command: Command, drain_time: Duration, tell: &dyn Fn(&str)) -> io::Result<ExitStatus> {
    // Before there is somebody to leave behind.
    let mut signals = Signals::new([Signal::Term, Signal::Int, Signal::Quit])?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !ignores_hangup(&status) {
        signals.add_signals([Signal::Hup])?;
    }
    let mut child = smol::process::Command::from(command).spawn()?;
    let mut late = Timer::never();
    let mut draining = false;
    // Before wasmtime hears of it: it ends with the same code as after all requests.
    let mut told = false;
    let cut = |told: &mut bool| {
        if !std::mem::replace(told, true) {
            tell("not waiting any longer: requests that still run are cut off");
        }
    };
    loop {
        let ended = async { News::Ended(child.status().await) };
        let asked = async {
            signals.next().await;
            News::Asked
        };
        let over = async {
            (&mut late).await;
            News::Late
        };
        match ended.or(asked).or(over).await {
            News::Ended(status) => return status,
            News::Asked => {
                if draining {
                    cut(&mut told);
                }
                interrupt(&child);
                if !draining {
                    draining = true;
                    late.set_after(drain_time.max(AGAIN));
                }
            }
            News::Late => {
                cut(&mut told);
                interrupt(&child);
                late.set_after(AGAIN);
            }
        }
    }
}

/// Whether a process of this status, of Linux, was started to outlive its terminal, as `nohup` does.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

fn interrupt(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself.
        let _ = kill_process(pid, rustix::process::Signal::INT);
    }
}

/// The exit code that tells how it ended, as a shell does.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(crate::cli::EXIT_FAILURE)
}

/// Signals that follow each other too soon are one to who gets them.
const AGAIN: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_to_outlive_its_terminal_does() {
        assert!(ignores_hangup("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n"));
        for status in ["SigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n", "SigIgn:\tx\n", ""] {
            assert!(!ignores_hangup(status), "{status}");
        }
    }

    #[test]
    fn the_exit_code_is_that_of_a_shell() {
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(code(ExitStatus::from_raw(15)), 143);
    }
}
