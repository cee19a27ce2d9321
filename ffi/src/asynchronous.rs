//! Runs on other threads, whose end a function of the caller's is told.

use std::ffi::{CString, c_void};
use std::future::Future;
use std::pin::Pin;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use ortlet::{Error, Outputs, Result, RunFuture};

use crate::arguments::reference;
use crate::error::ortlet_error;
use crate::guard::guard;
use crate::input::{ortlet_input, owned};
use crate::outputs::ortlet_outputs;
use crate::run::ortlet_run_options;
use crate::session::ortlet_session;
use crate::status::ortlet_status;

/// Is told that a run is over: with its outputs, or with an error. One of the two is not `NULL`, and the function owns
/// it. It is called once, on a thread of Ortlet's, which it should leave soon; it must not throw or jump out.
pub type ortlet_run_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, outputs: *mut ortlet_outputs, error: *mut ortlet_error),
>;

/// Runs the model on another thread and tells `callback` when it is over. Inputs are copied and not needed after the
/// call; `options` neither, but a deadline counts from the call on. The process runs as many of these at once as suits
/// its cores; others wait.
///
/// `callback` is called exactly once if the function returns `ORTLET_OK`, and never otherwise. What is wrong with the
/// inputs' names, types and shapes is told by it too.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL` and for memory that makes no tensor. Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_run_async(
    session: *const ortlet_session,
    run_inputs: *const ortlet_input,
    input_count: usize,
    options: *const ortlet_run_options,
    callback: ortlet_run_callback,
    user_data: *mut c_void,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let session = reference(session, "session")?;
            let function = callback.ok_or_else(|| Error::invalid_argument("callback", "is NULL"))?;
            let inputs = owned(run_inputs, input_count)?;
            let options = ortlet_run_options::read(options)?.unwrap_or_default();
            let future = session.session.run_async(inputs, options);
            let callback = Callback { function, user_data, names: session.output_names.clone() };
            Arc::new(Pending(Mutex::new(Some((future, callback))))).wake();
            Ok(())
        })
    }
}

struct Callback {
    function: unsafe extern "C" fn(*mut c_void, *mut ortlet_outputs, *mut ortlet_error),
    user_data: *mut c_void,
    names: Arc<[CString]>,
}

// SAFETY: the header says that the function is called on another thread with what the caller gave.
unsafe impl Send for Callback {}

impl Callback {
    fn call(self, result: Result<Outputs>) {
        let (outputs, error) = match result {
            Ok(outputs) => (Box::into_raw(Box::new(ortlet_outputs::new(outputs, self.names))), null_mut()),
            Err(error) => (null_mut(), Box::into_raw(ortlet_error::new(&error))),
        };
        // SAFETY: the caller's function, called once, with handles that it owns from now on.
        unsafe { (self.function)(self.user_data, outputs, error) }
    }
}

/// A run that is not over yet. Being woken, it looks whether it is now.
struct Pending(Mutex<Option<(RunFuture, Callback)>>);

impl Wake for Pending {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((mut future, callback)) = pending.take() else { return };
        match Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => *pending = Some((future, callback)),
            Poll::Ready(result) => {
                // The function may take its time, and may start another run.
                drop(pending);
                callback.call(result);
            }
        }
    }
}
