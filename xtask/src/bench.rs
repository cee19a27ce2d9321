//! `cargo xtask bench NAME`: prepares what a benchmark needs, builds it and starts it.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::say::skip_if_missing;
use crate::setup::{self, TestData};
use crate::{repo, say, test, venv};

/// Names and what they measure; each is a program of the crate `ortlet-bench`.
const BENCHES: [(&str, &str); 1] =
    [("coldstart", "time and memory until a model has given its first output")];

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some((name, rest)) = arguments.split_first() else {
        for (name, what) in BENCHES {
            println!("{name:<12} {what}; options: cargo xtask bench {name} -- --help");
        }
        return Ok(ExitCode::SUCCESS);
    };
    if !BENCHES.iter().any(|(known, _)| known == name) {
        let known = BENCHES.map(|(known, _)| known).join(", ");
        bail!("there is no benchmark `{name}`; there are: {known}");
    }
    let rest = rest.strip_prefix(&["--".to_owned()]).unwrap_or(rest);
    start(name, rest)
}

fn start(name: &str, arguments: &[String]) -> Result<ExitCode> {
    let data = setup::for_tests()?;
    let python = peers_in_python()?;
    build()?;

    // In the caller's folder, so that paths mean what the caller meant.
    let mut command = cargo();
    command.args(["run", "--release", "--locked", "--quiet", "-p", "ortlet-bench", "--bin", name]);
    command.arg("--manifest-path").arg(repo::root().join("Cargo.toml"));
    command.arg("--").args(arguments);
    let TestData { runtime, models, onnx, .. } = data;
    let places = [
        ("ORTLET_RUNTIME", runtime),
        ("ORTLET_TEST_MODELS", models),
        ("ORTLET_TEST_ONNX", onnx),
        ("ORTLET_BENCH_PYTHON", python),
    ];
    command.envs(places.into_iter().filter_map(|(name, place)| Some((name, place?))));
    let status = command.status().context("run the benchmark")?;
    Ok(test::exit_code(status.code()))
}

/// The interpreter that has the peers which are Python packages; without it they are not measured.
fn peers_in_python() -> Result<Option<PathBuf>> {
    skip_if_missing("OpenVINO", Cache::open().and_then(|cache| venv::ensure(&cache, &venv::BENCHES)))
}

/// Builds every candidate. tract by itself: what it asks of crates that others use too must not change the others, and
/// that it does not build somewhere must not stop them.
fn build() -> Result<()> {
    say::note("building the candidates");
    if !succeeds(&["--bins"])? {
        bail!("the benchmarks do not build");
    }
    say::note("building tract, which may take minutes");
    if !succeeds(&["--bin", "candidate-tract", "--features", "tract"])? {
        say::note("going on without tract, which does not build here");
    }
    Ok(())
}

fn succeeds(selection: &[&str]) -> Result<bool> {
    let mut command = repo::cargo();
    command.args(["build", "--release", "--locked", "-p", "ortlet-bench"]).args(selection);
    Ok(command.status().context("run cargo build")?.success())
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
