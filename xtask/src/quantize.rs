//! What the benchmark of quantization needs: other tools, and samples made from this machine's files and by espeak-ng.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cache::Cache;
use crate::digest::sha256;
use crate::say::{self, skip_if_missing};
use crate::{pins, repo, stamp, tools, unpack, venv};

const STAMP: &str = ".made";
/// The scripts that samples depend on.
const SCRIPTS: [&str; 3] = ["make_data.py", "speech.py", "splits.py"];

/// The interpreter with the tools, and the folder of samples.
pub fn setup() -> Result<Option<(PathBuf, PathBuf)>> {
    skip_if_missing("other quantizers", ensure_all())
}

fn ensure_all() -> Result<(PathBuf, PathBuf)> {
    let cache = Cache::open()?;
    let python = venv::ensure(&cache, &venv::QUANTIZERS)?;
    Ok((python.clone(), samples(&cache, &python)?))
}

fn samples(cache: &Cache, python: &Path) -> Result<PathBuf> {
    let (folder, key) = (cache.path("bench-quantize"), key()?);
    if stamp::holds(&folder, STAMP, &key) {
        return Ok(folder);
    }
    tools::debian(&[tools::SPEECH])?;
    say::note("making the samples to quantize with");
    let scratch = cache.scratch("bench-quantize")?;
    let mut command = Command::new(python);
    command.arg("-B").arg(scripts().join(SCRIPTS[0])).arg(cache.path("models")).arg(scratch.path());
    let output = command.stdin(Stdio::null()).output().context("run the script that makes samples")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed:\n{complaint}", SCRIPTS[0]);
    // The files themselves are not listed: they are many, and differ from machine to machine anyway.
    stamp::write(scratch.path(), STAMP, &key, &[])?;
    cache.install(&scratch, &folder)?;
    Ok(folder)
}

/// Changes with the scripts, the packages they use and the models they ask.
fn key() -> Result<String> {
    let mut parts = venv::key(&venv::QUANTIZERS)?;
    for script in SCRIPTS {
        let path = scripts().join(script);
        parts += &fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    }
    parts.extend([&pins::MINILM, &pins::SILERO_VAD].map(unpack::key));
    Ok(sha256(parts.as_bytes()))
}

fn scripts() -> PathBuf {
    repo::root().join("bench/src/quantize")
}
