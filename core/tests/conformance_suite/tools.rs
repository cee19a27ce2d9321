//! Operations on models and machines: reports, quantizing, compiling, tuning, choosing a precision, profiling.

use ortlet::model::Model;
use ortlet::quantize::quantize_with;
use ortlet::runtime::doctor;
use ortlet::{
    CalibrateOptions, PrecisionOptions, QuantizeMode, QuantizeOptions, Samples, Session, SessionOptions,
    TuneOptions, calibrate, choose_precision, compile, profile, tune,
};
use serde_json::Value as Json;

use super::case::{Case, Operation};
use super::places::{Places, samples};
use super::sessions::{borrowed, facts_of, run_inputs};
use super::{Attempt, Outcome, values};

pub fn model_report(case: &Case, places: &Places) -> Attempt {
    let model = match case.operation {
        Operation::ModelReportBytes => Model::parse(places.bytes(case)?)?,
        _ => Model::open(places.model(case)?)?,
    };
    Ok(Outcome { json: facts_of(&model.report())?, ..Outcome::default() })
}

pub fn quantize_model(case: &Case, places: &Places) -> Attempt {
    let path = places.model(case)?;
    let mode: QuantizeMode = mode(&case.mode)?;
    let options: QuantizeOptions = places.options(&case.tool_options)?;
    let session = SessionOptions { samples: Samples::None, ..places.session_options(case)? };
    let model = Model::open(&path)?;
    let batches = samples(case)?;
    let calibration = match batches.is_empty() {
        true => None,
        false => Some(calibrate(
            &model,
            &batches.into(),
            &CalibrateOptions { session: session.clone(), ..Default::default() },
        )?),
    };
    let external = Model::external_data(&path);
    let (quantized, report) = quantize_with(&model, mode, calibration.as_ref(), &options, &external)?;
    let outputs = run_inputs(&Session::from_model(&quantized, &session)?, case)?;
    let (json, model) = (facts_of(&report)?, facts_of(&quantized.report())?);
    Ok(Outcome { outputs, json, model, ..Outcome::default() })
}

fn mode(name: &str) -> Attempt<QuantizeMode> {
    let mode = serde_json::from_value(name.into());
    mode.map_err(|error| ortlet::Error::invalid_argument("mode", error.to_string()).into())
}

pub fn compile_model(case: &Case, places: &Places) -> Attempt {
    let artifact = places.fill(case.artifact.as_deref().unwrap_or("{temp}/model.ortlet"));
    let options = places.session_options(case)?;
    let json = facts_of(&compile(places.model(case)?, &artifact, &options)?)?;
    let options = match &case.load_options {
        Some(options) => places.options(options)?,
        None => options,
    };
    let session = Session::load(&artifact, &options)?;
    loaded(&session, case, json)
}

/// A session of what a tool made: its report and a run.
fn loaded(session: &Session, case: &Case, json: Json) -> Attempt {
    let outputs = run_inputs(session, case)?;
    Ok(Outcome { outputs, json, report: facts_of(&session.report())?, ..Outcome::default() })
}

pub fn tune_model(case: &Case, places: &Places) -> Attempt {
    let path = places.model(case)?;
    let session: SessionOptions = places.options(&case.options)?;
    let options = TuneOptions { session: session.clone(), ..places.options(&case.tool_options)? };
    let plan = tune(&path, &samples(case)?, &options)?;
    loaded(&Session::load(&path, &session)?, case, facts_of(&plan)?)
}

pub fn precision(case: &Case, places: &Places) -> Attempt {
    let session = places.session_options(case)?;
    let options = PrecisionOptions { session, ..places.options(&case.tool_options)? };
    let choice = choose_precision(places.model(case)?, &options)?;
    let outputs = run_inputs(&Session::from_model(&choice.model, &SessionOptions::default())?, case)?;
    let (json, model) = (facts_of(&choice.report)?, facts_of(&choice.model.report())?);
    Ok(Outcome { outputs, json, model, ..Outcome::default() })
}

pub fn profile_model(case: &Case, places: &Places) -> Attempt {
    let inputs = values::read_all(case.inputs.as_ref().ok_or_else(|| "`inputs` is missing".to_owned())?)?;
    let options = places.session_options(case)?;
    let profile = profile(places.model(case)?, borrowed(&inputs), &options, case.run_count)?;
    Ok(Outcome { json: facts_of(&profile)?, ..Outcome::default() })
}

pub fn doctor_report(case: &Case, places: &Places) -> Attempt {
    let options = places.session_options(case)?;
    Ok(Outcome { json: facts_of(&doctor(&options.runtime))?, ..Outcome::default() })
}
