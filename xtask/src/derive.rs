//! Test data that is made, not fetched: the MiniLM model and the ONNX project's node tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cache::Cache;
use crate::digest::sha256;
use crate::{pins, repo, say, stamp, unpack, venv};

const STAMP: &str = ".made";

/// Builds the ONNX model of the sentence embeddings beside the weights it comes from.
pub fn minilm(cache: &Cache, python: &Path) -> Result<()> {
    let script = script("build_minilm.py");
    let key = key(&script, &pins::MINILM)?;
    let folder = cache.path(pins::MINILM.folder);
    if stamp::holds(&folder, STAMP, &key) {
        return Ok(());
    }
    say::note("building the MiniLM model");
    let scratch = cache.scratch("minilm")?;
    let built = scratch.path().join("model.onnx");
    run(Command::new(python).arg(&script).arg(&folder).arg(&built))?;
    fs::rename(&built, folder.join("model.onnx")).context("move the MiniLM model into place")?;
    stamp::write(&folder, STAMP, &key, &["model.onnx".into()])
}

/// Writes the node tests, which the `onnx` package holds as code, beside the tests that it holds as files.
pub fn node_tests(cache: &Cache, python: &Path) -> Result<()> {
    let script = script("write_node_tests.py");
    let key = key(&script, &pins::ONNX)?;
    let folder = cache.path(pins::ONNX.folder).join("backend/test/data/node");
    if stamp::holds(&folder, STAMP, &key) {
        return Ok(());
    }
    say::note("writing the ONNX node tests");
    let scratch = cache.scratch("node")?;
    run(Command::new(python).arg(&script).arg(scratch.path()))?;
    let files = files_below(scratch.path())?;
    stamp::write(scratch.path(), STAMP, &key, &files)?;
    cache.install(&scratch, &folder)
}

fn script(name: &str) -> PathBuf {
    repo::root().join("tests/models").join(name)
}

/// Changes with the script, the packages it uses and the wheel it reads.
fn key(script: &Path, pin: &pins::Pin) -> Result<String> {
    let text = fs::read_to_string(script).with_context(|| format!("read {}", script.display()))?;
    Ok(sha256(format!("{text}{}{}", venv::key(&venv::TESTS)?, unpack::key(pin)).as_bytes()))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {command:?}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed:\n{complaint}");
    Ok(())
}

fn files_below(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(root).context("a file below its root")?;
                files.push(below.to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}
