//! Operations on a session: loading, running, binding, metrics.

use ortlet::metrics::openmetrics_text;
use ortlet::tensor::{Tensor, Value};
use ortlet::{Binding, Error, Outputs, Session};
use serde_json::{Value as Json, json};

use super::case::{Case, Memory, Named, Operation, Run, Step};
use super::control::run_options;
use super::places::Places;
use super::{Attempt, Failure, Outcome, Values, judge, values};
use crate::executor::block_on;

/// The session that a case is about, after the runs that it asks for.
pub fn session(case: &Case, places: &Places) -> Attempt<Session> {
    let options = places.session_options(case)?;
    let session = match case.operation {
        Operation::LoadBytes => Session::from_bytes(&places.bytes(case)?, &options)?,
        _ => Session::load(places.model(case)?, &options)?,
    };
    for (number, run) in case.runs.iter().enumerate() {
        make_run(&session, run).map_err(|failure| format!("run {number}: {failure}"))?;
    }
    Ok(session)
}

fn make_run(session: &Session, run: &Run) -> Result<(), String> {
    let attempt = || {
        let inputs = values::read_all(&run.inputs)?;
        Ok(values_of(session.run_with(borrowed(&inputs), &run_options(&run.run_options))?))
    };
    judge(attempt().map(of_values), &run.expect)
}

/// Runs once with the inputs of a case, if it has any.
pub fn run_inputs(session: &Session, case: &Case) -> Attempt<Option<Values>> {
    let Some(inputs) = &case.inputs else { return Ok(None) };
    let inputs = values::read_all(inputs)?;
    Ok(Some(values_of(session.run_with(borrowed(&inputs), &run_options(&case.run_options))?)))
}

pub fn borrowed(inputs: &Values) -> impl Iterator<Item = (&str, &Value)> {
    inputs.iter().map(|(name, value)| (name.as_str(), value))
}

fn of_values(outputs: Values) -> Outcome {
    Outcome { outputs: Some(outputs), ..Outcome::default() }
}

fn values_of(outputs: Outputs) -> Values {
    outputs.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// Facts as JSON.
pub fn facts_of(facts: &impl serde::Serialize) -> Attempt<Json> {
    serde_json::to_value(facts).map_err(|error| Failure::Wrong(error.to_string()))
}

pub fn load(case: &Case, places: &Places) -> Attempt {
    let session = session(case, places)?;
    let outputs = run_inputs(&session, case)?;
    Ok(Outcome { outputs, json: facts_of(&session.report())?, ..Outcome::default() })
}

pub fn info(case: &Case, places: &Places) -> Attempt {
    let session = session(case, places)?;
    let json = json!({
        "inputs": facts_of(&session.inputs())?,
        "outputs": facts_of(&session.outputs())?,
        "overridable_initializers": facts_of(&session.overridable_initializers())?,
    });
    Ok(Outcome { json, ..Outcome::default() })
}

pub fn run(case: &Case, places: &Places) -> Attempt {
    let session = session(case, places)?;
    Ok(Outcome { outputs: run_inputs(&session, case)?, ..Outcome::default() })
}

pub fn run_async(case: &Case, places: &Places) -> Attempt {
    let session = session(case, places)?;
    let inputs = values::read_all(case.inputs.as_ref().unwrap_or(&Named::new()))?;
    let outputs = block_on(session.run_async(inputs, run_options(&case.run_options)))?;
    Ok(of_values(values_of(outputs)))
}

pub fn metrics(case: &Case, places: &Places) -> Attempt {
    let session = session(case, places)?;
    Ok(Outcome { json: facts_of(&session.metrics())?, ..Outcome::default() })
}

pub fn metrics_text(case: &Case, places: &Places) -> Attempt {
    let session = session(case, places)?;
    let text = openmetrics_text([(case.session_name.as_str(), &session.metrics())])?;
    Ok(Outcome { text, ..Outcome::default() })
}

pub fn bind(case: &Case, places: &Places) -> Attempt {
    let session = session(case, places)?;
    let zeros = |(name, memory): (&String, &Memory)| {
        Ok((name.clone(), Tensor::zeros(memory.dtype, memory.shape.as_slice())?))
    };
    let mut memories: Vec<(String, Tensor)> = case.memory.iter().map(zeros).collect::<Result<_, Error>>()?;
    let mut binder = session.binder();
    for (name, shape) in &case.shapes {
        binder = binder.shape(name, shape.as_slice());
    }
    for (name, memory) in &mut memories {
        binder = binder.memory(name.as_str(), memory.view_mut()?);
    }
    for tie in &case.ties {
        binder = binder.tie(&tie.output, &tie.input);
    }
    let mut binding = binder.bind()?;
    for (number, step) in case.steps.iter().enumerate() {
        judge(bound_run(&mut binding, step).map(of_values), &step.expect)
            .map_err(|failure| format!("step {number}: {failure}"))?;
    }
    drop(binding);
    let last = case.steps.iter().rev().find_map(|step| step.expect.outputs.as_ref());
    check_memories(&memories, last)?;
    Ok(Outcome::default())
}

/// Copies of what a bound run gave, because the next run overwrites it.
fn bound_run(binding: &mut Binding<'_>, step: &Step) -> Attempt<Values> {
    for (name, value) in &step.set {
        binding.input_mut(name)?.copy_from(&values::tensor(value)?.view())?;
    }
    binding.run_with(&run_options(&step.run_options))?;
    let names: Vec<String> = binding.output_names().map(str::to_owned).collect();
    let copies = names.into_iter().map(|name| {
        let view = binding.output(&name)?;
        let copy = match view.bytes() {
            Some(bytes) => Tensor::from_bytes(view.dtype(), view.shape().clone(), bytes)?,
            None => Tensor::from_strings(view.shape().clone(), view.as_strings()?.to_vec())?,
        };
        Ok((name, Value::Tensor(copy)))
    });
    copies.collect()
}

/// After the last step the caller's memory holds the outputs.
fn check_memories(memories: &[(String, Tensor)], last: Option<&Named>) -> Result<(), String> {
    for (name, memory) in memories {
        if let Some(expected) = last.and_then(|outputs| outputs.get(name)) {
            values::check_tensor(memory, &values::tensor(expected)?, 0.0)
                .map_err(|what| format!("the caller's memory of `{name}`: {what}"))?;
        }
    }
    Ok(())
}
