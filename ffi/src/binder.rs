//! Says what a binding is to be.

use std::ffi::c_char;

use ortlet::Session;
use ortlet::tensor::Shape;

use crate::arguments::{exclusive, give, handle_output, reference, text};
use crate::binding::ortlet_binding;
use crate::error::ortlet_error;
use crate::guard::{self, guard};
use crate::session::ortlet_session;
use crate::status::ortlet_status;
use crate::tensor::{ortlet_tensor_mut, shape};

/// Says what a binding is to be: shapes of inputs and outputs, memory of the caller's, outputs that are the next run's
/// inputs. Owned by whoever made it; freed by `ortlet_binder_free`.
pub struct ortlet_binder {
    session: Session,
    shapes: Vec<(String, Shape)>,
    memory: Vec<(String, Memory)>,
    ties: Vec<(String, String)>,
}

/// Memory of the caller's, and the dimensions, which are copied.
struct Memory {
    tensor: ortlet_tensor_mut,
    shape: Shape,
}

// SAFETY: what it leads to is the caller's, who lets no two threads use it at once.
unsafe impl Send for Memory {}

/// Begins a binding of a session. The session may be freed before the binder is used.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_binder_new(
    session: *const ortlet_session,
    binder: *mut *mut ortlet_binder,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let binder = handle_output(binder, "binder")?;
            let session = reference(session, "session")?.session.clone();
            let (shapes, memory, ties) = (Vec::new(), Vec::new(), Vec::new());
            give(binder, ortlet_binder { session, shapes, memory, ties });
            Ok(())
        })
    }
}

/// The shape of an input or output. An input needs one unless the model fixes it. An output whose shape is not known
/// beforehand gets new memory in each run.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`; names and shapes are checked by `ortlet_binder_bind`. Threads: one at a
/// time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_binder_shape(
    binder: *mut ortlet_binder,
    name: *const c_char,
    dims: *const usize,
    rank: usize,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let named = (text(name, "name")?.to_owned(), shape(dims, rank)?);
            exclusive(binder, "binder")?.shapes.push(named);
            Ok(())
        })
    }
}

/// Memory of the caller's for an input or output, which runs then read or write in place. It has to last, at its place,
/// as long as every binding made by this binder, and nothing else may use it during a run; its shape is copied.
///
/// Errors: `ORTLET_TENSOR_MISMATCH` if the size is not what type and shape need; names are checked by
/// `ortlet_binder_bind`. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_binder_memory(
    binder: *mut ortlet_binder,
    name: *const c_char,
    memory: *const ortlet_tensor_mut,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let (name, tensor) = (text(name, "name")?.to_owned(), *reference(memory, "memory")?);
            let shape = tensor.view_mut()?.shape().clone();
            exclusive(binder, "binder")?.memory.push((name, Memory { tensor, shape }));
            Ok(())
        })
    }
}

/// Makes each run's output the next run's input, without a copy. The input is zeros before the first run.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`; names are checked by `ortlet_binder_bind`. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_binder_tie(
    binder: *mut ortlet_binder,
    output: *const c_char,
    input: *const c_char,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let tie = (text(output, "output")?.to_owned(), text(input, "input")?.to_owned());
            exclusive(binder, "binder")?.ties.push(tie);
            Ok(())
        })
    }
}

/// Prepares the memory. The binder can be used again, and has to be freed all the same.
///
/// Errors: `ORTLET_NOT_FOUND` for names that the model does not have, `ORTLET_INVALID_ARGUMENT` for an input without a
/// shape, a name given twice and misaligned memory, `ORTLET_TENSOR_MISMATCH` for types and shapes that are not as
/// declared, `ORTLET_UNSUPPORTED` for texts, sequences and maps, `ORTLET_LIMIT_EXCEEDED` if there is not enough memory.
/// Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_binder_bind(
    binder: *const ortlet_binder,
    binding: *mut *mut ortlet_binding,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let binding = handle_output(binding, "binding")?;
            let own = reference(binder, "binder")?;
            let mut binder = own.session.binder();
            for (name, shape) in &own.shapes {
                binder = binder.shape(name, shape.clone());
            }
            for (name, memory) in &own.memory {
                let tensor = ortlet_tensor_mut { shape: memory.shape.dims().as_ptr(), ..memory.tensor };
                binder = binder.memory(name, tensor.view_mut()?);
            }
            for (output, input) in &own.ties {
                binder = binder.tie(output, input);
            }
            give(binding, ortlet_binding::new(binder.bind()?));
            Ok(())
        })
    }
}

/// Frees a binder. Its bindings go on. Does nothing with `NULL`.
///
/// Threads: any, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_binder_free(binder: *mut ortlet_binder) {
    // SAFETY: see the crate's documentation.
    unsafe { guard::free(binder) };
}
