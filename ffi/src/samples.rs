//! Batches of real inputs, to measure with.

use ortlet::{Sample, Samples};

use crate::arguments::{exclusive, give, handle_output};
use crate::error::ortlet_error;
use crate::guard::{self, guard};
use crate::input::{ortlet_input, owned};
use crate::status::ortlet_status;

/// Batches of real inputs, to calibrate, tune and choose a precision with. Owned by whoever made them; freed by
/// `ortlet_samples_free`.
pub struct ortlet_samples(Vec<Sample>);

impl ortlet_samples {
    pub(crate) fn batches(&self) -> &[Sample] {
        &self.0
    }

    pub(crate) fn shared(&self) -> Samples {
        self.0.clone().into()
    }
}

/// Makes samples without a batch.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_samples_new(
    samples: *mut *mut ortlet_samples,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            give(handle_output(samples, "samples")?, ortlet_samples(Vec::new()));
            Ok(())
        })
    }
}

/// Adds a batch: a value for every input of the model. Everything is copied.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`, `ORTLET_TENSOR_MISMATCH` for memory that makes no tensor; whether the
/// batch fits the model is checked when it is used. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_samples_add(
    samples: *mut ortlet_samples,
    batch: *const ortlet_input,
    input_count: usize,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let batch = owned(batch, input_count)?;
            exclusive(samples, "samples")?.0.push(batch);
            Ok(())
        })
    }
}

/// How many batches there are; 0 for `NULL`.
///
/// Threads: any, while nobody adds one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_samples_count(samples: *const ortlet_samples) -> usize {
    // SAFETY: see the crate's documentation.
    unsafe { samples.as_ref() }.map_or(0, |samples| samples.0.len())
}

/// Frees samples. Does nothing with `NULL`.
///
/// Threads: any, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_samples_free(samples: *mut ortlet_samples) {
    // SAFETY: see the crate's documentation.
    unsafe { guard::free(samples) };
}
