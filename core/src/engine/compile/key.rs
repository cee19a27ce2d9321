//! What a compiled graph depends on: it may be used only where all of it is the same.

use serde_json::json;

use crate::artifact::DeviceKey;
use crate::engine::runtime::{Runtime, SessionOptions, cpu_features};

/// The key of this device, runtime, model and options.
///
/// The number of threads is no part of it: the graph and the packed weights do not depend on it.
pub(super) fn device_key(runtime: &Runtime, model_digest: &str, options: &SessionOptions) -> DeviceKey {
    DeviceKey {
        model_digest: model_digest.to_owned(),
        runtime_version: runtime.version().to_owned(),
        runtime_build: runtime.build_info(),
        // Kernels and layouts are chosen by instruction sets, not by the name of the processor.
        cpu_model: None,
        cpu_features: cpu_features(),
        architecture: std::env::consts::ARCH.to_owned(),
        options_digest: options_digest(options),
        ortlet_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// A digest of the options that change the graph.
fn options_digest(options: &SessionOptions) -> String {
    let relevant = json!({
        "providers": options.providers,
        "dims": options.dims,
        "optimization_level": options.optimization_level,
        "config": options.config,
    });
    blake3::hash(relevant.to_string().as_bytes()).to_hex().to_string()
}

/// The name of a key's entry in a cache folder.
pub(super) fn entry_name(key: &DeviceKey) -> String {
    let text = serde_json::to_string(key).unwrap_or_default();
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}
