//! What the operators want of their packed weights, checked before ONNX Runtime sees a model that nobody vouches for.

use ortlet_kernels::{AlignedBytes, Kind, LayoutError, Packed};

use super::blob::ALIGN_BYTES;

/// Which inputs of an operator are packed weights, and of what kind.
const BLOBS: [(&str, &[usize], Kind); 4] = [
    ("Linear", &[1], Kind::Linear),
    ("FeedForward", &[1, 2], Kind::Linear),
    ("Embedding", &[1], Kind::Embedding),
    ("Convolution1d", &[1], Kind::Linear),
];

/// The attributes of the operators, with their types as ONNX numbers them: 1 a number, 2 a whole number, 3 a text.
const ATTRIBUTES: [(&str, i32); 15] = [
    ("activation", 3),
    ("norm", 3),
    ("epsilon", 1),
    ("heads", 2),
    ("kv_heads", 2),
    ("head_size", 2),
    ("scale", 1),
    ("causal", 2),
    ("arithmetic", 3),
    ("kernel", 2),
    ("stride", 2),
    ("pad_begin", 2),
    ("pad_end", 2),
    ("input_layout", 3),
    ("output", 3),
];

/// The type of an attribute as ONNX numbers it; `None` if no operator has one of the name. Kernels cannot tell an
/// attribute of another type from one that is missing.
pub(in crate::engine) fn attribute_type(name: &str) -> Option<i32> {
    ATTRIBUTES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// Why packed weights are refused.
pub(in crate::engine) enum Refusal {
    /// They are no packed weights of the kind that the operator wants.
    Wrong(String),
    /// They are damaged.
    Damaged(String),
}

/// The inputs of an operator of the domain that are packed weights.
pub(in crate::engine) fn blob_inputs(operator: &str) -> &'static [usize] {
    BLOBS.iter().find(|(name, ..)| *name == operator).map_or(&[], |(_, inputs, _)| *inputs)
}

/// Checks packed weights as a whole, the checksum of what is in them too.
///
/// # Errors
/// Why the operator cannot use them.
pub(in crate::engine) fn check_blob(operator: &str, bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.as_ptr().addr().is_multiple_of(ALIGN_BYTES) {
        check_aligned(operator, bytes)
    } else {
        check_aligned(operator, &AlignedBytes::copy_of(bytes))
    }
    .map_err(Refusal::from)
}

fn check_aligned(operator: &str, bytes: &[u8]) -> Result<(), LayoutError> {
    let packed = Packed::parse(bytes)?;
    packed.verify()?;
    match BLOBS.iter().find(|(name, ..)| *name == operator) {
        Some(&(.., expected)) if expected != packed.kind() => {
            Err(LayoutError::Kind { expected, found: packed.kind() })
        }
        _ => Ok(()),
    }
}

impl From<LayoutError> for Refusal {
    fn from(error: LayoutError) -> Self {
        match error {
            LayoutError::Checksum(_) => Self::Damaged(error.to_string()),
            _ => Self::Wrong(error.to_string()),
        }
    }
}
