//! Kernels of transformer blocks: matrix products, feed-forward blocks, attention and embeddings.
//!
//! Weights are packed once ([`pack_linear`], [`pack_embedding`]) into bytes of a documented layout ([`layout`]) and are
//! used where they lie, which may be a mapped file: [`Packed::parse`] checks the bytes, and nothing is copied. There are
//! four formats of weights ([`Format`]): fp32, fp16, bf16 and int8. Inputs and outputs are always `f32`.
//!
//! * [`Linear`]: `y = norm(activation(x W + bias) + residual)`.
//! * [`FeedForward`]: two of them, the wide values in between never leaving the caches.
//! * [`Attention`]: softmax of products of queries and keys, times values.
//! * [`Convolution1d`]: a linear layer on the windows of a sequence.
//! * [`Embedding`]: rows of a table.
//!
//! Code for several instruction sets is compiled in, and the best that the CPU has is taken when the program runs
//! ([`Isa`]). The caller lends the threads ([`Parallel`]); the crate starts none. What a row gives depends on nothing
//! but the row: not on other rows, nor on the number of threads.

#[cfg(target_endian = "big")]
compile_error!("packed weights are little-endian and are used where they lie");

mod attention;
mod convolution;
mod embedding;
mod error;
mod feed_forward;
mod isa;
pub mod layout;
mod linear;
mod math;
mod norm;
mod pack;
mod parallel;
pub mod peak;
mod scratch;

pub use attention::{Arithmetic, Attention, AttentionInputs, Mask, View};
pub use convolution::{Channels, Convolution1d, ConvolutionInput, ConvolutionOutput};
pub use embedding::Embedding;
pub use error::{KernelError, LayoutError, PackError};
pub use feed_forward::FeedForward;
pub use isa::Isa;
pub use layout::{AlignedBytes, Format, Kind, Packed};
pub use linear::{Activation, Epilogue, Linear, Norm, NormKind};
pub use pack::{
    CodedWeights, LinearWeights, PackOptions, pack_codes, pack_embedding, pack_linear, pack_rounded, unpack,
};
pub use parallel::{Parallel, Serial};
