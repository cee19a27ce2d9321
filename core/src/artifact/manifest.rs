//! [`Manifest`]: what an artifact says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DeviceKey;

/// What an artifact says about itself. Fields that a newer version has added are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the file format, as in the header.
    pub format_version: u32,
    /// Version of Ortlet that wrote the file.
    pub ortlet_version: String,
    /// When it was written, in seconds since 1970 UTC.
    pub created_unix_s: u64,
    /// The original model.
    pub model: ModelManifest,
    /// What runs everywhere.
    pub portable: PortableManifest,
    /// What runs on one kind of device only; the place in the list is the index of the device's sections.
    #[serde(default)]
    pub devices: Vec<DeviceManifest>,
    /// The time of modification that the writer gave the file, in nanoseconds since 1970 UTC.
    #[serde(default)]
    pub written_mtime_ns: Option<u64>,
    /// Figures that were measured, by name; the name ends in the unit.
    #[serde(default)]
    pub measured: BTreeMap<String, f64>,
    /// A report on how the model was changed.
    #[serde(default)]
    pub report: Option<serde_json::Value>,
    /// How the model runs fastest on the devices where that was raced; each plan says what it was made for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<serde_json::Value>,
}

/// The original model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelManifest {
    /// Its name, for people.
    pub name: String,
    /// Its digest, see [`model_digest`](super::model_digest).
    pub digest: String,
    /// Size of its file and its external data.
    pub bytes: u64,
}

/// The portable sections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortableManifest {
    /// Size of the model.
    pub model_bytes: u64,
    /// Size of the data.
    pub data_bytes: u64,
    /// Tensors of the model that are in the data.
    pub tensor_count: u64,
}

/// The sections of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceManifest {
    /// The index of its sections.
    pub index: u32,
    /// What they were made for.
    pub key: DeviceKey,
    /// Size of the model.
    pub model_bytes: u64,
    /// Size of the data that only this device needs.
    pub data_bytes: u64,
    /// Pre-packed weights.
    pub prepacked_count: u64,
    /// Size of the pre-packed weights together, those stored once for several uses counted each time.
    pub prepacked_bytes: u64,
    /// Tensors of the model that are in the portable data or in the device's.
    pub tensor_count: u64,
    /// Remarks for people.
    #[serde(default)]
    pub notes: Vec<String>,
}
