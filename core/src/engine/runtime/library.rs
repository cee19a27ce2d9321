//! The library: loaded once, checked before use, with the one environment of the process.

use std::error::Error as _;
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use libloading::{Library, Symbol};
use ort::environment::{Environment, GlobalThreadPoolOptions};
use ort::sys::OrtApiBase;
use serde::{Deserialize, Serialize};

use crate::engine::runtime::pool::Pool;
use crate::engine::runtime::{fork, log, own_operators, providers, search};
use crate::error::SearchedPlace;
use crate::{Error, ErrorKind, Result};

/// The oldest ONNX Runtime that works.
pub const MINIMUM_VERSION: &str = "1.24";
const MINIMUM: &[u32] = &[1, 24];

/// Where to look for ONNX Runtime. The first use in a process decides for all of it.
///
/// Without a `path`, the library named by the environment variable `ORTLET_RUNTIME` is taken; without that, the
/// first usable one of: beside the library that contains Ortlet or the program, in `folders`, in a pip-installed
/// `onnxruntime`, by the system's loader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeOptions {
    /// The library, or the folder that holds it. Nothing else is searched then.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "path")))]
    pub path: Option<PathBuf>,
    /// Folders that a binding adds to the search, for example that of its package.
    #[cfg_attr(feature = "schema", schemars(extend("items" = { "type": "string", "format": "path" })))]
    pub folders: Vec<PathBuf>,
}

/// ONNX Runtime, loaded for the whole process. Every method may be called from any thread.
///
/// # Examples
/// ```
/// use ortlet::runtime::{Runtime, RuntimeOptions};
///
/// let runtime = Runtime::load(&RuntimeOptions::default())?;
/// println!("ONNX Runtime {} from {}", runtime.version(), runtime.path().display());
/// # Ok::<(), ortlet::Error>(())
/// ```
pub struct Runtime {
    path: PathBuf,
    version: String,
    environment: Environment,
    pool: Pool,
}

static LOADED: OnceLock<Runtime> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

impl Runtime {
    /// The runtime of this process, loaded by the first call.
    ///
    /// The first call sets the environment variable `ORT_DISABLE_TELEMETRY`, unless it is set: without it, newer
    /// releases of ONNX Runtime keep a database of usage and send it. A program whose other threads read the
    /// environment by way of C at that moment should call this, or set the variable, before it starts them.
    ///
    /// # Errors
    /// `runtime_not_found` with every place searched, `runtime_incompatible` if all that was found is too old,
    /// `invalid_argument` if another library than the one asked for is already loaded, `unsupported` in a process that
    /// was forked after the library was loaded.
    pub fn load(options: &RuntimeOptions) -> Result<&'static Self> {
        // First, because the lock may be held by a thread that stayed with the parent.
        fork::check()?;
        // Taken even when already loaded would be fast without: sessions are created rarely.
        let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = LOADED.get() {
            return runtime.confirm(options);
        }
        let runtime = find(options)?;
        Ok(LOADED.get_or_init(|| runtime))
    }

    /// The runtime, if some call has loaded it.
    pub fn loaded() -> Option<&'static Self> {
        LOADED.get()
    }

    /// The library's file; a bare name if the system's loader chose it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The library's version, for example `1.31.1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How the library was built: branch, commit, compiler flags.
    pub fn build_info(&self) -> String {
        ort::info().to_owned()
    }

    /// Execution providers that sessions can ask for, by the short names that options take.
    pub fn providers(&self) -> Vec<String> {
        providers::available(self)
    }

    /// Adds the execution providers of a plug-in library, under a name of the caller's choice.
    ///
    /// # Errors
    /// `not_found` if there is no such file, `runtime_failed` if the library is no plug-in or the name is taken.
    pub fn register_provider_library(&self, name: &str, path: impl AsRef<Path>) -> Result<()> {
        providers::register_library(self, name, path.as_ref())
    }

    /// Whether the version is this one or newer.
    pub(in crate::engine) fn is_at_least(&self, version: &[u32]) -> bool {
        numbers(&self.version).as_slice() >= version
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Threads of the process's pool that compute one run: one for each physical core that could be used when the
    /// library was loaded.
    pub(in crate::engine) fn pool_thread_count(&self) -> usize {
        self.pool.thread_count()
    }

    /// The compute threads that sessions share.
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    fn confirm(&self, options: &RuntimeOptions) -> Result<&Self> {
        let Some(wanted) = &options.path else { return Ok(self) };
        let place = search::rules(options).remove(0).places.remove(0);
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        if place.library.as_deref().is_some_and(|library| real(library) == real(&self.path)) {
            return Ok(self);
        }
        let reason = format!(
            "`{}` cannot be used: `{}` is already loaded, and a process has one runtime",
            wanted.display(),
            self.path.display()
        );
        Err(Error::invalid_argument("runtime.path", reason))
    }
}

