//! `ortlet`: the command line as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ortlet_cli::main(std::env::args_os().collect()).into()
}
