//! What options in JSON cannot hold: samples, tokens, and functions of the caller's.

use std::ffi::{CString, c_char, c_void};

use ortlet::quantize::NamedValues;
use ortlet::{CancelToken, Measure, Observer, PrecisionOptions, Result, Samples, SessionOptions};
use serde::Serialize;

use crate::cancel::ortlet_cancel_token;
use crate::outputs::ortlet_named_value;
use crate::samples::ortlet_samples;
use crate::value::ortlet_value;
use crate::value_info::c_string;

/// Is told how long work goes: `progress_json` is a JSON object, which belongs to Ortlet and is gone after the call. It is
/// called on the thread that does the work, and takes time from it; it must not throw or jump out.
pub type ortlet_progress_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, progress_json: *const c_char)>;

/// Judges a candidate's outputs for one sample against the reference's: larger is better, NaN is a failure. There are
/// `output_count` of each, in the model's order; they belong to Ortlet and are gone after the call. It must not throw or
/// jump out, and may be called on several threads, by turns.
pub type ortlet_measure_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        reference: *const ortlet_named_value,
        candidate: *const ortlet_named_value,
        output_count: usize,
    ) -> f64,
>;

/// What options in JSON cannot hold. All zero means: nothing. What it leads to has to last until the call returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ortlet_hooks {
    /// Batches of real inputs, instead of the folder that the options name; `NULL` for those of the options.
    pub samples: *const ortlet_samples,
    /// What ends the work with `ORTLET_CANCELLED`; `NULL` for nothing.
    pub cancel: *const ortlet_cancel_token,
    /// Is told how the work goes; `NULL` for nobody.
    pub progress: ortlet_progress_callback,
    /// Judges outputs beside the other figures of the accuracy; `NULL` for nobody.
    pub measure: ortlet_measure_callback,
    /// The least that the mean of `measure` over the samples may be.
    pub measure_at_least: f64,
    /// What `progress` and `measure` get.
    pub user_data: *mut c_void,
}

/// What the caller gave for its own functions.
#[derive(Clone, Copy)]
struct UserData(*mut c_void);

// SAFETY: the header says on which threads functions are called with it.
unsafe impl Send for UserData {}
// SAFETY: as above; calls come by turns.
unsafe impl Sync for UserData {}

impl UserData {
    fn get(self) -> *mut c_void {
        self.0
    }
}

impl ortlet_hooks {
    pub(crate) unsafe fn read<'a>(hooks: *const Self) -> Option<&'a Self> {
        // SAFETY: NULL or valid; see the crate's documentation.
        unsafe { hooks.as_ref() }
    }

    /// Adds what there is to the options of work that chooses a precision.
    pub(crate) unsafe fn add_to_precision(hooks: *const Self, options: &mut PrecisionOptions) -> Result<()> {
        // SAFETY: as the caller's.
        let Some(hooks) = (unsafe { Self::read(hooks) }) else { return Ok(()) };
        // SAFETY: as the caller's.
        unsafe {
            hooks.add_samples(&mut options.session.samples);
            options.cancel = hooks.token();
        }
        hooks.add_measure(&mut options.session);
        options.progress = hooks.observer();
        Ok(())
    }

    pub(crate) unsafe fn add_samples(&self, samples: &mut Samples) {
        // SAFETY: as the caller's.
        if let Some(own) = unsafe { self.samples.as_ref() } {
            *samples = own.shared();
        }
    }

    pub(crate) unsafe fn token(&self) -> Option<CancelToken> {
        // SAFETY: as the caller's.
        unsafe { self.cancel.as_ref() }.map(|token| token.0.clone())
    }

    fn add_measure(&self, options: &mut SessionOptions) {
        let Some(function) = self.measure else { return };
        let user_data = UserData(self.user_data);
        let measure = move |reference: &NamedValues<'_>, candidate: &NamedValues<'_>| {
            let (reference, candidate) = (Lent::new(reference), Lent::new(candidate));
            let count = reference.values.len().min(candidate.values.len());
            // SAFETY: the caller's function, with what the caller gave for it; the arrays last until it returns.
            unsafe { function(user_data.get(), reference.values.as_ptr(), candidate.values.as_ptr(), count) }
        };
        options.accuracy.measure = Some(Measure::new(self.measure_at_least, measure));
    }

    pub(crate) fn observer<P: Serialize>(&self) -> Option<Observer<P>> {
        let function = self.progress?;
        let user_data = UserData(self.user_data);
        Some(Observer::new(move |progress: &P| {
            let json = serde_json::to_string(progress).unwrap_or_default();
            let json = c_string(&json);
            // SAFETY: the caller's function, with what the caller gave for it; the text lasts until it returns.
            unsafe { function(user_data.get(), json.as_ptr()) }
        }))
    }
}

/// Outputs as the caller's function gets them.
struct Lent {
    values: Vec<ortlet_named_value>,
    /// Kept for the pointers in `values`.
    _names: Vec<CString>,
}

impl Lent {
    fn new(outputs: &NamedValues<'_>) -> Self {
        let names: Vec<_> = outputs.iter().map(|(name, _)| c_string(name)).collect();
        let lent = |(name, (_, value)): (&CString, &(&str, &_))| ortlet_named_value {
            name: name.as_ptr(),
            value: ortlet_value::lent(value),
        };
        Self { values: names.iter().zip(outputs).map(lent).collect(), _names: names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the C tests assert of the header.
    #[test]
    fn the_layout_is_that_of_the_header() {
        assert_eq!(std::mem::offset_of!(ortlet_hooks, measure), 3 * size_of::<usize>());
        assert_eq!(std::mem::offset_of!(ortlet_hooks, measure_at_least) % 4, 0);
    }
}
