//! How workers are put to sleep: a task in ONNX Runtime's own queue that waits at a gate.
//!
//! Only a kernel gets at ONNX Runtime's threads, so there is a session of its own with one node, whose kernel runs a
//! parallel loop with one iteration for each thread.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use ort::AsPointer;
use ort::sys::{
    GraphOptimizationLevel, ONNXTensorElementDataType, ORT_API_VERSION, OrtApi, OrtCustomOp,
    OrtCustomOpDomain, OrtCustomOpInputOutputCharacteristic, OrtKernelContext, OrtKernelInfo, OrtMemType,
    OrtSession, OrtStatusPtr,
};

use super::Pool;
use crate::engine::runtime::Runtime;
use crate::engine::runtime::session_options::OwnedOptions;
use crate::engine::runtime::status::check;
use crate::engine::runtime::tiny_model::{self, OUTPUT, field};
use crate::{Error, Result};

/// What workers wait at.
pub(super) struct Gate {
    closed: AtomicBool,
    lock: Mutex<()>,
    opened: Condvar,
}

impl Gate {
    pub(super) fn open() -> Self {
        Self { closed: AtomicBool::new(false), lock: Mutex::new(()), opened: Condvar::new() }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn set_open(&self) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.closed.store(false, Ordering::SeqCst);
        drop(guard);
        self.opened.notify_all();
    }

    /// Waits until the gate is open, but not longer; gives whether it is.
    pub(super) fn wait_for(&self, time: Duration) -> bool {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.opened.wait_timeout_while(guard, time, |()| self.is_closed());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        !self.is_closed()
    }

