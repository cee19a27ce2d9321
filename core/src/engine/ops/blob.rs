//! Packed weights of a node, where the model has them.

use std::mem;

use ortlet_kernels::{AlignedBytes, LayoutError, Packed};

use super::context::Tensor;
use super::info::Info;
use super::problem::{Outcome, Problem};

/// Bytes that kernels want their weights to start on.
pub(super) const ALIGN_BYTES: usize = 64;

/// Memory that packed weights were copied to, because they did not lie on a border. It has to outlive the kernel that
/// reads it.
pub(super) struct Copied(#[expect(dead_code, reason = "kept for those who read it")] Option<AlignedBytes>);

/// The packed weights of an input, checked, and memory that has to be kept for them.
///
/// Weights of mapped files are not copied: ONNX Runtime keeps the map, and what is read is what runs need.
///
/// # Errors
/// If the input is no constant, no list of bytes, or no packed weights of this version.
pub(super) fn packed(info: &Info, index: usize) -> Outcome<(Packed<'static>, Copied)> {
    let tensor: Tensor<'static> = info.constant(index)?;
    let bytes = tensor.bytes()?;
    if bytes.as_ptr().addr().is_multiple_of(ALIGN_BYTES) {
        return Ok((parse(bytes)?, Copied(None)));
    }
    let copy = AlignedBytes::copy_of(bytes);
    // SAFETY: the bytes lie in memory of their own, which does not move with the value and is never changed, and which
    // `Copied` keeps for as long as the kernel that gets the weights.
    let bytes = unsafe { mem::transmute::<&[u8], &'static [u8]>(&*copy) };
    Ok((parse(bytes)?, Copied(Some(copy))))
}

fn parse(bytes: &'static [u8]) -> Outcome<Packed<'static>> {
    Packed::parse(bytes).map_err(|error: LayoutError| Problem::new(format!("packed weights: {error}")))
}
