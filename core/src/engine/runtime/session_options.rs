//! ONNX Runtime's own session options, made from ours.

use std::path::Path;

use ort::sys::{GraphOptimizationLevel, OrtSessionOptions};

use crate::engine::ops;
use crate::engine::runtime::status::check;
use crate::engine::runtime::strings::c_string;
use crate::engine::runtime::{
    Creation, OptimizationLevel, Profile, Runtime, SessionOptions, Threads, providers,
};
use crate::{Error, Result};

/// How long worker threads go on looking for work after a run, in microseconds.
///
/// ONNX Runtime's own default lets them spin for tens of milliseconds, which burns a core for every session that is
/// used now and then. Ending it with the run makes back-to-back runs up to 2.8 times slower on some machines, where a
/// thread that sleeps is slow to wake; a millisecond keeps them as fast as the default at a fifth of the CPU time.
const SPIN_DURATION_US: &str = "1000";

/// More threads than any device has; a larger number is a mistake that would exhaust the process.
const MAX_THREADS: u32 = 1024;

/// Configuration entries that only make sense for threads of a session's own, or are only safe with them.
const OWN_THREADS_CONFIG: [&str; 4] = [
    "session.intra_op",
    "session.force_spinning_stop",
    "session.use_per_session_threads",
    // As `Creation::profile`.
    "session.enable_profiling",
];

/// Where the threads of a session's runs come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThreadSource {
    /// The process's pool.
    Pool,
    /// This many of its own, the caller's included.
    Own(usize),
}

impl ThreadSource {
    /// # Errors
    /// `invalid_argument` for a number of threads that no device has.
    pub(super) fn of(runtime: &Runtime, creation: &Creation<'_>) -> Result<Self> {
        let options = creation.options;
        let pool = runtime.pool().thread_count();
        let wanted = match (options.threads, options.profile) {
            (Threads::Auto, Profile::Throughput) => 1,
            (Threads::Auto, Profile::Latency | Profile::Battery) => pool,
            (Threads::Count(count @ 1..=MAX_THREADS), _) => count as usize,
            (Threads::Count(count), _) => {
                let reason = format!("{count} is not between 1 and {MAX_THREADS}");
                return Err(Error::invalid_argument("threads", reason));
            }
        };
        let is_own = |key: &String| OWN_THREADS_CONFIG.iter().any(|start| key.starts_with(start));
        // Profiling a session profiles its threads too. Switched on while threads of the pool are at work, or asleep,
        // it corrupts ONNX Runtime's memory.
        let needs_own = creation.profile.is_some() || options.config.keys().any(is_own);
        let pooled = wanted == pool && wanted > 1 && !needs_own;
        Ok(if pooled { Self::Pool } else { Self::Own(wanted) })
    }

    /// How many threads that are, the caller's included.
    fn count(self, runtime: &Runtime) -> usize {
        match self {
            Self::Pool => runtime.pool().thread_count(),
            Self::Own(count) => count,
        }
    }
}

/// The configuration entry that bounds spinning: by time, or, before 1.26, by the end of the run.
fn spin_policy(runtime: &Runtime) -> (&'static str, &'static str) {
    if runtime.is_at_least(&[1, 26]) {
        ("session.intra_op.spin_duration_us", SPIN_DURATION_US)
    } else {
        ("session.force_spinning_stop", "1")
    }
}

/// Where and how the optimised graph is kept while a session is created.
#[derive(Clone, Copy)]
pub(in crate::engine) struct SaveOptimized<'a> {
    /// File of the graph.
    pub(in crate::engine) model: &'a Path,
    /// Name of the file beside it that takes the initializers, raw and packed for the kernels; `None` keeps them in
    /// the graph, raw.
    pub(in crate::engine) data: Option<&'a str>,
    /// Initializers below this size stay in the graph.
    pub(in crate::engine) min_external_bytes: usize,
}

/// ONNX Runtime's session options, released at the end.
pub(super) struct OwnedOptions(pub(super) *mut OrtSessionOptions);

