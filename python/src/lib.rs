//! Ortlet for Python: the module `ortlet._ortlet`.
//!
//! One noun, one file, with the names of the Rust library. Functions translate and decide nothing: options come as keyword
//! arguments and reports go as dicts, both the library's own JSON; tensors are shared with Python, not copied. The
//! interpreter is left to others while a model is loaded or runs.
//!
//! Every `unsafe` of this crate rests on what Python's interfaces for sharing memory promise: it lies there, in that shape,
//! for as long as its owner lives.
// What is public is so for Python, where the stubs describe it; arguments are made of Python's and belong to the functions.
#![allow(missing_docs, clippy::needless_pass_by_value)]

mod asynchronous;
mod binding;
mod cache;
mod calibrate;
mod cancel;
mod compile;
mod errors;
mod metrics;
mod model;
mod options;
mod precision;
mod profile;
mod program;
mod quantize;
mod report;
mod runtime;
mod session;
mod tensor;
mod tune;
mod value;
mod value_info;
mod work;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _ortlet {
    #[pymodule_export]
    use crate::{
        binding::{PyBinding, PyBoundTensors},
        cache::{cache_clear, cache_entries},
        calibrate::{PyCalibration, calibrate},
        cancel::PyCancelToken,
        compile::compile,
        metrics::metrics_text,
        model::PyModel,
        options::check_session_options,
        precision::choose_precision,
        profile::profile,
        program::run_program,
        quantize::quantize,
        runtime::{doctor, load_runtime, register_provider_library},
        session::PySession,
        tensor::PyTensor,
        tune::tune,
        value_info::PyValueInfo,
    };

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::asynchronous::end_with_interpreter(module)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
