//! Runs the examples in Python on the package as it is shipped, with the packages that they import beside it.

use std::path::Path;

use anyhow::{Context, Result};

use super::super::{alone, output};
use crate::cache::Cache;
use crate::{pins, repo, say, setup, venv};

pub fn check(wheel: &Path, folder: &Path) -> Result<()> {
    say::note("running the examples in Python on the package");
    let models = setup::for_tests()?.models.context("the examples need models")?;
    let python = venv::ensure(&Cache::open()?, &venv::TESTS)?;
    let site = folder.join("site");
    let mut pip = alone(&python);
    pip.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps"]);
    output(pip.arg("--target").arg(&site).arg(wheel))?;

    let mut pytest = alone(&python);
    pytest.args(["-m", "pytest", "-q", "test_examples.py"]).current_dir(repo::root().join("python/tests"));
    pytest.env("PYTHONPATH", &site).env("PYTHONDONTWRITEBYTECODE", "1").env("ORTLET_TEST_MODELS", models);
    // What plain ONNX Runtime computes is compared with; the package finds its own.
    let runtime = site.join("ortlet").join(pins::RUNTIME_LIBRARY);
    output(pytest.env("ORTLET_RUNTIME", runtime)).map(drop)
}
