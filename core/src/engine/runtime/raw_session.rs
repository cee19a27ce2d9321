//! One ONNX Runtime session: created from options, described, run.

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::ptr::NonNull;
use std::time::Duration;

use ort::AsPointer;
use ort::sys::{OrtAllocator, OrtSession, OrtStatusPtr, OrtTypeInfo, OrtValue};
use smallvec::SmallVec;

use crate::engine::runtime::session_options::{OwnedOptions, SaveOptimized};
use crate::engine::runtime::status::check;
use crate::engine::runtime::strings::{c_string, default_allocator, take_string};
use crate::engine::runtime::threading::Threading;
use crate::engine::runtime::type_info::take_type;
use crate::engine::runtime::value::OwnedValue;
use crate::engine::runtime::{Call, EndableRun, IoBinding, Runtime, SessionOptions, exit, fork, providers};
use crate::tensor::ValueInfo;
use crate::{Error, Result};

const DESCRIBE: &str = "describe the session";
const RUN: &str = "run";

/// The configuration entry that says where the external data of a model in memory lies.
const EXTERNAL_FOLDER: &str = "session.model_external_initializers_file_folder_path";

/// What a session is made of.
#[derive(Clone, Copy)]
pub(in crate::engine) enum ModelSource<'a> {
    /// A file; external data lies beside it.
    File(&'a Path),
    /// The bytes of a model whose external data, if any, lies in the folder.
    Bytes {
        /// The model.
        bytes: &'a [u8],
        /// Where external data is read from.
        folder: Option<&'a Path>,
    },
}

/// The formats that ONNX Runtime reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum ModelFormat {
    /// Protocol Buffers, as every exporter writes.
    Onnx,
    /// ONNX Runtime's own flat buffers.
    Ort,
}

impl ModelFormat {
    /// As ONNX Runtime's configuration names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Onnx => "ONNX",
            Self::Ort => "ORT",
        }
    }
}

/// How a session comes to be.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Creation<'a> {
    pub(in crate::engine) source: ModelSource<'a>,
    pub(in crate::engine) format: ModelFormat,
    pub(in crate::engine) options: &'a SessionOptions,
    /// The graph is optimised already and must not be again.
    pub(in crate::engine) optimized: bool,
    pub(in crate::engine) save: Option<SaveOptimized<'a>>,
    /// Where the runs are recorded: the path that the name of ONNX Runtime's file starts with.
    pub(in crate::engine) profile: Option<&'a Path>,
    /// Whether the model may have nodes of Ortlet's own operators. To let ONNX Runtime know them takes as long as two
    /// thirds of the smallest session.
    pub(in crate::engine) own_operators: bool,
}

impl<'a> Creation<'a> {
    /// The ordinary way: optimised now, kept nowhere, with any operators.
    pub(in crate::engine) fn plain(
        source: ModelSource<'a>,
        format: ModelFormat,
        options: &'a SessionOptions,
    ) -> Self {
        Self { source, format, options, optimized: false, save: None, profile: None, own_operators: true }
    }
}

/// A session of ONNX Runtime's. `run` may be called from many threads at once.
pub(in crate::engine) struct RawSession {
    session: NonNull<OrtSession>,
    threading: Threading,
    copies_bound_inputs: bool,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    initializers: Vec<ValueInfo>,
    /// Names of the inputs, then of the overridable initializers.
    input_names: Vec<CString>,
    output_names: Vec<CString>,
}

// SAFETY: a session has no tie to the thread that made it.
unsafe impl Send for RawSession {}
// SAFETY: `Run` is safe to call concurrently by ONNX Runtime's contract for the CPU and CUDA providers, and sessions
// with other providers serialise it themselves; everything else here only reads.
unsafe impl Sync for RawSession {}

impl RawSession {
    /// Creates a session.
    ///
    /// # Errors
    /// `invalid_argument` and `not_found` for options, `invalid_model`, `unsupported` and `runtime_failed` for models.
    pub(in crate::engine) fn new(runtime: &'static Runtime, creation: &Creation<'_>) -> Result<Self> {
        let own = OwnedOptions::new(runtime, creation)?;
        if let Some(save) = &creation.save {
            own.save(save)?;
        }
        if let Some(prefix) = creation.profile {
            own.profile(prefix)?;
        }
        let environment = runtime.environment().ptr();
        let mut session = std::ptr::null_mut();
        let status = match creation.source {
            ModelSource::File(path) => {
                let path = providers::os_string(path)?;
                // SAFETY: environment, options and path are alive.
                unsafe { (ort::api().CreateSession)(environment, path.as_ptr(), own.0, &mut session) }
            }
            ModelSource::Bytes { bytes, folder } => {
                if let Some(folder) = folder {
                    own.config(EXTERNAL_FOLDER, &folder.to_string_lossy())?;
                }
                let (data, len) = (bytes.as_ptr().cast(), bytes.len());
                // SAFETY: environment, options and bytes are alive; what is kept of the bytes is copied.
                unsafe { (ort::api().CreateSessionFromArray)(environment, data, len, own.0, &mut session) }
            }
        };
        exit::stay_ahead();
        check(status, "create the session")?;
        let session = NonNull::new(session).ok_or_else(|| Error::internal("ONNX Runtime gave no session"))?;
        let threading = Threading::new(runtime, creation)?;
        Self {
            session,
            threading,
            copies_bound_inputs: !creation.options.providers.iter().all(providers::is_cpu),
            inputs: vec![],
            outputs: vec![],
            initializers: vec![],
            input_names: vec![],
            output_names: vec![],
        }
        .described()
    }

