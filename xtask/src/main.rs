//! `cargo xtask`: one entry for everything done to this workspace.

mod bench;
mod cache;
mod cargo_tools;
mod checkers;
mod ci;
mod codegen;
mod demo;
mod derive;
mod digest;
mod dist;
mod fetch;
mod kernels;
mod packaging;
mod pins;
mod python;
mod quantize;
mod repo;
mod say;
mod setup;
mod soak;
mod stamp;
mod sysroot;
mod test;
mod tidy;
mod tools;
mod unpack;
mod venv;
mod web;

use std::process::ExitCode;

use anyhow::Result;

const HELP: &str = "\
Usage: cargo xtask <command>

Commands:
  setup              fetch and install everything that tests and checks need
  demo [FILES...]    tell the types of files (without FILES: of this repository) with a real model
  test [-- ARGS...]  set up, then run every test; ARGS go to `cargo test`
  bench NAME [...]   measure against other ways to run the same models (without NAME: list the benchmarks)
  soak [OPTIONS]     runs of every kind at once for ten minutes: exact results, flat memory (--seconds N, --json)
  codegen [--check]  write what is generated: the C header, the list of its functions, reports and options of Python and TypeScript
  npm [--check]      only the npm package, in a folder that it prints, with its sizes; packed, installed and used
  dist [OPTIONS]     packages for C, C++, Python and npm in dist/ (--target TRIPLE, --json)
  packaging          only what is done with these packages: built against, installed, judged, and run
  ci                 format, lints, docs, licences, layering, portable builds, loom, Miri, sanitizers, Arm and packages
  loom               only what loom checks: interleavings of threads in the lock-free parts
  miri               only what Miri checks: undefined behaviour and data races in portable modules (needs nightly)
  kernels            only the tests of the kernels under Miri, with the address sanitizer, and on emulated Arm processors
  tidy               only the repository's own rules: layering, sizes, unsafe, crate edges

Downloads are pinned by SHA-256 and kept in $ORTLET_DEV_CACHE
(else $XDG_CACHE_HOME/ortlet-dev, else ~/.cache/ortlet-dev).
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            say::note(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        eprint!("{HELP}");
        return Ok(ExitCode::from(2));
    };
    let before_separator = rest.iter().take_while(|argument| *argument != "--");
    if matches!(command.as_str(), "help" | "-h" | "--help")
        || before_separator.into_iter().any(|argument| matches!(argument.as_str(), "-h" | "--help"))
    {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    match command.as_str() {
        "setup" => no_arguments(rest).map_or_else(Ok, |()| setup::run()),
        "demo" => demo::run(rest),
        "test" => test::run(rest),
        "bench" => bench::run(rest),
        "soak" => soak::run(rest),
        "codegen" => codegen::run(rest),
        "npm" => web::run(rest),
        "dist" => dist::run(rest),
        "ci" => no_arguments(rest).map_or_else(Ok, |()| ci::run()),
        "loom" => no_arguments(rest).map_or_else(Ok, |()| checkers::run_loom()),
        "miri" => no_arguments(rest).map_or_else(Ok, |()| checkers::run_miri()),
        "kernels" => no_arguments(rest).map_or_else(Ok, |()| kernels::run()),
        "packaging" => no_arguments(rest).map_or_else(Ok, |()| packaging::run()),
        "tidy" => no_arguments(rest).map_or_else(Ok, |()| tidy::run()),
        other => Ok(usage(&format!("no command `{other}`"))),
    }
}

fn no_arguments(rest: &[String]) -> Result<(), ExitCode> {
    rest.first().map_or(Ok(()), |first| Err(usage(&format!("unexpected argument `{first}`"))))
}

fn usage(problem: &str) -> ExitCode {
    eprint!("xtask: {problem}\n\n{HELP}");
    ExitCode::from(2)
}
