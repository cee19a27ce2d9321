//! Tells ONNX Runtime of the domain of Ortlet's own operators while nothing else uses it.

use std::ptr;

use ort::AsPointer;
use ort::environment::Environment;

use crate::Result;
use crate::engine::ops;
use crate::engine::runtime::session_options::OwnedOptions;
use crate::engine::runtime::status::check;
use crate::engine::runtime::tiny_model::empty_sequence_model;
use crate::tensor::DType;

const INTRODUCE: &str = "introduce Ortlet's operators";

/// Creates a session that has the domain, and ends it.
///
/// The first such session of a process adds the domain to a list that ONNX Runtime looks at whenever a session is created,
/// and neither guards: two sessions at once could fail, or worse.
///
/// # Errors
/// What ONNX Runtime says.
pub(super) fn introduce(environment: &Environment) -> Result<()> {
    let (options, model) = (OwnedOptions::bare()?, empty_sequence_model(DType::F32.onnx() as u8));
    let (api, mut session) = (ort::api(), ptr::null_mut());
    // SAFETY: the out pointer is valid; environment, options and model live through the calls.
    unsafe {
        check((api.SetIntraOpNumThreads)(options.0, 1), INTRODUCE)?;
        check(ops::add_domain(options.0), INTRODUCE)?;
        let (bytes, len) = (model.as_ptr().cast(), model.len());
        check(
            (api.CreateSessionFromArray)(environment.ptr(), bytes, len, options.0, &mut session),
            INTRODUCE,
        )?;
        (api.ReleaseSession)(session);
    }
    Ok(())
}
