//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use ortlet_kernels::Isa;

const ROUNDS: usize = 9;
const QUICK_ROUNDS: usize = 5;

/// What the benchmark is told.
#[derive(Debug, PartialEq)]
pub struct Options {
    /// Processes of each candidate in each situation.
    pub rounds: usize,
    /// Whether a few shapes are enough.
    pub quick: bool,
    /// The instruction sets whose products are measured; empty means the one that models run with.
    pub isas: Vec<Isa>,
    /// Whether products are measured.
    pub products: bool,
    /// Whether models are measured and judged.
    pub models: bool,
    /// Where the figures go; `None` means the usual place.
    pub json: Option<PathBuf>,
    /// Where the page goes; `None` means the usual place.
    pub html: Option<PathBuf>,
}

/// How it is used.
pub fn help() -> String {
    let isas = Isa::ALL.map(Isa::name).join(", ");
    format!(
        "\
Usage: cargo xtask bench kernels [OPTIONS]

Ortlet's own kernels. Their matrix products on one thread, beside the peak of this machine: a loop of the same
instruction on registers alone. And whole models with them, beside ONNX Runtime (fp32 and dynamic int8) and OpenVINO
(fp32 and its default), each in processes of its own, by turns; how long they take, how fast they start, how much memory
loading takes, and how alike outputs for held-out inputs are.

Options:
  --quick        few shapes, and {QUICK_ROUNDS} rounds
  --only PART    products or models
  --isa A,B      instruction sets whose products are measured (default: the best of this CPU) of {isas}
  --rounds N     processes of each candidate in each situation (default {ROUNDS})
  --json FILE    where the figures go, with every sample (default target/bench/kernels.json)
  --html FILE    where the page with the charts goes (default target/bench/kernels.html)
"
    )
}

/// Reads the command line.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Options> {
    let mut rounds = None;
    let mut options = Options {
        rounds: ROUNDS,
        quick: false,
        isas: vec![],
        products: true,
        models: true,
        json: None,
        html: None,
    };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let name = argument.to_string_lossy().into_owned();
        if name == "--quick" {
            options.quick = true;
            continue;
        }
        let value = arguments.next().with_context(|| format!("`{name}` is unknown or has no value"))?;
        let text = value.to_string_lossy();
        match name.as_str() {
            "--only" => (options.products, options.models) = part(&text)?,
            "--isa" => options.isas = text.split(',').map(isa).collect::<Result<_>>()?,
            "--rounds" => rounds = Some(count(&text)?),
            "--json" => options.json = Some(value.into()),
            "--html" => options.html = Some(value.into()),
            _ => bail!("there is no option `{name}`"),
        }
    }
    options.rounds = rounds.unwrap_or(if options.quick { QUICK_ROUNDS } else { ROUNDS });
    Ok(options)
}

fn part(text: &str) -> Result<(bool, bool)> {
    match text {
        "products" => Ok((true, false)),
        "models" => Ok((false, true)),
        _ => bail!("--only: there is no part `{text}`, only products and models"),
    }
}

fn isa(name: &str) -> Result<Isa> {
    let known = || Isa::ALL.map(Isa::name).join(", ");
    let found = Isa::ALL.into_iter().find(|isa| isa.name() == name);
    let found = found.with_context(|| format!("--isa: there is no `{name}`, only {}", known()))?;
    ensure!(found.is_available(), "--isa: this CPU lacks `{name}`");
    Ok(found)
}

fn count(text: &str) -> Result<usize> {
    let rounds = text.parse().with_context(|| format!("--rounds: `{text}` is no number"))?;
    ensure!(rounds > 0, "--rounds: at least 1");
    Ok(rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options> {
        parse(text.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        let options = read("--quick --isa portable --only products --html a.html").unwrap();
        assert_eq!((options.rounds, options.quick), (QUICK_ROUNDS, true));
        assert_eq!((options.isas, options.products, options.models), (vec![Isa::Portable], true, false));
        assert_eq!(options.html, Some("a.html".into()));
        assert_eq!(read("--rounds 3 --quick").unwrap().rounds, 3);
        let usual = read("").unwrap();
        assert_eq!((usual.rounds, usual.quick, usual.products, usual.models), (ROUNDS, false, true, true));
        for (wrong, named) in [
            ("--isa mmx", "`mmx`"),
            ("--only x", "`x`"),
            ("--rounds 0", "at least"),
            ("--rounds", "--rounds"),
            ("--x 1", "--x"),
        ] {
            let error = format!("{:#}", read(wrong).err().unwrap());
            assert!(error.contains(named), "{error}");
        }
    }
}
