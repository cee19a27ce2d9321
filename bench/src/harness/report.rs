//! From the command line to what is printed and kept: the same for every benchmark.

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::machine::Machine;
use super::options::{Bench, Options};
use super::places::Places;
use super::verdict::Verdict;

/// What a benchmark found.
pub struct Findings {
    /// The tables.
    pub tables: String,
    /// The same as JSON, with every sample, for those who calculate further.
    pub record: Map<String, Value>,
    /// The targets.
    pub verdicts: Vec<Verdict>,
    /// Whether the figures can be trusted; a missed target is a result, not a failure.
    pub trusted: bool,
}

/// Measures what the command line asks for.
pub fn main(bench: &Bench, measure: fn(&Options, &Places) -> Result<Findings>) -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{}", bench.help());
        return ExitCode::SUCCESS;
    }
    match bench.options(arguments).and_then(|options| run(bench, &options, measure)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(bench: &Bench, options: &Options, measure: fn(&Options, &Places) -> Result<Findings>) -> Result<bool> {
    let places = Places::of(bench.name)?;
    let findings = measure(options, &places)?;
    let machine = Machine::now();
    print!("{}", findings.tables);
    println!("\nTargets, of the geometric mean:");
    for verdict in &findings.verdicts {
        println!("  {verdict}");
    }
    let mut record = findings.record;
    record.insert("bench".into(), json!(bench.name));
    record.insert("rounds".into(), json!(options.rounds));
    record.insert("machine".into(), json!(machine));
    record.insert("verdicts".into(), json!(findings.verdicts));
    let path = options.json.as_ref().unwrap_or(&places.record);
    write(path, &record.into())?;
    println!("\n{machine}\nEvery sample: {}", path.display());
    Ok(findings.trusted)
}

/// Writes a record.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, record: &Value) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let text = serde_json::to_string_pretty(record)?;
    fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))
}
