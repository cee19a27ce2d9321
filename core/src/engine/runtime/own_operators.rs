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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;
    use std::{env, fs};

    use super::*;
    use crate::engine::runtime::session_options::SaveOptimized;
    use crate::engine::runtime::{
        Creation, ModelFormat, ModelSource, RawSession, Runtime, RuntimeOptions, SessionOptions,
    };
    use crate::model::{Model, OperatorSetIdProto};

    const CHILD: &str =
        "engine::runtime::own_operators::tests::the_domain_is_known_before_any_session_has_it";

    /// ONNX Runtime writes every domain that it knows into the models that it saves. Here no session has told it.
    #[test]
    #[ignore = "run by every_runtime_knows_the_domain_from_the_start"]
    fn the_domain_is_known_before_any_session_has_it() {
        let runtime = Runtime::load(&RuntimeOptions::default()).unwrap();
        let path = env::temp_dir().join(format!("ortlet-own-operators-{}.onnx", std::process::id()));
        let (bytes, options) = (empty_sequence_model(DType::F32.onnx() as u8), SessionOptions::default());
        let source = ModelSource::Bytes { bytes: &bytes, folder: None };
        let save = Some(SaveOptimized { model: &path, data: None, min_external_bytes: 0 });
        let plain = Creation::plain(source, ModelFormat::Onnx, &options);
        RawSession::new(runtime, &Creation { save, own_operators: false, ..plain }).unwrap();
        let saved = Model::parse(fs::read(&path).unwrap()).unwrap();
        fs::remove_file(&path).unwrap();
        let domains: Vec<&str> = saved.opset_import.iter().map(OperatorSetIdProto::domain).collect();
        assert!(domains.contains(&ops::DOMAIN), "{domains:?}");
    }

    /// In processes of their own, in which no other test has created a session.
    #[test]
    fn every_runtime_knows_the_domain_from_the_start() {
        let place = |name| PathBuf::from(env::var_os(name).expect("run `cargo xtask test`"));
        let others = place("ORTLET_TEST_RUNTIMES");
        for runtime in [place("ORTLET_RUNTIME"), others.join("1.24.1"), others.join("1.27.0")] {
            let mut child = Command::new(env::current_exe().unwrap());
            child.args(["--exact", CHILD, "--ignored"]).env("ORTLET_RUNTIME", &runtime);
            let output = child.output().unwrap();
            let words = String::from_utf8_lossy(&output.stdout);
            let is_right = output.status.success() && words.contains("1 passed");
            assert!(is_right, "{}: {words}", runtime.display());
        }
    }
}