    pub(super) fn wait(&self) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while self.is_closed() {
            guard = self.opened.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The operator `Hold`, which is its own kernel.
#[repr(C)]
struct HoldOp {
    /// First, because ONNX Runtime gives its functions a pointer to it.
    base: OrtCustomOp,
    pool: &'static Pool,
}

/// The session whose run occupies the workers.
pub(super) struct Parking {
    session: NonNull<OrtSession>,
    /// These two are never released: ONNX Runtime keeps pointers to them, and there is one of each in a process.
    _domain: NonNull<OrtCustomOpDomain>,
    _op: &'static HoldOp,
}

/// What is never released, for checkers of leaks to find: the session and the operators' domain.
static KEPT: [AtomicPtr<c_void>; 2] = [AtomicPtr::new(ptr::null_mut()), AtomicPtr::new(ptr::null_mut())];

const DOMAIN: &CStr = c"ai.ortlet";
const NAME: &CStr = c"Hold";
const HOLD: &str = "hold its worker threads";

impl Parking {
    /// A session that can hold as many threads as the pool has, the caller's included.
    pub(super) fn new(runtime: &Runtime, pool: &'static Pool) -> Result<Self> {
        let op: &'static HoldOp = Box::leak(Box::new(HoldOp { base: description(), pool }));
        let options = OwnedOptions::bare()?;
        let api = ort::api();
        let (mut domain, mut session) = (ptr::null_mut(), ptr::null_mut());
        let model = model();
        // SAFETY: out pointers are valid, the operator is never freed, options and model live through the calls.
        unsafe {
            check((api.CreateCustomOpDomain)(DOMAIN.as_ptr(), &mut domain), HOLD)?;
            check((api.CustomOpDomain_Add)(domain, &op.base), HOLD)?;
            check((api.AddCustomOpDomain)(options.0, domain), HOLD)?;
            check(
                (api.SetSessionGraphOptimizationLevel)(options.0, GraphOptimizationLevel::ORT_DISABLE_ALL),
                HOLD,
            )?;
            check((api.DisablePerSessionThreads)(options.0), HOLD)?;
            let environment = runtime.environment().ptr();
            let create = api.CreateSessionFromArray;
            check(create(environment, model.as_ptr().cast(), model.len(), options.0, &mut session), HOLD)?;
        }
        let none = || Error::internal("ONNX Runtime gave nothing");
        let (session, domain) =
            (NonNull::new(session).ok_or_else(none)?, NonNull::new(domain).ok_or_else(none)?);
        KEPT[0].store(session.as_ptr().cast(), Ordering::Relaxed);
        KEPT[1].store(domain.as_ptr().cast(), Ordering::Relaxed);
        Ok(Self { session, _domain: domain, _op: op })
    }

    /// Holds the workers until the gate is opened. A worker that is at work is held as soon as it is done.
    pub(super) fn hold_workers(&self) -> Result<()> {
        let mut output = ptr::null_mut();
        // SAFETY: the session is alive, and there are no inputs and one output.
        unsafe {
            let status = (ort::api().Run)(
                self.session.as_ptr(),
                ptr::null(),
                ptr::null(),
                ptr::null(),
                0,
                &OUTPUT.as_ptr(),
                1,
                &mut output,
            );
            check(status, HOLD)?;
            (ort::api().ReleaseValue)(output);
        }
        Ok(())
    }
}

/// One iteration of the loop: waits at the gate.
unsafe extern "C" fn wait_at_gate(pool: *mut c_void, _index: usize) {
    // SAFETY: `compute` passes the pool, which is never freed.
    unsafe { &*pool.cast::<Pool>() }.wait_at_gate();
}

unsafe extern "system" fn compute(kernel: *mut c_void, context: *mut OrtKernelContext) -> OrtStatusPtr {
    // SAFETY: `create` gave the operator, which is never freed, as the kernel; the context is alive in this call, and
    // the output is declared.
    unsafe {
        let op = &*kernel.cast::<HoldOp>();
        let mut output = ptr::null_mut();
        let status = (ort::api().KernelContext_GetOutput)(context, 0, ptr::null(), 0, &mut output);
        if !status.0.is_null() {
            return status;
        }
        let pool = ptr::from_ref(op.pool).cast_mut().cast();
        (ort::api().KernelContext_ParallelFor)(context, wait_at_gate, op.pool.thread_count(), 0, pool)
    }
}

unsafe extern "system" fn create(
    op: *const OrtCustomOp,
    _api: *const OrtApi,
    _info: *const OrtKernelInfo,
    kernel: *mut *mut c_void,
) -> OrtStatusPtr {
    // SAFETY: the out pointer is ONNX Runtime's.
    unsafe { *kernel = op.cast_mut().cast() };
    OrtStatusPtr(ptr::null_mut())
}

unsafe extern "system" fn destroy(_kernel: *mut c_void) {}

unsafe extern "system" fn name(_op: *const OrtCustomOp) -> *const c_char {
    NAME.as_ptr()
}

/// Null means the CPU.
unsafe extern "system" fn provider(_op: *const OrtCustomOp) -> *const c_char {
    ptr::null()
}

unsafe extern "system" fn input_count(_op: *const OrtCustomOp) -> usize {
    0
}

unsafe extern "system" fn output_count(_op: *const OrtCustomOp) -> usize {
    1
}

unsafe extern "system" fn element_type(_op: *const OrtCustomOp, _index: usize) -> ONNXTensorElementDataType {
    ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
}

unsafe extern "system" fn characteristic(
    _op: *const OrtCustomOp,
    _index: usize,
) -> OrtCustomOpInputOutputCharacteristic {
    OrtCustomOpInputOutputCharacteristic::INPUT_OUTPUT_REQUIRED
}

unsafe extern "system" fn memory_type(_op: *const OrtCustomOp, _index: usize) -> OrtMemType {
    OrtMemType::OrtMemTypeDefault
}

unsafe extern "system" fn one(_op: *const OrtCustomOp) -> c_int {
    1
}

fn description() -> OrtCustomOp {
    OrtCustomOp {
        version: ORT_API_VERSION,
        CreateKernel: None,
        GetName: Some(name),
        GetExecutionProviderType: Some(provider),
        GetInputType: Some(element_type),
        GetInputTypeCount: Some(input_count),
        GetOutputType: Some(element_type),
        GetOutputTypeCount: Some(output_count),
        KernelCompute: None,
        KernelDestroy: Some(destroy),
        GetInputCharacteristic: Some(characteristic),
        GetOutputCharacteristic: Some(characteristic),
        GetInputMemoryType: Some(memory_type),
        GetVariadicInputMinArity: Some(one),
        GetVariadicInputHomogeneity: Some(one),
        GetVariadicOutputMinArity: Some(one),
        GetVariadicOutputHomogeneity: Some(one),
        CreateKernelV2: Some(create),
        KernelComputeV2: Some(compute),
        InferOutputShapeFn: None,
        GetStartVersion: Some(one),
        GetEndVersion: Some(one),
        GetMayInplace: None,
        ReleaseMayInplace: None,
        GetAliasMap: None,
        ReleaseAliasMap: None,
    }
}

/// `y = ai.ortlet.Hold()`.
fn model() -> Vec<u8> {
    let node = [field(4, NAME.to_bytes()), field(7, DOMAIN.to_bytes())].concat();
    let float_scalar = [vec![0x08, 1], field(2, &[])].concat();
    tiny_model::model(&node, &field(1, &float_scalar), &DOMAIN.to_string_lossy(), 1)
}
