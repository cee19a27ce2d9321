//! The command line of the soak.

use std::ffi::OsString;

use anyhow::{Context, Result, bail, ensure};

pub const HELP: &str = "\
Usage: cargo xtask soak [OPTIONS]

Runs real models in every way at once: plain, bound, tied, with deadlines, cancelled, asynchronous, with a concurrency
limit, from sessions that are loaded and dropped, with and without a cache. Every result has to be exact. After a first
third to warm up, memory of no file, threads and open files must not grow: the median of the last third may be above
that of the second by 5 % and 24 MiB of memory, 2 threads and 2 files.

Options:
  --seconds N  how long (default 600)
  --json       figures as JSON on standard output, with every sample
";

/// Fewer samples would make no medians.
const FEWEST_SECONDS: u64 = 6;

/// What the soak is told.
#[derive(Debug, PartialEq)]
pub struct Options {
    pub seconds: u64,
    pub json: bool,
}

impl Options {
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut options = Self { seconds: 600, json: false };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.to_string_lossy().as_ref() {
                "--json" => options.json = true,
                "--seconds" => {
                    let text = arguments.next().context("--seconds: no number")?;
                    let text = text.to_string_lossy();
                    options.seconds =
                        text.parse().with_context(|| format!("--seconds: `{text}` is no number"))?;
                    ensure!(options.seconds >= FEWEST_SECONDS, "--seconds: at least {FEWEST_SECONDS}");
                }
                other => bail!("there is no option `{other}`"),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options> {
        Options::parse(text.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        assert_eq!(parse("").unwrap(), Options { seconds: 600, json: false });
        assert_eq!(parse("--json --seconds 60").unwrap(), Options { seconds: 60, json: true });
        for (wrong, named) in
            [("--seconds", "no number"), ("--seconds x", "`x`"), ("--seconds 1", "at least"), ("-v", "`-v`")]
        {
            let error = format!("{:#}", parse(wrong).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }
}
