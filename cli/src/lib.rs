//! The command line: inspect, compile, quantize, run, measure and tune ONNX models.

mod args;
mod bench;
mod cache;
mod compile;
mod doctor;
mod files;
mod inputs;
mod inspect;
mod literal;
mod moment;
mod npy;
mod output;
mod precision;
mod process;
mod quantize;
mod random;
mod report;
mod run;
mod scalar;
mod session;
mod summary;
mod tune;

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;
use ortlet::{Error, Result};

use args::{Cli, Command};

const SUCCESS: u8 = 0;
/// What was asked for could not be done.
const FAILED: u8 = 1;
/// The command line itself is wrong.
const USAGE: u8 = 2;

/// Does what the arguments say, of which the first is the program's name. Returns the exit code: 0 if all is well, 1 if
/// what was asked for could not be done, 2 if the arguments themselves are wrong.
pub fn main(arguments: Vec<OsString>) -> u8 {
    let asked_for_json = arguments.iter().any(|argument| argument == "--json");
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, asked_for_json),
    };
    match dispatch(&cli) {
        Ok(true) => SUCCESS,
        Ok(false) => FAILED,
        Err(error) => {
            output::show_error(&error, cli.json);
            FAILED
        }
    }
}

/// Runs the command; false if it did its work, and found that something is wrong.
fn dispatch(cli: &Cli) -> Result<bool> {
    match &cli.command {
        Command::Inspect(args) => inspect::run(args, cli.json).map(|()| true),
        Command::Compile(args) => compile::run(args, cli.json).map(|()| true),
        Command::Quantize(args) => quantize::run(args, cli.json).map(|()| true),
        Command::Run(args) => run::run(args, cli.json).map(|()| true),
        Command::Bench(args) => bench::run(args, cli.json).map(|()| true),
        Command::Tune(args) => tune::run(args, cli.json).map(|()| true),
        Command::Cache(args) => cache::run(args, cli.json).map(|()| true),
        Command::Doctor(args) => doctor::run(args, cli.json),
    }
}

/// Help and version go to standard output and are no failure; anything else is a mistake in the command line.
fn usage(error: &clap::Error, asked_for_json: bool) -> u8 {
    let is_mistake =
        error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if asked_for_json && is_mistake {
        let text = error.to_string();
        let reason = text.trim_start_matches("error: ").trim();
        output::show_error(&Error::invalid_argument("command line", reason), true);
    } else {
        // If nobody listens, the exit code still tells.
        let _ = error.print();
    }
    if error.use_stderr() { USAGE } else { SUCCESS }
}
