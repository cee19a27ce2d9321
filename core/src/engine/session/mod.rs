//! Sessions: a model that is ready to run.

mod as_is;
mod binder;
mod binding;
mod cancel;
mod check;
mod executor;
mod flight;
mod future;
mod inner;
#[cfg(all(test, loom))]
mod interleavings;
mod limit;
mod memory;
mod outputs;
mod profile;
mod report;
mod run;
mod signal;
mod sync;
mod warm_up;
mod watchdog;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::Result;
use crate::engine::compile::cached::Made;
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::load::Loaded;
use crate::engine::compile::{self, Store, admit};
use crate::engine::runtime::{Creation, ModelSource, RawSession, Runtime, SessionOptions};
use crate::metrics::{LoadPhases, SessionMetrics};
use crate::model::Model;
use crate::quantize::{PrecisionBlock, PrecisionReport};
use crate::tensor::{Shape, Value, ValueInfo, ValueView};
use inner::{Control, Inner};

pub(super) use as_is::{load_as_is, title};
pub use binder::Binder;
pub use binding::Binding;
pub use cancel::CancelToken;
pub use future::RunFuture;
pub use outputs::Outputs;
pub use profile::profile;
pub use report::{CacheReport, Origin, SessionReport};
pub use run::RunOptions;

/// A model that is ready to run.
///
/// `Send` and `Sync`: any number of threads may call [`run`](Session::run) at once. A session computes what plain
/// ONNX Runtime computes with the same settings, to the bit. Clones are handles of the same session, which ends with
/// the last of them and of its bindings and futures.
///
/// # Examples
/// ```no_run
/// use ortlet::{Session, SessionOptions};
/// use ortlet::tensor::TensorView;
///
/// let session = Session::load("model.onnx", &SessionOptions::default())?;
/// let pixels = vec![0.0_f32; 3 * 224 * 224];
/// let outputs = session.run([("image", TensorView::from_slice([1, 3, 224, 224], &pixels)?)])?;
/// let scores = outputs["scores"].as_tensor()?.as_slice::<f32>()?;
/// # Ok::<(), ortlet::Error>(())
/// ```
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

impl Session {
    /// A session of a model in memory, whatever [`SessionOptions::precision`] says.
    pub(in crate::engine) fn of_bytes(bytes: &[u8], options: &SessionOptions) -> Result<Self> {
        let start = Instant::now();
        let folder = options.external_data_folder.as_deref();
        let admitted = admit::bytes(bytes, &admit::Folders::named(folder))?;
        let check_ns = nanoseconds(start);
        let plain = Creation::plain(ModelSource::Bytes { bytes, folder }, admitted.format, options);
        Self::create(&Creation { own_operators: admitted.own_operators, ..plain }, check_ns, start)
    }

    /// A session of a model that was made or changed in the program, as it is.
    pub(in crate::engine) fn of_model(model: &Model, options: &SessionOptions) -> Result<Self> {
        Self::of_bytes(&model.to_bytes()?, options)
    }

    /// A session made by ONNX Runtime from a checked model.
    pub(in crate::engine) fn create(creation: &Creation<'_>, check_ns: u64, start: Instant) -> Result<Self> {
        let (runtime, runtime_ns) = checked_runtime(creation.options)?;
        let create = Instant::now();
        let raw = RawSession::new(runtime, creation)?;
        let create_ns = nanoseconds(create);
        let phases = LoadPhases { runtime_ns, check_ns, create_ns, ..LoadPhases::default() };
        Ok(Self::of(raw, SessionReport { phases, ..SessionReport::default() }, creation.options, start))
    }

    /// A session of an artifact.
    pub(in crate::engine) fn from_artifact(path: &Path, options: &SessionOptions) -> Result<Self> {
        let start = Instant::now();
        let (runtime, runtime_ns) = checked_runtime(options)?;
        let (raw, mut report) = Self::of_loaded(compile::load::load(path, runtime, options, None)?);
        report.phases.runtime_ns = runtime_ns;
        Ok(Self::of(raw, report, options, start))
    }

