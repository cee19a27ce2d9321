//! Sessions: a model that is ready to run.

mod check;
mod memory;
mod outputs;
mod report;

use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use smallvec::SmallVec;

use crate::Result;
use crate::engine::compile::cached::Made;
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::load::Loaded;
use crate::engine::compile::{self, Store, admit};
use crate::engine::runtime::{
    BorrowedInput, Creation, ModelSource, OwnedValue, RawSession, Runtime, SessionOptions, from_output,
};
use crate::metrics::LoadPhases;
use crate::model::Model;
use crate::tensor::{Value, ValueInfo, ValueView};

pub use outputs::Outputs;
pub use report::{CacheReport, Origin, SessionReport};

/// A model that is ready to run.
///
/// `Send` and `Sync`: any number of threads may call [`run`](Session::run) at once. A session computes what plain
/// ONNX Runtime computes with the same settings, to the bit.
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
pub struct Session {
    raw: RawSession,
    /// All outputs in the model's order: what a run gives if nothing else is asked for.
    all_outputs: Vec<usize>,
    report: SessionReport,
    first_run_ns: OnceLock<u64>,
}

/// How one run differs from the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Names of the outputs to compute, in the order wanted; `None` means all. Parts of the model that only serve
    /// other outputs are still computed.
    pub outputs: Option<Vec<String>>,
}

impl Session {
    /// A session of a model in memory, in ONNX or ORT format.
    ///
    /// # Errors
    /// As [`Session::load`]; `not_found` also if the model has external data and
    /// [`external_data_folder`](SessionOptions::external_data_folder) is not set.
    pub fn from_bytes(bytes: &[u8], options: &SessionOptions) -> Result<Self> {
        let start = Instant::now();
        let folder = options.external_data_folder.as_deref();
        let format = admit::bytes(bytes, &admit::Folders::named(folder))?.format;
        let check_ns = nanoseconds(start);
        let creation = Creation::plain(ModelSource::Bytes { bytes, folder }, format, options);
        Self::create(&creation, check_ns, start)
    }

    /// A session of a model that was opened, made or changed in the program.
    ///
    /// # Errors
    /// As [`Session::from_bytes`].
    pub fn from_model(model: &Model, options: &SessionOptions) -> Result<Self> {
        Self::from_bytes(&model.to_bytes()?, options)
    }

    /// A session made by ONNX Runtime from a checked model.
    pub(in crate::engine) fn create(creation: &Creation<'_>, check_ns: u64, start: Instant) -> Result<Self> {
        let (runtime, runtime_ns) = checked_runtime(creation.options)?;
        let create = Instant::now();
        let raw = RawSession::new(runtime, creation)?;
        let create_ns = nanoseconds(create);
        let phases = LoadPhases { runtime_ns, check_ns, create_ns, ..LoadPhases::default() };
        Ok(Self::of(raw, SessionReport { phases, ..SessionReport::default() }, start))
    }

    /// A session of an artifact.
    pub(in crate::engine) fn from_artifact(path: &Path, options: &SessionOptions) -> Result<Self> {
        let start = Instant::now();
        let (runtime, runtime_ns) = checked_runtime(options)?;
        let (raw, mut report) = Self::of_loaded(compile::load::load(path, runtime, options)?);
        report.phases.runtime_ns = runtime_ns;
        Ok(Self::of(raw, report, start))
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
        let cached = compile::cached::load(path, runtime, options, &store)?;
        let (raw, mut report) = match cached.made {
            Made::FromEntry(loaded) => Self::of_loaded(loaded),
            Made::FromModel { raw, create_ns, store_ns } => {
                let phases = LoadPhases { create_ns, store_ns, ..LoadPhases::default() };
                (raw, SessionReport { phases, ..SessionReport::default() })
            }
        };
        let folder = Some(folder.to_owned());
        report.cache = CacheReport { outcome: cached.outcome, folder, key: cached.key };
        report.phases.runtime_ns = runtime_ns;
        report.phases.check_ns = cached.check_ns;
        report.phases.digest_ns = cached.digest_ns;
        report.warnings = cached.warnings;
        Ok(Self::of(raw, report, start))
    }

    fn of_loaded(loaded: Loaded) -> (RawSession, SessionReport) {
        let Loaded { raw, portable_reason, mapped_bytes, map_ns, create_ns } = loaded;
        let origin =
            if portable_reason.is_none() { Origin::ArtifactDevice } else { Origin::ArtifactPortable };
        let phases = LoadPhases { map_ns, create_ns, ..LoadPhases::default() };
        (raw, SessionReport { origin, portable_reason, phases, mapped_bytes, ..SessionReport::default() })
    }

