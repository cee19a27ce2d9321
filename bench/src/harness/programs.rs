//! Runs programs to their end, and reads what they say meanwhile.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::places::setting;

/// Longer than anything here takes, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// The folder of the scripts that it runs.
pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/quantize")
}

/// The Python interpreter that has the tools of other projects that quantize.
///
/// # Errors
/// It is not set.
pub fn quantizers_python() -> Result<Command> {
    let mut command = Command::new(setting("ORTLET_BENCH_QUANTIZE_PYTHON")?);
    // Nothing is written beside the scripts.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

/// The lines that a program writes; `watch` sees each at once.
///
/// # Errors
/// The program fails; the last that it complained about is the reason.
pub fn run(mut command: Command, mut watch: impl FnMut(&str)) -> Result<Vec<String>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("start it")?;
    let (out, mut complaints) =
        (child.stdout.take().context("its output")?, child.stderr.take().context("its errors")?);
    let (sender, incoming) = mpsc::channel();
    thread::spawn(move || {
        let mut lines = BufReader::new(out).lines().map_while(std::result::Result::ok);
        lines.try_for_each(|line| sender.send(line))
    });
    let complaints = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = complaints.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let end = Instant::now() + PATIENCE;
    let mut lines = Vec::new();
    loop {
        match incoming.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                watch(&line);
                lines.push(line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                let _ = child.wait();
                bail!("it was still at it after {} minutes", PATIENCE.as_secs() / 60);
            }
        }
    }
    let status = child.wait().context("wait for it")?;
    if !status.success() {
        let said = complaints.join().unwrap_or_default();
        let reason = said.lines().rev().find(|line| !line.trim().is_empty());
        bail!("{} ({status})", reason.unwrap_or("it failed without a word").trim());
    }
    Ok(lines)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Vec<String>> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, |_| ())
    }

    #[test]
    fn lines_are_kept_and_the_last_complaint_is_the_reason() {
        assert_eq!(shell("echo a; echo x >&2; echo b").unwrap(), ["a", "b"]);
        let error = shell("echo first >&2; echo last >&2; echo >&2; exit 3").unwrap_err().to_string();
        assert!(error.starts_with("last (") && error.contains('3'), "{error}");
    }
}
