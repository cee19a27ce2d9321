//! The command line of the benchmark.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::models::{self, Model};

pub const HELP: &str = "\
Usage: cargo xtask bench coldstart [OPTIONS]

How long, and with how much memory, a model starts: plain ONNX Runtime, Ortlet cold and with its cache, OpenVINO with
and without its cache, and tract, each in fresh processes, by turns.

Options:
  --rounds N    processes of each candidate for each model (default 15)
  --models A,B  only these of magika, silero-vad, minilm, rec, cls
  --json FILE   where the figures go, with every sample (default target/bench/coldstart.json)
";

pub struct Options {
    pub rounds: usize,
    pub models: Vec<Model>,
    /// `None` means the usual place.
    pub json: Option<PathBuf>,
}

impl Options {
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut options = Self { rounds: 15, models: models::real(), json: None };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let name = argument.to_string_lossy().into_owned();
            let value = arguments.next().with_context(|| format!("`{name}` is unknown or has no value"));
            match name.as_str() {
                "--rounds" => options.rounds = rounds(&value?.to_string_lossy())?,
                "--models" => options.models = chosen(&value?.to_string_lossy())?,
                "--json" => options.json = Some(value?.into()),
                _ => bail!("there is no option `{name}`"),
            }
        }
        Ok(options)
    }
}

fn rounds(text: &str) -> Result<usize> {
    let rounds = text.parse().with_context(|| format!("--rounds: `{text}` is no number"))?;
    ensure!(rounds > 0, "--rounds: at least 1");
    Ok(rounds)
}

fn chosen(text: &str) -> Result<Vec<Model>> {
    let wanted: Vec<&str> = text.split(',').collect();
    let mut all = models::real();
    let known: Vec<&str> = all.iter().map(|model| model.name).collect();
    for name in &wanted {
        ensure!(known.contains(name), "--models: there is no `{name}`, only {}", known.join(", "));
    }
    all.retain(|model| wanted.contains(&model.name));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options> {
        Options::parse(text.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        let options = parse("--models cls,magika --rounds 3").unwrap();
        assert_eq!(options.models.iter().map(|model| model.name).collect::<Vec<_>>(), ["magika", "cls"]);
        assert_eq!(options.rounds, 3);
        for (wrong, named) in [
            ("--rounds", "--rounds"),
            ("--rounds 0", "at least"),
            ("--models x", "`x`"),
            ("--fast 1", "--fast"),
        ] {
            let error = format!("{:#}", parse(wrong).err().unwrap());
            assert!(error.contains(named), "{error}");
        }
    }
}
