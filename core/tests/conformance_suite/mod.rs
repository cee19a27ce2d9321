//! A runner of the conformance suite: takes a case, does what it says, and tells what is not as expected.
#![allow(missing_docs)]

pub mod case;
mod control;
mod facts;
pub mod fresh;
mod places;
mod sessions;
mod tools;
mod values;

use case::{Case, Expect, Operation, Process};
use ortlet::Error;
use ortlet::tensor::Value;
use places::Places;
use serde_json::Value as Json;

/// Inputs or outputs, by name and in order.
pub type Values = Vec<(String, Value)>;

/// What an operation gave.
#[derive(Default)]
pub struct Outcome {
    outputs: Option<Values>,
    json: Json,
    report: Json,
    model: Json,
    text: String,
}

/// Why an operation gave nothing.
pub enum Failure {
    /// Ortlet's error, which the case may expect.
    Error(Error),
    /// Something is not as the case says.
    Wrong(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<String> for Failure {
    fn from(wrong: String) -> Self {
        Self::Wrong(wrong)
    }
}

pub type Attempt<T = Outcome> = Result<T, Failure>;

/// Runs a case, in a process of its own if it asks for one.
pub fn run(case: &Case) -> Result<(), String> {
    match case.process {
        Process::Shared => run_here(case),
        Process::Fresh => fresh::run(case).map_err(|failure| format!("{}: {failure}", case.name)),
    }
}

/// Runs a case in this process.
pub fn run_here(case: &Case) -> Result<(), String> {
    let places = Places::of(case);
    let prepared = places.prepare(&case.prepare).map_err(not_expected);
    judge(prepared.and_then(|()| operate(case, &places)), &case.expect)
        .map_err(|failure| format!("{}: {failure}", case.name))
}

/// An error of a preparation is never the one that the case expects.
fn not_expected(failure: Failure) -> Failure {
    match failure {
        Failure::Error(error) => Failure::Wrong(format!("cannot be prepared: {error:?}")),
        wrong => wrong,
    }
}

fn operate(case: &Case, places: &Places) -> Attempt {
    match case.operation {
        Operation::Load | Operation::LoadBytes => sessions::load(case, places),
        Operation::SessionInfo => sessions::info(case, places),
        Operation::Run => sessions::run(case, places),
        Operation::RunAsync => sessions::run_async(case, places),
        Operation::Bind => sessions::bind(case, places),
        Operation::Metrics => sessions::metrics(case, places),
        Operation::MetricsText => sessions::metrics_text(case, places),
        Operation::RunWhileBusy => control::run_while_busy(case, places),
        Operation::Panic => control::panic(case, places),
        Operation::ModelReport | Operation::ModelReportBytes => tools::model_report(case, places),
        Operation::Quantize => tools::quantize_model(case, places),
        Operation::Compile => tools::compile_model(case, places),
        Operation::Tune => tools::tune_model(case, places),
        Operation::Precision => tools::precision(case, places),
        Operation::Profile => tools::profile_model(case, places),
        Operation::Doctor => tools::doctor_report(case, places),
    }
}

/// Compares what an operation gave with what is expected.
pub fn judge(outcome: Attempt, expect: &Expect) -> Result<(), String> {
    match (outcome, &expect.error) {
        (Err(Failure::Wrong(wrong)), _) => Err(wrong),
        (Err(Failure::Error(error)), None) => Err(format!("fails: {error:?}")),
        (Err(Failure::Error(error)), Some(expected)) => facts::check_error(&error, expected),
        (Ok(_), Some(expected)) => Err(format!("succeeds, expected the error {}", expected.code)),
        (Ok(outcome), None) => check_outcome(&outcome, expect),
    }
}

fn check_outcome(outcome: &Outcome, expect: &Expect) -> Result<(), String> {
    if let Some(expected) = &expect.outputs {
        let outputs = outcome.outputs.as_ref().ok_or("nothing was run")?;
        values::check_all(outputs, expected, expect.tolerance)?;
    }
    if let Some(expected) = &expect.output_names {
        let names: Vec<&str> = outcome.outputs.iter().flatten().map(|(name, _)| name.as_str()).collect();
        if names != *expected {
            return Err(format!("outputs are {names:?}, expected {expected:?}"));
        }
    }
    facts::check("json", &outcome.json, &expect.json)?;
    facts::check("report", &outcome.report, &expect.report)?;
    facts::check("model", &outcome.model, &expect.model)?;
    match expect.lines.iter().find(|line| !outcome.text.lines().any(|own| own == *line)) {
        None => Ok(()),
        Some(line) => Err(format!("the line `{line}` is not in\n{}", outcome.text)),
    }
}