    fn of(raw: RawSession, mut report: SessionReport, start: Instant) -> Self {
        report.phases.total_ns = nanoseconds(start);
        let all_outputs = (0..raw.outputs().len()).collect();
        Self { raw, all_outputs, report, first_run_ns: OnceLock::new() }
    }

    /// How the session came to be: where it came from, where the time went, what memory it takes. Looks at the
    /// process's memory at each call.
    pub fn report(&self) -> SessionReport {
        let mut report = self.report.clone();
        report.phases.first_run_ns = self.first_run_ns.get().copied();
        report.private_bytes = memory::private_bytes();
        report
    }

    /// Names and types of the inputs that a run needs.
    pub fn inputs(&self) -> &[ValueInfo] {
        self.raw.inputs()
    }

    /// Names and types of the outputs.
    pub fn outputs(&self) -> &[ValueInfo] {
        self.raw.outputs()
    }

    /// Initializers that a run may replace by giving an input of that name.
    pub fn overridable_initializers(&self) -> &[ValueInfo] {
        self.raw.initializers()
    }

    /// Runs the model and gives all outputs. Inputs are not copied (misaligned memory excepted), and outputs stay in
    /// ONNX Runtime's memory until they are dropped.
    ///
    /// # Errors
    /// `not_found` for a name that is no input, `tensor_mismatch` for an input that is missing or has another type,
    /// rank or fixed size than declared, `invalid_argument` for an input given twice, `unsupported` for sparse and
    /// opaque values, `runtime_failed` if ONNX Runtime fails.
    pub fn run<'a, N, V>(&self, inputs: impl IntoIterator<Item = (N, V)>) -> Result<Outputs>
    where
        N: AsRef<str>,
        V: Into<ValueView<'a>>,
    {
        self.run_outputs(inputs, &self.all_outputs)
    }

    /// Runs the model with options.
    ///
    /// # Errors
    /// As [`Session::run`]; also `not_found` for an output that the model does not have.
    pub fn run_with<'a, N, V>(
        &self,
        inputs: impl IntoIterator<Item = (N, V)>,
        options: &RunOptions,
    ) -> Result<Outputs>
    where
        N: AsRef<str>,
        V: Into<ValueView<'a>>,
    {
        match &options.outputs {
            None => self.run_outputs(inputs, &self.all_outputs),
            Some(names) => self.run_outputs(inputs, &check::wanted_outputs(self.outputs(), names)?),
        }
    }

    fn run_outputs<'a, N, V>(
        &self,
        inputs: impl IntoIterator<Item = (N, V)>,
        wanted: &[usize],
    ) -> Result<Outputs>
    where
        N: AsRef<str>,
        V: Into<ValueView<'a>>,
    {
        let mut places = SmallVec::<[usize; 8]>::new();
        let mut values = SmallVec::<[BorrowedInput<'a>; 4]>::new();
        let mut absent = Vec::new();
        let declared =
            check::Declared { inputs: self.inputs(), initializers: self.overridable_initializers() };
        for (name, value) in inputs {
            let value = value.into();
            let place = declared.place(name.as_ref())?;
            declared.accepts(place, &value)?;
            if places.contains(&place) || absent.contains(&place) {
                return Err(check::given_twice(name.as_ref()));
            }
            // ONNX Runtime takes an optional input that holds nothing by not getting it at all.
            if matches!(value, ValueView::Value(Value::Optional(None))) {
                absent.push(place);
                continue;
            }
            places.push(place);
            values.push(BorrowedInput::new(&value).map_err(|error| error.context(declared.title(place)))?);
        }
        declared.complete(&places)?;
        let outputs = self.timed_once(|| self.raw.run(&places, &values, wanted))?;
        let named = |(&at, output): (&usize, OwnedValue)| {
            let name = &self.outputs()[at].name;
            let value =
                from_output(output, &values).map_err(|error| error.context(format!("output `{name}`")))?;
            Ok((name.clone(), value))
        };
        Ok(Outputs::new(wanted.iter().zip(outputs).map(named).collect::<Result<_>>()?))
    }

    /// Times the first run, and only that.
    fn timed_once<T>(&self, run: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.first_run_ns.get().is_some() {
            return run();
        }
        let start = Instant::now();
        let result = run()?;
        let _ = self.first_run_ns.set(nanoseconds(start));
        Ok(result)
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
