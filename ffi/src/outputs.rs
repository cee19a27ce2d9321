//! What a run gives: values by name.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use ortlet::{Error, Outputs};

use crate::arguments::{exclusive, reference, text};
use crate::error::ortlet_error;
use crate::guard::{self, guard};
use crate::status::ortlet_status;
use crate::tensor::ortlet_tensor;
use crate::value::ortlet_value;

/// The outputs of a run, in the order asked for (the model's order by default). Owned by whoever got it; freed by
/// `ortlet_outputs_free`. They outlast the session.
pub struct ortlet_outputs {
    outputs: Outputs,
    /// Names of all outputs of the session, in no need of a copy by each run.
    names: Arc<[CString]>,
}

/// A value and its name, both lent by what they came from.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ortlet_named_value {
    /// The name.
    pub name: *const c_char,
    /// The value.
    pub value: *const ortlet_value,
}

impl ortlet_outputs {
    pub(crate) fn new(outputs: Outputs, names: Arc<[CString]>) -> Self {
        Self { outputs, names }
    }

    fn name(&self, name: &str) -> *const c_char {
        let same = |own: &&CString| own.to_bytes() == name.as_bytes();
        self.names.iter().find(same).map_or(c"".as_ptr(), |name| name.as_ptr())
    }
}

/// How many outputs there are; 0 for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_outputs_count(outputs: *const ortlet_outputs) -> usize {
    // SAFETY: see the crate's documentation.
    unsafe { outputs.as_ref() }.map_or(0, |outputs| outputs.outputs.len())
}

/// The output of this number, from 0. Name and value belong to `outputs`.
///
/// Errors: `ORTLET_NOT_FOUND` if there are not that many. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_outputs_at(
    outputs: *const ortlet_outputs,
    index: usize,
    output: *mut ortlet_named_value,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let own = reference(outputs, "outputs")?;
            let (name, value) =
                own.outputs.iter().nth(index).ok_or_else(|| beyond(own, &index.to_string()))?;
            let named = ortlet_named_value { name: own.name(name), value: ortlet_value::lent(value) };
            *exclusive(output, "output")? = named;
            Ok(())
        })
    }
}

/// The output of this name. The value belongs to `outputs`.
///
/// Errors: `ORTLET_NOT_FOUND` if there is none of that name. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_outputs_get(
    outputs: *const ortlet_outputs,
    name: *const c_char,
    value: *mut *const ortlet_value,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let (own, name) = (reference(outputs, "outputs")?, text(name, "name")?);
            let found = own.outputs.get(name).ok_or_else(|| beyond(own, name))?;
            *exclusive(value, "value")? = ortlet_value::lent(found);
            Ok(())
        })
    }
}

/// Where the tensor of the output of this name is. `data` and `shape` belong to `outputs`.
///
/// Errors: `ORTLET_NOT_FOUND` if there is none of that name, `ORTLET_TENSOR_MISMATCH` if it is no tensor. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_outputs_tensor(
    outputs: *const ortlet_outputs,
    name: *const c_char,
    tensor: *mut ortlet_tensor,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let (own, name) = (reference(outputs, "outputs")?, text(name, "name")?);
            let found = own.outputs.get(name).ok_or_else(|| beyond(own, name))?.as_tensor()?;
            *exclusive(tensor, "tensor")? =
                ortlet_tensor::of(found.dtype(), found.shape().dims(), found.bytes());
            Ok(())
        })
    }
}

/// Frees outputs. Does nothing with `NULL`.
///
/// Threads: any, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_outputs_free(outputs: *mut ortlet_outputs) {
    // SAFETY: see the crate's documentation.
    unsafe { guard::free(outputs) };
}

fn beyond(outputs: &ortlet_outputs, name: &str) -> Error {
    Error::not_found("output", name, outputs.outputs.iter().map(|(name, _)| name))
}
