//! Counts the requests that pass to a server, for `tests/bench/run`.
//!
//! ```text
//! bench_count 127.0.0.1:PORT        the server
//!   stdout  127.0.0.1:PORT          where to send requests
//!   stdin   (a line)                how many were there since the last line?
//!   stdout  {"PUT":2,"GET":1}       by method
//! ```
//! It ends at the end of its input.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use wharfinger_tests::swift::fault::FaultProxy;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench_count: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let upstream = std::env::args().nth(1).ok_or("say where the server is: 127.0.0.1:PORT")?;
    let upstream: SocketAddr = upstream.parse().map_err(|_| format!("{upstream} is not ADDRESS:PORT"))?;
    let proxy = FaultProxy::start(upstream).map_err(|error| format!("cannot listen: {error}"))?;
    say(&proxy.address().to_string())?;
    for line in std::io::stdin().lock().lines() {
        line.map_err(|error| format!("cannot read stdin: {error}"))?;
        let mut counts = BTreeMap::<String, u64>::new();
        for exchange in proxy.take_log() {
            *counts.entry(exchange.method).or_default() += 1;
        }
        say(&serde_json::json!(counts).to_string())?;
    }
    Ok(())
}

fn say(line: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write to stdout: {error}"))
}