/// Why a place was passed over.
enum Refusal {
    TooOld(String),
    Other(String),
}

fn find(options: &RuntimeOptions) -> Result<Runtime> {
    let mut searched = Vec::new();
    let mut too_old = None;
    for rule in search::rules(options) {
        if rule.places.is_empty() {
            searched.push(SearchedPlace {
                rule: rule.name.into(),
                path: String::new(),
                outcome: "none".into(),
            });
        }
        for place in rule.places {
            let outcome = match place.library.as_deref().map(open) {
                None => "not there".to_owned(),
                Some(Ok(environment)) => return Ok(environment),
                Some(Err(Refusal::TooOld(version))) => {
                    let outcome = format!("version {version} is too old");
                    too_old.get_or_insert((place.shown.display().to_string(), version));
                    outcome
                }
                Some(Err(Refusal::Other(reason))) => reason,
            };
            let path = place.shown.display().to_string();
            searched.push(SearchedPlace { rule: rule.name.into(), path, outcome });
        }
        if rule.binding {
            break;
        }
    }
    Err(match too_old {
        Some((path, version)) => {
            ErrorKind::RuntimeIncompatible { path, version, minimum: MINIMUM_VERSION.into() }.into()
        }
        None => ErrorKind::RuntimeNotFound { searched, remedy: search::remedy() }.into(),
    })
}

/// Loads a library, checks its version before anything else is called, and makes the environment.
fn open(file: &Path) -> Result<Runtime, Refusal> {
    let cannot_start = |error: &dyn std::fmt::Display| Refusal::Other(format!("cannot start: {error}"));
    // SAFETY: loading runs the library's initialisers; that the file is ONNX Runtime is what the search rules say,
    // and there is no way to know more before it is loaded.
    let library = unsafe { Library::new(file) }
        .map_err(|error| Refusal::Other(format!("cannot be loaded: {}", cause(&error))))?;
    let version = match version_of(&library) {
        Ok(version) => version,
        Err(refusal) => {
            // Unloading it could pull the code from under whatever its initialisers have started.
            std::mem::forget(library);
            return Err(refusal);
        }
    };
    switch_telemetry_off();
    fork::watch();
    let pool = Pool::new();
    let builder = ort::init_from(file).map_err(|error| cannot_start(&error))?;
    let environment = threads(&pool)
        .and_then(|threads| {
            let builder = builder.with_name("ortlet").with_telemetry(false).with_logger(log::logger());
            builder.with_global_thread_pool(threads).build()
        })
        .map_err(|error| cannot_start(&error))?;
    environment.set_log_level(log::level());
    own_operators::introduce(&environment).map_err(|error| cannot_start(&error))?;
    Ok(Runtime { path: file.to_owned(), version, environment, pool })
}

/// The environment variable by which ONNX Runtime 1.31 and newer leaves out its telemetry altogether.
const NO_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// Before the environment is made, because that already opens a database, starts a thread and records the start.
/// Switching events off afterwards, which `ort` does, is too late.
fn switch_telemetry_off() {
    if std::env::var_os(NO_TELEMETRY).is_none() {
        // SAFETY: Rust's own readers of the environment are locked out meanwhile. This happens once, on the first use
        // in the process, as the documentation of `Runtime::load` says, so that a program which reads the environment
        // from other languages on other threads can choose when.
        unsafe { std::env::set_var(NO_TELEMETRY, "1") };
    }
}

/// What ONNX Runtime is told of the pool.
fn threads(pool: &Pool) -> ort::Result<GlobalThreadPoolOptions> {
    GlobalThreadPoolOptions::default()
        .with_intra_threads(pool.thread_count())?
        .with_inter_threads(1)?
        .with_thread_manager(pool.workers())
}

/// The loader's own words, which the error only carries as its source.
fn cause(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// The version that a library gives itself, if it is new enough.
fn version_of(library: &Library) -> Result<String, Refusal> {
    let foreign = || Refusal::Other("is not ONNX Runtime".into());
    // SAFETY: `OrtGetApiBase` has had this signature in every release of ONNX Runtime, and its version string is
    // static and NUL-terminated.
    let version = unsafe {
        let get_base: Symbol<unsafe extern "system" fn() -> *const OrtApiBase> =
            library.get(c"OrtGetApiBase").map_err(|_| foreign())?;
        let base = get_base().as_ref().ok_or_else(foreign)?;
        CStr::from_ptr((base.GetVersionString)()).to_string_lossy().into_owned()
    };
    if numbers(&version).as_slice() >= MINIMUM { Ok(version) } else { Err(Refusal::TooOld(version)) }
}

/// `[1, 31, 1]` of `1.31.1`, and of `1.31.1-dev`.
fn numbers(version: &str) -> Vec<u32> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ONNX Runtime {} ({})", self.version, self.path.display())
    }
}
