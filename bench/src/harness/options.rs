//! The command line of a benchmark.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::models::{self, Model};

/// What a benchmark is called and does unless told otherwise.
pub struct Bench {
    /// Its name.
    pub name: &'static str,
    /// What it measures, for the help.
    pub about: &'static str,
    /// How many processes of each candidate it starts for each model.
    pub rounds: usize,
    /// The models that it measures.
    pub models: &'static [&'static str],
}

/// What it is told.
#[derive(Debug)]
pub struct Options {
    /// How many processes of each candidate for each model.
    pub rounds: usize,
    /// The models to measure.
    pub models: Vec<Model>,
    /// Where the figures go; `None` means the usual place.
    pub json: Option<PathBuf>,
}

impl Bench {
    /// How it is used.
    pub fn help(&self) -> String {
        let Self { name, about, rounds, models } = self;
        let models = match models {
            [] => String::new(),
            models => format!("  --models A,B  only these of {}\n", models.join(", ")),
        };
        format!(
            "\
Usage: cargo xtask bench {name} [OPTIONS]

{about}

Options:
  --rounds N    processes of each candidate for each model (default {rounds})
{models}  --json FILE   where the figures go, with every sample (default target/bench/{name}.json)
"
        )
    }

    /// Reads the command line.
    ///
    /// # Errors
    /// An option is unknown or its value is wrong.
    pub fn options(&self, arguments: impl IntoIterator<Item = OsString>) -> Result<Options> {
        let mut options = Options { rounds: self.rounds, models: models::named(self.models), json: None };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let name = argument.to_string_lossy().into_owned();
            let value = arguments.next().with_context(|| format!("`{name}` is unknown or has no value"));
            match name.as_str() {
                "--rounds" => options.rounds = rounds(&value?.to_string_lossy())?,
                "--models" => options.models = self.chosen(&value?.to_string_lossy())?,
                "--json" => options.json = Some(value?.into()),
                _ => bail!("there is no option `{name}`"),
            }
        }
        Ok(options)
    }

    fn chosen(&self, text: &str) -> Result<Vec<Model>> {
        let wanted: Vec<&str> = text.split(',').collect();
        for name in &wanted {
            let known = self.models.join(", ");
            ensure!(self.models.contains(name), "--models: there is no `{name}`, only {known}");
        }
        Ok(models::named(&wanted))
    }
}

fn rounds(text: &str) -> Result<usize> {
    let rounds = text.parse().with_context(|| format!("--rounds: `{text}` is no number"))?;
    ensure!(rounds > 0, "--rounds: at least 1");
    Ok(rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options> {
        let bench = Bench { name: "x", about: "", rounds: 15, models: &["magika", "rec", "cls"] };
        bench.options(text.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        let options = parse("--models cls,magika --rounds 3").unwrap();
        assert_eq!(options.models.iter().map(|model| model.name).collect::<Vec<_>>(), ["magika", "cls"]);
        assert_eq!(options.rounds, 3);
        assert_eq!(parse("").unwrap().models.len(), 3);
        for (wrong, named) in [
            ("--rounds", "--rounds"),
            ("--rounds 0", "at least"),
            ("--models x", "`x`"),
            ("--models minilm", "`minilm`"),
            ("--fast 1", "--fast"),
        ] {
            let error = format!("{:#}", parse(wrong).err().unwrap());
            assert!(error.contains(named), "{error}");
        }
    }
}