    /// Reads names and types.
    fn described(mut self) -> Result<Self> {
        let api = ort::api();
        self.inputs =
            self.list(api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo)?;
        self.outputs =
            self.list(api.SessionGetOutputCount, api.SessionGetOutputName, api.SessionGetOutputTypeInfo)?;
        self.initializers = self.list(
            api.SessionGetOverridableInitializerCount,
            api.SessionGetOverridableInitializerName,
            api.SessionGetOverridableInitializerTypeInfo,
        )?;
        let c_name = |info: &ValueInfo| c_string("name", &info.name);
        self.input_names = self.inputs.iter().chain(&self.initializers).map(c_name).collect::<Result<_>>()?;
        self.output_names = self.outputs.iter().map(c_name).collect::<Result<_>>()?;
        Ok(self)
    }

    fn list(&self, count: GetCount, name: GetName, type_info: GetType) -> Result<Vec<ValueInfo>> {
        let (session, allocator) = (self.session.as_ptr().cast_const(), default_allocator()?);
        let mut len = 0;
        // SAFETY: the session is alive, indices are below the count, and names come from the allocator given.
        unsafe {
            check(count(session, &mut len), DESCRIBE)?;
            let describe = |index| {
                let (mut text, mut info) = (std::ptr::null_mut(), std::ptr::null_mut());
                check(name(session, index, allocator, &mut text), DESCRIBE)?;
                let name = take_string(text)?;
                check(type_info(session, index, &mut info), DESCRIBE)?;
                Ok(ValueInfo { name, value_type: take_type(info)? })
            };
            (0..len).map(describe).collect()
        }
    }

    pub(in crate::engine) fn inputs(&self) -> &[ValueInfo] {
        &self.inputs
    }

    pub(in crate::engine) fn outputs(&self) -> &[ValueInfo] {
        &self.outputs
    }

    /// Initializers that an input may replace.
    pub(in crate::engine) fn initializers(&self) -> &[ValueInfo] {
        &self.initializers
    }

    /// Runs the model, and gives the time that took if it was taken; `outputs` are indices of the outputs wanted.
    pub(in crate::engine) fn run(
        &self,
        call: &Call<'_, '_>,
        outputs: &[usize],
        options: Option<&EndableRun>,
    ) -> (Result<SmallVec<[OwnedValue; 4]>>, Option<Duration>) {
        let mut names = SmallVec::<[*const c_char; 8]>::new();
        let mut values = SmallVec::<[*const OrtValue; 8]>::new();
        for (place, value) in call.inputs() {
            names.push(self.input_names[place].as_ptr());
            values.push(value.pointer());
        }
        // Pushed one by one, here and below, because that is quicker for a few than to extend or collect.
        let mut wanted = SmallVec::<[*const c_char; 4]>::new();
        let mut results = SmallVec::<[*mut OrtValue; 4]>::new();
        for &at in outputs {
            wanted.push(self.output_names[at].as_ptr());
            results.push(std::ptr::null_mut());
        }
        let options = options.map_or(std::ptr::null(), EndableRun::pointer);
        // SAFETY: session, options, names and values are alive, and the arrays have the lengths given.
        let (status, time) = self.threading.timed(|| unsafe {
            (ort::api().Run)(
                self.session.as_ptr(),
                options,
                names.as_ptr(),
                values.as_ptr(),
                values.len().min(names.len()),
                wanted.as_ptr(),
                wanted.len(),
                results.as_mut_ptr(),
            )
        });
        let owned = |()| {
            let mut owned = SmallVec::new();
            for result in results {
                // SAFETY: a successful run gives each result to us (a failed one leaves none behind).
                owned.push(unsafe { OwnedValue::new(result)? });
            }
            Ok(owned)
        };
        (check(status, RUN).and_then(owned), time)
    }

    /// Runs the model on what is bound, and gives the time that took if it was taken.
    pub(in crate::engine) fn run_bound(
        &self,
        binding: &mut IoBinding,
        options: Option<&EndableRun>,
    ) -> (Result<()>, Option<Duration>) {
        let options = options.map_or(std::ptr::null(), EndableRun::pointer);
        // SAFETY: session, options and binding are alive, and the binding is of this session and used by nobody else.
        let (status, time) = self.threading.timed(|| unsafe {
            (ort::api().RunWithBinding)(self.session.as_ptr(), options, binding.pointer())
        });
        (check(status, RUN), time)
    }

    /// Whether binding an input may copy it to a device, so that later changes need it to be bound again.
    pub(in crate::engine) fn copies_bound_inputs(&self) -> bool {
        self.copies_bound_inputs
    }

    pub(super) fn pointer(&self) -> *mut OrtSession {
        self.session.as_ptr()
    }

    pub(super) fn input_name(&self, place: usize) -> &CStr {
        &self.input_names[place]
    }

    pub(super) fn output_name(&self, index: usize) -> &CStr {
        &self.output_names[index]
    }
}

impl Drop for RawSession {
    fn drop(&mut self) {
        // It would wait for threads that stayed with the parent.
        if fork::is_child() {
            return;
        }
        // SAFETY: alive and ours; no run can be under way, because each borrows the session.
        unsafe { (ort::api().ReleaseSession)(self.session.as_ptr()) }
    }
}

type GetCount = unsafe extern "system" fn(*const OrtSession, *mut usize) -> OrtStatusPtr;
type GetName =
    unsafe extern "system" fn(*const OrtSession, usize, *mut OrtAllocator, *mut *mut c_char) -> OrtStatusPtr;
type GetType = unsafe extern "system" fn(*const OrtSession, usize, *mut *mut OrtTypeInfo) -> OrtStatusPtr;
