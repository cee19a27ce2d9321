//! `cargo xtask ci`: every check that is not a test; one failure does not hide the next.

use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::say::{self, MissingTool};
use crate::web::{self, node};
use crate::{cargo_tools, checkers, kernels, packaging, repo, tidy, tools};

enum Outcome {
    Passed,
    Failed,
    Skipped(String),
}

/// How long to wait for the database of advisories.
const PATIENCE: Duration = Duration::from_secs(90);

type Check = fn() -> Result<Outcome>;

const CHECKS: [(&str, Check); 18] = [
    ("formatting", formatting),
    ("repository rules (tidy)", rules),
    ("lints, whole workspace", lints),
    ("lints, core without the native engine", lints_portable),
    ("lints, what browsers get (wasm32)", lints_web),
    ("documentation", documentation),
    ("core without the native engine", portable_host),
    ("core in the browser (wasm32)", portable_wasm),
    ("formatting and lints of TypeScript", scripts),
    ("types of TypeScript", script_types),
    ("interleavings of lock-free parts (loom)", interleavings),
    ("undefined behaviour in portable modules (Miri)", undefined_behaviour),
    ("undefined behaviour in the kernels (Miri)", kernels_interpreted),
    ("memory errors in the kernels (address sanitizer)", kernels_sanitized),
    ("kernels on Arm processors (emulated)", kernels_on_arm),
    ("packages for C, C++, Python and npm", packages),
    ("licences, sources and bans of dependencies", licences),
    ("known vulnerabilities of dependencies", advisories),
];

pub fn run() -> Result<ExitCode> {
    let mut results = Vec::new();
    for (name, check) in CHECKS {
        say::note(format_args!("=== {name}"));
        let start = Instant::now();
        let outcome = settle(check());
        let result = (name, outcome, start.elapsed());
        say::note(line(&result));
        results.push(result);
    }
    say::note("=== summary");
    for result in &results {
        say::note(line(result));
    }
    let failed = results.iter().any(|(_, outcome, _)| matches!(outcome, Outcome::Failed));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A check that could not run fails, except outside CI for want of a tool.
fn settle(result: Result<Outcome>) -> Outcome {
    match result {
        Ok(outcome) => outcome,
        Err(error) if error.is::<MissingTool>() && !say::in_ci() => Outcome::Skipped(format!("{error:#}")),
        Err(error) => {
            say::note(format_args!("error: {error:#}"));
            Outcome::Failed
        }
    }
}

fn line((name, outcome, took): &(&str, Outcome, Duration)) -> String {
    let seconds = took.as_secs_f64();
    let (word, why) = match outcome {
        Outcome::Passed => ("ok", String::new()),
        Outcome::Failed => ("FAILED", String::new()),
        Outcome::Skipped(why) => ("skipped", format!(": {why}")),
    };
    format!("{word:<8}{seconds:>7.1} s  {name}{why}")
}

fn formatting() -> Result<Outcome> {
    tools::component("rustfmt", "fmt")?;
    cargo(&["fmt", "--all", "--check"])
}

fn rules() -> Result<Outcome> {
    Ok(if tidy::report()? { Outcome::Passed } else { Outcome::Failed })
}

fn lints() -> Result<Outcome> {
    tools::component("clippy", "clippy")?;
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
}

fn lints_portable() -> Result<Outcome> {
    tools::component("clippy", "clippy")?;
    let selection = ["clippy", "-p", "ortlet", "--no-default-features", "--all-targets", "--locked"];
    cargo(&[&selection[..], &["--", "-D", "warnings"]].concat())
}

/// Both of the modules, for what they are built for.
fn lints_web() -> Result<Outcome> {
    tools::component("clippy", "clippy")?;
    tools::wasm_target()?;
    let selection = ["clippy", "-p", "ortlet-wasm", "--lib", "--locked", "--target", tools::WASM];
    for feature in ["", "tools"] {
        if !matches!(
            cargo(&[&selection[..], &["--features", feature, "--", "-D", "warnings"]].concat())?,
            Outcome::Passed
        ) {
            return Ok(Outcome::Failed);
        }
    }
    Ok(Outcome::Passed)
}

fn documentation() -> Result<Outcome> {
    let mut command = repo::cargo();
    command.args(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings");
    outcome(&mut command)
}

fn portable_host() -> Result<Outcome> {
    cargo(&["check", "-p", "ortlet", "--no-default-features", "--locked"])
}

fn portable_wasm() -> Result<Outcome> {
    tools::wasm_target()?;
    cargo(&["check", "-p", "ortlet", "--no-default-features", "--locked", "--target", tools::WASM])
}

fn scripts() -> Result<Outcome> {
    node::ensure()?;
    outcome(node::program("biome").args(["ci", "--colors=off", "."]).current_dir(node::sources()))
}

/// The sources, and the tests against the package that is built of them.
fn script_types() -> Result<Outcome> {
    web::package()?;
    outcome(
        node::program("tsc")
            .args(["--noEmit", "--pretty", "false", "-p", "tests"])
            .current_dir(node::sources()),
    )
}

fn interleavings() -> Result<Outcome> {
    outcome(&mut checkers::loom())
}

fn undefined_behaviour() -> Result<Outcome> {
    of_nightly(checkers::miri())
}

fn kernels_interpreted() -> Result<Outcome> {
    of_nightly(kernels::miri())
}

fn kernels_sanitized() -> Result<Outcome> {
    of_nightly(kernels::address_sanitizer())
}

/// Stable Rust has neither Miri nor sanitizers, and stable Rust is all that this project asks for.
fn of_nightly(command: Result<Command>) -> Result<Outcome> {
    match command {
        Ok(mut command) => outcome(&mut command),
        Err(error) if error.is::<MissingTool>() => Ok(Outcome::Skipped(format!("{error:#}"))),
        Err(error) => Err(error),
    }
}

fn kernels_on_arm() -> Result<Outcome> {
    for mut command in kernels::arm()? {
        if !matches!(outcome(&mut command)?, Outcome::Passed) {
            return Ok(Outcome::Failed);
        }
    }
    Ok(Outcome::Passed)
}

fn packages() -> Result<Outcome> {
    packaging::check()?;
    Ok(Outcome::Passed)
}

fn licences() -> Result<Outcome> {
    outcome(deny()?.args(["check", "bans", "licenses", "sources"]))
}

/// The database of advisories is a repository of its own on a host that not every machine can reach.
fn advisories() -> Result<Outcome> {
    if !succeeds_within(deny()?.args(["fetch", "db"]), PATIENCE)? {
        return Ok(Outcome::Skipped("the advisory database cannot be fetched from here".into()));
    }
    outcome(deny()?.args(["--offline", "check", "advisories"]))
}

/// Whether the silent command succeeds in time; a firewall may swallow connections without an answer.
fn succeeds_within(command: &mut Command, limit: Duration) -> Result<bool> {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("run cargo-deny")?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn deny() -> Result<Command> {
    let mut command = Command::new(cargo_tools::DENY.ensure()?);
    command.current_dir(repo::root()).stdin(Stdio::null());
    Ok(command)
}

fn cargo(arguments: &[&str]) -> Result<Outcome> {
    outcome(repo::cargo().args(arguments))
}

fn outcome(command: &mut Command) -> Result<Outcome> {
    let status = command.status().with_context(|| format!("run {command:?}"))?;
    Ok(if status.success() { Outcome::Passed } else { Outcome::Failed })
}
