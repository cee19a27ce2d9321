//! What a compiled graph depends on: it may be used only where all of it is the same.

use serde_json::{Value, json};

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
    digest(&graph_options(options))
}

/// The options that change the graph.
pub(super) fn graph_options(options: &SessionOptions) -> Value {
    json!({
        "providers": options.providers,
        "dims": options.dims,
        "optimization_level": options.optimization_level,
        "config": options.config,
    })
}

pub(super) fn digest(value: &Value) -> String {
    blake3::hash(value.to_string().as_bytes()).to_hex().to_string()
}

/// The name of a key's entry in a cache folder.
pub(super) fn entry_name(key: &DeviceKey) -> String {
    file_stem(&serde_json::to_string(key).unwrap_or_default())
}

/// The name of the file of what a text tells apart from everything else.
pub(in crate::engine) fn file_stem(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}
