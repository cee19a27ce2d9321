//! Tensors: element types, shapes, views over the caller's memory, owned buffers, and the other ONNX values.

mod dtype;

pub use dtype::DType;