    /// A session of a model file, by way of a cache folder.
    pub(in crate::engine) fn from_cache(
        path: &Path,
        folder: &Path,
        options: &SessionOptions,
    ) -> Result<Self> {
        let start = Instant::now();
        let (runtime, runtime_ns) = checked_runtime(options)?;
        let store = Store::open(folder);
        let cached = compile::cached::load(path, runtime, options, &store, None)?;
        let (raw, mut report) = match cached.made {
            Made::FromEntry(loaded) => Self::of_loaded(*loaded),
            Made::FromModel { raw, create_ns, store_ns } => {
                let phases = LoadPhases { create_ns, store_ns, ..LoadPhases::default() };
                (raw, SessionReport { phases, ..SessionReport::default() })
            }
        };
        let folder = Some(folder.to_owned());
        report.cache = CacheReport { outcome: cached.outcome, folder, key: cached.key };
        report.plan = cached.plan;
        report.phases.runtime_ns = runtime_ns;
        report.phases.check_ns = cached.check_ns;
        report.phases.digest_ns = cached.digest_ns;
        report.warnings.extend(cached.warnings);
        Ok(Self::of(raw, report, options, start))
    }

    /// The session, with something more in its report.
    pub(in crate::engine) fn with_report(mut self, change: impl FnOnce(&mut SessionReport)) -> Self {
        // Nobody else has a handle of a session that was just made.
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            change(&mut inner.report);
        }
        self
    }

    fn of_loaded(loaded: Loaded) -> (RawSession, SessionReport) {
        let Loaded { raw, portable_reason, mapped_bytes, map_ns, create_ns, plan, mut warnings, .. } = loaded;
        // Written by Ortlet; what a later version has written and this one cannot read is no reason to fail.
        let precision = loaded.change_report.and_then(|report| match serde_json::from_value(report) {
            Ok(report) => Some(as_it_runs(report, portable_reason.as_deref())),
            Err(error) => {
                warnings.push(format!("the artifact's report on its precision cannot be read: {error}"));
                None
            }
        });
        let origin =
            if portable_reason.is_none() { Origin::ArtifactDevice } else { Origin::ArtifactPortable };
        let phases = LoadPhases { map_ns, create_ns, ..LoadPhases::default() };
        let report = SessionReport {
            origin,
            portable_reason,
            phases,
            mapped_bytes,
            plan,
            precision,
            warnings,
            ..Default::default()
        };
        (raw, report)
    }

    fn of(raw: RawSession, mut report: SessionReport, options: &SessionOptions, start: Instant) -> Self {
        if options.warm_up_runs > 0 {
            let start = Instant::now();
            if let Err(error) = warm_up::run(&raw, options.warm_up_runs) {
                report.warnings.push(format!("not warmed up: {error}"));
            }
            report.phases.warm_up_ns = nanoseconds(start);
        }
        report.phases.total_ns = nanoseconds(start);
        Self { inner: Arc::new(Inner::new(raw, report, options)) }
    }

    /// How the session came to be: where it came from, where the time went, what memory it takes. Looks at the
    /// process's memory at each call.
    pub fn report(&self) -> SessionReport {
        let mut report = self.inner.report.clone();
        report.phases.first_run_ns = self.inner.first_run_ns.get().copied();
        report.private_bytes = memory::private_bytes();
        report
    }

    /// Counts and latencies of the session's runs since it was loaded, those of bindings and futures included, and
    /// how it was loaded. Recording takes no lock; this call looks at the process's memory.
    ///
    /// `compute` is the time in ONNX Runtime's call. Of runs that typically take less than 5 microseconds, one in
    /// eight is timed, so there `compute` counts fewer than `run_count`.
    pub fn metrics(&self) -> SessionMetrics {
        self.inner.metrics()
    }

    /// Names and types of the inputs that a run needs.
    pub fn inputs(&self) -> &[ValueInfo] {
        self.inner.raw.inputs()
    }

    /// Names and types of the outputs.
    pub fn outputs(&self) -> &[ValueInfo] {
        self.inner.raw.outputs()
    }

    /// Initializers that a run may replace by giving an input of that name.
    pub fn overridable_initializers(&self) -> &[ValueInfo] {
        self.inner.raw.initializers()
    }

    /// Runs the model and gives all outputs. Inputs are not copied (misaligned memory excepted), and outputs stay in
    /// ONNX Runtime's memory until they are dropped.
    ///
    /// # Errors
    /// `not_found` for a name that is no input, `tensor_mismatch` for an input that is missing or has another type,
    /// rank or fixed size than declared, `invalid_argument` for an input given twice, `unsupported` for sparse and
    /// opaque values, `runtime_failed` if ONNX Runtime fails, `pool_exhausted` if the session's
    /// [`concurrency_limit`](SessionOptions::concurrency_limit) is reached for too long.
    pub fn run<'a, N, V>(&self, inputs: impl IntoIterator<Item = (N, V)>) -> Result<Outputs>
    where
        N: AsRef<str>,
        V: Into<ValueView<'a>>,
    {
        let views = inputs.into_iter().map(|(name, value)| (name, value.into()));
        self.inner.run_values(views, &self.inner.all_outputs, &Control::default())
    }

    /// Runs the model with options.
    ///
    /// # Errors
    /// As [`Session::run`]; also `not_found` for an output that the model does not have, `invalid_argument` for one that
    /// is asked for twice and for no outputs at all, `deadline_exceeded` and `cancelled`.
    pub fn run_with<'a, N, V>(
        &self,
        inputs: impl IntoIterator<Item = (N, V)>,
        options: &RunOptions,
    ) -> Result<Outputs>
    where
        N: AsRef<str>,
        V: Into<ValueView<'a>>,
    {
        let control = options.control(Instant::now());
        let views = inputs.into_iter().map(|(name, value)| (name, value.into()));
        self.inner.run_values(views, &self.inner.wanted(options)?, &control)
    }

    /// Runs the model on another thread and gives a future of the outputs.
    ///
    /// The future belongs to no particular executor and never blocks one. Dropping it cancels the run. What is wrong
    /// with the inputs is told by the future too. The process runs as many of these at once as suits its cores; the
    /// others wait, and a deadline counts from this call on.
    pub fn run_async<N, V>(&self, inputs: impl IntoIterator<Item = (N, V)>, options: RunOptions) -> RunFuture
    where
        N: Into<String>,
        V: Into<Value>,
    {
        let inputs = inputs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        RunFuture::start(self.inner.clone(), inputs, options)
    }

    /// Fixed memory for inputs and outputs, prepared once for many runs: see [`Binding`].
    ///
    /// `shapes` are those of inputs, and if wanted of outputs, whose shapes the model does not fix.
    ///
    /// # Errors
    /// As [`Binder::bind`].
    pub fn bind<N, S>(&self, shapes: impl IntoIterator<Item = (N, S)>) -> Result<Binding<'static>>
    where
        N: Into<String>,
        S: Into<Shape>,
    {
        shapes.into_iter().fold(self.binder(), |binder, (name, shape)| binder.shape(name, shape)).bind()
    }

    /// As [`bind`](Self::bind), with memory of the caller's or with outputs that are the next run's inputs.
    pub fn binder<'m>(&self) -> Binder<'m> {
        Binder::new(self.inner.clone())
    }
}

/// The report on an artifact's precision, as far as it is true here: where the portable model runs, and that is the
/// original, nothing was changed.
fn as_it_runs(report: PrecisionReport, portable_reason: Option<&str>) -> PrecisionReport {
    let Some(reason) = portable_reason.filter(|_| report.needs_ortlet) else { return report };
    let blocks = report.blocks.into_iter();
    PrecisionReport {
        verdict: format!("the original runs here: {reason}"),
        chosen: "original".to_owned(),
        time_ratio: None,
        accuracy: None,
        needs_ortlet: false,
        blocks: blocks
            .map(|block| PrecisionBlock { precision: None, reason: Some(reason.to_owned()), ..block })
            .collect(),
        ..report
    }
}

/// The runtime, once the options are known to make sense, and how long it took to load.
fn checked_runtime(options: &SessionOptions) -> Result<(&'static Runtime, u64)> {
    check::options(options)?;
    let start = Instant::now();
    Ok((Runtime::load(&options.runtime)?, nanoseconds(start)))
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |infos: &[ValueInfo]| infos.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        write!(f, "Session({} -> {})", list(self.inputs()), list(self.outputs()))
    }
}
