//! Inputs and outputs in fixed memory, prepared once for many runs.

use std::ffi::c_char;
use std::sync::atomic::{AtomicBool, Ordering};

use ortlet::tensor::{Shape, TensorView};
use ortlet::{Binding, Error, Result};

use crate::arguments::{exclusive, reference, text};
use crate::error::ortlet_error;
use crate::guard::{self, guard};
use crate::run::ortlet_run_options;
use crate::status::ortlet_status;
use crate::tensor::{number, ortlet_tensor, ortlet_tensor_mut};

/// A session's inputs and outputs in fixed memory: fill an input, run, read an output. A run allocates nothing in
/// Ortlet. Owned by whoever got it; freed by `ortlet_binding_free`. It keeps what it needs of the session. One thread
/// may use it at a time; several bindings of a session can run at once.
pub struct ortlet_binding {
    binding: Binding<'static>,
    /// Dimensions that were lent, by name.
    shapes: Vec<(String, Box<Shape>)>,
    is_used: AtomicBool,
}

impl ortlet_binding {
    pub(crate) fn new(binding: Binding<'static>) -> Self {
        Self { binding, shapes: Vec::new(), is_used: AtomicBool::new(false) }
    }

    /// Keeps the dimensions of a tensor for as long as the caller may look at them.
    fn keep(shapes: &mut Vec<(String, Box<Shape>)>, name: &str, shape: &Shape) -> (*const usize, usize) {
        let at = shapes.iter().position(|(own, _)| own == name).unwrap_or_else(|| {
            shapes.push((name.to_owned(), Box::default()));
            shapes.len() - 1
        });
        let kept = &mut shapes[at].1;
        if **kept != *shape {
            **kept = shape.clone();
        }
        (kept.dims().as_ptr(), kept.rank())
    }
}

/// The binding, while no other call uses it: two at once would spoil each other's results.
struct Use<'a>(&'a AtomicBool);

impl<'a> Use<'a> {
    unsafe fn of(binding: *const ortlet_binding) -> Result<Self> {
        // SAFETY: as the caller's; only the flag is looked at, which may be shared.
        let flag = unsafe {
            reference(binding, "binding")?;
            &(*binding).is_used
        };
        if flag.swap(true, Ordering::Acquire) {
            return Err(Error::invalid_argument(
                "binding",
                "is in use by another call; give each thread its own",
            ));
        }
        Ok(Self(flag))
    }
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Runs the model on what is in the inputs. `options` may be `NULL`; they cannot choose outputs.
///
/// Errors: `ORTLET_RUNTIME_FAILED`, `ORTLET_POOL_EXHAUSTED`, `ORTLET_DEADLINE_EXCEEDED`, `ORTLET_CANCELLED`, and
/// `ORTLET_INVALID_ARGUMENT` for a binding that another thread is using. After an error the outputs hold anything, and
/// the inputs are as they were. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_binding_run(
    binding: *mut ortlet_binding,
    options: *const ortlet_run_options,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let _use = Use::of(binding)?;
            let binding = &mut (*binding).binding;
            match ortlet_run_options::read(options)? {
                None => binding.run(),
                Some(options) => binding.run_with(&options),
            }
        })
    }
}

/// Where an input's memory is, to be filled before a run. It stays there as long as the binding, unless the input is tied
/// to an output: then this is what the next run reads, and has to be asked for again after each run.
///
/// Errors: `ORTLET_NOT_FOUND` if no input of this name is bound. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_binding_input(
    binding: *mut ortlet_binding,
    name: *const c_char,
    tensor: *mut ortlet_tensor_mut,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let (_use, name) = (Use::of(binding)?, text(name, "name")?);
            let own = &mut *binding;
            let (dtype, kept, bytes) = own.binding.input_mut(name)?.into_parts();
            let (shape, rank) = ortlet_binding::keep(&mut own.shapes, name, &kept);
            *exclusive(tensor, "tensor")? = ortlet_tensor_mut {
                data: bytes.as_mut_ptr().cast(),
                size_bytes: bytes.len(),
                shape,
                rank,
                dtype: number(dtype),
            };
            Ok(())
        })
    }
}

/// Where an output of the last run is. An output whose shape was known when it was bound, and which is not tied, stays
/// there as long as the binding; any other has to be asked for again after each run, and is there until the next.
///
/// Errors: `ORTLET_NOT_FOUND` if there is no output of this name, `ORTLET_INVALID_ARGUMENT` before the first run.
/// Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_binding_output(
    binding: *mut ortlet_binding,
    name: *const c_char,
    tensor: *mut ortlet_tensor,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let (_use, name) = (Use::of(binding)?, text(name, "name")?);
            let ortlet_binding { binding, shapes, .. } = &mut *binding;
            let view: TensorView<'_> = binding.output(name)?;
            let (shape, rank) = ortlet_binding::keep(shapes, name, view.shape());
            let found = ortlet_tensor::of(view.dtype(), &[], view.bytes());
            *exclusive(tensor, "tensor")? = ortlet_tensor { shape, rank, ..found };
            Ok(())
        })
    }
}

/// Frees a binding and its memory. Does nothing with `NULL`.
///
/// Threads: any, once, and not during a run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_binding_free(binding: *mut ortlet_binding) {
    // SAFETY: see the crate's documentation.
    unsafe { guard::free(binding) };
}
