//! Runs a program and keeps a log of what it does to a directory; see [`wharfinger_tests::tracer`].

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use wharfinger_tests::tracer::{Settings, run};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let mut path = || arguments.next().map(PathBuf::from);
    let (Some(log), Some(orders), Some(root)) = (path(), path(), path()) else {
        eprintln!("usage: tracer LOG ORDERS ROOT PROGRAM [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let command: Vec<OsString> = arguments.collect();
    match run(&Settings { log, orders, root, command }) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!(
                "the tracer failed: {error}; it needs Linux on x86-64, and the right to trace (ptrace)"
            );
            ExitCode::from(2)
        }
    }
}
