//! Load generator of the benches: one job against one server, started and stopped line by line by `tests/bench/run`.
//!
//! ```text
//! bench_load JOB --address 127.0.0.1:PORT [settings]        (see `arguments`)
//!   stdout  ready            content and digests are in memory, nothing has been sent
//!   stdin   (a line)         go
//!   stdout  done             the timed part is over
//!   stdin   (a line)         the caller has read the server's clock
//!   stdout  {"wall_seconds":..,"bytes":..,"operations":..,"connections":..}     what was pushed has been read back
//! ```
//! Any answer that is not the right one, to the last byte, ends the process with status 1 and one line on stderr.

mod arguments;
mod connection;
mod content;
mod push;
mod read;

use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arguments::{Arguments, Job, Style};
use connection::Connection;
use content::Image;

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench_load: {message}");
            ExitCode::FAILURE
        }
    }
}

/// What the timed part came to.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    bytes: u64,
    operations: u64,
    connections: u64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.bytes += other.bytes;
        self.operations += other.operations;
        self.connections += other.connections;
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    stop_after(arguments.limit);
    let (tally, wall) = match arguments.job {
        Job::Prepare => {
            let image = Image::new(arguments.seed);
            timed(|| push::image(arguments, &image))?
        }
        Job::Push(style) => {
            let blobs = content::blobs(arguments);
            let outcome = timed(|| push::blobs(arguments, &blobs, style))?;
            read::check(arguments, &blobs)?;
            outcome
        }
        Job::PushManifest => {
            let images = content::images(arguments);
            if let Some(first) = images.first() {
                push::blobs(arguments, &first.blobs, Style::Whole)?;
            }
            timed(|| push::manifests(arguments, &images))?
        }
        Job::Pull => {
            let blobs = content::blobs(arguments);
            let reads = read::Read::blobs(arguments, &blobs);
            timed(|| read::all(arguments, &reads))?
        }
        Job::GetManifest | Job::GetBlob | Job::HeadBlob => {
            let image = Image::new(arguments.seed);
            let reads = [read::Read::of_image(arguments, &image)];
            timed(|| read::all(arguments, &reads))?
        }
    };
    println!(
        "{{\"wall_seconds\":{:.6},\"bytes\":{},\"operations\":{},\"connections\":{}}}",
        wall.as_secs_f64(),
        tally.bytes,
        tally.operations,
        tally.connections
    );
    Ok(())
}

/// Runs `work` between the caller's two lines, so that the caller can read the server's CPU clock around it alone.
fn timed(work: impl FnOnce() -> Result<Tally, String>) -> Result<(Tally, Duration), String> {
    say("ready")?;
    await_line()?;
    let start = Instant::now();
    let tally = work()?;
    let wall = start.elapsed();
    say("done")?;
    await_line()?;
    Ok((tally, wall))
}

fn say(word: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word}").and_then(|()| out.flush()).map_err(|e| format!("cannot write to stdout: {e}"))
}

fn await_line() -> Result<(), String> {
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) => Err("stdin was closed before the job was over: run it through tests/bench/run".into()),
        Ok(_) => Ok(()),
        Err(e) => Err(format!("cannot read stdin: {e}")),
    }
}

/// Shares the numbers 0, 1, 2... among `connections` threads, each with a connection of its own, until `work` answers
/// `None` or one thread fails.
fn spread(
    arguments: &Arguments,
    work: impl Fn(&mut Connection, usize) -> Result<Option<u64>, String> + Sync,
) -> Result<Tally, String> {
    let next = AtomicUsize::new(0);
    let failure: Mutex<Option<String>> = Mutex::new(None);
    let total = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..arguments.connections {
            scope.spawn(|| {
                let mut connection = Connection::new(arguments.address, arguments.token.clone());
                let mut tally = Tally::default();
                let outcome = loop {
                    if failure.lock().is_ok_and(|f| f.is_some()) {
                        break Ok(());
                    }
                    match work(&mut connection, next.fetch_add(1, Ordering::Relaxed)) {
                        Ok(Some(bytes)) => tally.add(Tally { bytes, operations: 1, connections: 0 }),
                        Ok(None) => break Ok(()),
                        Err(message) => break Err(message),
                    }
                };
                tally.connections = connection.opened();
                if let Ok(mut total) = total.lock() {
                    total.add(tally);
                }
                if let (Err(message), Ok(mut failure)) = (outcome, failure.lock()) {
                    failure.get_or_insert(message);
                }
            });
        }
    });
    match failure.into_inner().map_err(|e| e.to_string())? {
        Some(message) => Err(message),
        None => total.into_inner().map_err(|e| e.to_string()),
    }
}

/// Ends the process when the job takes longer than it may, whatever its threads are waiting for.
fn stop_after(limit: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        eprintln!("bench_load: not finished after {} s (--limit-seconds)", limit.as_secs());
        std::process::exit(3);
    });
}
