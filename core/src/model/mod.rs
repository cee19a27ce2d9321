//! ONNX models as data: reading, checking, changing, writing and describing them, without running them.
//!
//! [`Model::parse`] reads the bytes of an ONNX file within the bounds of [`ParseLimits`] and shares, not copies, what
//! is large. All fields are public and may be changed; [`Model::to_bytes`] writes the model back, with every field
//! that Ortlet does not know. [`Model::validate`] finds what ONNX Runtime would stumble over, [`Model::report`] tells
//! what is inside.
//!
//! The types follow ONNX's `onnx.proto` in names and structure; only `ModelProto` is called [`Model`].
//
// Why the Protocol Buffers code is Ortlet's own: the generated-code crates either drop unknown fields (`prost`,
// `quick-protobuf`) or copy every payload and bound no lengths (`protobuf`), and a model must survive a round trip,
// must not be copied, and must not be able to exhaust memory.

mod bytes;
mod data;
mod encode;
mod external;
mod field;
mod limits;
mod packed;
mod proto;
mod quantization;
mod report;
mod scope;
mod signature;
mod tensor;
mod types;
mod validate;
mod walk;
mod wire;

pub use bytes::Bytes;
pub use external::{
    ExternalDataResolver, ExternalLocation, MemoryFiles, NoExternalData, check_external_path,
};
pub use field::UnknownFields;
pub use limits::ParseLimits;
pub use packed::{Element, Packed};
pub use proto::{
    AttributeProto, FunctionProto, GraphProto, Model, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorAnnotation, TrainingInfoProto, ValueInfoProto,
};
pub use quantization::{QuantizationKind, QuantizationReport, QuantizedValue, SchemeReport};
pub use report::{DynamicAxis, DynamicDim, ExternalFileReport, ModelReport};
pub use signature::Signature;
pub use tensor::{SegmentProto, SparseTensorProto, TensorProto};
pub use types::{
    Dimension, DimensionProto, ElementTypeProto, MapTypeProto, OpaqueTypeProto, TensorShapeProto,
    TensorTypeProto, TypeProto, TypeValue,
};
pub use walk::NodeAt;

use crate::{Error, Result};

/// How a compiled model begins. Here, because `artifact` uses this module and not the other way round.
pub(crate) const ARTIFACT_MAGIC: [u8; 8] = *b"ORTLET\x1a\n";

/// The most that Protocol Buffers, and so ONNX Runtime, can read at once.
const MAX_ENCODED_BYTES: u64 = i32::MAX as u64;

impl Model {
    /// Reads an ONNX file with the default [`ParseLimits`].
    ///
    /// Tensor payloads stay in `bytes`, which lives as long as they do. The model is well-formed afterwards, but
    /// not yet checked; see [`Model::validate`].
    ///
    /// # Errors
    /// `invalid_model` with the position if the bytes are damaged, `unsupported` if they are another format that
    /// Ortlet recognises, `limit_exceeded` if a bound of [`ParseLimits`] is passed.
    ///
    /// # Examples
    /// ```
    /// use ortlet::model::Model;
    ///
    /// let bytes = Model { producer_name: Some("me".into()), ..Model::default() }.to_bytes()?;
    /// assert_eq!(Model::parse(bytes)?.producer_name.as_deref(), Some("me"));
    /// # Ok::<(), ortlet::Error>(())
    /// ```
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self> {
        Self::parse_with(bytes, &ParseLimits::default())
    }

    /// Reads an ONNX file; see [`Model::parse`].
    ///
    /// # Errors
    /// As [`Model::parse`].
    pub fn parse_with(bytes: impl Into<Bytes>, limits: &ParseLimits) -> Result<Self> {
        let bytes = bytes.into();
        limits::within("model size in bytes", limits.max_model_bytes, bytes.len() as u64)?;
        refuse_other_formats(&bytes)?;
        let mut model = Self::default();
        wire::Reader::new(&bytes, limits).merge(&mut model)?;
        limits.check(&model)?;
        Ok(model)
    }

    /// Size of the model when written, in bytes, without external data.
    ///
    /// # Errors
    /// `limit_exceeded` if messages are nested deeper than ONNX files can be.
    pub fn encoded_bytes(&self) -> Result<u64> {
        encode::measure(self).map(|(size, _)| size)
    }

    /// Writes the model as the bytes of an ONNX file.
    ///
    /// # Errors
    /// `limit_exceeded` if the model would be larger than 2 GiB, the most an ONNX file can be, or nested too deeply.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let (size, sizes) = self.measure()?;
        let mut bytes = Vec::with_capacity(size);
        encode::write(self, sizes, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Writes the model piece by piece, large payloads without copying them.
    ///
    /// # Errors
    /// As [`Model::to_bytes`], before anything is written; and the errors of `sink`, which end the writing.
    pub fn write_to(&self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (_, sizes) = self.measure()?;
        encode::write(self, sizes, sink)
    }

    fn measure(&self) -> Result<(usize, encode::Sizes)> {
        let (size, sizes) = encode::measure(self)?;
        if size > MAX_ENCODED_BYTES {
            let what = "model size in bytes (store large tensors as external data)";
            return Err(Error::limit_exceeded(what, MAX_ENCODED_BYTES, size));
        }
        Ok((size as usize, sizes))
    }
}

/// Gives a helpful answer to files that are often taken for ONNX models.
fn refuse_other_formats(bytes: &[u8]) -> Result<()> {
    let other = |what, remedy| Err(Error::unsupported(what, remedy));
    if bytes.get(4..8) == Some(b"ORTM") {
        return other("model format", "this is an ORT-format model (.ort), not an ONNX file");
    }
    if bytes.starts_with(&ARTIFACT_MAGIC) {
        return other("model format", "this is a model that Ortlet compiled; load it as a file");
    }
    if bytes.starts_with(b"version https://git-lfs") {
        return other("model format", "this is a Git LFS pointer; fetch the file itself with `git lfs pull`");
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return other("model format", "this is a zip archive; unpack the ONNX file first");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_may_be_shared_by_threads() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<Model>();
        shared::<Bytes>();
        shared::<ModelReport>();
    }
}
