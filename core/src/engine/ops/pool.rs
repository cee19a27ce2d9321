//! The session's threads as the kernels' pool.

use std::any::Any;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use ort::sys::OrtKernelContext;
use ortlet_kernels::Parallel;

use super::problem::{Problem, check};

/// Loops of one call of a kernel on the session's threads.
pub(super) struct SessionPool<'c> {
    context: *const OrtKernelContext,
    threads: usize,
    call: PhantomData<&'c ()>,
}

/// What the tasks of a loop share.
struct Loop<'t> {
    task: &'t (dyn Fn(usize) + Sync),
    /// The first task's panic.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl SessionPool<'_> {
    /// # Safety
    /// `context` has to be valid for as long as the pool is.
    pub(super) unsafe fn new(context: *const OrtKernelContext, threads: usize) -> Self {
        Self { context, threads, call: PhantomData }
    }
}

// SAFETY: ONNX Runtime calls the function for each index once, and comes back when all calls have ended. If it fails
// before that, the panic below keeps anybody from using results that are not there.
unsafe impl Parallel for SessionPool<'_> {
    fn threads(&self) -> usize {
        self.threads
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        if tasks <= 1 || self.threads <= 1 {
            return (0..tasks).for_each(task);
        }
        let shared = Loop { task, panic: Mutex::new(None) };
        let data = (&raw const shared).cast_mut().cast::<c_void>();
        // SAFETY: the context is alive, and what the tasks share is until all of them have ended, which is when the
        // call comes back.
        let status = unsafe { (ort::api().KernelContext_ParallelFor)(self.context, call, tasks, 0, data) };
        // Passed on to the function that ONNX Runtime has called, which makes an error of it.
        if let Some(panic) = shared.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(panic);
        }
        if let Err(Problem::Status(status)) = check(status) {
            // SAFETY: the status is ours.
            unsafe { (ort::api().ReleaseStatus)(status.0) };
            panic!("ONNX Runtime could not run a parallel loop");
        }
    }
}

/// One task. A panic must not get into ONNX Runtime's loop, so it is kept for whoever started that.
unsafe extern "C" fn call(data: *mut c_void, index: usize) {
    // SAFETY: `run` passes what the tasks share, which lives until they have ended and is only read.
    let shared = unsafe { &*data.cast_const().cast::<Loop<'_>>() };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (shared.task)(index))) {
        let mut first = shared.panic.lock().unwrap_or_else(PoisonError::into_inner);
        match &*first {
            None => *first = Some(panic),
            // To drop it could panic again.
            Some(_) => std::mem::forget(panic),
        }
    }
}
