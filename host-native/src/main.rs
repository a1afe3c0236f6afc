//! The `wharfinger` binary.

use std::process::ExitCode;

use wharfinger::cli::{self, Start};
use wharfinger::{logs, serve};

fn main() -> ExitCode {
    let settings = match cli::start(std::env::args_os()) {
        Start::Exit(code) => return code,
        Start::Serve(settings) => settings,
    };
    let served = match logs::start(settings.log) {
        Ok(()) => serve::run(&settings).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match served {
        Ok(()) => ExitCode::from(cli::EXIT_OK),
        Err(error) => {
            eprintln!("wharfinger: {error}");
            ExitCode::from(cli::EXIT_FAILURE)
        }
    }
}
