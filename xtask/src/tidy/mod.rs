//! `cargo xtask tidy`: the rules of this repository that no compiler checks.

mod crates;
mod layers;
mod rules;
mod scripts;
mod tokens;

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{repo, say};

/// The most that a file of code may have.
const MAXIMUM_LINES: usize = 800;

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    file: PathBuf,
    line: usize,
    message: String,
}

impl Problem {
    fn new(file: &Path, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

pub fn run() -> Result<ExitCode> {
    Ok(if report()? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints every problem; whether there are none.
pub fn report() -> Result<bool> {
    let (files, problems) = check(&repo::root(), &repo::files()?)?;
    for problem in &problems {
        eprintln!("{problem}");
    }
    say::note(format_args!("tidy: {files} files, {} problems", problems.len()));
    Ok(problems.is_empty())
}

fn check(root: &Path, files: &[PathBuf]) -> Result<(usize, Vec<Problem>)> {
    let mut problems = crates::check(root)?;
    let (mut sources, mut scripts) = (Vec::new(), Vec::new());
    for file in files {
        let path = root.join(file);
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        // Models and pictures are nobody's source.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        problems.extend(rules::machine_paths(file, &text));
        if file.extension().is_some_and(|extension| extension == "rs") {
            sources.push((file, text));
        } else if scripts::is_script(file) {
            scripts.push((file, text));
        }
    }
    problems.extend(check_sources(&sources));
    problems.extend(scripts::check(&scripts));
    problems.sort();
    Ok((files.len(), problems))
}

fn check_sources(sources: &[(&PathBuf, String)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut test_files = HashSet::new();
    let mut parsed = Vec::new();
    for (file, text) in sources {
        problems.extend(rules::shape(file, text));
        let tokens = tokens::read(text);
        problems.extend(rules::tokens(file, &tokens));
        let (tokens, test_modules) = tokens::without_tests(&tokens);
        test_files.extend(test_modules.iter().map(|module| layers::child_module(file, module)));
        parsed.push((file, tokens));
    }
    for (file, tokens) in parsed {
        let module = layers::module_of(file);
        let is_test = (1..=module.len()).any(|length| test_files.contains(&module[..length]));
        if !is_test {
            problems.extend(layers::check(file, &tokens));
        }
    }
    problems
}
