//! Calibration: runs a model on batches of real inputs and has a [`Calibrator`] watch the values inside of it.

mod options;
mod samples;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::engine::runtime::{Cache, OptimizationLevel, Precision, Sample, Samples, SessionOptions};
use crate::engine::session::{CancelToken, Outputs, RunOptions, Session};
use crate::model::Model;
use crate::quantize::{Calibration, Calibrator};
use crate::tensor::Value;
use crate::{ErrorKind, Result};

pub use options::{CalibrateObserver, CalibrateOptions, CalibrateProgress};
pub(in crate::engine) use samples::Batches;

/// Finds out what the values inside of a model are, over batches of real inputs.
///
/// The model is run as it is, with basic optimisations only. Memory stays bounded for any number of batches, and however
/// large the model's values are: they are looked at in groups that take no more than
/// [`max_bytes`](CalibrateOptions::max_bytes) for the first batch, each by runs of its own. The same samples give the
/// same calibration. External data of the model is read from
/// [`external_data_folder`](SessionOptions::external_data_folder).
///
/// # Errors
/// `invalid_argument` if there are no samples, or NaN or infinite numbers in them; `tensor_mismatch` and `not_found` for
/// batches that do not fit the model; `integrity` and `io` for archives that cannot be read; `cancelled`; those of
/// [`Session::from_model`] and [`Session::run`].
///
/// # Examples
/// ```no_run
/// use ortlet::model::Model;
/// use ortlet::{CalibrateOptions, QuantizeMode, QuantizeOptions, Samples, calibrate, quantize};
///
/// let model = Model::open("model.onnx")?;
/// let samples = Samples::Folder("samples".into());
/// let calibration = calibrate(&model, &samples, &CalibrateOptions::default())?;
/// let options = QuantizeOptions::default();
/// let (quantized, _) = quantize(&model, QuantizeMode::Int8Static, Some(&calibration), &options)?;
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn calibrate(model: &Model, samples: &Samples, options: &CalibrateOptions) -> Result<Calibration> {
    let calibrator = Calibrator::new(model)?;
    let batches = Batches::open(samples, model)?;
    let all: Vec<usize> = (0..batches.count()).collect();
    calibrate_on(calibrator, &batches, &all, options, None)
}

/// Calibrates on some of the batches, in this order.
///
/// # Errors
/// As [`calibrate`]; `deadline_exceeded` if it takes longer than it may.
pub(in crate::engine) fn calibrate_on(
    calibrator: Calibrator,
    batches: &Batches,
    indices: &[usize],
    options: &CalibrateOptions,
    allowed: Option<Duration>,
) -> Result<Calibration> {
    options.check()?;
    let loop_ = Loop {
        batches,
        indices,
        options,
        allowed,
        session: plain(&options.session),
        run: RunOptions { cancel: options.cancel.clone(), ..RunOptions::default() },
        start: Instant::now(),
    };
    loop_.run(calibrator)
}

/// The options of a session that computes what the graph says.
fn plain(options: &SessionOptions) -> SessionOptions {
    SessionOptions {
        optimization_level: OptimizationLevel::Basic,
        use_plan: false,
        cache: Cache::Off,
        concurrency_limit: None,
        warm_up_runs: 0,
        precision: Precision::Original,
        samples: Samples::None,
        ..options.clone()
    }
}

/// A calibration under way.
struct Loop<'a> {
    batches: &'a Batches,
    indices: &'a [usize],
    options: &'a CalibrateOptions,
    /// How long it may take; between two runs it is looked at.
    allowed: Option<Duration>,
    session: SessionOptions,
    run: RunOptions,
    start: Instant,
}

