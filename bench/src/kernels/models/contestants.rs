//! Who runs the models.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ortlet_bench::harness::contestant::{Contestant, OPENVINO, ORTLET, PLAIN_ORT};
use ortlet_bench::harness::places::Places;
use ortlet_bench::harness::programs::{self, quantizers_python};
use ortlet_bench::harness::progress::Progress;
use ortlet_bench::order::Precision;

use super::data_of;
use super::situations::Situation;

/// Names of contestants.
pub const DYNAMIC: &str = "ORT dynamic int8";
pub const OPENVINO_DEFAULT: &str = "OpenVINO default";
pub const INT8: &str = "Ortlet int8";
pub const BF16: &str = "Ortlet bf16";
pub const FP32: &str = "Ortlet fp32";

/// Those with Ortlet's kernels.
pub const OWN: [&str; 3] = [INT8, BF16, FP32];

/// All of them, the peer first.
pub fn all(threads: u32) -> [Contestant; 7] {
    let own = |name, precision| Contestant { name, cached: true, exact: false, precision, ..ORTLET };
    let contestants = [
        PLAIN_ORT,
        Contestant { name: DYNAMIC, exact: false, ..PLAIN_ORT },
        Contestant { name: "OpenVINO fp32", ..OPENVINO },
        Contestant { name: OPENVINO_DEFAULT, precision: Precision::Default, ..OPENVINO },
        own(INT8, Precision::KernelsInt8),
        own(BF16, Precision::KernelsBf16),
        own(FP32, Precision::KernelsFp32),
    ];
    contestants.map(|contestant| Contestant { threads: Some(threads), ..contestant })
}

/// For each model's name, what ONNX Runtime's own tool makes of it without samples.
pub type DynamicModels = BTreeMap<&'static str, PathBuf>;

/// Makes them.
pub fn dynamic_models(
    places: &Places,
    data: &Path,
    situations: &[Situation],
    progress: &Progress,
) -> Result<DynamicModels> {
    let mut made = DynamicModels::new();
    for Situation { model, .. } in situations {
        if made.contains_key(model.name) {
            continue;
        }
        progress.show(format_args!("{}: quantizing with ONNX Runtime's tool", model.name));
        let out = places.scratch.join(format!("{}-dynamic.onnx", model.name));
        fs::create_dir_all(&places.scratch)
            .with_context(|| format!("create {}", places.scratch.display()))?;
        let mut command = quantizers_python()?;
        command.arg(programs::scripts().join("make_model.py")).args(["dynamic", model.name]);
        command.args([
            places.models.join(model.file),
            data_of(data, model.name).join("samples"),
            out.clone(),
        ]);
        programs::run(command, |_| ()).with_context(|| format!("quantize {}", model.name))?;
        made.insert(model.name, out);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_contestants_apart_and_all_have_their_threads() {
        let all = all(2);
        assert!(all.iter().all(|contestant| contestant.threads == Some(2)));
        let mut names: Vec<_> = all.iter().map(|contestant| contestant.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        assert!(OWN.iter().all(|name| names.contains(name)));
    }
}
