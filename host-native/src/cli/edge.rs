use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::{EXIT_FAILURE, EXIT_OK, after_printing};
use crate::config::Settings;
use crate::edge::{self, EdgeError, Given, Plan};

const MORE: &str = "\
What the component or its runtime cannot do of the configuration is told on standard error.
SIGTERM and SIGINT let finish what runs, for at most limits.drain-seconds; a second one does not
wait for it.

Exit codes:
  1  there is no wasmtime or no component, or the secret cannot be had
  2  a mistake on the command line or in the configuration, or what the component cannot do
  otherwise that of wasmtime; 128 and the signal's number if a signal ended it";

#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(super) struct Edge {
    /// Only print what would run, for a shell; values of secrets are not shown
    #[arg(long)]
    print: bool,
    /// The component; else wharfinger_wasi.wasm beside this binary, here, or where it is built
    #[arg(long, value_name = "FILE")]
    component: Option<String>,
    /// Further flags of `wasmtime serve`
    #[arg(last = true, value_name = "FLAGS OF WASMTIME")]
    flags: Vec<String>,
}

impl Edge {
    /// Carries the command out; `file` is the configuration that the settings were read from.
    pub fn run(self, settings: &Settings, file: Option<&Path>) -> ExitCode {
        let print = self.print;
        let plan = Given::by_process(settings, file, self.component, self.flags)
            .and_then(|given| Plan::new(settings, given));
        let plan = match plan {
            Ok(plan) => plan,
            Err(error) => return complain(&error),
        };
        for warning in plan.warnings() {
            say("warning: ", warning);
        }
        if print {
            return show(&plan, EXIT_OK);
        }
        match edge::wasmtime() {
            Some(wasmtime) => match plan.run(&wasmtime, &|line| say("warning: ", line)) {
                Ok(code) => ExitCode::from(code),
                Err(error) => complain(&error),
            },
            None => {
                let code = show(&plan, EXIT_FAILURE);
                complain(&EdgeError::NoWasmtime);
                code
            }
        }
    }
}

fn show(plan: &Plan, code: u8) -> ExitCode {
    match plan.print() {
        Ok(text) => after_printing(io::stdout().write_all(text.as_bytes()), code),
        Err(error) => complain(&error),
    }
}

fn complain(error: &EdgeError) -> ExitCode {
    for line in error.to_string().lines() {
        say("", line);
    }
    ExitCode::from(error.code())
}

fn say(kind: &str, line: &str) {
    // There is nobody to tell that standard error is closed.
    let _ = writeln!(io::stderr(), "wharfinger: {kind}{line}");
}
