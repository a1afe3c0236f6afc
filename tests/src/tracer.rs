//! A tracer (ptrace) of the system calls by which a program changes a directory.
//!
//! It numbers these calls in the order in which they are made, whatever thread makes them, and writes one line for each
//! ([`crate::trace::Entry`]). By order of a test ([`crate::traced::Traced`]) it kills the program at one of them, or has
//! one fail. It is a program of its own (`src/bin/tracer.rs`), so that who starts the traced one still waits for it alone.

mod call;
mod memory;
pub mod orders;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use call::Call;
use orders::{Action, Orders};

use crate::trace::{Entry, Kind};

/// What is traced, and where that is written.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file that gets a line for each call.
    pub log: PathBuf,
    /// The file in which a test says what to do; it need not be there.
    pub orders: PathBuf,
    /// The directory that is looked at; what happens elsewhere does not count.
    pub root: PathBuf,
    /// The program and its arguments.
    pub command: Vec<OsString>,
}

/// Runs the program to its end; answers its exit code, 137 after a SIGKILL.
///
/// # Errors
/// It cannot be started or traced.
pub fn run(settings: &Settings) -> io::Result<u8> {
    // A shell that waits for a line: the program must not run before it is traced.
    let mut child = Command::new("sh")
        .args(["-c", "read -r _ && exec \"$@\"", "sh"])
        .args(&settings.command)
        .stdin(Stdio::piped())
        .spawn()?;
    let main = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(main, options)?;
    ptrace::interrupt(main)?;
    let log = OpenOptions::new().create(true).append(true).open(&settings.log)?;
    release(&mut child)?;
    let orders = Orders::new(settings.orders.clone());
    Tracer { main, root: settings.root.clone(), log, orders, open: HashMap::new() }.trace()
}

fn release(child: &mut Child) -> io::Result<()> {
    let mut stdin = child.stdin.take().ok_or_else(|| io::Error::other("the shell has no input"))?;
    stdin.write_all(b"\n")
}

/// A call between its entry and its exit.
#[derive(Debug)]
struct Open {
    number: u32,
    call: Call,
    action: Action,
}

#[derive(Debug)]
struct Tracer {
    main: Pid,
    root: PathBuf,
    log: File,
    orders: Orders,
    open: HashMap<Pid, Open>,
}

impl Tracer {
    fn trace(mut self) -> io::Result<u8> {
        loop {
            let status = waitpid(None::<Pid>, Some(WaitPidFlag::__WALL))?;
            let resumed = match status {
                WaitStatus::Exited(pid, code) if pid == self.main => {
                    return Ok(u8::try_from(code).unwrap_or(1));
                }
                WaitStatus::Signaled(pid, signal, _) if pid == self.main => {
                    return Ok(128 + u8::try_from(signal as i32).unwrap_or(0));
                }
                WaitStatus::PtraceSyscall(thread) => {
                    // A thread that was killed meanwhile can neither be asked nor be resumed.
                    let _ = self.stopped(thread)?;
                    ptrace::syscall(thread, None)
                }
                WaitStatus::PtraceEvent(thread, ..) => ptrace::syscall(thread, None),
                WaitStatus::Stopped(thread, signal) => ptrace::syscall(thread, signal),
                WaitStatus::Exited(thread, _) | WaitStatus::Signaled(thread, ..) => {
                    self.open.remove(&thread);
                    Ok(())
                }
                WaitStatus::Continued(_) | WaitStatus::StillAlive => Ok(()),
            };
            match resumed {
                Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// A thread stands before or behind a system call; `None` if it is gone.
    fn stopped(&mut self, thread: Pid) -> io::Result<Option<()>> {
        let Ok(info) = ptrace::syscall_info(thread) else { return Ok(None) };
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => self.entered(thread),
            libc::PTRACE_SYSCALL_INFO_EXIT => self.left(thread),
            _ => Ok(None),
        }
    }

    fn entered(&mut self, thread: Pid) -> io::Result<Option<()>> {
        let Ok(mut registers) = ptrace::getregs(thread) else { return Ok(None) };
        let Some(call) = call::decode(thread, &registers) else { return Ok(None) };
        if call.kind != Kind::Reply && !call.paths.iter().any(|path| path.starts_with(&self.root)) {
            return Ok(None);
        }
        let (number, action) = self.orders.next(call.kind)?;
        if action == Action::Kill {
            self.write(&call.entry(number, thread, None, true))?;
            return self.kill();
        }
        if call.kind == Kind::Reply {
            // What is told counts from the moment in which it can be heard.
            self.write(&call.entry(number, thread, Some(0), false))?;
        }
        if let Action::Fail(_) = action {
            registers.orig_rax = u64::MAX;
            ptrace::setregs(thread, registers)?;
        }
        self.open.insert(thread, Open { number, call, action });
        Ok(Some(()))
    }

    fn left(&mut self, thread: Pid) -> io::Result<Option<()>> {
        let Some(Open { number, call, action }) = self.open.remove(&thread) else { return Ok(None) };
        let Ok(mut registers) = ptrace::getregs(thread) else { return Ok(None) };
        if let Action::Fail(errno) = action {
            registers.rax = i64::from(errno).wrapping_neg().cast_unsigned();
            ptrace::setregs(thread, registers)?;
        }
        if call.kind != Kind::Reply {
            let result = registers.rax.cast_signed();
            self.write(&call.entry(number, thread, Some(result), matches!(action, Action::Fail(_))))?;
        }
        if action == Action::KillAfter { self.kill() } else { Ok(Some(())) }
    }

    fn kill(&self) -> io::Result<Option<()>> {
        kill(self.main, Signal::SIGKILL)?;
        Ok(Some(()))
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.log.write_all(format!("{entry}\n").as_bytes())
    }
}
