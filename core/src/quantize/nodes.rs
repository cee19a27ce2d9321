//! Nodes that take the place of others, and the constants that they read.

use crate::model::{AttributeProto, Bytes, NodeProto, TensorProto};
use crate::tensor::DType;

/// A node of the standard with one output.
pub(crate) fn node(op_type: &str, name: String, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.to_owned()),
        name: Some(name),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.to_owned()],
        ..Default::default()
    }
}

/// A node that makes `float32` of whole numbers.
pub(crate) fn cast_to_float(name: String, input: &str, output: &str) -> NodeProto {
    NodeProto {
        attribute: vec![whole("to", i64::from(DType::F32.onnx()))],
        ..node("Cast", name, &[input], output)
    }
}

/// An attribute that is a whole number.
pub(crate) fn whole(name: &str, number: i64) -> AttributeProto {
    // The number of the attribute's type is that of INT in `AttributeProto.AttributeType`.
    AttributeProto { name: Some(name.to_owned()), i: Some(number), r#type: Some(2), ..Default::default() }
}

/// An attribute that is a list of whole numbers.
pub(crate) fn list(name: &str, numbers: Vec<i64>) -> AttributeProto {
    // The number of the attribute's type is that of INTS in `AttributeProto.AttributeType`.
    AttributeProto { name: Some(name.to_owned()), ints: numbers, r#type: Some(7), ..Default::default() }
}

/// A constant of these little-endian elements.
pub(crate) fn initializer(name: &str, dtype: DType, dims: Vec<i64>, bytes: impl Into<Bytes>) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(dtype.onnx()),
        dims,
        raw_data: Some(bytes.into()),
        ..Default::default()
    }
}
