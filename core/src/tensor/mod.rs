//! Tensors: element types, shapes, views over the caller's memory, owned buffers, and the other ONNX values.
//!
//! Everything here is plain data without I/O, threads or `unsafe`; it compiles for the browser too. Multi-byte
//! elements are in the byte order of the machine, which is little-endian wherever ONNX Runtime runs.

mod array;
mod buffer;
mod dtype;
mod element;
mod float8;
mod numbers;
mod owned;
mod packed;
mod shape;
mod value;
mod view;
mod view_mut;

pub mod npy;

pub use buffer::{AlignedBuffer, BUFFER_ALIGN_BYTES};
pub use dtype::DType;
pub use element::Element;
pub use float8::{F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, F8E8M0};
pub(crate) use numbers::numbers;
pub use owned::{SharedBytes, Tensor};
pub use packed::{pack, unpack};
pub use shape::{Dim, MAX_RANK, Shape, SymbolicShape};
pub use value::{Map, Value, ValueInfo, ValueType, ValueView};
pub use view::TensorView;
pub use view_mut::TensorViewMut;
