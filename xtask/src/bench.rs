//! `cargo xtask bench NAME`: prepares what a benchmark needs, builds it and starts it.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, json};

use crate::cache::Cache;
use crate::say::skip_if_missing;
use crate::setup::{self, TestData};
use crate::{dist, quantize, repo, say, test, venv, web};

/// A program of the crate `ortlet-bench`.
struct Bench {
    name: &'static str,
    /// What it measures.
    what: &'static str,
    /// What it needs besides models and the runtime.
    needs: &'static [Need],
}

/// What takes minutes to install, build or make.
#[derive(Clone, Copy, PartialEq)]
enum Need {
    /// tract as a candidate.
    Tract,
    /// OpenVINO as a candidate.
    OpenVino,
    /// Other tools that quantize, and samples to do it with and to judge by.
    Quantizers,
    /// The package for Python.
    Package,
    /// The npm package.
    Npm,
}

const BENCHES: [Bench; 8] = [
    Bench {
        name: "coldstart",
        what: "time and memory until a model has given its first output",
        needs: &[Need::Tract, Need::OpenVino],
    },
    Bench {
        name: "concurrency",
        what: "throughput and latency of one session that several threads call",
        needs: &[],
    },
    Bench { name: "idle", what: "CPU time and latency of requests that come now and then", needs: &[] },
    Bench {
        name: "kernels",
        what: "Ortlet's own kernels: products against the machine's peak, and whole models",
        needs: &[Need::OpenVino, Need::Quantizers],
    },
    Bench {
        name: "neighbour",
        what: "latency beside a busy process, and of several sessions in one process",
        needs: &[],
    },
    Bench {
        name: "overhead",
        what: "what a call costs beside the same call of ONNX Runtime's C API",
        needs: &[Need::Package],
    },
    Bench {
        name: "quantize",
        what: "speed and accuracy of quantized models, Ortlet's and other tools'",
        needs: &[Need::Quantizers],
    },
    Bench {
        name: "web",
        what: "calls and second visits with the npm package in Chromium, beside onnxruntime-web",
        needs: &[Need::Npm],
    },
];

impl Bench {
    /// What one of the needs gives; nothing if the benchmark has it not.
    fn given<T>(&self, need: Need, get: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
        self.needs.contains(&need).then(get).transpose()
    }
}

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some((name, rest)) = arguments.split_first() else {
        for Bench { name, what, .. } in BENCHES {
            println!("{name:<12} {what}; options: cargo xtask bench {name} -- --help");
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(bench) = BENCHES.iter().find(|bench| bench.name == name) else {
        let known = BENCHES.map(|bench| bench.name).join(", ");
        bail!("there is no benchmark `{name}`; there are: {known}");
    };
    let rest = rest.strip_prefix(&["--".to_owned()]).unwrap_or(rest);
    start(bench, rest)
}

fn start(bench: &Bench, arguments: &[String]) -> Result<ExitCode> {
    let data = setup::for_tests()?;
    let python = bench.given(Need::OpenVino, openvino)?.flatten();
    let (quantize_python, quantize_data) = bench.given(Need::Quantizers, quantize::setup)?.flatten().unzip();
    build()?;
    bench.given(Need::Tract, tract)?;
    let package = bench.given(Need::Package, package)?;
    let (npm, sizes) = bench.given(Need::Npm, npm)?.unzip();

    // In the caller's folder, so that paths mean what the caller meant.
    let mut command = cargo();
    command.args(["run", "--release", "--locked", "--quiet", "-p", "ortlet-bench", "--bin", bench.name]);
    command.arg("--manifest-path").arg(repo::root().join("Cargo.toml"));
    command.arg("--").args(arguments);
    let TestData { runtime, models, onnx, python: reference, .. } = data;
    let places = [
        ("ORTLET_RUNTIME", runtime),
        ("ORTLET_TEST_MODELS", models),
        ("ORTLET_TEST_ONNX", onnx),
        ("ORTLET_TEST_PYTHON", reference),
        ("ORTLET_TEST_NPM", npm),
        ("ORTLET_BENCH_PACKAGE", package),
        ("ORTLET_BENCH_PYTHON", python),
        ("ORTLET_BENCH_QUANTIZE_PYTHON", quantize_python),
        ("ORTLET_BENCH_QUANTIZE_DATA", quantize_data),
    ];
    command.envs(places.into_iter().filter_map(|(name, place)| Some((name, place?))));
    command.envs(sizes.map(|sizes| ("ORTLET_BENCH_SIZES", sizes)));
    let status = command.status().context("run the benchmark")?;
    Ok(test::exit_code(status.code()))
}

/// Builds the benchmarks and what they measure, other engines excepted.
fn build() -> Result<()> {
    say::note("building the candidates");
    if !succeeds(&["--bins", "-p", "ortlet-ffi", "--lib"])? {
        bail!("the benchmarks do not build");
    }
    Ok(())
}

/// Builds the package for Python; gives the folder that Python finds it in.
fn package() -> Result<PathBuf> {
    let mut command = repo::cargo();
    command.args(["build", "--release", "--locked", "-p", "ortlet-python"]);
    ensure!(command.status().context("run cargo build")?.success(), "the package for Python does not build");
    let built = dist::target_folder().join("release");
    let folder = built.join("python");
    let package = folder.join("ortlet");
    fs::create_dir_all(&package).with_context(|| format!("make {}", package.display()))?;
    let sources = repo::root().join("python/ortlet");
    for file in fs::read_dir(&sources).with_context(|| format!("read {}", sources.display()))? {
        let file = file?.path();
        if let (true, Some(name)) = (file.is_file(), file.file_name()) {
            fs::copy(&file, package.join(name)).with_context(|| format!("copy {}", file.display()))?;
        }
    }
    fs::copy(built.join("lib_ortlet.so"), package.join("_ortlet.abi3.so")).context("copy the library")?;
    Ok(folder)
}

/// Builds the npm package; gives the project that has it, and the sizes of its parts as JSON.
fn npm() -> Result<(PathBuf, String)> {
    let package = web::package()?;
    let sizes = web::sizes::of(&package.folder)?.named();
    let sizes: Map<_, _> =
        sizes.into_iter().map(|(name, bytes)| (name.trim().to_owned(), json!(bytes))).collect();
    Ok((package.project, json!(sizes).to_string()))
}

/// Builds tract by itself: what it asks of crates that others use too must not change the others, and that it does not
/// build somewhere must not stop them.
fn tract() -> Result<()> {
    say::note("building tract, which may take minutes");
    if !succeeds(&["--bin", "candidate-tract", "--features", "tract"])? {
        say::note("going on without tract, which does not build here");
    }
    Ok(())
}

/// The interpreter that has OpenVINO; without it OpenVINO is not measured.
fn openvino() -> Result<Option<PathBuf>> {
    skip_if_missing("OpenVINO", Cache::open().and_then(|cache| venv::ensure(&cache, &venv::BENCHES)))
}

fn succeeds(selection: &[&str]) -> Result<bool> {
    let mut command = repo::cargo();
    command.args(["build", "--release", "--locked", "-p", "ortlet-bench"]).args(selection);
    Ok(command.status().context("run cargo build")?.success())
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
