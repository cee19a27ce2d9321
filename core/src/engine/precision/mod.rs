//! Precision: with which numbers a model runs fastest on this device and stays accurate enough.
//!
//! `lab` runs models on samples and says how far they are off; `alone` times single layers; `candidates` makes whole
//! models of what was learned, by the policy in `subset`; `kernels` makes some that Ortlet's own kernels compute; `contest`
//! races them. `auto` puts this together, `mode` does
//! without it. `session` and `compile` are where loading and compiling meet the choice.

mod alone;
mod auto;
mod candidates;
mod compile;
mod contest;
mod kernels;
mod lab;
mod mode;
mod options;
mod report;
mod rewritten;
mod session;
mod stored;
mod subset;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Result;
use crate::engine::calibrate::{CalibrateObserver, CalibrateOptions, calibrate_on};
use crate::engine::compile::admit::{Folders, folder_of};
use crate::engine::compile::disk::map;
use crate::engine::runtime::Precision;
use crate::error::ResultExt;
use crate::model::{Bytes, ExternalDataResolver, Model};
use crate::quantize::{Calibration, Calibrator, PrecisionReport};
use lab::Lab;

pub use compile::{compile, compile_with};
pub use options::{PrecisionObserver, PrecisionOptions, PrecisionProgress};

/// A model with other numbers, and how it came to be.
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionChoice {
    /// The model: ordinary ONNX, with operators of ONNX Runtime's domain `com.microsoft`; or, if the report says that it
    /// [needs Ortlet](PrecisionReport::needs_ortlet), with those of Ortlet's domain `ai.ortlet`, which no other runtime
    /// knows.
    pub model: Model,
    /// What was tried and why this was chosen.
    pub report: PrecisionReport,
}

/// A model to choose for, and where its external data lies.
pub(super) struct Source<'a> {
    model: &'a Model,
    external: &'a dyn ExternalDataResolver,
    folder: Option<PathBuf>,
}

/// Finds out with which numbers a model runs fastest on this device and stays within the accuracy asked for.
///
/// With [`Precision::Auto`], layers are tried in 8-bit forms, alone and together, on the device and with the threads that
/// will run; samples that ranges are learned from, that candidates are chosen by and that the choice is verified with are
/// kept apart. The winner is faster than the original by at least 5 % at the median and at the lower quartile, and within
/// [`SessionOptions::accuracy`](crate::SessionOptions::accuracy) on samples that took no part in any choice; in doubt the
/// original stays. `docs/precision.md` tells how. With a mode, that mode is applied unmeasured.
///
/// # Errors
/// `invalid_argument` for an accuracy that makes no sense, and if there are no samples or too few; the errors of loading
/// and running the original and of the samples; `accuracy_budget` if a mode, whose results samples allow to check, is out
/// of the budget; `cancelled`.
///
/// # Examples
/// ```no_run
/// use ortlet::{Precision, PrecisionOptions, Samples, SessionOptions, choose_precision};
///
/// let session = SessionOptions {
///     precision: Precision::Auto,
///     samples: Samples::Folder("samples".into()), // .npz files, each a batch of real inputs
///     ..Default::default()
/// };
/// let choice = choose_precision("model.onnx", &PrecisionOptions { session, ..Default::default() })?;
/// println!("{}", choice.report.verdict);
/// std::fs::write("model.fast.onnx", choice.model.to_bytes()?).unwrap();
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn choose_precision(path: impl AsRef<Path>, options: &PrecisionOptions) -> Result<PrecisionChoice> {
    let path = path.as_ref();
    choose_for_file(path, options).with_context(|| format!("choose the precision of `{}`", path.display()))
}

fn choose_for_file(path: &Path, options: &PrecisionOptions) -> Result<PrecisionChoice> {
    let model = Model::parse(Bytes::from_owner(map(path)?))?;
    let external = Folders::of_file(path);
    let folder = Some(folder_of(path).to_owned());
    choose(&Source { model: &model, external: &external, folder }, options)
}

/// Chooses for a model.
///
/// # Errors
/// Those of [`choose_precision`].
fn choose(source: &Source<'_>, options: &PrecisionOptions) -> Result<PrecisionChoice> {
    source.model.validate()?;
    options.session.accuracy.check()?;
    match options.session.wanted_precision() {
        Precision::Original => Ok(report::untouched(source.model)),
        Precision::Auto => auto::choose(source, options),
        Precision::Kernels(precision) => kernels::apply(source, precision, options),
        Precision::Mode(mode) => mode::apply(source, mode, options),
    }
}

/// Learns how large activations get on some of the samples.
///
/// # Errors
/// Those of running the model; `cancelled`; `deadline_exceeded` if it takes longer than it may.
fn learn(lab: &Lab<'_>, model: &Model, samples: &[usize], allowed: Option<Duration>) -> Result<Calibration> {
    let stage = lab.stage();
    let progress = CalibrateObserver::new(move |progress| stage.tell(Some(progress.done)));
    let options = CalibrateOptions {
        session: lab.session.clone(),
        cancel: lab.cancel(),
        progress: Some(progress),
        ..CalibrateOptions::default()
    };
    calibrate_on(Calibrator::new(model)?, &lab.samples, samples, &options, allowed)
}
