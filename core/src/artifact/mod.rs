//! Compiled models: the file `model.ortlet`, read without copying and checked before it is believed.
//!
//! An artifact holds the original model, the models that ONNX Runtime has optimised from it for one or several
//! devices, and the weights of all of them, each stored once. The file itself is the external data file of the models
//! in it, so ONNX Runtime can map the weights instead of reading them.
//!
//! [`ArtifactWriter`] makes one, [`Artifact::parse`] reads one, and [`Artifact::to_writer`] makes one of another with
//! more devices. Everything here is portable and works on bytes; files are opened elsewhere.
//!
//! # Format, version 1
//!
//! Numbers are little-endian. The first page of 4096 bytes is the header: [`MAGIC`], the version and the number of
//! sections (32 bits each), the length of the file (64 bits), a table with an entry of 64 bytes for each
//! [`Section`] (kind and device with 32 bits, offset and length with 64 bits, BLAKE3 of the contents, 8 zero bytes),
//! zeros, and in the last 32 bytes the BLAKE3 of everything before. Sections follow in the order of the table, each
//! starting on the next border of a page, with zeros between. `docs/artifact-format.md` has every detail.
//!
//! # Trust
//!
//! Digests find damage, not malice: whoever can write the file can write its digests. The portable model of a hostile
//! file is as harmless as any hostile ONNX file. The device models are not: ONNX Runtime believes what pre-packed
//! weights contain. Use them only from files whose origin is trusted, such as an own cache or a signed package.

mod data;
mod digest;
mod header;
mod key;
mod manifest;
mod parts;
mod prepacked;
mod read;
mod relocate;
mod tensors;
mod write;

pub use digest::model_digest;
pub use header::{FORMAT_VERSION, MAGIC, Section, SectionKind};
pub use key::DeviceKey;
pub use manifest::{DeviceManifest, Manifest, ModelManifest, PortableManifest};
pub use read::{Artifact, DevicePart};
pub use write::ArtifactWriter;

use crate::{Error, ErrorKind};

/// The name by which the models in an artifact refer to the artifact, whatever the file is called.
pub const EXTERNAL_LOCATION: &str = "model.ortlet";

fn integrity(what: impl Into<String>, reason: impl Into<String>) -> Error {
    ErrorKind::Integrity { what: what.into(), reason: reason.into() }.into()
}
