//! Tuning: which threads, graph and provider run a model fastest on this device, found out by a race.
//!
//! `candidates` says what is tried, `contest` how it becomes a session and whether its outputs will do.

mod candidates;
mod contest;
mod options;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::engine::compile::plan::Tunable;
use crate::engine::compile::{Plan, PlanCandidate, PlanChanges, PlanOutcome, PlanRound};
use crate::engine::race::{Course, Outcome, Race, Rules, Runner, Sessions, median, racing, ratio};
use crate::engine::runtime::Runtime;
use crate::engine::session::Session;
use crate::error::ResultExt;
use crate::model::Model;
use crate::tensor::Value;
use crate::{Error, Result};
use candidates::Facts;
use contest::{Changed, nanoseconds};

pub use options::{TuneObserver, TuneOptions, TuneProgress};

/// A winner is faster than the default by at least this share.
const MARGIN: f64 = 0.03;
/// The probability that a final with a candidate that is no faster by the margin is won by chance.
const SIGNIFICANCE: f64 = 0.01;

/// Finds out how a model runs fastest on this device, and keeps the plan where later loads follow it.
///
/// Candidates (numbers of threads, their spinning, optimisation variants, execution providers) race against the
/// caller's own options on `samples`, batches of real inputs, at the concurrency asked for. One that fails, or whose
/// outputs differ by more than the tolerance, is out. The winner has to be faster than the default by at least 3 %, with
/// confidence; in doubt the default stays. `docs/tuning.md` tells how that is judged.
///
/// The plan goes into the artifact, if `path` is one, or into the cache folder of the options. [`Session::load`] with
/// the same options follows it (see [`SessionOptions::use_plan`](crate::SessionOptions::use_plan)), and says so in its
/// report. If it cannot be kept, the plan says why in its warnings. Nothing else in the process should run meanwhile.
///
/// # Errors
/// `invalid_argument` for options that make no sense and for no samples; those of [`Session::load`] and
/// [`Session::run`] for the default; `cancelled`.
///
/// # Examples
/// ```no_run
/// use ortlet::tensor::Tensor;
/// use ortlet::{Cache, Session, SessionOptions, TuneOptions};
///
/// let session = SessionOptions { cache: Cache::Platform, ..Default::default() };
/// let image = Tensor::from_vec([1, 3, 224, 224], vec![0.5_f32; 3 * 224 * 224])?;
/// let samples = [vec![("image".to_owned(), image.into())]];
/// let plan = ortlet::tune("model.onnx", &samples, &TuneOptions { session: session.clone(), ..Default::default() })?;
/// println!("{}", plan.verdict);
/// let session = Session::load("model.onnx", &session)?; // follows the plan
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn tune(path: impl AsRef<Path>, samples: &[Vec<(String, Value)>], options: &TuneOptions) -> Result<Plan> {
    let path = path.as_ref();
    tune_file(path, samples, options).with_context(|| format!("tune `{}`", path.display()))
}

fn tune_file(path: &Path, samples: &[Vec<(String, Value)>], options: &TuneOptions) -> Result<Plan> {
    options.check()?;
    if samples.is_empty() {
        return Err(Error::invalid_argument("samples", "there has to be at least one"));
    }
    let runtime = Runtime::load(&options.session.runtime)?;
    let tunable = Tunable::open(path)?;
    let start = Instant::now();
    let course = Course {
        samples,
        concurrency: options.concurrency as usize,
        start,
        time_limit: Duration::from_millis(options.time_limit_ms),
        cancel: options.cancel.clone(),
    };
    let mut sessions = Sessions::new(Changed::new(path, options), course);
    let dims = if options.fix_dims { agreed_dims(path, samples, options)? } else { Default::default() };
    let facts = Facts {
        base: &options.session,
        core_count: runtime.pool_thread_count(),
        concurrency: options.concurrency,
        knows_spin_duration: runtime.is_at_least(&[1, 26]),
        op_types: tunable.model.as_ref().map(op_types).unwrap_or_default(),
        dims,
        providers: runtime.providers(),
    };
    let rules =
        Rules { margin: MARGIN, significance: SIGNIFICANCE, seed: options.seed, default_name: "the default" };
    let outcome = Race::new(&mut sessions, rules)
        .run(candidates::singles(&facts), |winners| candidates::combinations(&facts, winners))?;
    let mut plan = Plan {
        changes: outcome.runners[outcome.chosen].candidate.clone(),
        verdict: outcome.verdict.clone(),
        model: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        concurrency: options.concurrency,
        sample_count: samples.len(),
        elapsed_ns: nanoseconds(start.elapsed()),
        margin: MARGIN,
        tolerance: options.tolerance,
        seed: options.seed,
        candidates: table(&outcome, &sessions),
        made_for: tunable.key(runtime, &options.session),
        stored_in: None,
        warnings: Vec::new(),
    };
    drop(sessions);
    match tunable.keep(path, &options.session, &plan) {
        Ok(place) => plan.stored_in = place,
        Err(error) => plan.warnings.push(format!("the plan could not be kept: {error}")),
    }
    Ok(plan)
}

fn agreed_dims(
    path: &Path,
    samples: &[Vec<(String, Value)>],
    options: &TuneOptions,
) -> Result<BTreeMap<String, usize>> {
    let session = Session::load(path, &racing(&options.session))?;
    Ok(candidates::agreed_dims(session.inputs(), samples))
}

fn op_types(model: &Model) -> BTreeSet<String> {
    model.nodes().map(|at| at.node.op_type().to_owned()).collect()
}

/// What is told of every candidate.
fn table(outcome: &Outcome<PlanChanges>, sessions: &Sessions<'_, Changed<'_>>) -> Vec<PlanCandidate> {
    let default = &outcome.runners[0];
    let described = outcome.runners.iter().enumerate().map(|(at, runner)| {
        let figure = |of: fn(&PlanRound) -> f64| median(runner.rounds.iter().map(of));
        PlanCandidate {
            name: runner.candidate.to_string(),
            changes: runner.candidate.clone(),
            outcome: outcome_of(runner, at == outcome.chosen),
            reason: runner.reason.clone(),
            lower_quartile_ns: figure(|round| round.lower_quartile_ns),
            median_ns: figure(|round| round.median_ns),
            upper_quartile_ns: figure(|round| round.upper_quartile_ns),
            p99_ns: sessions.p99_ns(&runner.candidate),
            run_count: runner.rounds.iter().map(|round| round.run_count).sum(),
            round_count: runner.rounds.len(),
            ratio: ratio(default, runner),
            final_ratio: runner.final_ratio,
            max_difference: runner.max_difference,
            rounds: runner.rounds.clone(),
        }
    });
    described.collect()
}

fn outcome_of(runner: &Runner<PlanChanges>, is_chosen: bool) -> PlanOutcome {
    match (is_chosen, runner.is_out) {
        (true, _) => PlanOutcome::Chosen,
        (false, true) => PlanOutcome::Out,
        (false, false) => PlanOutcome::Lost,
    }
}
