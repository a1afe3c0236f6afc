//! The command line.
//!
//! Flags override the configuration file, which overrides the defaults. What a command prints to be read by
//! others goes to standard output, all else to standard error.

mod edge;
mod ping;
mod store;
mod user;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use self::edge::Edge;
use self::ping::Ping;
use self::store::Store;
use self::user::User;
use crate::config::{self, Choice as _, ConfigError, Driver, LogFormat, LogLevel, Settings};
use crate::logs;

/// Exit code of a clean stop.
pub const EXIT_OK: u8 = 0;
/// Exit code of a failure at run time.
pub const EXIT_FAILURE: u8 = 1;
/// Exit code of a mistake on the command line or in the configuration.
pub const EXIT_USAGE: u8 = 2;
/// Exit code where an object is missing, or is there and should not be.
pub const EXIT_MISSING: u8 = 3;

const ABOUT: &str = "An OCI container registry that keeps images in a directory or in OpenStack Swift";

const TEACHING: &str = "\
Try it: start it without arguments and, in another terminal, with an image `alpine` at hand:
  podman push --tls-verify=false alpine 127.0.0.1:5000/alpine
  skopeo inspect --tls-verify=false docker://127.0.0.1:5000/alpine
  docker pull 127.0.0.1:5000/alpine

Without users, everybody on this machine may push and delete. To listen for others, add users to
the configuration file (docs/running.md has a section on them), or say --open-to-all.

Exit codes:
  0  stopped cleanly, printed what was asked for, or was answered
  1  failed at run time, or was not answered
  2  a mistake on the command line or in the configuration
  3  of `store`: an object is missing, or is there and should not be; of `user`: there is no such user";

/// What the command line asks for.
#[derive(Debug)]
pub enum Start {
    /// To serve with these settings.
    Serve(Box<Settings>),
    /// Nothing more: all is printed, and this is the exit code.
    Exit(ExitCode),
}

/// Reads the command line and the configuration, and carries out what needs no server.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> Start {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            let code = if error.use_stderr() { EXIT_USAGE } else { EXIT_OK };
            return Start::Exit(after_printing(error.print(), code));
        }
    };
    let command = line.command.unwrap_or(Command::Serve);
    if let Command::User(user) = command {
        // It does without a configuration, and helps who is writing one.
        return Start::Exit(user.run());
    }
    let file = line.flags.config.clone();
    let settings = line.flags.settings(command.defaults()).and_then(|settings| {
        if command.serves() {
            settings.check_exposure()?;
        }
        Ok(settings)
    });
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            let printed = writeln!(io::stderr(), "{error}");
            return Start::Exit(after_printing(printed, EXIT_USAGE));
        }
    };
    match command {
        Command::Serve => Start::Serve(Box::new(settings)),
        Command::Config => {
            let text = config::print(&settings);
            Start::Exit(after_printing(io::stdout().write_all(text.as_bytes()), EXIT_OK))
        }
        Command::Ping(ping) => Start::Exit(ping.run(&settings)),
        Command::Edge(edge) => Start::Exit(edge.run(&settings, file.as_deref())),
        Command::Store(store) => {
            // Nobody else logs in this process.
            let _ = logs::start_for_command(settings.log);
            Start::Exit(store.run(&settings))
        }
        Command::User(user) => Start::Exit(user.run()),
    }
}

/// `code`, unless printing failed.
fn after_printing(printed: io::Result<()>, code: u8) -> ExitCode {
    match printed {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(EXIT_FAILURE),
    }
}

#[derive(Debug, Parser)]
#[command(name = "wharfinger", version, about = ABOUT, after_help = TEACHING)]
#[command(max_term_width = 100, disable_help_subcommand = true)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the registry until SIGTERM or SIGINT (the default)
    Serve,
    /// Print the whole effective configuration as YAML, without the secret
    Config,
    /// Ask a running registry whether it answers: for health checks, and to wait for its start
    Ping(Ping),
    /// Run the component of WebAssembly in wasmtime, as this configuration says
    Edge(Edge),
    /// Look at what is stored, object by object, and change it
    Store(Box<Store>),
    /// Hash passwords, and keep files of users
    User(User),
}

impl Command {
    /// What holds where neither the file nor a flag says something else.
    fn defaults(&self) -> Settings {
        let mut settings = Settings::default();
        match self {
            Self::Store(_) => settings.log.level = LogLevel::Warn,
            Self::Serve | Self::Config | Self::Ping(_) | Self::Edge(_) | Self::User(_) => {}
        }
        settings
    }
}

impl Command {
    /// Whether it serves, or says what would be served.
    fn serves(&self) -> bool {
        match self {
            Self::Serve | Self::Config => true,
            Self::Ping(_) | Self::Edge(_) | Self::Store(_) | Self::User(_) => false,
        }
    }
}

/// The value of `--listen`.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected an IP address and a port, such as 127.0.0.1:5000 or [::1]:5000".to_owned())
}

#[derive(Debug, Args)]
struct Flags {
    /// Configuration file (YAML); without one, the defaults hold
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "WHARFINGER_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
    /// Where to listen, such as 127.0.0.1:5000 or [::1]:0 (any free port)
    #[arg(long, global = true, value_name = "ADDR:PORT", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Let everybody who reaches it push and delete, where it has no users
    #[arg(long, global = true)]
    open_to_all: bool,
    /// Directory that holds everything
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Form of the log on standard error
    #[arg(long, global = true, value_name = "FORMAT", value_parser = PossibleValuesParser::new(LogFormat::NAMES))]
    log: Option<String>,
    /// Least important level that is logged
    #[arg(long, global = true, value_name = "LEVEL", value_parser = PossibleValuesParser::new(LogLevel::NAMES))]
    log_level: Option<String>,
}

impl Flags {
    /// The settings of the file, or the defaults, with the flags put over them.
    fn settings(self, defaults: Settings) -> Result<Settings, ConfigError> {
        let mut settings = match &self.config {
            Some(path) => config::load_over(path, defaults)?,
            None => defaults,
        };
        if let Some(listen) = self.listen {
            settings.address = listen.ip();
            settings.port = listen.port();
        }
        settings.locks.open_to_all |= self.open_to_all;
        if let Some(data) = self.data {
            // Whoever names a directory does not mean the cloud.
            if settings.storage.driver == Driver::Swift {
                return Err(ConfigError::Data {
                    file: self.config.unwrap_or_default().display().to_string(),
                });
            }
            settings.storage.root = data;
        }
        // The parser of the flags lets only known names through.
        if let Some(name) = self.log {
            settings.log.format.choose(&name);
        }
        if let Some(name) = self.log_level {
            settings.log.level.choose(&name);
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_of_the_flags_is_sound() {
        Line::command().debug_assert();
    }
}
