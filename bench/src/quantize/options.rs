//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::tasks::{self, Task};

const ROUNDS: usize = 25;

/// What the benchmark is told.
#[derive(Debug)]
pub struct Options {
    pub tasks: Vec<Task>,
    pub rounds: usize,
    pub json: Option<PathBuf>,
}

/// How it is used.
pub fn help() -> String {
    let tasks = tasks::ALL.map(|task| task.name).join(", ");
    format!(
        "\
Usage: cargo xtask bench quantize [OPTIONS]

Quantized models of Ortlet, of ONNX Runtime's own tool and of NNCF side by side: whether they are valid, how fast and
how accurate they are on samples that were held out, and what making them takes.

Options:
  --task NAME   only this one, may be repeated: {tasks}
  --rounds N    turns of each model when times are measured (default {ROUNDS})
  --json FILE   where the figures go, with every time (default target/bench/quantize.json)
"
    )
}

/// Reads the command line.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Options> {
    let mut options = Options { tasks: Vec::new(), rounds: ROUNDS, json: None };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let name = argument.to_string_lossy().into_owned();
        let value = arguments.next().with_context(|| format!("`{name}` is unknown or has no value"))?;
        let text = value.to_string_lossy();
        match name.as_str() {
            "--task" => options.tasks.push(named(&text)?),
            "--rounds" => {
                options.rounds = text.parse().with_context(|| format!("--rounds: `{text}` is no number"))?;
                ensure!(options.rounds > 0, "--rounds: at least 1");
            }
            "--json" => options.json = Some(value.into()),
            _ => bail!("there is no option `{name}`"),
        }
    }
    if options.tasks.is_empty() {
        options.tasks = tasks::ALL.into();
    }
    options.tasks.dedup();
    Ok(options)
}

fn named(name: &str) -> Result<Task> {
    let known = tasks::ALL.map(|task| task.name).join(", ");
    let found = tasks::ALL.into_iter().find(|task| task.name == name);
    found.with_context(|| format!("--task: there is no `{name}`, only {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options> {
        parse(text.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        let options = read("--task cls --rounds 3 --task rec").unwrap();
        assert_eq!(options.tasks.iter().map(|task| task.name).collect::<Vec<_>>(), ["cls", "rec"]);
        assert_eq!((options.rounds, read("").unwrap().tasks.len()), (3, tasks::ALL.len()));
        for (wrong, named) in
            [("--task x", "`x`"), ("--rounds 0", "at least"), ("--rounds", "--rounds"), ("--x 1", "--x")]
        {
            let error = format!("{:#}", read(wrong).err().unwrap());
            assert!(error.contains(named), "{error}");
        }
    }
}
