//! `ortlet run`: one run, its outputs shown or saved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ortlet::tensor::Tensor;
use ortlet::{Error, Outputs, Result, RunOptions, Session, SessionReport};
use serde::Serialize;

use crate::args::{Print, RunArgs};
use crate::files::{check_writable, io_error};
use crate::inputs::gather;
use crate::npy::write_npy;
use crate::output::{duration, emit, emit_json, right_align, table};
use crate::session;
use crate::summary::{self, Description};

/// Runs the command.
///
/// # Errors
/// Of loading, of the inputs, of the run and of writing.
pub fn run(args: &RunArgs, as_json: bool) -> Result<()> {
    let mut options = args.engine.session_options()?;
    args.precision.apply(&mut options);
    let session = session::load(&args.model, &options)?;
    session::tell(&session.report());
    check_outputs(args, &session)?;
    let inputs = gather(&args.inputs, session.inputs(), session.overridable_initializers(), &options.dims)?;
    let deadline = args.deadline.map(Duration::from_secs_f64);
    let run_options = RunOptions { outputs: wanted_outputs(args), deadline, ..RunOptions::default() };
    let start = Instant::now();
    let outputs = session.run_with(inputs.iter().map(|(name, tensor)| (name, tensor)), &run_options)?;
    let run_ns = start.elapsed().as_nanos() as u64;
    let files = save(args, &outputs)?;
    if as_json {
        emit_json(&document(args, &outputs, &files, session.report(), run_ns)?)
    } else {
        print(args, &outputs, &files, run_ns)
    }
}

/// Finds out before a long run that its outputs could not be written.
fn check_outputs(args: &RunArgs, session: &Session) -> Result<()> {
    for (name, path) in &args.output {
        let names = || session.outputs().iter().map(|info| info.name.clone());
        if !names().any(|known| known == *name) {
            return Err(Error::not_found("output", name, names()));
        }
        check_writable(path)?;
    }
    match &args.output_dir {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| io_error("create", folder, &error))?;
            check_writable(&folder.join("output.npy"))
        }
        None => Ok(()),
    }
}

/// The outputs asked for by name; those to be saved belong to them.
fn wanted_outputs(args: &RunArgs) -> Option<Vec<String>> {
    if args.only.is_empty() {
        return None;
    }
    let mut names = args.only.clone();
    names.extend(args.output.iter().map(|(name, _)| name.clone()).filter(|name| !args.only.contains(name)));
    names.dedup();
    Some(names)
}

/// Writes what was asked for; the files of each output.
fn save(args: &RunArgs, outputs: &Outputs) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut write = |name: &str, path: PathBuf, tensor: &Tensor| {
        write_npy(&path, tensor)?;
        files.entry(name.to_string()).or_default().push(path);
        Ok::<_, Error>(())
    };
    for (name, path) in &args.output {
        let tensor = outputs.get(name).map(ortlet::tensor::Value::as_tensor).transpose()?;
        tensor.map(|tensor| write(name, path.clone(), tensor)).transpose()?;
    }
    if let Some(folder) = &args.output_dir {
        let mut taken = Vec::new();
        for (name, value) in outputs.iter() {
            for (part, tensor) in summary::tensors(name, value) {
                write(name, folder.join(file_name(&part, &mut taken)), tensor)?;
            }
        }
    }
    Ok(files)
}

/// A file name for an output: its own where every file system allows that, and no two alike.
fn file_name(name: &str, taken: &mut Vec<String>) -> String {
    let harmless = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    // Neither hidden nor `..`, nor longer than file systems take with a suffix.
    let base: String = name.trim_matches(['.', ']']).chars().take(60).map(harmless).collect();
    let base = if base.is_empty() { "output".to_string() } else { base };
    let mut candidate = base.clone();
    for number in 2.. {
        // Some file systems do not tell upper from lower case.
        if !taken.contains(&candidate.to_lowercase()) {
            break;
        }
        candidate = format!("{base}-{number}");
    }
    taken.push(candidate.to_lowercase());
    candidate + ".npy"
}

/// The run as JSON.
#[derive(Serialize)]
struct Document<'a> {
    model: &'a Path,
    session: SessionReport,
    run_ns: u64,
    outputs: Vec<OutputDocument<'a>>,
}

#[derive(Serialize)]
struct OutputDocument<'a> {
    name: &'a str,
    #[serde(flatten)]
    value: Option<Description>,
    /// Where it was saved.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    files: &'a [PathBuf],
}

fn document<'a>(
    args: &'a RunArgs,
    outputs: &'a Outputs,
    files: &'a BTreeMap<String, Vec<PathBuf>>,
    session: SessionReport,
    run_ns: u64,
) -> Result<Document<'a>> {
    let output = |(name, value): (&'a str, _)| {
        let describe = || Description::of(value, args.print == Print::Full);
        let value = (args.print != Print::None).then(describe).transpose()?;
        Ok(OutputDocument { name, value, files: files.get(name).map_or(&[], Vec::as_slice) })
    };
    let outputs = outputs.iter().map(output).collect::<Result<_>>()?;
    Ok(Document { model: &args.model, session, run_ns, outputs })
}

fn print(
    args: &RunArgs,
    outputs: &Outputs,
    files: &BTreeMap<String, Vec<PathBuf>>,
    run_ns: u64,
) -> Result<()> {
    match args.print {
        Print::None => {}
        Print::Summary => emit(&format!("{}\nrun: {}\n", tables(outputs)?, duration(run_ns as f64)))?,
        Print::Full => {
            for (name, value) in outputs.iter() {
                for (name, tensor) in summary::tensors(name, value) {
                    emit(&format!("{name}: {tensor}\n{}\n", summary::full(tensor)?))?;
                }
            }
        }
    }
    files.iter().flat_map(|(name, files)| files.iter().map(move |file| (name, file))).try_for_each(
        |(name, file): (&String, &PathBuf)| emit(&format!("saved {name}: {}\n", Path::new(file).display())),
    )
}

/// Types and ranges in one table, first values in another: together they would not fit into 80 columns.
fn tables(outputs: &Outputs) -> Result<String> {
    let mut ranges = table(["output", "type", "min", "max", "mean", "NaN"]);
    let mut values = table(["output", "first values"]);
    for (name, value) in outputs.iter() {
        let tensors = summary::tensors(name, value);
        if tensors.is_empty() {
            ranges.add_row([name.to_string(), value.to_string()]);
        }
        for (name, tensor) in tensors {
            let row = summary::Row::of(&name, tensor)?;
            ranges.add_row(row.facts);
            values.add_row([name, row.first]);
        }
    }
    right_align(&mut ranges, 2..=5);
    Ok(format!("{ranges}\n{values}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_harmless_and_distinct() {
        let mut taken = Vec::new();
        let names = ["scores", "Scores", "a/b:c", "../../x", "..", "seq[0]", "seq[1]"];
        let files = names.map(|name| file_name(name, &mut taken));
        let expected =
            ["scores.npy", "Scores-2.npy", "a_b_c.npy", "_.._x.npy", "output.npy", "seq_0.npy", "seq_1.npy"];
        assert_eq!(files, expected);
    }
}
