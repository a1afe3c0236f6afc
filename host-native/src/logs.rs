//! Logging to standard error.
//!
//! The host emits one `tracing::info!` per request with the fields `method`, `path`, `status`, `bytes`, `ms`
//! and `id`. What a client sent goes in as a string field (`path = path`, not `%path`), which is written with
//! quotes and escapes, so that no request can forge a line.

use std::fmt;
use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

use crate::config::{Log, LogFormat, LogLevel};

/// The prefix of the module paths of this program's own crates.
const OWN_TARGETS: &str = "wharfinger";

/// Logging was set up before, which only the first one who asks may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyStarted;

impl fmt::Display for AlreadyStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("logging is set up twice in one process; set it up once")
    }
}

impl std::error::Error for AlreadyStarted {}

/// Sends what the process logs to standard error from here on, as `log` says. Colours are used only on a
/// terminal, and not if `NO_COLOR` is set.
///
/// # Errors
/// [`AlreadyStarted`] if the process logs somewhere already.
pub fn start(log: Log) -> Result<(), AlreadyStarted> {
    set_up(log, filter(log.level))
}

fn set_up(log: Log, filter: Targets) -> Result<(), AlreadyStarted> {
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing::subscriber::set_global_default(filtered(log.format, filter, colours, io::stderr))
        .map_err(|_| AlreadyStarted)
}

/// The same for a command that itself says what failed in the end: at level warn it logs nothing of single calls.
///
/// # Errors
/// Those of [`start`].
pub fn start_for_command(log: Log) -> Result<(), AlreadyStarted> {
    match log.level {
        LogLevel::Warn => set_up(log, without_calls(filter(log.level))),
        LogLevel::Error | LogLevel::Info | LogLevel::Debug | LogLevel::Trace => start(log),
    }
}

/// What [`start`] sets up, writing to `writer`.
pub fn subscriber<W>(log: Log, colours: bool, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    filtered(log.format, filter(log.level), colours, writer)
}

fn filtered<W>(
    format: LogFormat,
    filter: Targets,
    colours: bool,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(colours)
        // It would say so on standard error, and panic if that is what broke.
        .log_internal_errors(false);
    let lines = match format {
        LogFormat::Human => lines.boxed(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    Box::new(Registry::default().with(lines.with_filter(filter)))
}

/// All of our own at `level`; of the libraries only what needs a person, since they trace every poll.
fn filter(level: LogLevel) -> Targets {
    let own = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_default(own.min(LevelFilter::WARN)).with_target(OWN_TARGETS, own)
}

/// Leaves out what becomes of each call to Swift, and keeps what its start says.
fn without_calls(filter: Targets) -> Targets {
    let filter = filter.with_target(SWIFT, LevelFilter::ERROR);
    AT_THE_START
        .into_iter()
        .fold(filter, |filter, part| filter.with_target(format!("{SWIFT}::{part}"), LevelFilter::WARN))
}

/// The module path of what calls Swift.
const SWIFT: &str = "wharfinger::swift";

/// Its modules that speak at the start alone.
const AT_THE_START: [&str; 3] = ["start", "login", "tls"];

#[cfg(test)]
mod tests;