impl Loop<'_> {
    fn run(&self, mut calibrator: Calibrator) -> Result<Calibration> {
        self.tell(0, 1);
        let groups = self.groups(&calibrator)?;
        let run_count = groups.len() * self.indices.len();
        // All batches for one group, then for the next: ONNX Runtime holds all outputs that a session has until a run
        // is over, even those that nobody asked for, so each group has a session of its own, one at a time.
        for (number, group) in groups.iter().enumerate() {
            let names: Vec<&str> = group.iter().map(String::as_str).collect();
            let session = match names.is_empty() {
                true => None,
                false => Some(Session::of_model(&calibrator.part(&names), &self.session)?),
            };
            for (done, &index) in self.indices.iter().enumerate() {
                self.check_ended()?;
                let batch = self.batches.get(index)?;
                if number == 0 {
                    observe_inputs(&mut calibrator, &batch)?;
                }
                if let Some(session) = &session {
                    let outputs = self.outputs(session, &batch, index)?;
                    for (name, value) in outputs.iter() {
                        observe(&mut calibrator, name, value)?;
                    }
                }
                if number + 1 == groups.len() {
                    calibrator.end_sample();
                }
                self.tell(number * self.indices.len() + done + 1, run_count);
            }
        }
        calibrator.finish()
    }

    /// The computed values in groups, in an order in which the model computes them; at least one group, which may be
    /// empty.
    fn groups(&self, calibrator: &Calibrator) -> Result<Vec<Vec<String>>> {
        Ok(calibrator.groups(&self.sizes(calibrator)?, self.options.max_bytes))
    }

    /// Bytes of the computed values for the first batch.
    fn sizes(&self, calibrator: &Calibrator) -> Result<HashMap<String, u64>> {
        let (Some(&first), Some((model, names))) = (self.indices.first(), calibrator.shapes()) else {
            return Ok(HashMap::new());
        };
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        self.check_ended()?;
        let batch = self.batches.get(first)?;
        let outputs = self.outputs(&Session::of_model(&model, &self.session)?, &batch, first)?;
        let sizes = names.into_iter().map(|(value, shape)| {
            let dims = outputs[shape.as_str()].as_tensor()?.as_slice::<i64>()?;
            let count = dims.iter().fold(1_u64, |count, &size| count.saturating_mul(size.unsigned_abs()));
            Ok((value, count.saturating_mul(size_of::<f32>() as u64)))
        });
        sizes.collect()
    }

    fn outputs(&self, session: &Session, batch: &Sample, index: usize) -> Result<Outputs> {
        let inputs = batch.iter().map(|(name, value)| (name, value));
        session.run_with(inputs, &self.run).map_err(|error| match error.kind() {
            ErrorKind::Cancelled => error,
            _ => error.context(format!("run batch {index} of the samples")),
        })
    }

    fn check_ended(&self) -> Result<()> {
        if self.options.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            return Err(ErrorKind::Cancelled.into());
        }
        match (self.allowed, self.start.elapsed()) {
            (Some(allowed), elapsed) if elapsed >= allowed => {
                let (elapsed_ns, budget_ns) = (nanoseconds(elapsed), nanoseconds(allowed));
                Err(ErrorKind::DeadlineExceeded { elapsed_ns, budget_ns }.into())
            }
            _ => Ok(()),
        }
    }

    fn tell(&self, done: usize, all: usize) {
        let Some(observer) = &self.options.progress else { return };
        let (done, elapsed) = (done as f64 / all as f64, self.start.elapsed());
        let left = (done > 0.0).then(|| elapsed.mul_f64((1.0 - done).max(0.0) / done));
        observer.tell(&CalibrateProgress {
            done,
            elapsed_ns: nanoseconds(elapsed),
            left_ns: left.map(nanoseconds),
        });
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn observe_inputs(calibrator: &mut Calibrator, batch: &Sample) -> Result<()> {
    for (name, value) in batch {
        let is_watched = calibrator.watched().any(|watched| watched == name);
        if is_watched {
            observe(calibrator, name, value)?;
        }
    }
    Ok(())
}

fn observe(calibrator: &mut Calibrator, name: &str, value: &Value) -> Result<()> {
    match value {
        Value::Tensor(tensor) => calibrator.observe(name, &tensor.view()),
        _ => Ok(()),
    }
}