impl OwnedOptions {
    pub(super) fn new(runtime: &Runtime, creation: &Creation<'_>) -> Result<Self> {
        let options = creation.options;
        let api = ort::api();
        let own = Self::bare()?;
        let level = if creation.optimized { OptimizationLevel::None } else { options.optimization_level };
        // SAFETY: the options are alive.
        let status = unsafe { (api.SetSessionGraphOptimizationLevel)(own.0, to_ort(level)) };
        check(status, "set the optimization level")?;
        let threads = ThreadSource::of(runtime, creation)?;
        own.threads(runtime, threads)?;
        own.dims(options)?;
        // Told, because ONNX Runtime would go by the file's name.
        own.config("session.load_model_format", creation.format.name())?;
        for (key, value) in &options.config {
            own.config(key, value)?;
        }
        if creation.own_operators {
            own.operators(threads.count(runtime))?;
        }
        for provider in &options.providers {
            providers::append(runtime, own.0, provider)?;
        }
        Ok(own)
    }

    /// ONNX Runtime's defaults.
    pub(super) fn bare() -> Result<Self> {
        let mut own = std::ptr::null_mut();
        // SAFETY: the out pointer is valid.
        check(unsafe { (ort::api().CreateSessionOptions)(&mut own) }, "create session options")?;
        Ok(Self(own))
    }

    /// Has the optimised graph saved while the session is created.
    pub(super) fn save(&self, save: &SaveOptimized<'_>) -> Result<()> {
        let path = providers::os_string(save.model)?;
        // SAFETY: the options are alive and the path lives through the call.
        let status = unsafe { (ort::api().SetOptimizedModelFilePath)(self.0, path.as_ptr()) };
        check(status, "say where the optimised model goes")?;
        if let Some(data) = save.data {
            self.config("session.optimized_model_external_initializers_file_name", data)?;
            let least = save.min_external_bytes.to_string();
            self.config("session.optimized_model_external_initializers_min_size_in_bytes", &least)?;
            self.config("session.save_external_prepacked_constant_initializers", "1")?;
        }
        self.config("session.save_model_format", "ONNX")
    }

    fn threads(&self, runtime: &Runtime, source: ThreadSource) -> Result<()> {
        let count = match source {
            ThreadSource::Pool => {
                // SAFETY: the options are alive.
                let status = unsafe { (ort::api().DisablePerSessionThreads)(self.0) };
                return check(status, "share the process's threads");
            }
            ThreadSource::Own(count) => count as i32,
        };
        // SAFETY: the options are alive.
        check(unsafe { (ort::api().SetIntraOpNumThreads)(self.0, count) }, "set the thread count")?;
        let (key, value) = spin_policy(runtime);
        self.config(key, value)
    }

    /// Ortlet's own operators, and how many threads their loops have.
    fn operators(&self, threads: usize) -> Result<()> {
        // SAFETY: the options are alive.
        check(unsafe { ops::add_domain(self.0) }, "add Ortlet's operators")?;
        self.config(ops::THREADS_ENTRY, &threads.to_string())
    }

    fn dims(&self, options: &SessionOptions) -> Result<()> {
        for (name, &size) in &options.dims {
            let wrong = |reason: &str| Error::invalid_argument(format!("dims.{name}"), reason);
            let size = i64::try_from(size).map_err(|_| wrong("too large"))?;
            let name = c_string("dims", name)?;
            // SAFETY: the options are alive and the name lives through the call.
            let status = unsafe { (ort::api().AddFreeDimensionOverrideByName)(self.0, name.as_ptr(), size) };
            check(status, "fix a dimension")?;
        }
        Ok(())
    }

    pub(super) fn config(&self, key: &str, value: &str) -> Result<()> {
        let wrong = |error: Error| Error::invalid_argument(format!("config.{key}"), error.to_string());
        let (c_key, c_value) = (c_string("config", key)?, c_string("config", value)?);
        // SAFETY: the options are alive and the texts live through the call.
        let status = unsafe { (ort::api().AddSessionConfigEntry)(self.0, c_key.as_ptr(), c_value.as_ptr()) };
        check(status, "set a configuration entry").map_err(wrong)
    }
}

impl Drop for OwnedOptions {
    fn drop(&mut self) {
        // SAFETY: alive and ours.
        unsafe { (ort::api().ReleaseSessionOptions)(self.0) }
    }
}

fn to_ort(level: OptimizationLevel) -> GraphOptimizationLevel {
    match level {
        OptimizationLevel::None => GraphOptimizationLevel::ORT_DISABLE_ALL,
        OptimizationLevel::Basic => GraphOptimizationLevel::ORT_ENABLE_BASIC,
        OptimizationLevel::Extended => GraphOptimizationLevel::ORT_ENABLE_EXTENDED,
        OptimizationLevel::Layout => GraphOptimizationLevel::ORT_ENABLE_LAYOUT,
        OptimizationLevel::All => GraphOptimizationLevel::ORT_ENABLE_ALL,
    }
}
